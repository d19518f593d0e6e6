"""Opening hours, as the settings write them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.visit.hours import Opening, next_opening, parse_hours

TORONTO = ZoneInfo("America/Toronto")
WEEK = parse_hours("mon-fri 08:00-18:00, sat 09:00-12:00")


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """March 2026; the 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=TORONTO)


def test_groups_are_read_by_day() -> None:
    assert WEEK[0] == Opening(0, time(8), time(18))
    assert [opening.day for opening in WEEK] == [0, 1, 2, 3, 4, 5]


def test_two_openings_of_a_day_come_in_their_order() -> None:
    assert parse_hours("mon 13:00-17:00, mon 08:00-12:00") == [
        Opening(0, time(8), time(12)), Opening(0, time(13), time(17)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["always", "mon 8-17", "mon 08:00-08:00", "mon 17:00-08:00", "fri-mon 08:00-17:00", "xyz 08:00-17:00",
     "mon 08:00-25:00", "mon 08:60-17:00", "mon 08:00-17:00 sat 09:00-12:00"],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hours(text)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (local(2, 7), local(2, 8)),
        (local(2, 8), local(3, 8)),  # it is open now: the next time is tomorrow
        (local(6, 19), local(7, 9)),  # Friday evening
        (local(7, 9, 1), local(9, 8)),  # Saturday, past the ninth hour: Monday, and the clocks go forward in between
        (local(8, 0), local(9, 8)),
    ],
)
def test_the_next_opening(now: datetime, opens: datetime) -> None:
    found = next_opening(WEEK, now.astimezone(UTC), TORONTO)
    assert found == opens
    assert found.astimezone(TORONTO).time() == opens.time()


def test_a_clinic_that_opens_once_a_week_opens_next_week() -> None:
    assert next_opening(parse_hours("mon 08:00-09:00"), local(2, 8, 30), TORONTO) == local(9, 8)


def test_a_clinic_without_hours_never_opens() -> None:
    assert next_opening([], local(2, 8), TORONTO) is None


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_next_opening_is_ahead_and_on_the_list(now: datetime) -> None:
    found = next_opening(WEEK, now, TORONTO)
    assert found is not None
    assert found > now
    assert any((opening.day, opening.opens) == (found.weekday(), found.time()) for opening in WEEK)
