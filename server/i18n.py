"""Two languages, from the first page on.

The English text is the message id. A language's catalogue is split over several ``.po`` files (one a part
of the house) and merged at load, so a translator can work on one part at a time. They are read as they
are: there is no compile step to forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent.parent / "webclient" / "locales"
LANGUAGES = ("en", "fr")
HTML_LANG = {"en": "en-CA", "fr": "fr-CA"}


def N_(message: str) -> str:  # gettext's own name for this mark
    """Mark a text for translation without translating it yet."""
    return message


class Translator:
    """One language. Texts that are missing come back as they went in (``make check`` refuses them)."""

    def __init__(self, lang: str, singular: Mapping[str, str], plural: Mapping[str, tuple[str, ...]]) -> None:
        self.lang = lang
        self._singular = singular
        self._plural = plural

    def gettext(self, message: str) -> str:
        return self._singular.get(message) or message

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        # French counts 0 and 1 as singular, English only 1 (CLDR plural rules).
        index = int(n > 1) if self.lang == "fr" else int(n != 1)
        forms = self._plural.get(singular)
        if forms and len(forms) > index and forms[index]:
            return forms[index]
        return (singular, plural)[index]

    def __call__(self, message: str, **params: object) -> str:
        text = self.gettext(message)
        return text % params if params else text


@cache
def translator(lang: str) -> Translator:
    """The translator of ``lang`` ("en" or "fr"); an unknown language is English."""
    if lang not in LANGUAGES:
        lang = "en"
    singular: dict[str, str] = {}
    plural: dict[str, tuple[str, ...]] = {}
    for path in sorted((LOCALES / lang).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=lang):
                if not message.id:
                    continue
                if isinstance(message.id, str):
                    singular[message.id] = str(message.string)
                else:
                    plural[message.id[0]] = tuple(message.string or ())
    return Translator(lang, singular, plural)


def negotiate(accept_language: str) -> str:
    """The language for a visitor who has not chosen one (RFC 9110 §12.5.4; order decides, weights break ties).

    >>> negotiate("fr-CA,fr;q=0.9,en;q=0.8")
    'fr'
    """
    best, best_q = "en", 0.0
    for part in accept_language.split(","):
        tag, _, weight = part.replace(" ", "").partition(";q=")
        lang = tag.split("-")[0].lower()
        try:
            q = float(weight) if weight else 1.0
        except ValueError:
            continue
        if lang in LANGUAGES and q > best_q:
            best, best_q = lang, q
    return best
