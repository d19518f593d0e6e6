"""Texts without a translation, and translations that are wrong in a way that a program can see.

``python -m server.strings`` prints one line a problem and fails; ``make check`` runs it. A text is what
templates say by ``_``, ``gettext``, ``ngettext`` or ``{% trans %}``, and Python also by ``N_``. French is
checked for what printers in Canada do: a no-break space before ``:`` and inside « », and no space that may
break before ``;``, ``?``, ``!``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import PoFileError, PoFileParser
from jinja2.exceptions import TemplateSyntaxError

ROOT = Path(__file__).parent.parent
TEMPLATES = {".html", ".txt", ".xml", ".svg"}
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
#: (what is wrong, where) in a French text
TYPOGRAPHY = (
    ("needs a no-break space (U+00A0) before ':'", re.compile(r"(?<!\u00a0):(?=\s|<|$)")),
    ("needs a no-break space (U+00A0) after '«'", re.compile(r"«(?!\u00a0)")),
    ("needs a no-break space (U+00A0) before '»'", re.compile(r"(?<!\u00a0)»")),
    ("has a space that may break before ';', '?' or '!'", re.compile(r"[ \n\u2009][;?!]")),
)


@dataclass(slots=True)
class Text:
    """A text that the program says: its plural, the first place, and whether a template formats it."""

    id: str
    plural: str | None
    place: str
    formatted: bool

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(PLACEHOLDER.findall(self.id + (self.plural or "")))


@dataclass(slots=True)
class Entry:
    """A translation: one form, or the singular and the plural."""

    id: str
    forms: tuple[str, ...]
    fuzzy: bool
    place: str


@dataclass(slots=True)
class Problems:
    lines: list[str] = field(default_factory=list)

    def add(self, place: str, message: str, text: str) -> None:
        self.lines.append(f"{place}: {message}: {_short(text)}")


class _Entries(Catalog):
    """Babel's parser fills a catalogue, which silently merges what stands twice; this one keeps all."""

    def __init__(self, place: str) -> None:
        super().__init__(locale="fr")
        self.place = place
        self.entries: list[Entry] = []

    def __setitem__(self, id: str | list[str] | tuple[str, ...], message: Message) -> None:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            string = message.string or ""
            forms = (string,) if isinstance(string, str) else tuple(form or "" for form in string)
            self.entries.append(Entry(key, forms, message.fuzzy, f"{self.place}:{message.lineno}"))
        super().__setitem__(id, message)


def texts(root: Path, problems: Problems) -> dict[str, Text]:
    """Every text of the program under ``root``, by its English."""
    found: dict[str, Text] = {}
    for path, template in _sources(root):
        place = path.relative_to(root).as_posix()
        method = "jinja2.ext:babel_extract" if template else "python"
        options = {"newstyle_gettext": "true", "silent": "false"} if template else {}
        with path.open("rb") as file:
            try:
                messages = list(extract(method, file, keywords=KEYWORDS, options=options))
            except TemplateSyntaxError as error:
                problems.add(f"{place}:{error.lineno}", "cannot be read", error.message or "")
                continue
        for line, message, _, _ in messages:
            key, plural = (message, None) if isinstance(message, str) else (message[0], message[1])
            if not key.strip():
                continue
            text = found.setdefault(key, Text(key, plural, f"{place}:{line}", template))
            text.formatted = text.formatted or template
            if plural != text.plural:
                if plural and text.plural:
                    problems.add(f"{place}:{line}", f"has another plural than {text.place}", key)
                text.plural = text.plural or plural
    return found


def entries(folder: Path, root: Path, problems: Problems) -> list[Entry]:
    """Every entry of every ``.po`` file in ``folder``."""
    found: list[Entry] = []
    for path in sorted(folder.glob("*.po")):
        place = path.relative_to(root).as_posix()
        catalog = _Entries(place)
        try:
            with path.open("rb") as file:
                PoFileParser(catalog, abort_invalid=True).parse(file)
        except (PoFileError, UnicodeDecodeError) as error:
            problems.add(place, "cannot be read", str(error))
            continue
        for message in catalog.obsolete.values():
            problems.add(place, "is kept as obsolete (#~): remove it", str(message.id))
        found += catalog.entries
    return found


