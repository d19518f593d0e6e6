"""Two languages: what is asked for, what is found, and what the browser prefers."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from server.i18n import HTML_LANG, LANGUAGES, LOCALES, N_, Translator, negotiate, translator

FR = Translator(
    "fr", {"Hello %(name)s": "Bonjour %(name)s", "Empty": ""}, {"%(num)s minute": ("%(num)s minute", "%(num)s minutes")}
)


def test_a_mark_changes_nothing() -> None:
    assert N_("Hello") == "Hello"


def test_a_text_is_translated_and_filled() -> None:
    assert FR("Hello %(name)s", name="Ana") == "Bonjour Ana"
    assert FR.gettext("Hello %(name)s") == "Bonjour %(name)s"


@pytest.mark.parametrize("missing", ["Not there", "Empty"])
def test_a_missing_text_comes_back_as_it_is(missing: str) -> None:
    assert FR(missing) == missing


def test_a_percent_sign_needs_no_care_without_values() -> None:
    assert FR("100% of it") == "100% of it"


@pytest.mark.parametrize(
    ("n", "english", "french"), [(0, "many", "one"), (1, "one", "one"), (2, "many", "many"), (1000000, "many", "many")]
)
def test_none_is_plural_in_english_and_singular_in_french(n: int, english: str, french: str) -> None:
    assert Translator("en", {}, {}).ngettext("one", "many", n) == english
    assert Translator("fr", {}, {"one": ("one", "many")}).ngettext("one", "many", n) == french
    assert Translator("fr", {}, {}).ngettext("one", "many", n) == french, "and where it is missing too"


def test_an_unknown_language_is_english() -> None:
    assert translator("de").lang == translator("../fr").lang == "en"
    assert set(HTML_LANG) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-CA,en;q=0.9,fr;q=0.8", "en"),
        ("en;q=0.5,fr;q=0.8", "fr"),
        ("en;q=0.5, fr; q=0.8", "fr"),
        ("fr;q=0.5,en;q=0.5", "fr"),
        ("FR-ca", "fr"),
        ("de,fr;q=0.1", "fr"),
        ("fr;q=0", "en"),
        ("*", "en"),
        ("fr;q=nonsense,en", "en"),
        ("français", "en"),
    ],
)
def test_the_browsers_preference_decides(header: str, lang: str) -> None:
    assert negotiate(header) == lang


@given(st.text(max_size=80))
def test_whatever_a_browser_sends_gives_a_language(header: str) -> None:
    assert negotiate(header) in LANGUAGES


def catalogue() -> list[tuple[str, str | tuple[str, ...], str | tuple[str, ...]]]:
    """(file, message id, translation) of every French text."""
    found = []
    for path in sorted((LOCALES / "fr").glob("*.po")):
        with path.open("rb") as file:
            found += [(path.name, m.id, m.string) for m in read_po(file, locale="fr") if m.id]
    return found  # type: ignore[return-value]


def test_the_same_text_has_one_translation_wherever_it_stands() -> None:
    said = defaultdict(set)
    for _, message, french in catalogue():
        said[message].add(french)
    assert not {message: texts for message, texts in said.items() if len(texts) > 1}


def test_translations_have_the_same_variables() -> None:
    def variables(text: str | tuple[str, ...]) -> set[str]:
        return set(re.findall(r"%\((\w+)\)[sd]", text if isinstance(text, str) else "".join(text)))

    assert not [(name, message) for name, message, french in catalogue() if variables(message) != variables(french)]


def test_every_french_text_is_found_by_the_translator() -> None:
    french = translator("fr")
    for _, message, text in catalogue():
        if isinstance(message, str):
            assert french.gettext(message) == text
        else:
            assert (french.ngettext(message[0], message[1], 1), french.ngettext(message[0], message[1], 2)) == tuple(
                text
            )
