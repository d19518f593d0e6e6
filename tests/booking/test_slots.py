"""The grid of slots, also on the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from server.booking.slots import SLOT, day_bounds, is_slot, local_day, overlaps, slots_of_day
from server.visit.hours import parse_hours

TORONTO = ZoneInfo("America/Toronto")
DAY = parse_hours("mon-sun 08:00-18:00")
NIGHT = parse_hours("mon-sun 00:00-06:00")


def clock(starts: list[datetime]) -> list[str]:
    return [f"{at.astimezone(TORONTO):%H:%M}" for at in starts]


def test_a_day_has_the_clinics_hours_in_half_hours() -> None:
    slots = slots_of_day(DAY, date(2026, 6, 3), TORONTO)
    assert len(slots) == 20
    assert clock(slots)[:2] == ["08:00", "08:30"]
    assert clock(slots)[-1] == "17:30"  # the last one ends as the clinic closes
    assert slots[0] == datetime(2026, 6, 3, 12, tzinfo=UTC)


def test_hours_that_are_no_multiple_of_a_slot_end_early() -> None:
    slots = slots_of_day(parse_hours("wed 08:15-09:30, wed 13:00-13:20"), date(2026, 6, 3), TORONTO)
    assert clock(slots) == ["08:15", "08:45"]


def test_a_day_off_has_none() -> None:
    assert slots_of_day(parse_hours("mon-fri 08:00-18:00"), date(2026, 6, 6), TORONTO) == []


def test_eight_in_the_morning_is_eight_on_both_sides_of_a_change() -> None:
    for day, offset in ((date(2026, 3, 7), 5), (date(2026, 3, 8), 4), (date(2026, 10, 31), 4), (date(2026, 11, 1), 5)):
        assert slots_of_day(DAY, day, TORONTO)[0] == datetime(day.year, day.month, day.day, 8 + offset, tzinfo=UTC)


def test_in_spring_the_hour_that_is_skipped_has_no_slot() -> None:
    slots = slots_of_day(NIGHT, date(2026, 3, 8), TORONTO)
    assert clock(slots) == ["00:00", "00:30", "01:00", "01:30", "03:00", "03:30", "04:00", "04:30", "05:00", "05:30"]


def test_in_autumn_the_hour_that_comes_twice_has_its_slots_twice() -> None:
    slots = slots_of_day(NIGHT, date(2026, 11, 1), TORONTO)
    assert clock(slots)[:7] == ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]
    assert len(slots) == 14
    assert all(b - a == SLOT for a, b in pairwise(slots)), "real time does not jump"


def test_a_day_is_23_24_or_25_hours_long() -> None:
    def hours(day: date) -> float:
        begin, end = day_bounds(day, TORONTO)
        return (end - begin) / timedelta(hours=1)

    assert [hours(date(2026, 3, 8)), hours(date(2026, 3, 9)), hours(date(2026, 11, 1))] == [23, 24, 25]


def test_only_the_grid_is_a_slot() -> None:
    noon = datetime(2026, 6, 3, 16, tzinfo=UTC)
    assert is_slot(DAY, noon, TORONTO)
    assert not is_slot(DAY, noon + timedelta(minutes=10), TORONTO)
    assert not is_slot(DAY, noon + timedelta(seconds=1), TORONTO)
    assert not is_slot(DAY, noon + timedelta(hours=10), TORONTO)


def test_slots_that_touch_do_not_overlap() -> None:
    at = datetime(2026, 6, 3, 16, tzinfo=UTC)
    assert not overlaps(at, [(at - SLOT, at), (at + SLOT, at + 2 * SLOT)])
    assert overlaps(at, [(at - timedelta(minutes=29), at + timedelta(minutes=1))])


ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"}))
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@given(zone=ZONES, day=DAYS)
def test_in_every_zone_the_slots_of_a_day_lie_in_it_and_never_meet(zone: str, day: date) -> None:
    here = ZoneInfo(zone)
    slots = slots_of_day(NIGHT, day, here)
    assert all(b - a >= SLOT for a, b in pairwise(slots))
    assert all(local_day(at, here) == day for at in slots)
    assert all(is_slot(NIGHT, at, here) for at in slots)
    begin, end = day_bounds(day, here)
    assert all(begin <= at < end for at in slots)
