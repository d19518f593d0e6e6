"""The suggestion as the page shows it: evidence in the words of the fields, not their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.form.definition import FORM
from server.form.model import STATE4, Field
from server.i18n import N_
from server.notes.rules import ORDERS, Suggestion
from server.notes.rules_evidence import Evidence

HEADLINES: dict[str, str] = {
    "pt": N_("suggests physiotherapy"),
    "ot": N_("suggests occupational therapy"),
    "pt_then_ot": N_("suggests both: PT, then OT"),
    "ot_then_pt": N_("suggests both: OT, then PT"),
    "concurrent": N_("suggests both, at the same time"),
    "urgent_E": N_("9-1-1 or emergency department now"),
    "urgent_S": N_("medical assessment today"),
    "urgent_P": N_("physician or nurse practitioner within days"),
    "none": N_("no suggestion"),
}
DIRECTIONS = {"PT": N_("PT"), "OT": N_("OT"), "EITHER": N_("either"), "URGENT": N_("urgent")}
BECOMES = {
    "pt": N_("PT"),
    "ot": N_("OT"),
    "combined": N_("both"),
    "urgent": N_("urgent"),
    "none": N_("a new look"),
}
STATES = {"not_asked": N_("not asked"), "unable": N_("can't tell")}


@dataclass(frozen=True, slots=True)
class Input:
    """``field``: the id for the link, and its label; ``values``: texts to translate, or numbers."""

    field: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    rule: str
    direction: str
    strong: bool
    weakened: bool
    reason: str
    inputs: tuple[Input, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Panel:
    """``headline`` and all texts are message ids. ``missing``: (field id, label, state) of red flags."""

    kind: str
    level: str | None
    headline: str
    order_reason: str
    order_rule: str
    items: tuple[Item, ...]
    missing: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    ask: str
    changes: tuple[tuple[str, str, str, bool], ...]
    ruleset: str


def panel(suggestion: Suggestion) -> Panel:
    key: str = suggestion.order or suggestion.kind
    if suggestion.kind == "urgent":
        key = f"urgent_{suggestion.level}"
    return Panel(
        kind=suggestion.kind,
        level=suggestion.level,
        headline=HEADLINES[key],
        order_reason=ORDERS[suggestion.order_rule][1] if suggestion.order_rule else "",
        order_rule=suggestion.order_rule or "",
        items=tuple(_item(e) for e in suggestion.evidence),
        missing=tuple((m.field, _label(m.field), STATES[m.state]) for m in suggestion.missing),
        notes=tuple(n.text for n in suggestion.notes),
        ask=suggestion.ask or "",
        changes=tuple(
            (c.rule, c.condition, HEADLINES[c.order] if c.order else BECOMES[c.becomes], bool(c.unanswered))
            for c in suggestion.would_change
        ),
        ruleset=suggestion.ruleset,
    )


def _item(evidence: Evidence) -> Item:
    return Item(
        evidence.rule,
        DIRECTIONS[evidence.direction],
        evidence.strength == "strong",
        bool(evidence.weakened_by),
        evidence.reason,
        tuple(_input(name, value) for name, value in evidence.inputs if name != "level"),
        evidence.source,
    )


def _label(field_id: str) -> str:
    field = FORM.get(field_id)
    return field.label if field else field_id


def _input(name: str, value: Any) -> Input:
    field = FORM.get(name)
    values = value if isinstance(value, tuple) else (value,)
    return Input(name, _label(name), tuple(_words(field, v) for v in values))


def _words(field: Field | None, value: Any) -> str:
    """The option's label; for a row, the label of whichever part has this code; a number as it is."""
    if field is not None:
        for candidate in (field, *field.parts):
            if candidate.id == value and candidate is not field:
                return candidate.label  # I1: the task itself
            options = STATE4 if candidate.kind == "state4" else candidate.options
            for option in options:
                if option.value == str(value):
                    return option.label
    return str(value)
