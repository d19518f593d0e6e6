"""The history's own reckoning: percentiles, days, what failed and what came back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.admin import charts
from server.admin.history import Past, bounds, days_of, failed, figures, history, nearest_rank, reconnects, weeks

TORONTO = ZoneInfo("America/Toronto")
UP, DOWN = "media_connected", "media_lost"
BOTH = [(UP, "staff"), (UP, "patient")]
BEGIN = [("admit", "staff"), ("page_opened", "staff"), ("confirm", "patient")]


@pytest.mark.parametrize(
    ("values", "median", "p90"),
    [
        ([], None, None),
        ([7.0], 7, 7),
        ([1.0, 2.0], 1, 2),
        ([3.0, 1.0, 2.0], 2, 3),
        ([float(n) for n in range(1, 11)], 5, 9),
        ([float(n) for n in range(1, 12)], 6, 10),
    ],
)
def test_percentiles_by_nearest_rank(values: list[float], median: float | None, p90: float | None) -> None:
    assert (nearest_rank(values, 50), nearest_rank(values, 90)) == (median, p90)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_a_number_that_somebody_had_and_enough_are_not_above_it(
    values: list[float], percent: int
) -> None:
    found = nearest_rank(values, percent)
    assert found in values
    at_most, below = sum(one <= found for one in values), sum(one < found for one in values)
    assert at_most * 100 >= percent * len(values) > below * 100


@pytest.mark.parametrize(
    ("steps", "is_failed"),
    [
        ([], False),  # never admitted
        ([("admit", "staff")], False),  # never taken: it went back to the queue
        (BEGIN, True),  # nothing ever came up
        ([*BEGIN, (UP, "staff")], True),  # one side alone
        ([*BEGIN, (UP, "staff"), (DOWN, "staff"), (UP, "staff")], True),
        ([*BEGIN, *BOTH], False),
        ([*BEGIN, *BOTH, (DOWN, "patient")], False),  # it had stood
        ([*BEGIN, *BOTH, ("phone_fallback", "patient")], True),
    ],
)
def test_what_a_failed_connection_is(steps: list[tuple[str, str]], is_failed: bool) -> None:
    assert failed(steps) is is_failed


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([*BEGIN, *BOTH], 0),
        ([*BEGIN, *BOTH, (DOWN, "patient")], 0),
        ([*BEGIN, *BOTH, (DOWN, "patient"), (UP, "patient")], 1),
        (
            [*BEGIN, *BOTH, (DOWN, "patient"), (DOWN, "staff"), (UP, "patient"), (UP, "staff")],
            1,
        ),  # one break, seen twice
        ([*BEGIN, *BOTH, ("page_opened", "patient"), (UP, "patient")], 1),  # a reload
        ([*BEGIN, *BOTH, (UP, "patient")], 0),  # another path, without a break
        ([*BEGIN, *BOTH, *BEGIN, *BOTH], 0),  # transferred: a new session, not a break
    ],
)
def test_what_a_reconnect_is(steps: list[tuple[str, str]], count: int) -> None:
    assert reconnects(steps) == count


def past(arrived: datetime | None, **more: object) -> Past:
    fields: dict[str, object] = {
        "visit": "v", "state": "ended", "due_at": None, "first_admitted_at": None, "started_at": None, "ended_at": None,
    }  # fmt: skip
    return Past(**{**fields, "arrived_at": arrived, **more})  # type: ignore[arg-type]


def test_a_day_on_which_the_clocks_change_has_23_or_25_hours() -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)):
        begin, end = bounds(day, day, TORONTO)
        assert (end - begin) / timedelta(hours=1) == hours
        inside = [begin, end - timedelta(microseconds=1)]
        assert {past(at).day(TORONTO) for at in inside} == {day}


def test_who_never_came_counts_on_the_day_of_the_slot_alone() -> None:
    slot = datetime(2026, 11, 4, 15, tzinfo=UTC)
    found = history([past(None, state="no_show", due_at=slot)], date(2026, 11, 3), date(2026, 11, 5), TORONTO)
    assert [one.no_shows for _, one in found.days] == [0, 1, 0]
    assert found.total.visits == 0


def test_who_asked_for_a_call_has_not_left() -> None:
    at = datetime(2026, 11, 4, 15, tzinfo=UTC)
    total = figures([past(at, state="left", end_reason="call_back"), past(at, state="left", end_reason="left")])
    assert (total.left, total.call_backs) == (1, 1)


def test_weeks_begin_on_mondays_and_lose_nobody() -> None:
    first, last = date(2026, 10, 1), date(2026, 12, 31)
    visits = [past(bounds(day, day, TORONTO)[0]) for day in days_of(first, last)]
    found = weeks(visits, first, last, TORONTO)
    assert [start.weekday() for start, _ in found[1:]] == [0] * (len(found) - 1)
    assert sum(one.visits for _, one in found) == len(visits)


@given(st.lists(st.none() | st.floats(0, 5000), max_size=90))
def test_whatever_the_numbers_a_chart_stays_inside_its_drawing(values: list[float | None]) -> None:
    axis = charts.Axis([str(n) for n in range(len(values))])
    for chart in (
        charts.lines(axis, [charts.Series("x", "a", values)], (20, "planned")),
        charts.bars(axis, [charts.Series("x", "a", values), charts.Series("y", "b", values, "square")]),
    ):
        for one in chart.series:
            assert all(chart.left <= mark.x <= chart.right and mark.y >= chart.top for mark in one.marks)
            assert all(mark.y + mark.height <= chart.bottom + 1 for mark in one.marks)
        assert len(chart.labels) <= charts.MOST_LABELS + 1


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=40))
def test_an_axis_for_counts_has_whole_numbers_and_reaches_over_all(values: list[int]) -> None:
    chart = charts.bars(charts.Axis([""] * len(values)), [charts.Series("x", "a", values)])
    numbers = [float(words) for _, words in chart.ticks]
    assert all(number.is_integer() for number in numbers)
    assert numbers[-1] >= max(values)
