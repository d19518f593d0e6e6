"""When an emergency is open: the clock must not end the visit then, and must be able to end it afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from server.form.levels import open_emergency, urgent_level
from tests.notes.cases import Document, cleared

ACTION: dict[str, Any] = {
    "level": "E", "told_who": "dispatcher", "time": "14:12", "service": "9-1-1", "patient_agreed": "yes",
    "handover": "Chest pain for ten minutes, alone at home", "handed_over": "yes",
}  # fmt: skip


@pytest.mark.parametrize("flag", ["D1", "D2", "D3", "D4", "D10", "D11", "D14"])
def test_a_flag_of_level_E_opens_it(flag: str) -> None:
    assert open_emergency({flag: "yes"})
    assert not open_emergency({flag: "no"})
    assert not open_emergency({flag: "unable"})
    assert not open_emergency({})


@pytest.mark.parametrize("flag", ["D5", "D6", "D7", "D8", "D9", "D12", "D13"])
def test_other_levels_do_not(flag: str) -> None:
    assert not open_emergency({flag: "yes"})
    assert open_emergency({flag: "yes", "D15": {"level": "E"}}), "unless the therapist says so"


def test_the_second_question_raises_the_level() -> None:
    assert open_emergency({"D6": "yes", "D6_nerve": "yes"})
    assert open_emergency({"D8": "yes", "D8_leg": "yes"})
    assert not open_emergency({"D8": "no", "D8_leg": "yes"})


def test_cleared_closes_it_for_the_flags_it_names() -> None:
    assert not open_emergency({"D2": "yes", **cleared("D2")})
    assert open_emergency({"D2": "yes", "D3": "yes", **cleared("D2")})
    assert open_emergency({"D2": "yes", **cleared("D2", how="short")})


def test_acted_upon_closes_it() -> None:
    assert not open_emergency({"D2": "yes", "D15": ACTION})


@pytest.mark.parametrize("part", sorted(ACTION))
def test_every_part_of_the_action_counts(part: str) -> None:
    document: Document = {"D2": "yes", "D15": {k: v for k, v in ACTION.items() if k != part}}
    assert open_emergency(document)


def test_having_called_is_not_having_handed_over() -> None:
    assert open_emergency({"D2": "yes", "D15": {**ACTION, "handed_over": "no"}})


def test_a_refusing_patient_can_be_handed_over_too() -> None:
    assert not open_emergency({"D2": "yes", "D15": {**ACTION, "patient_agreed": "no"}})


def test_an_action_for_a_lower_level_does_not_close_a_later_emergency() -> None:
    for_leg = {**ACTION, "level": "S"}
    assert not open_emergency({"D5": "yes", "D15": for_leg})
    assert open_emergency({"D5": "yes", "D2": "yes", "D15": for_leg})
    reasoned = {**for_leg, "lower_reason": "Known stable angina, seen yesterday"}
    assert not open_emergency({"D2": "yes", "D15": reasoned})


def test_level() -> None:
    assert urgent_level({}) is None
    assert urgent_level({"D8": "yes"}) == "P"
    assert urgent_level({"D8": "yes", "D5": "yes"}) == "S"
    assert urgent_level({"D8": "yes", "D15": {"level": "S"}}) == "S"
    assert urgent_level({"D2": "yes", "D15": {"level": "P"}}) == "E"
