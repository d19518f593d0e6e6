"""What counts of a draft: the fields that are shown. Drafts keep the rest, so an answer that was changed by
mistake brings nothing down with it; rules, signing and summary read only what is applicable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.form.conditions import holds
from server.form.definition import FORM
from server.form.model import Field, Form

KATZ_ITEMS = ("G1", "G2", "G3", "G4", "G5", "G6")


def applicable(document: Mapping[str, Any], *, form: Form = FORM) -> dict[str, Any]:
    """The document without fields and parts whose condition does not hold.

    A clear "no" to the Katz screening question (G0) becomes six ones with the source ``screen_question``.
    Keys that the form does not know (sections that come later, ``N3``) stay as they are.
    """
    known = {f.id: f for f in form.fields()}
    result: dict[str, Any] = {}
    for key, value in document.items():
        field = known.get(key)
        if field is None:
            result[key] = value
        elif is_shown(field, document):
            kept = _parts(field, value, document)
            if kept is not None:
                result[key] = kept
    if document.get("G0") == "no" and form.has("G0"):
        result.update(dict.fromkeys(KATZ_ITEMS, "1"), G_source="screen_question")
    return result


def is_shown(field: Field, document: Mapping[str, Any], row: Mapping[str, Any] | None = None) -> bool:
    return field.show is None or holds(field.show, document, row)


def _parts(field: Field, value: Any, document: Mapping[str, Any]) -> Any:
    if field.kind == "group" and isinstance(value, Mapping):
        return _row(field, value, document) or None
    if field.kind == "list" and isinstance(value, list):
        return [_row(field, row, document) if isinstance(row, Mapping) else row for row in value]
    return value


def _row(field: Field, row: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    hidden = {part.id for part in field.parts if not is_shown(part, document, row)}
    return {key: value for key, value in row.items() if key not in hidden}


def is_not_completed(document: Mapping[str, Any]) -> bool:
    """The visit broke off: a reason stands in N0, and the short note is all that signing needs."""
    closing = document.get("N0")
    return isinstance(closing, Mapping) and bool(closing.get("reason"))
