"""The grid of slots: from the clinic's hours and zone to instants. Pure; the one place that knows how long a slot is.

A day's grid begins when the clinic opens and goes on in steps of real time, so the days on which the clocks change are
right by themselves: a spring day has no slot in the hour that is skipped, an autumn day has both of the hour that comes
twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from server.visit.hours import Opening

#: 20 minutes of visit, 2 of wrap-up, and time to write
SLOT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Slot:
    """A therapist's free time."""

    therapist_id: str
    therapist_name: str
    profession: str | None
    starts_at: datetime
    ends_at: datetime


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The clinic's day of an instant."""
    return at.astimezone(zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants between which the clinic's day lies: 23, 24 or 25 hours."""
    return _instant(day, 0, 0, zone), _instant(day + timedelta(days=1), 0, 0, zone)


def slots_of_day(openings: Sequence[Opening], day: date, zone: ZoneInfo) -> list[datetime]:
    """When the day's slots begin, in UTC. Only slots that end before the clinic closes."""
    starts: set[datetime] = set()
    for opening in openings:
        if opening.day != day.weekday():
            continue
        at = _instant(day, opening.opens.hour, opening.opens.minute, zone)
        closes = _instant(day, opening.closes.hour, opening.closes.minute, zone)
        while at + SLOT <= closes:
            starts.add(at)
            at += SLOT
    return sorted(starts)


def is_slot(openings: Sequence[Opening], at: datetime, zone: ZoneInfo) -> bool:
    """Whether a slot of the clinic's begins at this instant."""
    return at in slots_of_day(openings, local_day(at, zone), zone)


def days_ahead(today: date, days: int) -> list[date]:
    return [today + timedelta(days=n) for n in range(days)]


def overlaps(at: datetime, taken: Iterable[tuple[datetime, datetime]]) -> bool:
    """Whether a slot that begins at ``at`` meets one of these times (an older grid may have been another)."""
    return any(begins < at + SLOT and at < ends for begins, ends in taken)


def _instant(day: date, hour: int, minute: int, zone: ZoneInfo) -> datetime:
    """A local clock time as UTC; one that the clocks skip is as much later, one that comes twice is the first."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
