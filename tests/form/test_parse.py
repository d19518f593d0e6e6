"""From what a browser sends to the document, and back through the page."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.form.definition import FORM
from server.form.page import FieldView, page_model
from server.form.parse import parse
from server.form.validate import Context, validate
from tests.notes.filled import complete

TODAY = Context(date(2026, 11, 23), date(1970, 5, 4))
EVERY = [("section", s.id) for s in FORM.sections]


def post(*pairs: tuple[str, str], base: dict[str, Any] | None = None) -> dict[str, Any]:
    return parse([*EVERY, *pairs], base or {})


def test_kinds() -> None:
    document = post(
        ("A1", "video"), ("A2-methods", "dob"), ("A2-methods", "full_name"), ("A7", "416 555 0123"),
        ("A9-none", "yes"), ("B4", "  Walk\r\nagain  "), ("C2-now", "4"), ("D1", "no"), ("N10", "yes"),
        ("C4-date", "2026-10-01"), ("J1", "memory"), ("J1", "planning"),
    )  # fmt: skip
    assert document["A1"] == "video"
    assert document["A2"] == {"methods": ["full_name", "dob"]}, "in the form's order"
    assert document["A7"] == "+14165550123"
    assert document["A9"] == []
    assert document["B4"] == "Walk\nagain"
    assert document["C2"] == {"now": 4}
    assert document["C4"] == {"date": "2026-10-01"}
    assert document["J1"] == ["memory", "planning"]
    assert document["N10"] == "yes"
    assert document["D1"] == "no"
    assert document["D2"] == "not_asked", "never defaults to no"


def test_rows_keep_their_order_and_blank_ones_go() -> None:
    document = post(
        ("B2-2-activity", "swim"), ("B2-2-category", "sport_leisure"), ("B2-2-score", "3"),
        ("B2-0-activity", "dress"), ("B2-0-category", ""), ("B2-0-score", ""),
        ("B2-1-activity", " "), ("B2-1-category", ""), ("B2-1-score", ""),
        ("E1-0-condition", ""), ("E1-0-status", "reported"),
    )  # fmt: skip
    assert document["B2"] == [
        {"activity": "dress"},
        {"activity": "swim", "category": "sport_leisure", "score": 3},
    ]
    assert "E1" not in document, "a preset alone is a blank row"


def test_nothing_and_none_are_different() -> None:
    assert "K1" not in post()
    assert post(("K1-none", "yes"))["K1"] == []
    rows = post(("K1-none", "yes"), ("K1-0-place", "home"), ("K1-0-what", "stairs"))
    assert rows["K1"] == [{"place": "home", "what": "stairs"}], "what is there is not overruled"


def test_a_section_that_was_not_sent_keeps_what_it_had() -> None:
    base = {"B4": "Walk", "C1": "yes"}
    after = parse([("section", "C"), ("C1", "no")], base)
    assert after["B4"] == "Walk"
    assert after["C1"] == "no"
    assert parse([("B4", "lost")], base) == base


def test_the_server_fields_cannot_be_sent() -> None:
    base = {"A13": {"id": "staff-li"}, "A3": {"answer": "yes", "version": "2026-11"}, "A12": "not_recorded"}
    document = post(
        ("A13-id", "someone"), ("A3-version", "forged"), ("A3-answer", "no"), ("A12", "recorded"),
        ("A14-started_at", "x"),
        base=base,
    )  # fmt: skip
    assert document["A13"] == {"id": "staff-li"}
    assert document["A3"] == {"answer": "no", "version": "2026-11"}
    assert document["A12"] == "not_recorded"
    assert "A14" not in document


def test_what_cannot_be_read_is_kept_and_named() -> None:
    document = post(("C1", "yes"), ("C2-now", "4,5"), ("A7", "call me"), ("F3", "flies"), ("C4-date", "soon"))
    assert document["C2"] == {"now": "4,5"}
    assert document["A7"] == "call me"
    errors = {e.field for e in validate(document, context=TODAY)}
    assert {"C2-now", "A7", "F3", "C4-date"} <= errors


def test_files_and_unknown_names_are_ignored() -> None:
    assert post(("Z9", "x"), ("__proto__", "x"), ("B2-x-activity", "y")) == post()
    assert parse([*EVERY, ("B4", b"bytes")], {}) == post()


def controls(view: FieldView) -> list[tuple[str, str]]:
    """What a browser sends for a field as the page shows it."""
    if view.kind == "group":
        return [pair for part in view.parts for pair in controls(part)]
    if view.kind == "list":
        none = [(f"{view.name}-none", "yes")] if view.none_chosen else []
        return none + [pair for row in view.rows for part in row for pair in controls(part)]
    if view.choices:
        none = [(f"{view.name}-none", "yes")] if view.none_chosen else []
        return none + [(view.name, c.value) for c in view.choices if c.chosen]
    return [(view.name, "" if view.value is None else str(view.value))]


def browser_sends(document: dict[str, Any]) -> list[tuple[str, str]]:
    model = page_model(document, context=TODAY)
    return [pair for s in model.sections for v in s.fields for pair in controls(v)]


def test_a_page_that_is_sent_back_unchanged_changes_nothing() -> None:
    document = complete(
        G0="yes", G1="1", G2="0", G3="unable", G4="1", G5="1", G6="1", G7="hand_function", D9="unable",
        D9_reason="dark",
        A9=[{"name": "Ivo", "role": "interpreter"}], K1=[{"place": "home", "what": "other", "text": "dog"}],
        D15_cleared=[{"flags": ["D2", "D3"], "by": "Dr Osei", "at": "2026-11-23T14:05", "how": "x" * 40}],
        I3={"grip_pinch": "normal", "tingling_left": [], "tingling_right": ["thumb"]}, C6=["sitting", "rest"],
    )  # fmt: skip
    once = parse([*EVERY, *browser_sends(document)], document)
    answered = {k: v for k, v in once.items() if v != "not_asked"}
    assert answered == document
    assert parse([*EVERY, *browser_sends(once)], once) == once


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([n for n, _ in browser_sends(complete())]), st.text(max_size=30)), max_size=40)
)
def test_any_post_can_be_read_validated_and_shown(pairs: list[tuple[str, str]]) -> None:
    document = post(*pairs)
    validate(document, context=TODAY)
    validate(document, context=TODAY, strength="sign")
    page_model(document, context=TODAY)
    assert parse([*EVERY, *browser_sends(document)], document).keys() <= document.keys()
