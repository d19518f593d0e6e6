"""The order of the queue, who may take whom, and an honest expected wait. Pure; the room has no rules elsewhere.

**The order**, from the front:

1. who staff have put first, the earliest put first (each with a reason, in the record);
2. who is booked and whose slot has come, by slot; whoever comes more than ``LATE`` after it takes a walk-in's place;
3. walk-ins, by arrival. Who was sent back or transferred keeps the first arrival;
4. who is booked and early, by slot: before it they are taken only when nobody else waits.

A tie is broken by the visit's id, so the order is the same on every node.

**Whose**: a visit is for one therapist, for a profession, or for anybody (the pool). A therapist takes from their own
queue, their profession's and the pool, in that one order, and of these those whose language they speak (by name they
may admit the others too). Who needs an interpreter, or speaks another language than ours, fits everybody. Whoever is
away is passed over, and keeps the place.

**The wait**: every therapist who takes people takes the first who fits as soon as their running visit can end, with
visits of the usual length; booked patients who are still to come count from their slot on. A therapist on a break
takes nobody; one on the last patient takes one more.
"""

from __future__ import annotations

import heapq
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal

LATE = timedelta(minutes=15)
FIRST, DUE, WALK_IN, EARLY = range(4)
#: a patient is told of a delay from here on
LATE_FROM_S = 150.0

