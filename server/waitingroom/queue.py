"""The order of the queue, and an honest expected wait. Pure; the room has no rules elsewhere.

Walk-ins are seen by arrival. The wait is a range: it is reckoned by letting every therapist on duty take the next
person as soon as their running visit can end, with visits of the usual length, and widened by a quarter either way.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    visit: str
    arrived_at: datetime


def in_order(waiting: Sequence[Waiting]) -> list[Waiting]:
    """By arrival; the id breaks a tie the same way on every node."""
    return sorted(waiting, key=lambda one: (one.arrived_at, one.visit))


def expected_waits(places: int, free_in: Sequence[float], usual_s: float) -> list[tuple[int, int] | None]:
    """Minutes ``(least, most)`` for places 1..``places``.

    ``free_in``: seconds until each therapist on duty is free (0: now). None where nobody is on duty: then nobody knows.
    """
    if not free_in:
        return [None] * places
    free = list(free_in)
    heapq.heapify(free)
    waits: list[tuple[int, int] | None] = []
    for _ in range(places):
        at = heapq.heappop(free)
        heapq.heappush(free, at + usual_s)
        waits.append(as_range(at))
    return waits


def as_range(seconds: float) -> tuple[int, int]:
    """Rounded to what people say: under ten minutes by the minute, then by five."""
    least, most = seconds * 0.75 / 60, seconds * 1.25 / 60 + 2
    step = 5 if most > 10 else 1
    low = int(least // step) * step
    high = max(int(-(-most // step)) * step, low + step)
    return low, high
