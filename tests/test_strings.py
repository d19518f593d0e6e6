"""A text without a translation fails the check, and so does a translation that would not work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.strings import find_problems

TEMPLATE = """{{ _("Join now") }} {{ _("Hello %(name)s", name=who) }}
{{ ngettext("%(num)s minute", "%(num)s minutes", left) }} {{ _(who) }} {% trans %}Bye{% endtrans %}"""
PYTHON = """from server.i18n import N_
WORDS = {"taken": N_("Another therapist "
                     "was faster")}
def N_(message): return message
"""
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
FRENCH = {
    "Join now": "Se joindre",
    "Hello %(name)s": "Bonjour, %(name)s",
    "Bye": "Au revoir",
    "Another therapist was faster": "Quelqu’un d’autre a été plus rapide",
}
PLURAL = """msgid "%(num)s minute"
msgid_plural "%(num)s minutes"
msgstr[0] "une minute"
msgstr[1] "%(num)s minutes"

"""


def po(messages: dict[str, str], *more: str) -> str:
    return HEADER + "".join(f'msgid "{k}"\nmsgstr "{v}"\n\n' for k, v in messages.items()) + "".join(more)


def check(root: Path, *files: str, english: str | None = None) -> list[str]:
    for folder in ("server", "webclient/templates/visit", "webclient/locales/fr", "webclient/locales/en"):
        (root / folder).mkdir(parents=True)
    (root / "webclient/templates/visit/join.html").write_text(TEMPLATE)
    (root / "server/words.py").write_text(PYTHON)
    for name, text in zip("ab", files, strict=False):
        (root / f"webclient/locales/fr/{name}.po").write_text(text)
    if english:
        (root / "webclient/locales/en/a.po").write_text(english)
    count, lines = find_problems(root)
    assert count == 5
    return lines


def test_all_there(tmp_path: Path) -> None:
    assert check(tmp_path, po(FRENCH, PLURAL), po({"Bye": "Au revoir"})) == []


def test_every_missing_text_is_listed_with_its_place(tmp_path: Path) -> None:
    assert check(tmp_path, po({"Join now": ""})) == [
        "webclient/locales/fr/a.po:4: has no translation: 'Join now'",
        "webclient/templates/visit/join.html:1: is not translated: 'Hello %(name)s'",
        "webclient/templates/visit/join.html:2: is not translated: '%(num)s minute'",
        "webclient/templates/visit/join.html:2: is not translated: 'Bye'",
        "server/words.py:2: is not translated: 'Another therapist was faster'",
    ]


@pytest.mark.parametrize(
    "more, problem",
    [
        (
            {"Hello %(name)s": "Bonjour, %(nom)s"},
            "differs in its placeholders (%(name)s, %(nom)s): 'Hello %(name)s'",
        ),
        ({"Bye": "100 % fini"}, "has a '%' that must be written '%%': '100 % fini'"),
        ({"Bye": "Suite: demain"}, "needs a no-break space (U+00A0) before ':': 'Suite: demain'"),
        ({"Bye": "« Bien\u00a0»"}, "needs a no-break space (U+00A0) after '«': '« Bien\\xa0»'"),
        ({"Bye": "«\u00a0Bien »"}, "needs a no-break space (U+00A0) before '»': '«\\xa0Bien »'"),
        ({"Bye": "Déjà ?"}, "has a space that may break before ';', '?' or '!': 'Déjà ?'"),
    ],
)
def test_a_translation_that_would_not_work_or_look_right(
    tmp_path: Path, more: dict[str, str], problem: str
) -> None:
    (line,) = check(tmp_path, po(FRENCH | more, PLURAL))
    assert line.split(": ", 1)[1] == problem


def test_good_typography_passes(tmp_path: Path) -> None:
    good = "Voici\u00a0: «\u00a0Bien\u00a0» à 12:30? Oui! http://exemple.ca 50 %% fini; %%"
    assert check(tmp_path, po(FRENCH | {"Bye": good}, PLURAL)) == []


@pytest.mark.parametrize(
    "entry, problem",
    [
        ('msgid "Gone"\nmsgstr "Parti"\n', "is not used any more: remove it: 'Gone'"),
        ('msgid "Bye"\nmsgstr "Salut"\n', "is translated in another way at webclient/locales/fr/a.po:10"),
        ('#, fuzzy\nmsgid "Bye"\nmsgstr "Au revoir"\n', "is marked fuzzy: check it, and remove the mark"),
        ('#~ msgid "Old"\n#~ msgstr "Vieux"\n', "is kept as obsolete (#~): remove it: 'Old'"),
        ('msgid "%(num)s minute"\nmsgstr "une minute"\n', "needs msgid_plural, msgstr[0] and msgstr[1]"),
        ('msgid "Bye"\nmsgid_plural "Byes"\nmsgstr[0] "a"\nmsgstr[1] "b"\n', "needs one msgstr"),
        ("nonsense\n", "cannot be read"),
    ],
)
@pytest.mark.parametrize("same_file", [True, False])
def test_an_entry_too_many(tmp_path: Path, entry: str, problem: str, same_file: bool) -> None:
    whole = po(FRENCH, PLURAL)
    lines = check(tmp_path, whole + entry) if same_file else check(tmp_path, whole, HEADER + entry)
    assert any(problem in line for line in lines), lines


def test_english_needs_only_what_differs_but_that_must_work(tmp_path: Path) -> None:
    lines = check(tmp_path, po(FRENCH, PLURAL), english=po({"Hello %(name)s": "Hi", "Bye": "Bye: bye"}))
    assert [line.split(": ", 1)[1] for line in lines] == [
        "differs in its placeholders (%(name)s): 'Hello %(name)s'"
    ]


def test_a_percent_sign_in_a_template_is_written_twice(tmp_path: Path) -> None:
    (tmp_path / "webclient/templates").mkdir(parents=True)
    (tmp_path / "webclient/templates/a.html").write_text('{{ _("100 % sure") }}')
    assert find_problems(tmp_path)[1] == [
        "webclient/templates/a.html:1: has a '%' that must be written '%%': '100 % sure'",
        "webclient/templates/a.html:1: is not translated: '100 % sure'",
    ]


def test_the_command_lists_and_counts() -> None:
    done = subprocess.run([sys.executable, "-m", "server.strings"], capture_output=True, text=True)
    assert done.stdout.strip().splitlines()[-1].endswith((" texts are there in French.", " texts."))
    assert done.returncode == (1 if "problems in" in done.stdout else 0)
