"""What the clinic's visits were like: counts, waits and lengths by the clinic's days. Pure.

The definitions (docs/admin.md says the same to the office):

* A visit **came** on the clinic's day of its arrival in the waiting room. A visit that was booked and never came
  belongs to the day of its slot, if staff have marked it a no-show.
* **Wait**: from that arrival to the first admission. A second wait, after a transfer, is not counted.
* **Length**: from the clock's start to the visit's end, of the last session that it had.
* **Failed connection**: a visit that is over, whose patient's page had taken an admission, and in which picture or
  sound never stood on both sides, or which went on by phone. Whatever the cause.
* **Reconnect**: a connection that had stood came back, counted within one admission, on the side where that happened
  more often.
* **Median, p90**: by nearest rank: of n numbers in order the one at ceil(p / 100 * n). So each is a number that
  somebody really had.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from server.visit.states import OVER, Event, State

#: the longest range that one page or file covers
MOST_DAYS = 366
DEFAULT_DAYS = 30
#: events that :func:`failed` and :func:`reconnects` read
READ = (str(Event.ADMIT), str(Event.CONFIRM), "media_connected", "media_lost", "page_opened", "phone_fallback")
#: outcomes as they are shown; whatever has none is "unsigned"
OUTCOMES = (
    "pt",
    "ot",
    "combined",
    "urgent_referral",
    "in_person_assessment",
    "none_self_care",
    "not_completed",
    "other",
)
Steps = Sequence[tuple[str, str]]
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Past:
    """A visit that came, or should have. ``steps``: (event, actor's kind) of ``READ``, in order; ``outcome``: of its
    signed note."""

    visit: str
    state: str
    arrived_at: datetime | None
    due_at: datetime | None
    first_admitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None = None
    therapist: str | None = None
    outcome: str | None = None
    steps: Steps = ()

    @property
    def came(self) -> bool:
        return self.arrived_at is not None

    @property
    def wait_s(self) -> float | None:
        return _between(self.arrived_at, self.first_admitted_at)

    @property
    def length_s(self) -> float | None:
        return _between(self.started_at, self.ended_at)

    @property
    def left_waiting(self) -> bool:
        return self.state == State.LEFT and self.end_reason != "call_back"

    @property
    def failed(self) -> bool:
        return self.state in OVER and failed(self.steps)

    @property
    def reconnects(self) -> int:
        return reconnects(self.steps)

    def day(self, zone: ZoneInfo) -> date:
        at = self.arrived_at or self.due_at
        assert at is not None
        return at.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of some visits. Seconds; None where nobody had one."""

    visits: int = 0
    seen: int = 0
    wait_median: float | None = None
    wait_p90: float | None = None
    length_median: float | None = None
    length_p90: float | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    unsigned: int = 0
    no_shows: int = 0
    left: int = 0
    call_backs: int = 0
    failed: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """``days``: every day of the range, with visits or without."""

    first: date
    last: date
    total: Figures
    days: Sequence[tuple[date, Figures]]
    therapists: Sequence[tuple[str, Figures]]


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None


def nearest_rank(values: Iterable[float], percent: int) -> float | None:
    """The percentile by nearest rank; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def failed(steps: Steps) -> bool:
    """Whether the admission was taken, and then picture and sound did not carry the visit."""
    names = {event for event, _ in steps}
    if str(Event.CONFIRM) not in names:
        return False
    sides = {kind for event, kind in steps if event == "media_connected"}
    return "phone_fallback" in names or len(sides) < 2


def reconnects(steps: Steps) -> int:
    """How often a connection that had stood came back."""
    counts: Counter[str] = Counter()
    state: dict[str, str] = {}  # side -> up, down
    for event, side in steps:
        if event == Event.ADMIT:
            state.clear()
        elif event == "media_connected":
            counts[side] += state.get(side) == "down"
            state[side] = "up"
        elif event in ("media_lost", "page_opened") and side in state:
            state[side] = "down"
    return max(counts.values(), default=0)


def figures(visits: Sequence[Past]) -> Figures:
    waits = [wait for one in visits if (wait := one.wait_s) is not None]
    lengths = [length for one in visits if (length := one.length_s) is not None]
    counts = Counter(one.outcome for one in visits if one.outcome)
    return Figures(
        visits=sum(one.came for one in visits),
        seen=len(lengths),
        wait_median=nearest_rank(waits, 50),
        wait_p90=nearest_rank(waits, 90),
        length_median=nearest_rank(lengths, 50),
        length_p90=nearest_rank(lengths, 90),
        outcomes={kind: counts[kind] for kind in OUTCOMES},
        unsigned=sum(one.state == State.ENDED and not one.outcome for one in visits),
        no_shows=sum(one.state == State.NO_SHOW for one in visits),
        left=sum(one.left_waiting for one in visits),
        call_backs=sum(one.state == State.LEFT and one.end_reason == "call_back" for one in visits),
        failed=sum(one.failed for one in visits),
        reconnects=sum(one.reconnects for one in visits),
    )


def grouped(visits: Iterable[Past], key: Callable[[Past], K]) -> dict[K, list[Past]]:
    groups: dict[K, list[Past]] = defaultdict(list)
    for one in visits:
        groups[key(one)].append(one)
    return groups


def history(visits: Sequence[Past], first: date, last: date, zone: ZoneInfo) -> History:
    by_day = grouped(visits, lambda one: one.day(zone))
    by_therapist = grouped((one for one in visits if one.therapist), lambda one: one.therapist or "")
    return History(
        first,
        last,
        figures(visits),
        [(day, figures(by_day.get(day, ()))) for day in days_of(first, last)],
        [(therapist, figures(theirs)) for therapist, theirs in by_therapist.items()],
    )


def days_of(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants between which the clinic's days lie: the first counts, the last no more. A day on which the clocks
    change has 23 or 25 hours."""
    begin = datetime.combine(first, time(0), zone)
    end = datetime.combine(last + timedelta(days=1), time(0), zone)
    return begin.astimezone(UTC), end.astimezone(UTC)


def weeks(visits: Sequence[Past], first: date, last: date, zone: ZoneInfo) -> list[tuple[date, Figures]]:
    """As :attr:`History.days`, by weeks that begin on Mondays (the first one: on ``first``)."""
    by_week = grouped(visits, lambda one: max(first, _monday(one.day(zone))))
    starts = sorted({max(first, _monday(day)) for day in days_of(first, last)})
    return [(start, figures(by_week.get(start, ()))) for start in starts]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
