"""The clock reckons with instants that it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.consultation import clock
from server.consultation.clock import Clock, Phase

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LENGTH, WRAP = timedelta(minutes=20), timedelta(minutes=2)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def running(held: bool = False, ended_at: datetime | None = None) -> Clock:
    """A visit that started at noon."""
    return Clock(**clock.start(NOON, LENGTH, WRAP), ended_at=ended_at, held=held)


@pytest.mark.parametrize(
    ("second", "phase"),
    [
        (0, Phase.RUNNING), (1199.999, Phase.RUNNING), (1200, Phase.WRAP_UP), (1319, Phase.WRAP_UP),
        (1320, Phase.WRAP_UP), (9999, Phase.WRAP_UP),
    ],
)  # fmt: skip
def test_the_phases_of_a_visit(second: float, phase: Phase) -> None:
    assert running().phase(at(second)) is phase


def test_before_both_are_connected_the_clock_has_not_begun() -> None:
    waiting = Clock(None, None, None, None, held=False)
    assert waiting.phase(NOON) is Phase.BEFORE
    assert not waiting.over(at(10_000))


def test_a_visit_is_over_by_itself_with_the_end_of_the_wrap_up() -> None:
    assert not running().over(at(1319.999))
    assert running().over(at(1320))


@given(st.floats(0, 10**7))
def test_a_held_visit_never_ends_by_itself(second: float) -> None:
    assert not running(held=True).over(at(second))
    assert running(held=True).phase(at(second)) in (Phase.RUNNING, Phase.HELD)


def test_a_hold_shows_only_once_the_time_is_over() -> None:
    assert running(held=True).phase(at(1199)) is Phase.RUNNING
    assert running(held=True).phase(at(1200)) is Phase.HELD


def test_an_ended_visit_stays_ended() -> None:
    ended = running(ended_at=at(100))
    assert ended.phase(at(50)) is Phase.ENDED
    assert not ended.over(at(5000))


def test_letting_go_gives_a_whole_wrap_up_and_takes_nothing_away() -> None:
    assert clock.let_go(at(1320), at(4000), WRAP) == at(4120)
    assert clock.let_go(at(1320), at(1300), WRAP) == at(1420)
    assert clock.let_go(at(1320), at(100), WRAP) == at(1320), "early on, the planned end stays"
    assert clock.let_go(None, NOON, WRAP) is None


@pytest.mark.parametrize(
    ("lost_ms", "since_s", "seconds"), [(0, None, 0), (1500, None, 1.5), (1500, 10, 11.5), (0, 10, 10), (500, -3, 0.5)]
)
def test_lost_time_is_what_was_and_what_is_running(lost_ms: int, since_s: float | None, seconds: float) -> None:
    since = None if since_s is None else at(-since_s)
    assert clock.lost_seconds(lost_ms, since, NOON) == seconds


@pytest.mark.parametrize(
    ("lost", "given", "seconds"), [(0, 0, 0), (0.9, 0, 0), (61.9, 0, 61), (300, 0, 300), (9999, 0, 300), (90, 1000, 0)]
)
def test_time_is_given_back_once_in_whole_seconds_and_at_most_five_minutes(
    lost: float, given: int, seconds: int
) -> None:
    assert clock.giveable(lost, given, 300) == seconds
