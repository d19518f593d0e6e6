"""The table of states: what is not in it does not happen."""

from __future__ import annotations

import itertools

import pytest

from server.errors import IllegalTransition
from server.visit.states import OPEN, OVER, TABLE, Event, State, after, diagram

PAIRS = list(itertools.product(State, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda value: str(value))
def test_a_pair_is_in_the_table_or_an_error(state: State, event: Event) -> None:
    if (state, event) in TABLE:
        assert after(state, event) is TABLE[state, event]
    else:
        with pytest.raises(IllegalTransition) as error:
            after(state, event)
        assert (error.value.state, error.value.event, error.value.status) == (state, event, 409)


def test_the_days_usual_course() -> None:
    state = State.CHECKING
    for event in (Event.ARRIVE, Event.ADMIT, Event.CONFIRM, Event.END):
        state = after(state, event)
    assert state is State.ENDED


def test_nobody_is_admitted_who_does_not_wait() -> None:
    assert {before for before, event in TABLE if event is Event.ADMIT} == {State.WAITING}


def test_back_to_waiting_only_from_an_open_visit_or_an_arrival() -> None:
    back = {(before, event) for (before, event), then in TABLE.items() if then is State.WAITING}
    assert {before for before, event in back if event is not Event.ARRIVE} == OPEN


def test_what_is_over_never_opens_again() -> None:
    assert not [pair for pair, then in TABLE.items() if pair[0] in OVER and then not in OVER]
    assert OPEN.isdisjoint(OVER)


def test_every_state_can_be_reached_and_has_an_end() -> None:
    def reachable(start: State) -> set[State]:
        found, todo = {start}, [start]
        while todo:
            here = todo.pop()
            more = {then for (before, _), then in TABLE.items() if before is here} - found
            found |= more
            todo += more
        return found

    assert reachable(State.BOOKED) | reachable(State.CHECKING) == set(State)
    assert all(reachable(state) & OVER for state in State)


def test_the_names_fit_the_record() -> None:
    assert all(len(state) <= 16 for state in State)
    assert all(len(event) <= 32 for event in Event)


def test_the_diagram_shows_the_whole_table() -> None:
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    for (before, event), then in TABLE.items():
        assert f"    {before} --> {then} : {event}" in lines
    assert "    not_completed --> [*]" in lines
    assert "    ended --> [*]" not in lines, "a short note may still close it"
