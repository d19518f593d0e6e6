"""What the recommendation aid may see: coded values only, each checked against the codes it knows.

Free text has no way in: it is not in :class:`Inputs`. Sides (left, right) and the order of rows have none
either, so the aid cannot depend on them. The one thing read of a text is whether the record that clears a red
flag is long enough to count (``server.form.levels.cleared_flags``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from server.form import lawton, levels

ARM = frozenset({"arm", "shoulder", "upper_arm", "elbow", "forearm", "wrist", "hand", "fingers", "thumb"})
LEG = frozenset({"leg", "hip", "groin", "thigh", "knee", "lower_leg", "ankle", "foot", "toes"})
TRUNK = frozenset({"head", "face", "neck", "thoracic", "low_back", "trunk", "chest", "abdomen", "pelvis", "other"})
REGIONS = ARM | LEG | TRUNK

CONDITIONS = frozenset({
    "sports_injury", "back_pain", "neck_pain", "carpal_tunnel", "arthritis", "post_surgery", "cancer",
    "cardiovascular", "ms", "parkinsons", "stroke", "partial_paralysis", "shoulder_tendonitis",
    "shoulder_bursitis", "rotator_cuff_tear", "spinal_cord_injury", "other",
})  # fmt: skip
ROM = frozenset({"full", "limited_mild", "limited_moderate", "limited_severe"})
STRENGTH = frozenset(
    {"normal", "reduced_against_load", "only_against_gravity", "cannot_lift_against_gravity", "no_movement"}
)
GOALS = frozenset({"movement", "sport_leisure", "self_care", "home", "work_school", "hand_task"})
GAIT = frozenset({"independent", "aid", "supervision", "assist", "unable", "not_seen"})
BALANCE = frozenset({"good", "fair", "poor", "not_tested"})
TRANSFERS = frozenset({"independent", "aid", "supervision", "assist", "mechanical_lift"})
COURSE = frozenset({"new", "worse", "recovering", "long_standing", "none"})
HAND_TASKS = frozenset({"writing", "typing", "buttons_zips", "utensils", "opening_jars", "phone_use", "tools"})
THINKING = frozenset({"memory", "attention", "planning", "orientation", "judgement_safety", "none"})
PLACES = frozenset({"home", "work", "school"})
BARRIERS = frozenset({"stairs", "bathroom", "kitchen", "bed", "entrance", "desk_workstation", "lighting", "other"})
DEVICES = frozenset({
    "cane", "walker", "crutches", "wheelchair", "splint_orthosis", "grab_bar", "raised_toilet_seat",
    "bath_seat", "reacher", "built_up_utensil", "dressing_aid", "lift", "ramp", "ergonomic_set_up", "other",
})  # fmt: skip
ADL_CAUSES = frozenset({
    "temporary_pain_or_surgery", "strength_balance", "hand_function", "cognition", "environment", "paralysis",
    "continence", "other",
})  # fmt: skip
GRIP = frozenset({"normal", "reduced"})
STATES = frozenset({"yes", "no", "unable"})
KATZ = ("G1", "G2", "G3", "G4", "G5", "G6")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The coded inputs. Lists are sorted; ``None`` or empty is "not asked". ``hand``: task → 0, 1 or 2."""

    flags: tuple[tuple[str, str], ...]
    escalated: tuple[str, ...]
    cleared: tuple[str, ...]
    action_level: str | None
    goals: tuple[tuple[str, int], ...]
    pain: str | None
    onset_days: int | None
    conditions: tuple[str, ...]
    rom: tuple[tuple[str, str], ...]
    strength: tuple[tuple[str, str], ...]
    gait: str | None
    balance: str | None
    falls: int | None
    transfers: str | None
    low_endurance: str | None
    course: str | None
    katz: tuple[tuple[str, int], ...]
    adl_cause: str | None
    continence_training: str | None
    lawton: tuple[tuple[str, int], ...]
    hand: tuple[tuple[str, int], ...]
    grip: str | None
    thinking: tuple[str, ...]
    thinking_affects: str | None
    barriers: tuple[tuple[str, str], ...]
    unsafe_at_home: str | None
    devices_in_use: tuple[str, ...]
    devices_suggested: tuple[str, ...]

    def flag(self, flag: str) -> str:
        return dict(self.flags).get(flag, "not_asked")

    def canonical(self, ruleset: str) -> bytes:
        """Canonical JSON: keys sorted, no white space, UTF-8."""
        content = {"ruleset": ruleset, "inputs": asdict(self)}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def hash(self, ruleset: str) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical(ruleset)).hexdigest()


def _code(value: Any, allowed: frozenset[str]) -> str | None:
    return value if isinstance(value, str) and value in allowed else None