Rank = tuple[int, datetime, str]
#: who is ahead now, and was not: somebody put first by staff, with a slot, or who had come earlier (sent back, say);
#: or: staff have put the patient into another line, fewer therapists take people, visits take longer
Because = Literal["", "moved", "urgent", "booked", "earlier", "fewer", "longer"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A visit in the queue. ``due_at``: its slot; ``priority_at``: staff have put it first, then."""

    visit: str
    arrived_at: datetime
    due_at: datetime | None = None
    priority_at: datetime | None = None
    staff: str | None = None
    profession: str | None = None
    language: str = "en"
    interpreter: bool = False


@dataclass(frozen=True, slots=True)
class Therapist:
    """Somebody who takes people. ``free_in``: s until the running visit can end, 0: now; ``takes``: at most so many
    more, None: as many as come."""

    id: str
    profession: str | None = None
    languages: frozenset[str] = frozenset({"en", "fr"})
    free_in: float = 0.0
    takes: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a visit stands. ``wait_s``: None when nobody knows; ``first``, ``due``: how many ahead were put first by
    staff, and how many have a slot; ``coming``: how many with a slot within that wait are still to come."""

    place: int
    kind: int
    wait_s: float | None
    first: int
    due: int
    coming: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a patient was told last: place, the longest wait in minutes, and what it rested on (``on_duty``: how many
    took people; ``line``: :func:`line_number` of the queue)."""

    place: int | None
    most: int | None
    first: int
    due: int
    on_duty: int
    coming: int = 0
    line: int = 0


def kind_of(one: Waiting, now: datetime) -> int:
    """FIRST, DUE, WALK_IN or EARLY."""
    if one.priority_at is not None:
        return FIRST
    if one.due_at is None or one.arrived_at > one.due_at + LATE:
        return WALK_IN
    return DUE if one.due_at <= now else EARLY


def rank(one: Waiting, now: datetime) -> Rank:
    """What the queue is sorted by."""
    kind = kind_of(one, now)
    at = one.priority_at if kind == FIRST else one.due_at if kind in (DUE, EARLY) else one.arrived_at
    assert at is not None
    return kind, at, one.visit


def in_order(waiting: Iterable[Waiting], now: datetime) -> list[Waiting]:
    return sorted(waiting, key=lambda one: rank(one, now))


def next_change(waiting: Iterable[Waiting], now: datetime) -> datetime | None:
    """When the order changes by time alone: the next slot of somebody who is early."""
    return min((one.due_at for one in waiting if one.due_at and kind_of(one, now) == EARLY), default=None)


def may_take(therapist: Therapist, one: Waiting) -> bool:
    """Whether the visit is in one of this therapist's queues."""
    return one.staff in (None, therapist.id) and one.profession in (None, therapist.profession)


def speaks(therapist: Therapist, one: Waiting) -> bool:
    return one.interpreter or one.language == "other" or one.language in therapist.languages


def next_for(therapist: Therapist, order: Iterable[Waiting], away: Collection[str] = ()) -> Waiting | None:
    """Whom "admit next" admits. ``order``: :func:`in_order`'s."""
    fits = (one for one in order if may_take(therapist, one) and speaks(therapist, one) and one.visit not in away)
    return next(fits, None)


def standings(
    order: Sequence[Waiting],
    now: datetime,
    therapists: Sequence[Therapist],
    usual_s: float,
    coming: Sequence[Waiting] = (),
) -> dict[str, Standing]:
    """Place and wait of everybody in ``order``. ``coming``: booked, not here yet; they only take up time."""
    waits = expected_waits(order, now, therapists, usual_s, coming)
    ahead: dict[tuple[str | None, str | None], list[int]] = {}  # queue -> [all, put first, due]
    slots: dict[tuple[str | None, str | None], list[float]] = {}  # queue -> s until who is still to come has a slot
    found: dict[str, Standing] = {}
    for one in order:
        kind, queue = kind_of(one, now), (one.staff, one.profession)
        places = first = due = 0
        for other, counts in ahead.items():
            if _share(queue, other):
                places, first, due = places + counts[0], first + counts[1], due + counts[2]
        if coming and queue not in slots:
            slots[queue] = sorted(
                (each.due_at - now).total_seconds()
                for each in coming
                if each.due_at is not None and _share(queue, (each.staff, each.profession))
            )
        wait = waits.get(one.visit)
        later = 0 if wait is None or not coming else bisect_right(slots[queue], wait)
        found[one.visit] = Standing(places + 1, kind, wait, first, due, later)
        own = ahead.setdefault(queue, [0, 0, 0])
        own[0] += 1
        own[1] += kind == FIRST
        own[2] += kind == DUE
    return found


def _share(a: tuple[str | None, str | None], b: tuple[str | None, str | None]) -> bool:
    """Whether one therapist may take from both queues."""
    return all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


class _Line:
    """Those who fit the same therapists: who is here, and who has a slot later. Both sorted."""

    def __init__(self, one: Waiting) -> None:
        self.one = one  # any of them: they all fit the same therapists
        self.here: deque[Rank] = deque()
        self.later: deque[tuple[float, Rank]] = deque()  # s until the slot


def _lines(order: Sequence[Waiting], now: datetime, coming: Sequence[Waiting]) -> list[_Line]:
    lines: dict[tuple[str | None, str | None, str], _Line] = {}
    for one, is_here in chain(((one, True) for one in order), ((one, False) for one in coming)):
        line = lines.setdefault((one.staff, one.profession, "other" if one.interpreter else one.language), _Line(one))
        kind, at, _ = place = rank(one, now)
        if one.due_at is not None and (kind == EARLY or not is_here):
            at = one.due_at
            place = DUE, at, one.visit
        if place[0] == DUE and at > now:
            line.later.append(((at - now).total_seconds(), place))
        else:
            line.here.append(place)
    for line in lines.values():
        line.here, line.later = deque(sorted(line.here)), deque(sorted(line.later))
    return list(lines.values())


def expected_waits(
    order: Sequence[Waiting],
    now: datetime,
    therapists: Sequence[Therapist],
    usual_s: float,
    coming: Sequence[Waiting] = (),
) -> dict[str, float]:
    """Seconds until each visit is taken; a visit that nobody who is here can take is left out."""
    lines = _lines(order, now, coming)
    fits = [[line for line in lines if may_take(each, line.one) and speaks(each, line.one)] for each in therapists]
    free = [(each.free_in, index) for index, each in enumerate(therapists) if each.takes != 0]
    heapq.heapify(free)
    left = [each.takes for each in therapists]
    waits: dict[str, float] = {}
    while free:
        at, index = heapq.heappop(free)
        taken = _take(fits[index], at)
        if taken is None:
            slots = [line.later[0][0] for line in fits[index] if line.later]
            if slots:
                heapq.heappush(free, (max(at, min(slots)), index))
            continue
        waits[taken] = at
        remaining = left[index]
        if remaining is not None:
            left[index] = remaining = remaining - 1
        if remaining != 0:
            heapq.heappush(free, (at + usual_s, index))
    return waits


def _take(lines: Sequence[_Line], at: float) -> str | None:
    """The first who fits and is there at that time, taken out of their line."""
    best: tuple[Rank, _Line, bool] | None = None
    for line in lines:
        if line.here and (best is None or line.here[0] < best[0]):
            best = (line.here[0], line, True)
        if line.later and line.later[0][0] <= at and (best is None or line.later[0][1] < best[0]):
            best = (line.later[0][1], line, False)
    if best is None:
        return None
    (_, _, visit), line, here = best
    if here:
        line.here.popleft()
    else:
        line.later.popleft()
    return visit


def line_number(staff: str | None, profession: str | None) -> int:
    """Of the queue that a visit is in, below a million: tells one from another (mostly), and names nobody."""
    return zlib.crc32(f"{staff} {profession}".encode()) % 1_000_000 if staff or profession else 0


def as_range(seconds: float) -> tuple[int, int]:
    """Minutes, rounded to what people say and widened by a quarter: under ten by the minute, then by five."""
    least, most = seconds * 0.75 / 60, seconds * 1.25 / 60 + 2
    step = 5 if most > 10 else 1
    low = int(least // step) * step
    high = max(int(-(-most // step)) * step, low + step)
    return low, high


def minutes_late(due_at: datetime, now: datetime, wait_s: float) -> int:
    """By how much a booked patient's therapist runs late, in steps of five minutes; 0: on time."""
    late = (now - due_at).total_seconds() + wait_s
    return 0 if late < LATE_FROM_S else max(5, round(late / 300) * 5)


def because(before: Told, after: Told) -> Because:
    """Why a place or a wait is worse than what was told before; nothing where it is not."""
    worse_place = before.place is not None and after.place is not None and after.place > before.place
    worse_wait = before.most is not None and (after.most is None or after.most > before.most)
    if (worse_place or worse_wait) and after.line != before.line:
        return "moved"
    if worse_place:
        if after.first > before.first:
            return "urgent"
        return "booked" if after.due > before.due else "earlier"
    if worse_wait:
        if after.on_duty < before.on_duty:
            return "fewer"
        if after.first > before.first:
            return "urgent"
        return "booked" if after.due > before.due or after.coming > before.coming else "longer"
    return ""


def usual_length(lengths: Sequence[float], planned_s: float, least: int = 5) -> float:
    """The usual length of a visit in s: the median of the last ones, or what is planned while there are few."""
    if len(lengths) < least:
        return planned_s
    return min(max(sorted(lengths)[len(lengths) // 2], planned_s / 4), planned_s * 2)
