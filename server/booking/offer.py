"""The choice of a time on a page: with whom, on which day, and what is free. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from server.booking.slots import Slot, local_day

PROFESSIONS = ("PT", "OT")
#: how far ahead pages look for a day with a free time
AHEAD_DAYS = 28


@dataclass(frozen=True, slots=True)
class Offer:
    """``times``: the free instants of ``day``; ``next_day``, if it has none: the first day from there on that has."""

    who: str
    day: date
    times: tuple[datetime, ...]
    next_day: date | None


def offer(slots: Sequence[Slot], who: str, day: date | None, zone: ZoneInfo, today: date) -> Offer:
    """``slots``: all free ones that pages may offer; ``day``: what was asked for, or the first that has one."""
    fitting = [slot for slot in slots if who in (slot.therapist_id, slot.profession)]
    days = sorted({local_day(slot.starts_at, zone) for slot in fitting})
    chosen = day if day is not None and day >= today else (days[0] if days else today)
    times = sorted({slot.starts_at for slot in fitting if local_day(slot.starts_at, zone) == chosen})
    following = next((one for one in days if one >= chosen), None)
    return Offer(who, chosen, tuple(times), None if times else following)
