"""Free text as it is measured and kept: NFC, trimmed, counted in code points, without control characters."""

from __future__ import annotations

import unicodedata

#: A text area may have lines; everything else of Unicode's category Cc stays out.
_ALLOWED_CONTROLS = frozenset("\n\t")
#: Bidirectional overrides and isolates are format characters, but they change what a reader sees in a record.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """NFC, ``\\r\\n`` as ``\\n``, trimmed. Control characters stay, so that validation can name them."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def length(text: object) -> int:
    """Code points of the cleaned text; 0 for anything that is not text."""
    return len(clean(text)) if isinstance(text, str) else 0


def has_controls(text: str, *, lines: bool) -> bool:
    """True if ``text`` holds a control character (line feed and tab are fine where ``lines``)."""
    allowed = _ALLOWED_CONTROLS if lines else frozenset()
    # Cc: controls. Cs: lone surrogates, which no UTF-8 store can keep.
    return any((unicodedata.category(c) in ("Cc", "Cs") and c not in allowed) or c in _BIDI for c in text)
