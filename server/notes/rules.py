"""The recommendation aid: rules, not weights; never a score, never a decision.

``suggest(document)`` reads the coded fields of a note in the form's shape and returns what the therapist sees
beside N1. The algorithm is CLINICAL.md, section 2, (1) to (6); the rules are in ``rules_evidence``. Nothing
here reads free text, the clock or a language, so the same inputs and version give the same output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.form.levels import LEVELS, highest
from server.i18n import N_
from server.notes.rules_evidence import RULES, Evidence, Found, affected_gait, gather, temporary, weigh
from server.notes.rules_inputs import ARM, KATZ, LEG, Inputs, read

#: Part of every snapshot and of the input hash: change it with any change of a rule.
RULESET_VERSION = "2026-11-1"

Kind = Literal["pt", "ot", "combined", "urgent", "none"]
Order = Literal["pt_then_ot", "ot_then_pt", "concurrent"]
Level = Literal["E", "S", "P"]

PARALYSIS = frozenset({"cannot_lift_against_gravity", "no_movement"})

NOTES: dict[str, str] = {
    "X6": N_("After a stroke the whole team may start together: you can choose “at the same time”."),
    "rescreen_ot": N_("There is weak evidence for OT: screen again for OT later."),
    "rW": N_("A limit that began less than six weeks ago should lift as the injury heals: screen again."),
    "cleared": N_("Red flags that are recorded as cleared count as “no” here."),
}
ORDERS: dict[str, tuple[Order, str, str]] = {
    "rS1": ("pt_then_ot",
            N_("First a physiotherapist, to regain strength; then an OT, to relearn use."), "S:76-79"),
    "rS2": ("ot_then_pt", N_("Make home safe first."), "ours"),
    "rS3": ("concurrent", N_("Neither blocks the other."), "ours, st1, pd1"),
}  # fmt: skip
URGENT_REASON = N_("A medical cause must be ruled out first.")
ASK_GOAL = N_("Ask what the patient wants to achieve (the goals in section B).")
ASK_FLAGS = N_("Ask every red flag first: without them there is no suggestion.")


@dataclass(frozen=True, slots=True)
class Missing:
    """A red flag without an answer. ``state``: ``not_asked`` or ``unable``."""

    field: str
    state: str


@dataclass(frozen=True, slots=True)
class Note:
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """If ``condition`` were found, the suggestion would be ``becomes`` (and ``order``). ``unanswered``: the
    fields that it reads and that nobody has answered yet."""

    rule: str
    fields: tuple[str, ...]
    condition: str
    becomes: Kind
    order: Order | None = None
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``kind`` "none" is "no suggestion"; then ``missing`` or ``ask`` says why. ``order`` only for
    "combined", ``level`` only for "urgent". ``order_rule`` is rS1, rS2 or rS3."""

    kind: Kind
    order: Order | None
    level: Level | None
    evidence: tuple[Evidence, ...]
    missing: tuple[Missing, ...]
    notes: tuple[Note, ...]
    ask: str | None
    would_change: tuple[Change, ...]
    input_hash: str
    order_rule: str | None = None
    ruleset: str = RULESET_VERSION

    @property
    def fired(self) -> tuple[str, ...]:
        """Every rule that had a part in it, rW and rS1-rS3 included."""
        rules = [e.rule for e in self.evidence]
        if any(e.weakened_by for e in self.evidence):
            rules.append("rW")
        return (*rules, self.order_rule) if self.order_rule else tuple(rules)

    def snapshot(self) -> dict[str, Any]:
        """For N3 and the record: plain JSON. The caller adds ``shown_at``."""
        return {
            "ruleset": self.ruleset,
            "input_hash": self.input_hash,
            "suggestion": {"kind": self.kind, "order": self.order, "level": self.level},
            "fired": list(self.fired),
            "evidence": [e.as_json() for e in self.evidence],
            "missing": [[m.field, m.state] for m in self.missing],
            "notes": [n.code for n in self.notes],
        }


def suggest(document: Mapping[str, Any]) -> Suggestion:
    """What the aid says about a note (the form's shape, draft or final; absent reads as not asked)."""
    return suggest_from(read(document))


