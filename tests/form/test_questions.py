"""The questions while waiting: the note form's own fields, in a patient's words."""

from __future__ import annotations

from datetime import date

import pytest

from server.form import questions
from server.form.definition import FORM
from server.form.prefill import offer, patients_own, prefill
from server.form.questions import check_intake, controls, merge, parse_intake, touched_fields, without

TODAY = date(2026, 11, 23)
EVERYTHING = [
    *(("section", step.id) for step in questions.STEPS),
    ("B1", "My shoulder"), ("B2-0-activity", "Coat"), ("B2-0-score", "4"), ("B2-1-activity", ""), ("B4", "Swim again"),
    ("C1", "yes"), ("C2-now", "6"), ("C2-best", "2"), ("C2-worst", "8"), ("C3-0-region", "shoulder"), ("C3-0-side", "right"),
    ("C4-weeks_ago", "3"), ("C4-kind", "gradual"), ("G0", "yes"), ("help", "G2"), ("help", "G1"),
    ("condition", "arthritis"), ("condition", "other"), ("condition_text", "Gout"),
]  # fmt: skip
DOCUMENT = {
    "B1": "My shoulder", "B2": [{"activity": "Coat", "score": 4}], "B4": "Swim again", "C1": "yes",
    "C2": {"now": 6, "best": 2, "worst": 8}, "C3": [{"region": "shoulder", "side": "right"}],
    "C4": {"weeks_ago": 3, "kind": "gradual"}, "G0": "yes", "G1": "0", "G2": "0",
    "E1": [{"condition": "arthritis", "status": "reported"}, {"condition": "other", "status": "reported", "text": "Gout"}],
}  # fmt: skip


def test_every_question_is_a_field_of_the_note_with_its_limits_and_codes() -> None:
    for asked in questions.INTAKE.fields():
        known = FORM.get(asked.id)
        assert known is not None
        assert (asked.kind, asked.codes, asked.least) == (known.kind, known.codes, known.least)
        assert asked.most is None or known.most is None or asked.most <= known.most
        for part in asked.parts:
            same = known.part(part.id)
            assert (part.kind, part.codes, part.least, part.most) == (same.kind, same.codes, same.least, same.most)


def test_answers_become_the_notes_own_document() -> None:
    document = parse_intake(EVERYTHING, {})
    assert document == DOCUMENT
    assert check_intake(document, TODAY) == []


def test_what_the_page_shows_again_is_what_was_answered() -> None:
    shown = [(name, value) for name, values in controls(DOCUMENT).items() for value in values]
    assert parse_intake([*(("section", step.id) for step in questions.STEPS), *shown], {}) == DOCUMENT


def test_a_step_that_was_not_sent_keeps_its_answers_and_a_cleared_one_loses_them() -> None:
    only_goal = parse_intake([("section", "B"), ("B4", "")], DOCUMENT)
    assert only_goal == {key: value for key, value in DOCUMENT.items() if key not in ("B2", "B4")}
    no_help = parse_intake([("section", "G"), ("G0", "no"), ("help", "G2")], DOCUMENT)
    assert no_help["G0"] == "no"
    assert not no_help.keys() & {"G1", "G2"}


def test_none_of_these_is_an_answer() -> None:
    assert parse_intake([("section", "E"), ("condition", "none")], {})["E1"] == []
    assert "E1" not in parse_intake([("section", "E")], DOCUMENT)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [("C4-weeks_ago", "long", "C4"), ("B4", "x" * 301, "B4"), ("C2-now", "11", "C2"), ("C3-0-region", "wing", "C3")],
)
def test_what_is_no_answer_is_named_and_not_kept(name: str, value: str, field: str) -> None:
    sent = [(n, v) for n, v in EVERYTHING if n != name] + [(name, value)]
    document = parse_intake(sent, {})
    errors = check_intake(document, TODAY)
    assert [error.field for error in errors] == [name]
    kept = without(document, {"C4": {"kind": "sudden"}}, errors)
    assert kept.get(field) == ({"kind": "sudden"} if field == "C4" else None)
    assert check_intake(kept, TODAY) == []


def test_controls_name_their_fields() -> None:
    assert touched_fields(["B2-0-score", "condition_text", "help", "csrf", "A7"]) == {"B2", "E1", *questions.HELP}


def test_two_windows_lose_nothing() -> None:
    merged, replaced = merge({"B4": "Swim", "C1": "yes"}, {"B4": "Sleep", "E1": []}, ["B4", "E1"])
    assert merged == {"B4": "Sleep", "C1": "yes", "E1": []}
    assert replaced == {"B4": "Swim"}
    assert merge({"B4": "Swim"}, {"B4": "Swim again"}, ["B4"])[1] == {}  # it still says it


INTAKE = {"version": 2, "document": {**DOCUMENT, "B1": "My right shoulder"}}
VISIT = {"reason": "My shoulder", "intake": INTAKE}


def test_a_fresh_note_begins_with_the_patients_answers() -> None:
    note = prefill(VISIT)
    assert {key: note[key] for key in DOCUMENT} == INTAKE["document"]
    assert patients_own(note) == frozenset(DOCUMENT)
    assert patients_own({**note, "B4": "Swim 1 km"}) == frozenset(DOCUMENT) - {"B4"}


def test_the_therapists_words_are_never_overwritten() -> None:
    typed = {"B1": "Shoulder pain for years", "B4": "Work", "G0": "no"}
    note = offer(typed, VISIT)
    assert {key: note[key] for key in typed} == typed
    assert note["C2"] == DOCUMENT["C2"]
    assert patients_own(note) == frozenset(DOCUMENT) - set(typed)


def test_what_the_therapist_has_taken_out_is_not_offered_again() -> None:
    note = prefill(VISIT)
    del note["E1"]
    later = offer(note, {**VISIT, "intake": {"version": 3, "document": {**DOCUMENT, "B4": "Dance"}}})
    assert "E1" not in later
    assert later["B4"] == "Swim again"
    assert offer(note, VISIT) == note


def test_without_pain_its_strength_does_not_reach_the_note() -> None:
    assert "C2" not in prefill({"intake": {"version": 1, "document": {**DOCUMENT, "C1": "no"}}})
    assert "G_source" not in prefill({"intake": {"version": 1, "document": {"G0": "no"}}})
