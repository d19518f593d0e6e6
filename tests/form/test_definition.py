"""The form's own consistency: everything that names something names something that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

import pytest

from server.form import levels
from server.form.codes import CONDITIONS
from server.form.conditions import AtLeast, Filled, Is, Same
from server.form.definition import FORM
from server.form.model import YES_NO, Field, Form, Section
from server.form.validate import Context, validate
from server.notes import rules_inputs as known
from tests.notes.filled import complete


def paths(condition: Any) -> Iterator[str]:
    if isinstance(condition, Is | AtLeast | Filled):
        yield condition.path
    elif isinstance(condition, Same):
        yield from (condition.path, condition.other)
    elif isinstance(condition, tuple):
        for one in condition:
            yield from paths(one)
    elif is_dataclass(condition):
        for f in fields(condition):
            yield from paths(getattr(condition, f.name))


def walk(field: Field) -> Iterator[tuple[Field, Field | None]]:
    yield field, None
    for part in field.parts:
        yield part, field


ALL = [pair for f in FORM.fields() for pair in walk(f)]


def test_ids_are_unique() -> None:
    ids = [f.id for f in FORM.fields()]
    assert len(ids) == len(set(ids))
    for field in FORM.fields():
        parts = [p.id for p in field.parts]
        assert len(parts) == len(set(parts))


@pytest.mark.parametrize(("field", "parent"), ALL, ids=lambda f: f.id if f else "")
def test_conditions_name_fields_that_exist(field: Field, parent: Field | None) -> None:
    for condition in (field.show, field.required, *(p.when for p in field.prompts)):
        for path in paths(condition):
            if path.startswith("."):
                assert parent is not None
                assert path[1:] in {p.id for p in parent.parts}
                continue
            name, _, part = path.replace("[]", "").partition(".")
            named = FORM.get(name)
            assert named is not None, path
            assert not part or part in {p.id for p in named.parts}, path


@pytest.mark.parametrize(("field", "parent"), ALL, ids=lambda f: f.id if f else "")
def test_conditions_name_codes_that_exist(field: Field, parent: Field | None) -> None:
    def codes(path: str) -> set[str]:
        name, _, part = path.replace("[]", "").partition(".")
        named = parent.part(path[1:]) if path.startswith(".") and parent else FORM.get(name)
        assert named is not None
        found = named.part(part) if part and not path.startswith(".") else named
        return {*found.codes, "yes"} if found.kind == "check" else set(found.codes)

    def visit(condition: Any) -> None:
        if isinstance(condition, Is):
            assert set(condition.values) <= codes(condition.path), condition
        elif isinstance(condition, tuple):
            for one in condition:
                visit(one)
        elif is_dataclass(condition):
            for f in fields(condition):
                visit(getattr(condition, f.name))

    visit(field.show)
    visit(field.required)


def test_the_sections() -> None:
    assert [s.id for s in FORM.sections] == list("ABCDEFGIJKNZ")
    assert {f"D{n}" for n in range(1, 16)} <= {f.id for f in FORM.fields()}
    assert {f"N{n}" for n in (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)} <= {f.id for f in FORM.fields()}


def test_no_clinical_answer_is_preset_or_filled_for_a_red_flag() -> None:
    assert {f.id for f, _ in ALL if f.preset} == {"status"}
    assert {f.id for f, _ in ALL if f.fill} == {"I1"}


def codes_of(name: str, part: str = "") -> frozenset[str]:
    field = FORM.get(name)
    assert field is not None
    return frozenset((field.part(part) if part else field).codes)


@pytest.mark.parametrize(
    ("codes", "allowed"),
    [
        (codes_of("B2", "category"), known.GOALS),
        (frozenset(o.value for o in CONDITIONS), known.CONDITIONS),
        (codes_of("F1", "finding"), known.ROM),
        (codes_of("F2", "level"), known.STRENGTH),
        (codes_of("F3"), known.GAIT),
        (codes_of("F4"), known.BALANCE),
        (codes_of("F7"), known.TRANSFERS),
        (codes_of("F9"), known.COURSE),
        (codes_of("G7"), known.ADL_CAUSES),
        (codes_of("J1"), known.THINKING),
        (codes_of("K1", "place"), known.PLACES),
        (codes_of("K1", "what"), known.BARRIERS),
    ],
)
def test_the_aid_knows_every_code_of_the_form(codes: frozenset[str], allowed: frozenset[str]) -> None:
    assert codes == allowed


def test_the_aid_knows_every_region_and_hand_task() -> None:
    assert codes_of("F1", "joint") <= known.REGIONS
    assert codes_of("F2", "region") <= known.REGIONS
    hand = FORM.get("I1")
    assert hand is not None
    assert {p.id for p in hand.parts} == known.HAND_TASKS


def test_each_red_flag_has_a_level() -> None:
    assert set(levels.LEVELS) == set(levels.FLAGS)
    for second in levels.ESCALATIONS.values():
        assert FORM.has(second)


def test_a_section_is_added_by_data_alone() -> None:
    technical = Section(
        "M", "Technical", "Technical",
        (
            Field("M3", "text", "Limits", required=Is("A1", ("phone_fallback",)), least=1, most=500, lines=2),
            Field("M4", "code", "Enough to decide", required=True, options=YES_NO),
        ),
    )  # fmt: skip
    form = Form((*FORM.sections, technical))
    context = Context(date(2026, 11, 23))
    errors = validate(complete(A1="phone_fallback"), context=context, strength="sign", form=form)
    assert {e.field for e in errors} == {"M3", "M4"}
    unseen = complete(M4="no", M3="It froze")
    found = validate(unseen, context=context, strength="sign", form=form)
    assert [e.field for e in found] == ["N1"], "V10 counts once the field exists"
