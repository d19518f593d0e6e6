"""Who is told that a patient waits, and how loudly. Pure.

An alert belongs to one visit that waits. It begins as a sound and a desktop notification on the pages of every
therapist who may take the visit and is free to; each step comes a set time after the one before, unless somebody has
said "Seen" or admitted the patient:

0. sound and notification; 1. mail; 2. offered to others (a visit that is for one therapist alone); 3. the admin's wall.

While all who may take the visit are in other visits, or the patient's page is away, no step comes: nobody could do
anything. Who is on a break hears nothing. "Seen" quiets it for a while only: a patient who still waits, with somebody
free, is told of again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from server.waitingroom.queue import EARLY, Therapist, Waiting, kind_of, may_take, speaks

SOUND, MAIL, OFFERED, WALL = range(4)
Reach = Literal["free", "busy", "nobody"]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the beginning to each step; ``again``: from "Seen" to the next beginning."""

    mail: float
    offer: float
    wall: float
    again: float

    def to(self, level: int) -> float:
        return (0.0, self.mail, self.offer, self.wall)[level]


@dataclass(frozen=True, slots=True)
class Colleague:
    """A therapist as an alert sees one. ``duty``: on, break, last or off."""

    id: str
    profession: str | None
    languages: frozenset[str]
    duty: str
    busy: bool = False

    @property
    def taker(self) -> Therapist:
        return Therapist(self.id, self.profession, self.languages)

    @property
    def free(self) -> bool:
        return self.duty in ("on", "last") and not self.busy


def next_step(now: datetime, level: int, times: Times) -> datetime | None:
    """When an alert that comes to this level now goes further by itself; None: it does not. The time between two steps
    is kept also where the first of them came late."""
    return now + timedelta(seconds=times.to(level + 1) - times.to(level)) if level < WALL else None


def postponed(now: datetime, level: int, times: Times) -> datetime:
    """When a step that could not come now is tried again: after the time that it would have left."""
    gap = times.to(level + 1) - times.to(level) if level < WALL else times.again
    return now + timedelta(seconds=max(1.0, gap))


def candidates(one: Waiting, staff: Iterable[Colleague], *, offered: bool = False) -> list[Colleague]:
    """Who may take the visit, on duty or not. ``offered``: also who could, were it not for one therapist alone."""
    open_ = replace(one, staff=None) if offered else one
    return [who for who in staff if may_take(who.taker, open_) and speaks(who.taker, one)]


def hearers(one: Waiting, staff: Iterable[Colleague], level: int = SOUND) -> list[Colleague]:
    """Whose pages ring."""
    return [who for who in candidates(one, staff, offered=level >= OFFERED) if who.free]


def told_of(
    was: str | None, one: Waiting, staff: Iterable[Colleague], level: int, *, mailed: bool = False
) -> str | None:
    """Whom the alert has reached: "told" (who is in charge: the own therapist, or whoever is free), "others" (further
    ones, too), "other" (further ones only); None: nobody yet. What was true stays true. ``mailed``: a mail to who is in
    charge was queued."""
    heard = {who.id for who in hearers(one, staff, level)}
    if one.staff is None:
        return "told" if was or heard or mailed else None
    own = mailed or was in ("told", "others") or one.staff in heard
    further = was in ("others", "other") or bool(heard - {one.staff})
    return ("others" if further else "told") if own else ("other" if further else None)


def reach(one: Waiting, staff: Sequence[Colleague], level: int = SOUND) -> Reach:
    """Whether somebody could come now. Who is in the last visit does not count: they take nobody after it."""
    found = candidates(one, staff, offered=level >= OFFERED)
    if any(who.free for who in found):
        return "free"
    return "busy" if any(who.busy and who.duty == "on" for who in found) else "nobody"


def begins(one: Waiting, now: datetime, staff: Sequence[Colleague]) -> bool:
    """Whether an alert begins. Not for who is early for a slot; not while nobody at all is on duty (that has an alarm
    of its own), unless one therapist alone is meant: who has a slot has somebody to be told."""
    if kind_of(one, now) == EARLY:
        return False
    where = reach(one, staff)
    if where == "nobody":
        return one.staff is not None or any(who.duty != "off" for who in staff)
    return where == "free"