def check(used: Mapping[str, Text], catalogue: Iterable[Entry], problems: Problems, *, french: bool) -> None:
    """Hold a language's entries against the texts in use; in ``french`` none may be missing."""
    first: dict[str, Entry] = {}
    for entry in catalogue:
        earlier = first.setdefault(entry.id, entry)
        if earlier.forms != entry.forms:
            problems.add(entry.place, f"is translated in another way at {earlier.place}", entry.id)
        if entry.fuzzy:
            problems.add(entry.place, "is marked fuzzy: check it, and remove the mark", entry.id)
        text = used.get(entry.id)
        if text is None:
            problems.add(entry.place, "is not used any more: remove it", entry.id)
            continue
        if len(entry.forms) != (2 if text.plural else 1):
            needs = "msgid_plural, msgstr[0] and msgstr[1]" if text.plural else "one msgstr: it has no plural"
            problems.add(entry.place, f"needs {needs}", entry.id)
        elif not all(entry.forms):
            problems.add(entry.place, "has no translation", entry.id)
        else:
            _check_forms(text, entry, problems, french=french)
    if french:
        for text in used.values():
            if text.id not in first:
                problems.add(text.place, "is not translated", text.id)


def _check_forms(text: Text, entry: Entry, problems: Problems, *, french: bool) -> None:
    for number, form in enumerate(entry.forms):
        mine = frozenset(PLACEHOLDER.findall(form))
        # A singular may say "one" instead of the number.
        fine = mine <= text.placeholders if text.plural and number == 0 else mine == text.placeholders
        if not fine:
            names = ", ".join(f"%({name})s" for name in sorted(mine ^ text.placeholders))
            problems.add(entry.place, f"differs in its placeholders ({names})", text.id)
        if _lone_percent(form) and not _lone_percent(text.id):
            problems.add(entry.place, "has a '%' that must be written '%%'", form)
        for what, pattern in TYPOGRAPHY if french else ():
            if pattern.search(form):
                problems.add(entry.place, what, form)


def check_english(used: Mapping[str, Text], problems: Problems) -> None:
    for text in used.values():
        if text.formatted and (_lone_percent(text.id) or _lone_percent(text.plural or "")):
            problems.add(text.place, "has a '%' that must be written '%%'", text.id)


def find_problems(root: Path = ROOT) -> tuple[int, list[str]]:
    """(number of texts in use, one line a problem)."""
    problems = Problems()
    used = texts(root, problems)
    check_english(used, problems)
    locales = root / "webclient" / "locales"
    for folder in sorted(locales.iterdir() if locales.is_dir() else ()):
        if folder.is_dir() and folder.name != "fr":
            check(used, entries(folder, root, problems), problems, french=False)
    check(used, entries(locales / "fr", root, problems), problems, french=True)
    return len(used), problems.lines


def _sources(root: Path) -> Iterator[tuple[Path, bool]]:
    """(file, whether it is a template)."""
    for path in sorted((root / "webclient" / "templates").rglob("*")):
        if path.suffix in TEMPLATES:
            yield path, True
    for path in sorted((root / "server").rglob("*.py")):
        yield path, False


def _lone_percent(text: str) -> bool:
    return "%" in PLACEHOLDER.sub("", text).replace("%%", "")


def _short(text: str) -> str:
    shown = " ".join(text.split(" ")).replace("\n", "\\n")
    return repr(shown if len(shown) <= 90 else shown[:87] + "...")


def main() -> int:
    count, lines = find_problems()
    for line in lines:
        print(line)
    print(f"{len(lines)} problems in {count} texts." if lines else f"All {count} texts are there in French.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
