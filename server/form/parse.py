"""From an HTML form to the note document.

Names: ``B4`` a field, ``C2-now`` a part of a group, ``B2-0-activity`` a part of a row, ``K1-none`` "none",
``section`` (repeated) the sections that the page held. A section that the page did not hold keeps what it
had; so does every field that the server fills. What cannot be read as its kind (a score of "abc") is kept as
it was typed, for validation to name: a save never loses text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from server.form.definition import FORM
from server.form.model import Field, Form
from server.form.text import clean
from server.formats import parse_phone

Posted = dict[str, list[str]]

#: A code that no option has is forged or from an older page; enough of it is kept to show the error.
_RAW_MOST = 200
_ROWS_MOST = 40


def parse(pairs: Iterable[tuple[str, Any]], base: Mapping[str, Any], *, form: Form = FORM) -> dict[str, Any]:
    """The document after this post. ``pairs``: name and value of every control, as a browser sends them
    (``await request.post()`` gives them by ``.items()``). Never raises for what a person typed."""
    posted: Posted = {}
    for name, value in pairs:
        if isinstance(value, str):
            posted.setdefault(name, []).append(value)
    document = dict(base)
    for section in form.sections:
        if section.id not in posted.get("section", ()):
            continue
        for field in section.fields:
            if field.server:
                continue
            value = _read(field, field.id, posted, base.get(field.id))
            if value is None:
                document.pop(field.id, None)
            else:
                document[field.id] = value
    return document


def _read(field: Field, name: str, posted: Posted, base: Any) -> Any:
    """The value, or None where nothing was answered."""
    match field.kind:
        case "group":
            before = base if isinstance(base, Mapping) else {}
            values = {
                part.id: before.get(part.id)
                if part.server
                else _read(part, f"{name}-{part.id}", posted, before.get(part.id))
                for part in field.parts
            }
            return {key: value for key, value in values.items() if value is not None} or None
        case "list":
            rows = _rows(field, name, posted)
            return rows if rows or (field.none_label and f"{name}-none" in posted) else None
        case "multi":
            return _multi(field, name, posted)
        case "check":
            return "yes" if "yes" in posted.get(name, ()) else None
        case _:
            return _single(field, posted.get(name, [""])[-1])


def _single(field: Field, raw: str) -> Any:
    text = clean(raw)
    if field.kind == "state4":
        return text[:_RAW_MOST] or "not_asked"
    if not text:
        return None
    if field.kind == "int":
        return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text[:_RAW_MOST]
    if field.kind == "phone":
        return parse_phone(text) or text[:_RAW_MOST]
    return text if field.kind == "text" else text[:_RAW_MOST]


def _multi(field: Field, name: str, posted: Posted) -> list[str] | None:
    chosen = {value[:_RAW_MOST] for value in posted.get(name, ())}
    known = [code for code in field.codes if code in chosen]
    unknown = sorted(chosen.difference(known))[:1]
    if known or unknown:
        return known + unknown
    return [] if field.none_label and f"{name}-none" in posted else None


def _rows(field: Field, name: str, posted: Posted) -> list[dict[str, Any]]:
    """Rows in the order of their numbers; a row in which nothing was answered is left out."""
    pattern = re.compile(rf"{re.escape(name)}-([0-9]{{1,4}})-[a-z_]+(?:-none)?")
    numbers = sorted({int(found[1]) for key in posted if (found := pattern.fullmatch(key))})
    rows = []
    for number in numbers[:_ROWS_MOST]:
        values = {p.id: _read(p, f"{name}-{number}-{p.id}", posted, None) for p in field.parts}
        row = {key: value for key, value in values.items() if value is not None}
        if any(row[p.id] != (p.preset or "not_asked") for p in field.parts if p.id in row):
            rows.append(row)
    return rows
