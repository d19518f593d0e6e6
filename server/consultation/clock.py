"""The visit's clock. Instants come from the database; this only reckons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Phase(StrEnum):
    BEFORE = "before"
    RUNNING = "running"
    WRAP_UP = "wrap_up"
    HELD = "held"  # over its time, but a red flag of level E is open: nothing ends by itself
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Clock:
    """A visit's times. ``ends_at`` closes the twenty minutes, ``wrap_ends_at`` the visit."""

    started_at: datetime | None
    ends_at: datetime | None
    wrap_ends_at: datetime | None
    ended_at: datetime | None
    held: bool

    def phase(self, now: datetime) -> Phase:
        if self.ended_at:
            return Phase.ENDED
        if not self.started_at or not self.ends_at:
            return Phase.BEFORE
        if now < self.ends_at:
            return Phase.RUNNING
        return Phase.HELD if self.held else Phase.WRAP_UP

    def over(self, now: datetime) -> bool:
        """Whether the visit ends by itself now."""
        return not self.ended_at and not self.held and self.wrap_ends_at is not None and now >= self.wrap_ends_at


def start(at: datetime, length: timedelta, wrap_up: timedelta) -> dict[str, datetime]:
    """The columns of a clock that starts ``at``."""
    return {"started_at": at, "ends_at": at + length, "wrap_ends_at": at + length + wrap_up}


def lost_seconds(lost_ms: int, lost_since: datetime | None, now: datetime) -> float:
    """Time without a connection so far, measured by the server."""
    running = (now - lost_since).total_seconds() if lost_since else 0.0
    return lost_ms / 1000 + max(0.0, running)


def giveable(lost_s: float, given_back_ms: int, limit_s: int) -> int:
    """Whole seconds that may be given back now; 0 once it was done."""
    return 0 if given_back_ms else min(int(lost_s), limit_s)


def let_go(wrap_ends_at: datetime | None, now: datetime, wrap_up: timedelta) -> datetime | None:
    """The end after a hold is lifted: a whole wrap-up from now at least, never a sudden hang-up."""
    return None if wrap_ends_at is None else max(wrap_ends_at, now + wrap_up)
