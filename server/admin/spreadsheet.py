"""CSV that a spreadsheet opens as what it is: RFC 4180, UTF-8, numbers as numbers, and no text that it would run. Pure.

It begins with a byte order mark: without it Excel takes the file for the machine's own code page and breaks every
accent; LibreOffice, Numbers and Python's ``utf-8-sig`` know what it means.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

#: with one of these in front a cell is a formula, or becomes one once white space is taken off (OWASP, CSV injection)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
Cell = str | int | float | None


def harmless(text: str) -> str:
    """The text, with an apostrophe before what would be a formula: a spreadsheet shows the text and runs nothing."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(DANGEROUS) or text.startswith(DANGEROUS) else text


def to_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Numbers are written as they are, with a decimal point; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([harmless(name) for name in head])
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()
