"""What a patient's page shows of the visit: as a page's context and as a live snapshot, from the same function.

The templates have the words; this says which of them are true. A number never gets worse without its reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping

from server.formats import iso
from server.visit.arrival import page_state
from server.visit.states import State
from server.waitingroom.nobody import in_grace
from server.waitingroom.queue import (
    DUE,
    EARLY,
    FIRST,
    Standing,
    Told,
    as_range,
    because,
    line_number,
    minutes_late,
)
from server.waitingroom.store import Queue

#: walk_in: place and range. booked: by how much the therapist is late. early: when the slot is.
Kind = Literal["walk_in", "booked", "early"]
#: why the patient is (back) in the waiting room
BACK = {"not_confirmed": "missed", "sent_back": "sent_back", "transferred": "transferred"}
NOTHING = Told(None, None, 0, 0, 0)


def visit_data(
    row: RowMapping,
    queue: Queue,
    *,
    summary: bool,
    now: datetime,
    before: Told | None = None,
    alert: Mapping[Any, Any] | None = None,
) -> tuple[dict[str, Any], Told]:
    """``row``: a visit of ``visits.with_people``. ``summary``: the note is signed. ``before``: what this patient was
    told last. ``alert``: the row of the therapists' alert, where there is one.

    Gives what the page shows, and what the patient is told with it. No name, no length of others: a place, a range."""
    standing = queue.standing.get(row["id"]) if row["state"] == State.WAITING else None
    data: dict[str, Any] = {
        "state": page_state(row),
        "kind": "walk_in",
        "headline": "",
        "line": "",
        "place": None,
        "wait_min": None,
        "wait_max": None,
        "late": None,
        "due_at": iso(row["due_at"]),
        "due_in": None,
        "because": "",
        "on_duty": queue.on_duty > 0,
        "nobody": False,
        "back": "",
        "staff_know": "kept",
        "therapist_name": row["therapist_name"],
        "for_name": row.get("for_staff_name"),
        "end_reason": row["end_reason"],
        "after": {"summary": summary},
    }
    if standing is None:
        return data, NOTHING
    takers = queue.takers(row["for_staff"], row["for_profession"], row["language"], row["interpreter"])
    wait = as_range(standing.wait_s) if standing.wait_s is not None else None
    told = Told(
        standing.place,
        wait[1] if wait else None,
        standing.first,
        standing.due,
        takers,
        standing.coming,
        line_number(row["for_staff"], row["for_profession"]),
    )
    early = standing.kind == EARLY
    nobody = not early and (row["nobody_at"] is not None or (queue.on_duty == 0 and not in_grace(row, now)))
    data |= {
        "kind": _kind(row, standing),
        "place": standing.place,
        "wait_min": wait[0] if wait else None,
        "wait_max": wait[1] if wait else None,
        "late": _late(row, standing, now),
        "due_in": _minutes_until(row["due_at"], now) if early else None,
        "because": because(before, told) if before and not nobody else "",
        "on_duty": queue.on_duty > 0 and not nobody,
        "nobody": nobody,
        "back": BACK.get(row["end_reason"] or "", ""),
        "staff_know": "kept" if nobody else staff_know(alert, own=row["for_staff"]),
    }
    data["headline"] = _headline(data)
    data["line"] = _line(data, paused=not nobody and takers == 0)
    return data, told


def unmoved(before: Queue | None, after: Queue) -> Callable[[str], bool]:
    """Who of those whose own row has not changed would read the same of both queues; in doubt nobody."""
    if before is None or before.on_duty != after.on_duty or _hands(before) != _hands(after):
        return lambda visit_id: False
    standing, earlier = after.standing, before.standing

    def reads_the_same(visit_id: str) -> bool:
        old, new = earlier.get(visit_id), standing.get(visit_id)
        if old is None or new is None or new.kind in (DUE, EARLY):  # what these read changes with the time
            return False
        if (old.place, old.kind, old.first, old.due) != (new.place, new.kind, new.first, new.due):
            return False
        if old.wait_s is None or new.wait_s is None:
            return old.wait_s is new.wait_s
        return as_range(old.wait_s) == as_range(new.wait_s)

    return reads_the_same


def _hands(queue: Queue) -> list[tuple[object, ...]]:
    return [(one.id, one.profession, one.languages, one.takes == 0) for one in queue.therapists]


def _kind(row: RowMapping, standing: Standing) -> Kind:
    if standing.kind == EARLY:
        return "early"
    # who was put first is next: a place says more than a lateness
    return "booked" if standing.kind == DUE and row["for_staff"] is not None else "walk_in"


def _late(row: RowMapping, standing: Standing, now: datetime) -> int | None:
    if standing.kind == FIRST or row["due_at"] is None or standing.wait_s is None:
        return None
    return minutes_late(row["due_at"], now, standing.wait_s)


def _minutes_until(at: datetime, now: datetime) -> int:
    """As people say it: to the minute below ten, then in steps of five."""
    minutes = max(0, math.ceil((at - now).total_seconds() / 60))
    return minutes if minutes <= 10 else math.ceil(minutes / 5) * 5


def staff_know(alert: Mapping[Any, Any] | None, *, own: str | None) -> str:
    """What is true of the therapists: "told", "seen", or "others" (their own, and further ones, too); "kept": nothing
    yet, or nobody could hear it.

    ``own``: the patient's own therapist, if it is not whoever is free; "own_told": that very one has been told."""
    if alert is None:
        return "kept"
    if alert["seen_at"] is not None:
        return "own_seen" if own and alert["seen_by"] == own else "seen"
    told = alert["told"]
    if told is None:
        return "kept"
    if own is None or told == "other":
        return "told"
    return "others" if told == "others" else "own_told"


