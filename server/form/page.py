"""The form as a page shows it: a tree of plain views. Language-free; the template translates the labels.

A view's ``show`` is the condition as JSON for ``data-show`` (empty: always shown), ``hidden`` what it is now;
both come from the same data, so the page without JavaScript and the page with it agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.form import cross, levels, scores
from server.form.applicable import KATZ_ITEMS, applicable, is_not_completed
from server.form.conditions import Condition, as_json, holds
from server.form.definition import FORM
from server.form.model import STATE4, Field, FieldError, Form, Section
from server.form.section_redflags import PANELS
from server.form.validate import Context, validate

#: Rows that the template keeps for "add": this stands where the number goes.
NEW_ROW = "__row__"


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool
    id: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A prompt beside a field: its text, its condition, whether it is hidden now."""

    text: str
    show: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class FieldView:
    """``name`` is also the id of the first control, where the error summary leads. ``rows``: a list's rows,
    each the views of its parts; ``new_row``: one that is added; ``extra_row``: the last row is a blank one for
    pages without JavaScript. ``needed``: required to sign now. ``has_error``: it or a part of it has one."""

    name: str
    field: Field
    value: Any
    error: FieldError | None
    warning: FieldError | None
    needed: bool
    show: str
    hidden: bool
    choices: tuple[Choice, ...] = ()
    parts: tuple[FieldView, ...] = ()
    rows: tuple[tuple[FieldView, ...], ...] = ()
    new_row: tuple[FieldView, ...] = ()
    none_chosen: bool = False
    prompts: tuple[Hint, ...] = ()
    extra_row: bool = False
    has_error: bool = False

    @property
    def kind(self) -> str:
        return self.field.kind


@dataclass(frozen=True, slots=True)
class SectionView:
    """``left``: how much is still needed to sign here. ``count``: a tab's number of errors now shown."""

    section: Section
    fields: tuple[FieldView, ...]
    left: int
    errors: int


@dataclass(frozen=True, slots=True)
class PanelView:
    """What to do now, at one level (E, S, P)."""

    level: str
    show: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class PageModel:
    sections: tuple[SectionView, ...]
    panels: tuple[PanelView, ...]
    errors: tuple[FieldError, ...]
    open_flags: tuple[str, ...]
    emergency_open: bool
    psfs_mean: Any
    katz_total: int | None
    katz_answered: int
    flags_left: int
    not_completed: bool

    @property
    def left(self) -> int:
        return sum(s.left for s in self.sections)


def page_model(
    document: Mapping[str, Any], *, context: Context, errors: Sequence[FieldError] = (), form: Form = FORM
) -> PageModel:
    """Everything the template needs. ``errors``: what to show (draft errors, or those of a refused signing)."""
    by_name = {e.field: e for e in reversed(errors)}
    counted = applicable(document, form=form)
    missing = validate(document, context=context, strength="sign", form=form)
    warned = {w.field: w for w in cross.warnings(counted)}
    screened = document.get("G0") == "no"

    def view(field: Field, name: str, value: Any, row: Mapping[str, Any] | None) -> FieldView:
        needed = field.required if isinstance(field.required, bool) else holds(field.required, document, row)
        hidden = field.show is not None and not holds(field.show, document, row)
        group = value if isinstance(value, Mapping) else {}
        return FieldView(
            name=name,
            field=field,
            value=value,
            error=by_name.get(name),
            warning=warned.get(name),
            needed=needed,
            show=_json(field.show),
            hidden=hidden,
            choices=_choices(field, name, value),
            parts=tuple(
                view(p, f"{name}-{p.id}", group.get(p.id), group)
                for p in (field.parts if field.kind == "group" else ())
                if not p.server
            ),
            rows=_rows(field, name, value, view) if field.kind == "list" else (),
            new_row=_row(field, f"{name}-{NEW_ROW}", {}, view) if field.kind == "list" else (),
            none_chosen=bool(field.none_label) and value == [],
            prompts=tuple(Hint(p.text, _json(p.when), not holds(p.when, document)) for p in field.prompts),
            extra_row=isinstance(value, list) and len(value) >= max(field.start_rows, 1),
            has_error=any(e == name or e.startswith(f"{name}-") for e in by_name),
        )

    sections = []
    for section in form.sections:
        ids = {f.id for f in section.fields}
        views = tuple(
            # With the screening question answered "no" the six items are hidden and not chosen, so that a
            # later "yes" opens them blank.
            view(f, f.id, None if screened and f.id in KATZ_ITEMS else document.get(f.id), None)
            for f in section.fields
            if not f.server
        )
        sections.append(
            SectionView(
                section,
                views,
                left=sum(e.field.split("-")[0] in ids for e in missing),
                errors=sum(e.field.split("-")[0] in ids for e in errors),
            )
        )
    total, answered = scores.katz(counted)
    return PageModel(
        sections=tuple(sections),
        panels=tuple(PanelView(level, _json(c), not holds(c, document)) for level, c in PANELS),
        errors=tuple(errors),
        open_flags=levels.open_flags(counted),
        emergency_open=levels.open_emergency(counted),
        psfs_mean=scores.psfs_mean(counted),
        katz_total=total,
        katz_answered=answered,
        flags_left=sum(levels.flag_state(counted, f) == "not_asked" for f in levels.FLAGS),
        not_completed=is_not_completed(counted),
    )


def _json(condition: Condition | None) -> str:
    return json.dumps(as_json(condition), separators=(",", ":")) if condition is not None else ""


def _choices(field: Field, name: str, value: Any) -> tuple[Choice, ...]:
    options = STATE4 if field.kind == "state4" else field.options
    chosen = value if isinstance(value, list) else [value if value is not None else ""]
    if field.kind == "state4" and value in (None, ""):
        chosen = ["not_asked"]
    return tuple(
        Choice(o.value, o.label, o.value in chosen, name if n == 0 else f"{name}-{o.value}")
        for n, o in enumerate(options)
    )


View = Callable[[Field, str, Any, Mapping[str, Any] | None], FieldView]


def _row(field: Field, name: str, row: Mapping[str, Any], view: View) -> tuple[FieldView, ...]:
    given = row or {p.id: p.preset for p in field.parts if p.preset}
    return tuple(view(p, f"{name}-{p.id}", given.get(p.id), given) for p in field.parts)


def _rows(field: Field, name: str, value: Any, view: View) -> tuple[tuple[FieldView, ...], ...]:
    """The rows that there are, and without JavaScript one blank one to write the next into."""
    given = [r if isinstance(r, Mapping) else {} for r in value] if isinstance(value, list) else []
    blanks = 0 if value == [] else max(field.start_rows - len(given), 0)
    room = field.most is None or len(given) < field.most
    if not blanks and given and room:
        blanks = 1
    return tuple(_row(field, f"{name}-{n}", r, view) for n, r in enumerate(given + [{}] * blanks))


def error_texts(errors: Sequence[FieldError], translate: Callable[[str], str]) -> dict[str, str]:
    """{name of the control: the message in one language}, in order; the first of several for one control."""
    texts: dict[str, str] = {}
    for error in errors:
        params = dict(error.params)
        if "label" in params:
            params["label"] = " – ".join(p if p.isdigit() else translate(p) for p in params["label"] if p)
        texts.setdefault(error.field, translate(error.message) % params if params else translate(error.message))
    return texts
