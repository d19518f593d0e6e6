"""Conditions: what they say, and that their JSON keeps it (the browser reads the same)."""

from __future__ import annotations

from typing import Any

import pytest

from server.form.conditions import All, Any_, AtLeast, Condition, Filled, Is, Not, Same, as_json, holds

DOCUMENT: dict[str, Any] = {
    "C1": "yes", "A4": {"given_by": "sdm"}, "E1": [{"condition": "stroke"}, {"condition": "other", "text": "gout"}],
    "J1": ["memory"], "F5": 2, "A9": [], "A7": "+14165550123", "A8": {"phone": "416 555-0123"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Is("C1", ("yes",)), True),
        (Is("C1", ("no", "unable")), False),
        (Is("D1", ("yes",)), False),
        (Is("D1", ("not_asked",)), True),
        (Is("A4.given_by", ("sdm",)), True),
        (Is("A5.name", ("sdm",)), False),
        (Is("E1[].condition", ("stroke",)), True),
        (Is("E1[].condition", ("ms",)), False),
        (Is("J1", ("memory", "planning")), True),
        (AtLeast("F5", 1), True),
        (AtLeast("F5", 3), False),
        (AtLeast("F6", 0), False),
        (Filled("C1"), True),
        (Filled("A9[].name"), False),
        (Filled("B4"), False),
        (Same("A8.phone", "A7"), True),
        (Same("A8.phone", "A6"), False),
        (Not(Is("C1", ("yes",))), False),
        (All((Is("C1", ("yes",)), AtLeast("F5", 1))), True),
        (Any_((Is("C1", ("no",)), AtLeast("F5", 1))), True),
    ],
)
def test_holds(condition: Condition, expected: bool) -> None:
    assert holds(condition, DOCUMENT) is expected


def test_siblings_are_of_the_same_row() -> None:
    other = Is(".condition", ("other",))
    assert [holds(other, DOCUMENT, row) for row in DOCUMENT["E1"]] == [False, True]
    assert not holds(other, DOCUMENT)


def test_booleans_are_not_numbers() -> None:
    assert not holds(AtLeast("F5", 1), {"F5": True})


def test_json() -> None:
    condition = All((Is("C1", ("yes",)), Not(Any_((AtLeast("F5", 1), Filled(".x"), Same("A", "B"))))))
    assert as_json(condition) == [
        "all", ["is", "C1", ["yes"]], ["not", ["any", ["atLeast", "F5", 1], ["filled", ".x"], ["same", "A", "B"]]],
    ]  # fmt: skip