def _headline(data: Mapping[str, Any]) -> str:
    """Which large words the waiting room shows (templates/visit/waiting_words.html)."""
    if data["kind"] == "early":
        return "early"
    if data["kind"] == "booked" and data["late"] is not None and not data["nobody"]:
        return "late" if data["late"] else "on_time"
    if data["place"] == 1:
        return "first" if data["nobody"] else "next"  # who is first is next only where somebody takes people
    return "unknown" if data["place"] is None else "place"


def _line(data: Mapping[str, Any], *, paused: bool) -> str:
    """And which words below them."""
    if data["nobody"]:
        return "nobody"
    if data["kind"] == "early":
        return "early_now" if data["due_in"] == 0 else "early_one" if data["due_in"] == 1 else "early"
    if data["headline"] in ("late", "on_time"):
        return "booked_next" if data["place"] == 1 else "booked"
    if data["wait_min"] is None:
        return "paused" if paused else "unknown"
    if data["wait_min"] <= 0:
        return "under"
    return "single" if data["wait_min"] == data["wait_max"] else "range"


def as_token(told: Told, reason: str) -> str:
    """What a page without a script was told last, for its next look: numbers and a reason, nothing about anybody."""
    parts = (told.place, told.most, told.first, told.due, told.on_duty, told.coming, told.line)
    return "-".join("" if part is None else str(part) for part in parts) + f"-{reason}"


def from_token(token: str) -> tuple[Told | None, str]:
    """None for anything that is no such thing: the address is the visitor's."""
    *parts, reason = token.split("-")
    if len(parts) != 7 or not all(
        len(part) < 7 and (not part or (part.isascii() and part.isdigit())) for part in parts
    ):
        return None, ""
    place, most, first, due, on_duty, coming, line = (int(part) if part else None for part in parts)
    return Told(place, most, first or 0, due or 0, on_duty or 0, coming or 0, line or 0), reason


def goes_on(before: Told, after: Told) -> bool:
    """Whether a reason that was said before still explains what is shown: nothing has become better since."""
    better_place = before.place is not None and after.place is not None and after.place < before.place
    better_wait = before.most is not None and after.most is not None and after.most < before.most
    return not (better_place or better_wait)
