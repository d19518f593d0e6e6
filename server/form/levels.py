"""Red flags: their levels, what clears one, and when an emergency is open. Pure; used by the form, the
recommendation aid, signing and the visit's clock.

E: 9-1-1 or the emergency department now, stay on the call. S: medical assessment the same day.
P: physician or nurse practitioner within days, PT/OT on hold until cleared. (CLINICAL.md, section 1 D.)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.form.text import length

FLAGS: tuple[str, ...] = tuple(f"D{n}" for n in range(1, 15))

LEVELS: dict[str, str] = {
    "D1": "E", "D2": "E", "D3": "E", "D4": "E", "D5": "S", "D6": "S", "D7": "S",
    "D8": "P", "D9": "S", "D10": "E", "D11": "E", "D12": "S", "D13": "S", "D14": "E",
}  # fmt: skip

#: "spine + nerve signs → E" and "with new leg weakness → E": the second question that raises the level.
ESCALATIONS: dict[str, str] = {"D6": "D6_nerve", "D8": "D8_leg"}

_RANK = {"P": 1, "S": 2, "E": 3}

CLEARED_LEAST = 40
LOWER_REASON_LEAST = 20
HANDOVER_LEAST = 10


def flag_state(document: Mapping[str, Any], flag: str) -> str:
    """``yes|no|unable|not_asked``; absent or unknown reads as ``not_asked``."""
    value = document.get(flag)
    return value if isinstance(value, str) and value in ("yes", "no", "unable") else "not_asked"


def highest(levels: list[str]) -> str | None:
    return max(levels, key=lambda level: _RANK[level]) if levels else None


def below(level: str, other: str) -> bool:
    return _RANK[level] < _RANK[other]


def flag_level(document: Mapping[str, Any], flag: str) -> str:
    """The table's level of a flag that is "yes", with its second question."""
    question = ESCALATIONS.get(flag)
    if question is not None and document.get(question) == "yes":
        return "E"
    return LEVELS[flag]


def cleared_flags(document: Mapping[str, Any]) -> frozenset[str]:
    """The flags that a complete record in ``D15_cleared`` names: by whom, when, how (40 characters or more).

    A record clears only the flags that it names, so a flag that turns "yes" later is open. Of the texts only
    their being there is read, never what they say.
    """
    records = document.get("D15_cleared")
    cleared: set[str] = set()
    for record in records if isinstance(records, list) else ():
        if not isinstance(record, Mapping) or not isinstance(record.get("flags"), list):
            continue
        if length(record.get("by")) < 1 or length(record.get("how")) < CLEARED_LEAST:
            continue
        if not is_moment(record.get("at")):
            continue
        cleared.update(f for f in record["flags"] if f in LEVELS)
    return frozenset(cleared)


def is_moment(value: object) -> bool:
    if not isinstance(value, str) or "T" not in value:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def open_flags(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Flags that are "yes" and not cleared, in the form's order."""
    cleared = cleared_flags(document)
    return tuple(f for f in FLAGS if flag_state(document, f) == "yes" and f not in cleared)


def table_level(document: Mapping[str, Any]) -> str | None:
    """The highest level among the open flags, by the table alone."""
    return highest([flag_level(document, f) for f in open_flags(document)])


def action_level(document: Mapping[str, Any]) -> str | None:
    action = document.get("D15")
    level = action.get("level") if isinstance(action, Mapping) else None
    return level if isinstance(level, str) and level in _RANK else None


def urgent_level(document: Mapping[str, Any]) -> str | None:
    """What the aid shows: the table's level, or the therapist's own (D15) where that is higher."""
    table, action = table_level(document), action_level(document)
    if table is None:
        return None
    return highest([table] + ([action] if action else []))


def acted_upon(document: Mapping[str, Any]) -> bool:
    """D15 says that the emergency is in someone else's hands.

    Every part is there, ``handed_over`` is "yes" (emergency help or another person has taken over), and the
    level is E, or a lower one with its reason. Calling 9-1-1 alone does not count: at level E the therapist
    stays on the call, so the clock must not end it a moment after the call to 9-1-1 was written down.
    """
    action = document.get("D15")
    if not isinstance(action, Mapping) or action.get("handed_over") != "yes":
        return False
    level = action_level(document)
    complete = (
        level is not None
        and all(length(action.get(part)) > 0 for part in ("told_who", "time", "service"))
        and action.get("patient_agreed") in ("yes", "no")
        and length(action.get("handover")) >= HANDOVER_LEAST
    )
    return complete and (level == "E" or length(action.get("lower_reason")) >= LOWER_REASON_LEAST)


def open_emergency(document: Mapping[str, Any]) -> bool:
    """True while nothing may end the visit by itself.

    Open: a flag is "yes", no complete record in ``D15_cleared`` names it, its level is E (by the table, by
    its second question, or because the therapist chose E in D15), and D15 is not yet :func:`acted_upon`.
    The therapist can always end the visit by hand.
    """
    return urgent_level(document) == "E" and not acted_upon(document)