def _codes(value: Any, allowed: frozenset[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(sorted({v for v in value if isinstance(v, str) and v in allowed}))


def _whole(value: Any, least: int, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= most else None


def _rows(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = document.get(name)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


_Part = tuple[str, frozenset[str]]


def _pairs(document: Mapping[str, Any], name: str, first: _Part, second: _Part) -> tuple[tuple[str, str], ...]:
    found = set()
    for row in _rows(document, name):
        a, b = _code(row.get(first[0]), first[1]), _code(row.get(second[0]), second[1])
        if a is not None and b is not None:
            found.add((a, b))
    return tuple(sorted(found))


def _date(value: Any) -> date | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).date() if "T" in value else date.fromisoformat(value)
    except ValueError:
        return None


def _onset_days(document: Mapping[str, Any]) -> int | None:
    """C4 (weeks, else the date against the visit's start), else the most recent onset among E1.

    The most recent: rW asks whether the limit comes from something that has just begun, and the therapist
    has said in G7 that it is temporary. C4 counts only while there is pain (C1), as on the page.
    """
    c4 = document.get("C4")
    if isinstance(c4, Mapping) and document.get("C1", "yes") == "yes":
        weeks = _whole(c4.get("weeks_ago"), 0, 5200)
        if weeks is not None:
            return weeks * 7
        visit = document.get("A14")
        begun = _date(c4.get("date"))
        seen = _date(visit.get("started_at")) if isinstance(visit, Mapping) else None
        if begun and seen and begun <= seen:
            return (seen - begun).days
    onsets = [_whole(row.get("onset_weeks"), 0, 5200) for row in _rows(document, "E1")]
    known = [weeks for weeks in onsets if weeks is not None]
    return min(known) * 7 if known else None


def _katz(document: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    if document.get("G0") == "no":  # the screening question: "no" to all six is six ones
        return tuple((item, 1) for item in KATZ)
    return tuple((i, int(str(document[i]))) for i in KATZ if str(document.get(i)) in ("0", "1"))


def _goals(document: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    found = set()
    for row in _rows(document, "B2"):
        category, score = _code(row.get("category"), GOALS), _whole(row.get("score"), 0, 10)
        if category is not None and score is not None:
            found.add((category, score))
    return tuple(sorted(found))


def _hand(document: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    tasks = document.get("I1")
    if not isinstance(tasks, Mapping):
        return ()
    return tuple(sorted((t, int(str(v))) for t, v in tasks.items() if t in HAND_TASKS and str(v) in ("0", "1", "2")))


def read(document: Mapping[str, Any]) -> Inputs:
    """The coded inputs of a note document, draft or final. Anything that is not a known code is left out."""
    action = document.get("D15")
    grip = document.get("I3")
    katz = _katz(document)
    points = tuple((i, p) for i in lawton.LAWTON if (p := lawton.points(i, document.get(i))) is not None)
    limited = any(p == 0 for _, p in katz + points)
    thinking = _codes(document.get("J1"), THINKING)
    incontinent = document.get("G0") != "no" and str(document.get("G5", "0")) == "0"
    return Inputs(
        flags=tuple((f, levels.flag_state(document, f)) for f in levels.FLAGS),
        escalated=tuple(f for f, question in levels.ESCALATIONS.items() if document.get(question) == "yes"),
        cleared=tuple(f for f in levels.FLAGS if f in levels.cleared_flags(document)),
        action_level=levels.action_level(document) if isinstance(action, Mapping) else None,
        goals=_goals(document),
        pain=_code(document.get("C1"), STATES),
        onset_days=_onset_days(document),
        conditions=_codes([row.get("condition") for row in _rows(document, "E1")], CONDITIONS),
        rom=_pairs(document, "F1", ("joint", REGIONS), ("finding", ROM)),
        # A row for grip or pinch is not in REGIONS: it counts as hand use (I3), not as strength.
        strength=_pairs(document, "F2", ("region", REGIONS), ("level", STRENGTH)),
        gait=_code(document.get("F3"), GAIT),
        balance=_code(document.get("F4"), BALANCE),
        falls=_whole(document.get("F5"), 0, 99),
        transfers=_code(document.get("F7"), TRANSFERS),
        low_endurance=_code(document.get("F8"), STATES),
        course=_code(document.get("F9"), COURSE),
        katz=katz,
        adl_cause=_code(document.get("G7"), ADL_CAUSES) if limited else None,
        continence_training=_code(document.get("G5a"), STATES) if incontinent else None,
        lawton=points,
        hand=_hand(document),
        grip=_code(grip.get("grip_pinch"), GRIP) if isinstance(grip, Mapping) else _code(grip, GRIP),
        thinking=thinking,
        thinking_affects=_code(document.get("J1_affects"), STATES) if set(thinking) - {"none"} else None,
        barriers=_pairs(document, "K1", ("place", PLACES), ("what", BARRIERS)),
        unsafe_at_home=_code(document.get("K3_unsafe"), STATES),
        devices_in_use=_device_codes(document, "L1"),
        devices_suggested=_device_codes(document, "L2"),
    )


def _device_codes(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """L1 and L2 are lists of rows {device, side, text}; a list of plain codes is read the same."""
    in_rows = [row.get("device") for row in _rows(document, name)]
    plain = document.get(name)
    return _codes(in_rows + (plain if isinstance(plain, list) else []), DEVICES)
