"""The clinic's opening hours, as written in the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_GROUP = re.compile(r"^(\w{3})(?:-(\w{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)$")


@dataclass(frozen=True, slots=True)
class Opening:
    """``day`` 0 = Monday; local clock times."""

    day: int
    opens: time
    closes: time


def parse_hours(text: str) -> list[Opening]:
    """``"mon-fri 08:00-18:00, sat 09:00-12:00"`` as openings, by day. Raises ValueError with what to write."""
    openings: list[Opening] = []
    for group in filter(None, (part.strip() for part in text.split(","))):
        match = _GROUP.match(group)
        if not match or match[1] not in DAYS or (match[2] or match[1]) not in DAYS:
            raise ValueError(f"{group!r}: write groups as in `mon-fri 08:00-18:00, sat 09:00-12:00`")
        first, last = DAYS.index(match[1]), DAYS.index(match[2] or match[1])
        opens, closes = time(int(match[3]), int(match[4])), time(int(match[5]), int(match[6]))
        if last < first or closes <= opens:
            raise ValueError(f"{group!r}: the end comes before the start")
        openings += [Opening(day, opens, closes) for day in range(first, last + 1)]
    return sorted(openings, key=lambda opening: (opening.day, opening.opens))


def next_opening(openings: list[Opening], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The next time the clinic opens after ``now`` (aware); None if it never does."""
    local = now.astimezone(zone)
    for ahead in range(8):
        day = local.date() + timedelta(days=ahead)
        for opening in openings:
            at = datetime.combine(day, opening.opens, zone)
            if opening.day == day.weekday() and at > local:
                return at
    return None
