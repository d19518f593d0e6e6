"""Validation in two strengths. ``draft``: kinds and limits of what is there; anything may be missing.
``sign``: what the sections of the form require, and the rules between fields (``cross``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from server.form import cross
from server.form.applicable import applicable, is_not_completed, is_shown
from server.form.conditions import holds
from server.form.definition import FORM
from server.form.model import Field, FieldError, Form
from server.form.text import has_controls, length
from server.formats import parse_phone
from server.i18n import N_

Strength = Literal["draft", "sign"]

#: Katz is for adults; below this age the section is not required.
KATZ_FROM_AGE = 12

NEEDED = N_("%(label)s: this is needed")
CHOOSE = N_("%(label)s: choose an answer")
NOT_A_CHOICE = N_("%(label)s: choose one of the answers on the page")
TOO_SHORT = N_("%(label)s: at least %(n)s characters")
TOO_LONG = N_("%(label)s: at most %(n)s characters")
CONTROLS = N_("%(label)s: take out the characters that cannot be shown")
NUMBER = N_("%(label)s: a whole number from %(least)s to %(most)s")
DATE = N_("%(label)s: a date, as in 2026-03-02")
TIME = N_("%(label)s: a time, as in 14:20")
PHONE = N_("%(label)s: a phone number, as in 416 555 0123")
TOO_FEW = N_("%(label)s: choose at least %(n)s")
TOO_MANY = N_("%(label)s: at most %(n)s")
ALONE = N_("%(label)s: “none” cannot stand beside another answer")


@dataclass(frozen=True, slots=True)
class Context:
    """``today``: the clinic's date. ``dob``: the patient's, where it is known."""

    today: date
    dob: date | None = None

    @property
    def age(self) -> int | None:
        if self.dob is None:
            return None
        before_birthday = (self.today.month, self.today.day) < (self.dob.month, self.dob.day)
        return self.today.year - self.dob.year - before_birthday


def validate(
    document: Mapping[str, Any], *, context: Context, strength: Strength = "draft", form: Form = FORM
) -> list[FieldError]:
    """Every error at once, in the order of the page. The document may be a draft as it was parsed."""
    counted = applicable(document, form=form)
    short = strength == "sign" and is_not_completed(counted)
    errors: list[FieldError] = []
    for section in form.sections:
        needed = strength == "sign" and (not short or section.id == "Z")
        if section.id == "G" and context.age is not None and context.age < KATZ_FROM_AGE:
            needed = False
        for field in section.fields:
            if is_shown(field, document):
                errors += _check(field, field.id, (field.label,), counted.get(field.id), counted, None, needed)
    if strength == "sign" and not short:
        known = {e.field for e in errors}
        order = {f.id: n for n, f in enumerate(form.fields())}
        errors += [e for e in cross.check(counted, today=context.today, dob=context.dob, form=form)
                   if e.field not in known]  # fmt: skip
        errors.sort(key=lambda e: order.get(e.field.split("-")[0], len(order)))
    return errors


Labels = tuple[str, ...]


def _error(name: str, message: str, labels: Labels, **params: Any) -> FieldError:
    return FieldError(name, message, {"label": labels, **params})


def _check(
    field: Field, name: str, labels: Labels, value: Any, document: Mapping[str, Any],
    row: Mapping[str, Any] | None, needed: bool,
) -> Iterator[FieldError]:  # fmt: skip
    if field.server:
        return
    if field.kind == "group":
        group = value if isinstance(value, Mapping) else {}
        for part in field.parts:
            if is_shown(part, document, group):
                yield from _check(
                    part,
                    f"{name}-{part.id}",
                    (*labels, part.label),
                    group.get(part.id),
                    document,
                    group,
                    needed,
                )
        return
    required = needed and (field.required if isinstance(field.required, bool) else holds(field.required, document, row))
    if value is None or value in ("", "not_asked"):
        if required:
            chosen = field.kind in ("code", "state4", "multi")
            yield _error(name, CHOOSE if chosen else NEEDED, labels)
        return
    if field.kind == "list":
        yield from _check_list(field, name, labels, value, document, needed, required)
    elif field.kind == "multi":
        yield from _check_multi(field, name, labels, value, needed)
    else:
        yield from _check_single(field, name, labels, value, needed)


def _check_list(
    field: Field,
    name: str,
    labels: Labels,
    value: Any,
    document: Mapping[str, Any],
    needed: bool,
    required: bool,
) -> Iterator[FieldError]:
    if not isinstance(value, list):
        yield _error(name, NOT_A_CHOICE, labels)
        return
    if field.most is not None and len(value) > field.most:
        yield _error(name, TOO_MANY, labels, n=field.most)
    if required and not value and not field.none_label:
        yield _error(name, NEEDED, labels)
    for number, row in enumerate(value[: field.most]):
        if not isinstance(row, Mapping):
            yield _error(name, NOT_A_CHOICE, labels)
            continue
        for part in field.parts:
            if is_shown(part, document, row):
                yield from _check(
                    part, f"{name}-{number}-{part.id}", (*labels, str(number + 1), part.label),
                    row.get(part.id), document, row, needed,
                )  # fmt: skip


def _check_multi(field: Field, name: str, labels: Labels, value: Any, needed: bool) -> Iterator[FieldError]:
    if not isinstance(value, list) or any(v not in field.codes for v in value):
        yield _error(name, NOT_A_CHOICE, labels)
    elif field.exclusive in value and len(value) > 1:
        yield _error(name, ALONE, labels)
    elif needed and field.least and len(set(value)) < field.least:
        yield _error(name, TOO_FEW, labels, n=field.least)


def _check_single(field: Field, name: str, labels: Labels, value: Any, needed: bool) -> Iterator[FieldError]:
    if field.kind == "int":
        least, most = field.least or 0, field.most or 0
        if type(value) is not int or not least <= value <= most:
            yield _error(name, NUMBER, labels, least=least, most=most)
    elif not isinstance(value, str):
        yield _error(name, NOT_A_CHOICE, labels)
    elif field.kind in ("code", "state4"):
        if value not in field.codes:
            yield _error(name, NOT_A_CHOICE, labels)
    elif field.kind == "check":
        if value != "yes":
            yield _error(name, NOT_A_CHOICE, labels)
    elif field.kind == "phone":
        if parse_phone(value) is None:
            yield _error(name, PHONE, labels)
    elif field.kind in ("date", "time", "moment"):
        if not _is_time(field.kind, value):
            yield _error(name, TIME if field.kind == "time" else DATE, labels)
    elif has_controls(value, lines=field.lines > 1):
        yield _error(name, CONTROLS, labels)
    elif field.most is not None and length(value) > field.most:
        yield _error(name, TOO_LONG, labels, n=field.most)
    elif needed and field.least is not None and length(value) < field.least:
        yield _error(name, TOO_SHORT, labels, n=field.least)


def _is_time(kind: str, value: str) -> bool:
    pattern = {"date": "%Y-%m-%d", "time": "%H:%M", "moment": "%Y-%m-%dT%H:%M"}[kind]
    try:
        return datetime.strptime(value, pattern).strftime(pattern) == value  # noqa: DTZ007
    except ValueError:
        return False
