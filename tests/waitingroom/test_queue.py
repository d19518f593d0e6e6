"""Order, places and expected waits, pure: the examples of docs/waiting-room.md, and what is always so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from server.waitingroom.queue import (
    DUE,
    EARLY,
    FIRST,
    LATE,
    WALK_IN,
    Because,
    Standing,
    Therapist,
    Told,
    Waiting,
    as_range,
    because,
    expected_waits,
    in_order,
    kind_of,
    may_take,
    minutes_late,
    next_change,
    next_for,
    speaks,
    standings,
    usual_length,
)

DOC = Path(__file__).parents[2] / "docs" / "waiting-room.md"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USUAL = 22 * 60.0
MINUTE = timedelta(minutes=1)


# ---- the tables of the document


def table(heading: str) -> list[list[str]]:
    """The rows of the document's table whose first column is called ``heading``."""
    rows = re.search(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", DOC.read_text(), re.MULTILINE)
    assert rows, f"docs/waiting-room.md has no table of {heading}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def clock(text: str) -> datetime:
    hour, minute = text.split(":")
    return NOON.replace(hour=int(hour), minute=int(minute))


def somebody(text: str) -> Waiting:
    """``Ben 9:50 booked 10:00 first 9:59 for OT fr interpreter``"""
    name, *words = text.split()
    one, word = Waiting(name, NOON), ""
    for each in words:
        match word, each:
            case "booked", _:
                one = replace(one, due_at=clock(each))
            case "first", _:
                one = replace(one, priority_at=clock(each))
            case "for", "PT" | "OT":
                one = replace(one, profession=each)
            case "for", _:
                one = replace(one, staff=each)
            case _, "interpreter":
                one = replace(one, interpreter=True)
            case _, "fr" | "other":
                one = replace(one, language=each)
            case _, "booked" | "first" | "for" | "away":
                pass
            case _:
                one = replace(one, arrived_at=clock(each))
        word = each
    return one


@pytest.mark.parametrize(("now", "who", "order"), table("Now"), ids=lambda cell: cell.replace(" ", "_"))
def test_the_order_in_the_document(now: str, who: str, order: str) -> None:
    waiting = [somebody(one) for one in who.split(", ")]
    for given_in in (waiting, waiting[::-1]):
        assert [one.visit for one in in_order(given_in, clock(now))] == order.split(", ")


@pytest.mark.parametrize(("who", "line", "takes"), table("Therapist"), ids=lambda cell: cell.replace(" ", "_"))
def test_who_takes_whom_in_the_document(who: str, line: str, takes: str) -> None:
    name, profession, *languages = who.split()
    therapist = Therapist(name, profession, frozenset(languages))
    order = [somebody(one) for one in line.split(", ")]
    away = [one.split()[0] for one in line.split(", ") if one.endswith(" away")]
    found = next_for(therapist, order, away)
    assert (found.visit if found else "nobody") == takes


# ---- people at random: few values, so that ties and edges happen

INSTANTS = st.integers(-40, 40).map(lambda n: NOON + n * 5 * MINUTE / 2)
OPTIONAL = st.none() | INSTANTS
PEOPLE = st.lists(
    st.builds(
        Waiting,
        visit=st.integers(0, 30).map(str),
        arrived_at=INSTANTS,
        due_at=OPTIONAL,
        priority_at=st.none() | st.none() | INSTANTS,
        staff=st.none() | st.none() | st.sampled_from(["0", "1", "gone"]),
        profession=st.none() | st.none() | st.sampled_from(["PT", "OT"]),
        language=st.sampled_from(["en", "en", "fr", "other"]),
        interpreter=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.visit,
)
THERAPISTS = st.lists(
    st.builds(
        Therapist,
        id=st.just(""),
        profession=st.sampled_from(["PT", "OT", None]),
        languages=st.sampled_from([frozenset({"en"}), frozenset({"fr"}), frozenset({"en", "fr"})]),
        free_in=st.sampled_from([0.0, 0.0, 60.0, 700.0, 1500.0]),
        takes=st.sampled_from([None, None, 0, 1, 2]),
    ),
    max_size=4,
).map(lambda some: [replace(one, id=str(number)) for number, one in enumerate(some)])


def reason(one: Waiting, now: datetime) -> tuple[int, datetime]:
    """Said anew, from the document: why somebody stands where they do."""
    if one.priority_at:
        return 1, one.priority_at
    if one.due_at and one.arrived_at - one.due_at <= 15 * MINUTE:
        return (2 if now >= one.due_at else 4), one.due_at
    return 3, one.arrived_at


@given(PEOPLE, INSTANTS)
def test_nobody_is_overtaken_without_a_reason(waiting: list[Waiting], now: datetime) -> None:
    order = in_order(waiting, now)
    assert sorted(one.visit for one in order) == sorted(one.visit for one in waiting), "no one lost, no one twice"
    for ahead, behind in pairwise(order):
        assert reason(ahead, now) <= reason(behind, now)


@given(PEOPLE, INSTANTS, st.randoms(use_true_random=False))
def test_the_order_is_the_same_for_every_reader(waiting: list[Waiting], now: datetime, random: Random) -> None:
    other = [*waiting]
    random.shuffle(other)
    assert in_order(other, now) == in_order(waiting, now)


@given(PEOPLE, INSTANTS, THERAPISTS)
def test_who_walks_in_later_stands_behind_everybody_who_is_not_early(
    waiting: list[Waiting], now: datetime, therapists: list[Therapist]
) -> None:
    later = Waiting("later", NOON + timedelta(days=1))
    before = standings(in_order(waiting, now), now, therapists, USUAL)
    after = standings(in_order([*waiting, later], now), now, therapists, USUAL)
    for one in waiting:
        if kind_of(one, now) != EARLY:
            assert after[one.visit].place == before[one.visit].place
        assert after[one.visit].place <= before[one.visit].place + 1


@given(PEOPLE, INSTANTS)
def test_who_goes_makes_nobody_wait_longer_in_line(waiting: list[Waiting], now: datetime) -> None:
    assume(waiting)
    before, after = (standings(in_order(some, now), now, [], USUAL) for some in (waiting, waiting[1:]))
    assert all(after[one.visit].place <= before[one.visit].place for one in waiting[1:])


@given(PEOPLE, INSTANTS, st.integers(0, 200))
def test_time_only_makes_who_is_early_due(waiting: list[Waiting], now: datetime, minutes: int) -> None:
    then = now + minutes * MINUTE
    for one in waiting:
        was, is_now = kind_of(one, now), kind_of(one, then)
        assert was == is_now or (was, is_now) == (EARLY, DUE)
    change = next_change(waiting, now)
    if change is None or then < change:
        assert in_order(waiting, now) == in_order(waiting, then), "nothing changes before it was said to"
    else:
        assert now < change
        assert any(kind_of(one, now) == EARLY and kind_of(one, change) == DUE for one in waiting)
    stay = [one for one in waiting if kind_of(one, now) == kind_of(one, then)]
    assert in_order(stay, now) == in_order(stay, then)


@given(PEOPLE, INSTANTS, THERAPISTS)
def test_places_are_the_order_that_each_therapist_sees(
    waiting: list[Waiting], now: datetime, therapists: list[Therapist]
) -> None:
    order = in_order(waiting, now)
    found = standings(order, now, therapists, USUAL)
    assert set(found) == {one.visit for one in order}
    for number, one in enumerate(order):
        said = found[one.visit]
        ahead = order[:number]
        assert 1 <= said.place <= number + 1
        assert said.kind == kind_of(one, now)
        assert said.first + said.due < said.place
        assert said.first <= sum(kind_of(other, now) == FIRST for other in ahead)
        assert said.due <= sum(kind_of(other, now) == DUE for other in ahead)
        if one.staff is one.profession is None:
            assert said.place == number + 1, "whom everybody may take waits for all who are before"
    for each in therapists:
        own = [found[one.visit].place for one in order if may_take(each, one)]
        assert all(number <= place for number, place in enumerate(own, 1)), "nobody is nearer than they were told"
    queues: dict[object, list[int]] = {}
    for one in order:
        queues.setdefault((one.staff, one.profession), []).append(found[one.visit].place)
    assert all(a < b for places in queues.values() for a, b in pairwise(places)), "further back is a later place"


def test_another_queue_does_not_count() -> None:
    order = [somebody("Ana for OT"), somebody("Ben for PT"), somebody("Cy for Li"), somebody("Dan for Okafor")]
    found = standings(order, NOON, [], USUAL)
    assert {name: one.place for name, one in found.items()} == {"Ana": 1, "Ben": 1, "Cy": 3, "Dan": 3}
    assert standings([*order, somebody("Eve")], NOON, [], USUAL)["Eve"] == Standing(5, WALK_IN, None, 0, 0)


# ---- the wait


@given(PEOPLE, INSTANTS, THERAPISTS, PEOPLE)
def test_waits_keep_to_the_order_and_to_who_takes(
    waiting: list[Waiting], now: datetime, therapists: list[Therapist], booked: list[Waiting]
) -> None:
    order = in_order(waiting, now)
    coming = [replace(one, visit=f"c{one.visit}", arrived_at=one.due_at) for one in booked if one.due_at]
    waits = expected_waits(order, now, therapists, USUAL, coming)
    takers = [one for one in therapists if one.takes != 0]
    for one in order:
        fits = [each for each in takers if may_take(each, one) and speaks(each, one)]
        if one.visit in waits:
            assert fits, "only somebody who may can take"
            assert waits[one.visit] >= min(each.free_in for each in fits)
        elif any(each.takes is None for each in fits):
            pytest.fail("somebody who takes as many as come can take everybody who fits")
        if one.visit in waits and kind_of(one, now) == EARLY and one.due_at:
            assert waits[one.visit] >= (one.due_at - now).total_seconds(), "while others may come, not before the slot"
    limited = [one.takes for one in therapists]
    if None not in limited:
        assert len(waits) <= sum(number for number in limited if number is not None)
    alike: dict[object, list[Waiting]] = {}
    for one in order:
        key = (one.staff, one.profession, one.language, one.interpreter, kind_of(one, now) == EARLY)
        alike.setdefault(key, []).append(one)
    for line in alike.values():
        known = [waits[one.visit] for one in line if one.visit in waits]
        assert known == sorted(known), "nobody behind is taken earlier"
        assert [one.visit in waits for one in line] == sorted((one.visit in waits for one in line), reverse=True)


def test_each_therapist_sees_one_at_a_time() -> None:
    order = [Waiting(str(number), NOON + number * MINUTE) for number in range(5)]
    two = [Therapist("0"), Therapist("1", free_in=600.0)]
    assert expected_waits(order, NOON, two, USUAL) == {"0": 0, "1": 600, "2": 1320, "3": 1920, "4": 2640}


def test_nobody_on_duty_nobody_knows() -> None:
    assert expected_waits([Waiting("ana", NOON)], NOON, [], USUAL) == {}
    assert expected_waits([Waiting("ana", NOON)], NOON, [Therapist("0", takes=0)], USUAL) == {}


def test_the_last_patient_is_the_last() -> None:
    order = [Waiting("ana", NOON), Waiting("ben", NOON)]
    assert expected_waits(order, NOON, [Therapist("0", takes=1)], USUAL) == {"ana": 0}


def test_a_patient_whom_nobody_here_may_take_is_not_told_a_time() -> None:
    order = [somebody("Ana for OT"), somebody("Ben fr"), somebody("Cy for Okafor"), somebody("Dan")]
    assert expected_waits(order, NOON, [Therapist("Li", "PT", frozenset({"en"}))], USUAL) == {"Dan": 0}


def test_a_booked_patient_who_is_still_to_come_takes_time_from_the_slot_on() -> None:
    here = [Waiting("ana", NOON), Waiting("ben", NOON + MINUTE)]
    soon = Waiting("cy", NOON + 10 * MINUTE, due_at=NOON + 10 * MINUTE)
    waits = expected_waits(here, NOON, [Therapist("0")], USUAL, [soon])
    assert (waits["ana"], waits["cy"], waits["ben"]) == (0, USUAL, 2 * USUAL), "ana is free at 22, cy's slot was at 10"
    assert expected_waits(here, NOON, [Therapist("0", free_in=60.0)], 300, [soon])["ben"] == 360, "there is time before"


def test_a_booked_patient_who_ought_to_be_here_comes_before_the_walk_ins() -> None:
    overdue = Waiting("cy", NOON - 5 * MINUTE, due_at=NOON - 5 * MINUTE)
    assert expected_waits([Waiting("ana", NOON)], NOON, [Therapist("0")], USUAL, [overdue]) == {"cy": 0, "ana": USUAL}


def test_an_early_patient_holds_nobody_up_before_the_slot() -> None:
    early = Waiting("eve", NOON - MINUTE, due_at=NOON + 5 * MINUTE)
    order = in_order([early, Waiting("ana", NOON)], NOON)
    assert expected_waits(order, NOON, [Therapist("0")], USUAL) == {"ana": 0, "eve": USUAL}
    assert expected_waits(order, NOON, [Therapist("0"), Therapist("1")], USUAL) == {"ana": 0, "eve": 300}
    assert next_for(Therapist("0"), [early]) == early, "but while nobody else waits, one is taken"


def test_ten_thousand_wait() -> None:
    random = Random(4)
    waiting = [
        Waiting(
            str(number),
            NOON + number * timedelta(seconds=1),
            due_at=random.choice([None, None, NOON + random.randrange(600) * MINUTE]),
            staff=random.choice([None, None, None, *map(str, range(20))]),
            profession=random.choice([None, "PT", "OT"]),
            language=random.choice(["en", "fr", "other"]),
        )
        for number in range(10_000)
    ]
    therapists = [Therapist(str(number), ("PT", "OT")[number % 2], free_in=60.0 * number) for number in range(20)]
    order = in_order(waiting, NOON + 300 * MINUTE)
    found = standings(order, NOON + 300 * MINUTE, therapists, USUAL, waiting[:50])
    assert len(found) == 10_000
    assert found[order[0].visit].place == 1


# ---- what people are told


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


@given(st.floats(0, 10**5), st.floats(0, 10**4))
def test_a_longer_wait_is_never_told_as_a_shorter_one(seconds: float, more: float) -> None:
    least, most = as_range(seconds)
    later = as_range(seconds + more)
    assert least <= later[0]
    assert most <= later[1]


@pytest.mark.parametrize(
    ("after_slot", "wait", "late"),
    [(-10, 10, 0), (0, 0, 0), (0, 2, 0), (0, 2.5, 5), (0, 7, 5), (0, 8, 10), (10, 0, 10), (10, 3, 15), (-5, 20, 15)],
)
def test_how_late_a_therapist_runs(after_slot: float, wait: float, late: int) -> None:
    assert minutes_late(NOON, NOON + after_slot * MINUTE, wait * 60) == late


TOLD = st.builds(
    Told,
    place=st.none() | st.integers(1, 6),
    most=st.none() | st.integers(2, 40),
    first=st.integers(0, 3),
    due=st.integers(0, 3),
    on_duty=st.integers(0, 3),
)


@given(TOLD, TOLD)
def test_what_is_worse_always_says_why_and_nothing_else_does(before: Told, after: Told) -> None:
    further = before.place is not None and after.place is not None and after.place > before.place
    longer = before.most is not None and (after.most is None or after.most > before.most)
    why = because(before, after)
    assert bool(why) == (further or longer)
    assert (why == "urgent") <= (after.first > before.first)
    assert (why == "booked") <= (after.due > before.due)
    assert (why == "fewer") <= (after.on_duty < before.on_duty)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"place": 1, "most": 10}, ""),
        ({"place": 3, "first": 1}, "urgent"),
        ({"place": 3, "due": 2}, "booked"),
        ({"place": 3}, "earlier"),
        ({"most": 30, "on_duty": 1}, "fewer"),
        ({"most": None, "on_duty": 0}, "fewer"),
        ({"most": 30, "first": 1}, "urgent"),
        ({"most": 30, "due": 2}, "booked"),
        ({"most": 30}, "longer"),
        ({"most": 30, "coming": 1}, "booked"),
        ({"place": 3, "coming": 1}, "earlier"),
        ({"place": 3, "line": 7}, "moved"),
        ({"most": 30, "line": 7, "first": 1}, "moved"),
        ({"place": 1, "line": 7}, ""),
    ],
)
def test_why(change: dict[str, int], why: str) -> None:
    before = Told(place=2, most=15, first=0, due=1, on_duty=2)
    assert because(before, replace(before, **change)) == why


