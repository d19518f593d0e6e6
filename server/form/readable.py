"""A document as it is read, not typed: labels and words instead of ids and codes. Language-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from server.form.applicable import applicable
from server.form.definition import FORM
from server.form.model import STATE4, Field, Form
from server.formats import phone


@dataclass(frozen=True, slots=True)
class Value:
    """``text``: a message id where ``translate``, else a person's own words or a number. ``at``: a day or an
    instant, to be written in the reader's way. ``label``: the part's, on its first value."""

    text: str
    translate: bool = False
    label: str = ""
    at: date | datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One field. ``entries``: one a value or row; each is the values of its parts."""

    id: str
    label: str
    entries: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    id: str
    title: str
    lines: tuple[Line, ...]


def readable(document: Mapping[str, Any], *, form: Form = FORM) -> list[Part]:
    """The sections that have an answer, in the form's order; "not asked" is shown, blanks are not."""
    counted = applicable(document, form=form)
    parts = []
    for section in form.sections:
        lines = tuple(
            Line(field.id, field.label, entries)
            for field in section.fields
            if field.id in counted and (entries := _entries(field, counted[field.id]))
        )
        if lines:
            parts.append(Part(section.id, section.title, lines))
    return parts


def _entries(field: Field, value: Any) -> tuple[tuple[Value, ...], ...]:
    if field.kind == "list":
        if value == []:
            return ((Value(field.none_label, True),),) if field.none_label else ()
        rows = value if isinstance(value, list) else []
        return tuple(_parts(field, row) for row in rows if isinstance(row, Mapping))
    if field.kind == "group":
        return (_parts(field, value),) if isinstance(value, Mapping) and _parts(field, value) else ()
    return (tuple(_values(field, value)),)


def _parts(field: Field, row: Mapping[str, Any]) -> tuple[Value, ...]:
    found: list[Value] = []
    for part in field.parts:
        if part.label and row.get(part.id) not in (None, ""):
            first, *others = _values(part, row[part.id])
            found += [replace(first, label=part.label), *others]
    return tuple(found)


def _values(field: Field, value: Any) -> list[Value]:
    if isinstance(value, list):
        if not value and field.none_label:
            return [Value(field.none_label, True)]
        return [v for one in value for v in _values(field, one)]
    options = STATE4 if field.kind == "state4" else field.options
    label = next((o.label for o in options if o.value == str(value)), None)
    if label is not None:
        return [Value(label, True)]
    if field.kind == "check":
        return [Value("Yes", True)]
    if field.kind == "phone":
        return [Value(phone(str(value)))]
    return [Value(str(value), at=_when(field, value))]


def _when(field: Field, value: Any) -> date | datetime | None:
    """A14's instants carry their offset; a day is a day. A clinic-local moment stays as it was typed."""
    if not isinstance(value, str) or (field.id not in ("started_at", "ended_at") and field.kind != "date"):
        return None
    try:
        return date.fromisoformat(value) if field.kind == "date" else datetime.fromisoformat(value)
    except ValueError:
        return None