def suggest_from(i: Inputs) -> Suggestion:
    input_hash = i.hash(RULESET_VERSION)
    answers = dict(i.flags)
    open_flags = [f for f, answer in i.flags if answer == "yes" and f not in i.cleared]
    notes = [Note("cleared", NOTES["cleared"])] if any(answers[f] == "yes" for f in i.cleared) else []
    if open_flags:  # (1)
        items = tuple(_urgent(i, flag) for flag in open_flags)
        levels = [_level(i, flag) for flag in open_flags] + ([i.action_level] if i.action_level else [])
        return Suggestion("urgent", None, _as_level(highest(levels)), items, (), tuple(notes), None,
                          (Change("D15", ("D15",), CLEARING, "none"),), input_hash)  # fmt: skip
    evidence = gather(i)
    missing = tuple(Missing(f, answer) for f, answer in i.flags if answer in ("not_asked", "unable"))
    if missing:  # (2)
        return Suggestion("none", None, None, evidence, missing, tuple(notes), ASK_FLAGS, (), input_hash)
    kind = decide(evidence)  # (3) to (6)
    order_rule = order_by(i) if kind == "combined" else None
    order = ORDERS[order_rule][0] if order_rule else None
    if kind == "pt" and any(e.direction == "OT" for e in evidence):
        notes.append(Note("rescreen_ot", NOTES["rescreen_ot"]))
    if any(e.weakened_by for e in evidence):
        notes.append(Note("rW", NOTES["rW"]))
    if order == "pt_then_ot" and "stroke" in i.conditions:
        notes.append(Note("X6", NOTES["X6"]))
    return Suggestion(kind, order, None, evidence, (), tuple(notes), ASK_GOAL if kind == "none" else None,
                      changes(i, evidence, kind, order_rule), input_hash, order_rule)  # fmt: skip


def decide(evidence: tuple[Evidence, ...]) -> Kind:
    """Steps (3) to (6): only strong PT and strong OT count; nothing is added up."""
    strong = {e.direction for e in evidence if e.strength == "strong"}
    if {"PT", "OT"} <= strong:
        return "combined"
    if "PT" in strong:
        return "pt"
    return "ot" if "OT" in strong else "none"


def order_by(i: Inputs) -> str:
    """rS1, then rS2, then rS3: the first that holds."""
    paralysed = {region for region, level in i.strength if level in PARALYSIS}
    katz = dict(i.katz)
    arm_use = any(level >= 1 for _, level in i.hand) or katz.get("G2") == 0 or katz.get("G6") == 0
    leg_use = bool(affected_gait(i)) or katz.get("G4") == 0
    if (paralysed & ARM and arm_use) or (paralysed & LEG and leg_use):
        return "rS1"
    return "rS2" if i.unsafe_at_home == "yes" and i.course == "long_standing" else "rS3"


CLEARING = N_("A record in D15 that the flag was cleared: by whom, when and how")
_ORDER_CONDITIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "rS1": (("F2", "I1", "G2", "G6", "F3", "G4"), N_("A paralysed arm or leg whose use is limited")),
    "rS2": (("K3_unsafe", "F9"), N_("Not safe at home now, with a long-standing problem")),
}


def changes(i: Inputs, evidence: tuple[Evidence, ...], kind: Kind, order_rule: str | None) -> tuple[Change, ...]:
    """What would change it: each rule that is not strong now, tried as if it were found. What nobody has
    answered yet comes first."""
    if kind == "combined":
        rank = ["rS1", "rS2", "rS3"].index(order_rule or "rS3")
        return tuple(
            Change(r, fields, text, "combined", ORDERS[r][0], _unanswered(i, fields))
            for r, (fields, text) in list(_ORDER_CONDITIONS.items())[:rank]
        )
    found: dict[str, Found] = {e.rule: e.inputs for e in evidence}
    weak = temporary(i)
    tried = []
    for rule in RULES:
        if rule.id in found or rule.direction == "EITHER":
            continue
        becomes = decide(weigh({**found, rule.id: (("", ""),)}, weak=weak))
        if becomes != kind:
            blank = _unanswered(i, rule.fields)
            tried.append(Change(rule.id, rule.fields, rule.condition, becomes, None, blank))
    return tuple(sorted(tried, key=lambda change: not change.unanswered))


def _unanswered(i: Inputs, fields: tuple[str, ...]) -> tuple[str, ...]:
    katz = dict(i.katz)
    blank: dict[str, bool] = {
        "B2": not i.goals, "E1": not i.conditions, "F1": not i.rom, "F2": not i.strength,
        "F3": i.gait is None, "F4": i.balance is None, "F5": i.falls is None, "F7": i.transfers is None,
        "F8": i.low_endurance is None, "F9": i.course is None, "H": not i.lawton, "I1": not i.hand,
        "J1": not i.thinking, "K1": not i.barriers, "K3_unsafe": i.unsafe_at_home is None,
        **{item: item not in katz for item in KATZ},
    }  # fmt: skip
    return tuple(f for f in fields if blank.get(f))


def _level(i: Inputs, flag: str) -> str:
    return "E" if flag in i.escalated else LEVELS[flag]


def _as_level(level: str | None) -> Level | None:
    return level if level in ("E", "S", "P") else None  # type: ignore[return-value]


def _urgent(i: Inputs, flag: str) -> Evidence:
    level = _level(i, flag)
    inputs: Found = ((flag, "yes"), ("level", level))
    return Evidence(f"rU{flag[1:]}", "URGENT", "strong", URGENT_REASON, inputs, "rf1-4, BK")
