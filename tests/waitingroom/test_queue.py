"""Order and expected wait, pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.waitingroom.queue import Waiting, as_range, expected_waits, in_order

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
USUAL = 22 * 60.0


def test_the_first_to_arrive_is_the_first() -> None:
    ana, ben, cy = (Waiting(name, NINE + timedelta(seconds=s)) for name, s in (("ana", 0), ("ben", 5), ("cy", 5)))
    assert in_order([cy, ben, ana]) == [ana, ben, cy], "the same on every node, ties too"


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 20)), unique_by=lambda one: one[0]))
def test_everyone_keeps_a_place_and_nobody_overtakes(people: list[tuple[str, int]]) -> None:
    waiting = [Waiting(name, NINE + timedelta(seconds=s)) for name, s in people]
    ordered = in_order(waiting)
    assert sorted(one.visit for one in ordered) == sorted(one.visit for one in waiting)
    assert all(a.arrived_at <= b.arrived_at for a, b in pairwise(ordered))
    without_last = in_order(waiting[:-1])
    assert without_last == [one for one in ordered if one in without_last], "who arrives later changes nothing"


def test_nobody_on_duty_nobody_knows() -> None:
    assert expected_waits(2, [], USUAL) == [None, None]


def test_with_a_free_therapist_the_first_waits_hardly() -> None:
    assert expected_waits(1, [0.0], USUAL) == [(0, 2)]


def test_two_therapists_are_twice_as_fast() -> None:
    one = expected_waits(4, [0.0], USUAL)
    two = expected_waits(4, [0.0, 0.0], USUAL)
    assert two == [one[0], one[0], one[1], one[1]]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, (0, 2)), (1, (0, 4)), (4, (3, 7)), (6, (4, 10)), (10, (5, 15)), (22, (15, 30)), (60, (45, 80))],
)
def test_a_range_is_what_people_say(minutes: float, said: tuple[int, int]) -> None:
    assert as_range(minutes * 60) == said


@given(st.floats(0, 10**6))
def test_a_range_holds_the_truth_and_has_a_width(seconds: float) -> None:
    least, most = as_range(seconds)
    assert 0 <= least <= seconds / 60 <= most
    assert least < most


@given(st.integers(0, 30), st.lists(st.floats(0, 5000), min_size=1, max_size=5))
def test_who_is_later_in_the_queue_waits_at_least_as_long(places: int, free_in: list[float]) -> None:
    waits = [wait for wait in expected_waits(places, free_in, USUAL) if wait]
    assert len(waits) == places
    assert waits == sorted(waits)