@given(PEOPLE, PEOPLE, INSTANTS, THERAPISTS)
def test_a_place_that_grew_is_explained_by_who_is_ahead(
    waiting: list[Waiting], others: list[Waiting], now: datetime, therapists: list[Therapist]
) -> None:
    """Others join; whoever stands further back hears why, and it is true of those ahead."""
    more = [replace(one, visit=f"o{one.visit}") for one in others]
    before, after = (standings(in_order(some, now), now, therapists, USUAL) for some in (waiting, [*waiting, *more]))
    for one in waiting:
        was, is_now = before[one.visit], after[one.visit]
        told = [Told(each.place, None, each.first, each.due, len(therapists)) for each in (was, is_now)]
        why = because(*told)
        assert bool(why) == (is_now.place > was.place)
        if why == "earlier" and was.kind != EARLY:
            assert any(kind_of(other, now) == WALK_IN and other.arrived_at <= one.arrived_at for other in more)


@given(st.lists(st.floats(0, 10**4), max_size=30), st.floats(60, 3600))
def test_the_usual_length_is_sane(lengths: Sequence[float], planned: float) -> None:
    usual = usual_length(lengths, planned)
    assert planned / 4 <= usual <= planned * 2
    if len(lengths) < 5:
        assert usual == planned
    elif planned / 4 <= min(lengths) <= max(lengths) <= planned * 2:
        assert min(lengths) <= usual <= max(lengths)


def test_late_is_what_the_document_says() -> None:
    assert timedelta(minutes=int(re.findall(r"more than (\d+) minutes after their slot", DOC.read_text())[0])) == LATE


def test_every_reason_has_its_words_on_the_patients_page() -> None:
    words = (DOC.parents[1] / "webclient/templates/visit/waiting_words.html").read_text()
    reasons = re.search(r"set reasons = \{(.*?)\} %\}", words, re.DOTALL)
    assert reasons
    assert set(re.findall(r'"(\w+)": _\(', reasons[1])) == set(get_args(Because)) - {""}
