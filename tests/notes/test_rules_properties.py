"""What holds for every note: the properties that CLINICAL.md names, over generated documents."""

from __future__ import annotations

import copy
import os
import random
import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.form.applicable import applicable
from server.form.definition import FORM
from server.form.lawton import LAWTON
from server.form.levels import FLAGS, open_flags
from server.form.model import Field
from server.notes.rules import suggest
from server.notes.rules_evidence import gather
from server.notes.rules_inputs import DEVICES, read
from tests.notes.cases import NO_FLAGS, Document, cleared

#: `make test` holds a sample of what `make test-long` runs.
QUICK = settings(max_examples=1000 if os.environ.get("TEST_LONG") else 40, deadline=None)


def values(field: Field) -> st.SearchStrategy[Any]:
    match field.kind:
        case "code" | "state4":
            return st.sampled_from(field.codes)
        case "multi":
            return st.lists(st.sampled_from(field.codes), unique=True, max_size=4)
        case "check":
            return st.just("yes")
        case "int":
            return st.integers(field.least or 0, field.most or 0)
        case "group":
            return st.fixed_dictionaries({}, optional={p.id: values(p) for p in field.parts})
        case "list":
            row = st.fixed_dictionaries({}, optional={p.id: values(p) for p in field.parts})
            return st.lists(row, max_size=4)
        case _:
            return st.text(max_size=20)


FIELDS = {f.id: values(f) for f in FORM.fields() if f.id not in FLAGS and not f.server and not f.id.startswith("D15")}
FIELDS |= {item: st.sampled_from(sorted(levels)) for item, levels in LAWTON.items()}
FIELDS |= {name: st.lists(st.fixed_dictionaries({"device": st.sampled_from(sorted(DEVICES))}), max_size=3)
           for name in ("L1", "L2")}  # fmt: skip
some_fields = st.fixed_dictionaries({}, optional=FIELDS)
answers = st.sampled_from(["no", "no", "no", "no", "yes", "unable", "not_asked"])
flags = st.fixed_dictionaries(dict.fromkeys(FLAGS, answers))
clear_notes = some_fields.map(lambda fields: {**fields, **NO_FLAGS})
any_notes = st.builds(lambda fields, flagged: {**fields, **flagged}, some_fields, flags) | clear_notes


@QUICK
@given(any_notes, st.sampled_from(FLAGS))
def test_a_red_flag_never_yields_pt_or_ot(document: Document, flag: str) -> None:
    s = suggest({**document, flag: "yes"})
    assert s.kind == "urgent"
    assert {e.direction for e in s.evidence} == {"URGENT"}
    assert f"rU{flag[1:]}" in s.fired


@QUICK
@given(any_notes, st.sampled_from(FLAGS))
def test_one_more_flag_never_lowers_the_level(document: Document, flag: str) -> None:
    rank = {None: 0, "P": 1, "S": 2, "E": 3}
    assert rank[suggest({**document, flag: "yes"}).level] >= rank[suggest(document).level]


@QUICK
@given(any_notes, st.sampled_from(FLAGS), st.sampled_from(["unable", "not_asked", None, "", "nein", 0]))
def test_an_open_question_never_yields_pt_or_ot(document: Document, flag: str, answer: object) -> None:
    s = suggest({**document, flag: answer})
    assert s.kind in ("none", "urgent")
    assert s.kind == "urgent" or flag in {m.field for m in s.missing}


@QUICK
@given(any_notes, st.integers())
def test_order_of_rows_and_keys_does_not_matter(document: Document, seed: int) -> None:
    shuffle = random.Random(seed)
    other: Document = {}
    for key in shuffle.sample(list(document), len(document)):
        value = document[key]
        other[key] = shuffle.sample(value, len(value)) if isinstance(value, list) else value
    assert suggest(document) == suggest(other)


@QUICK
@given(any_notes)
def test_the_same_inputs_give_the_same_output(document: Document) -> None:
    before = copy.deepcopy(document)
    assert suggest(document).snapshot() == suggest(copy.deepcopy(document)).snapshot()
    assert document == before, "and the document is left alone"


@QUICK
@given(clear_notes)
def test_either_alone_never_decides(document: Document) -> None:
    s = suggest(document)
    sides = {e.direction for e in s.evidence if e.strength == "strong"}
    assert "EITHER" not in sides
    expected = {frozenset[str](): "none", frozenset({"PT"}): "pt", frozenset({"OT"}): "ot"}
    assert s.kind == expected.get(frozenset(sides), "combined")
    assert (s.order is not None) == (s.kind == "combined")


def _texts(field: Field, value: Any, text: st.DataObject) -> Any:
    """The same answers with other words in every free text."""
    if field.kind in ("text", "phone"):
        return text.draw(st.text(string.printable, max_size=60))
    if field.kind == "group" and isinstance(value, dict):
        return {**value, **{p.id: _texts(p, value.get(p.id), text) for p in field.parts if p.kind in ("text", "phone")}}
    if field.kind == "list" and isinstance(value, list):
        return [
            {**row, **{p.id: _texts(p, row.get(p.id), text) for p in field.parts if p.kind in ("text", "phone")}}
            for row in value
        ]
    return value


@QUICK
@given(any_notes, st.data())
def test_no_free_text_is_read(document: Document, data: st.DataObject) -> None:
    other = dict(document)
    for field in FORM.fields():
        if not field.server and field.id != "D15_cleared":
            changed = _texts(field, document.get(field.id), data)
            if changed is not None:
                other[field.id] = changed
    assert suggest(document).snapshot() == suggest(other).snapshot()
    assert suggest(document) == suggest(other)


@QUICK
@given(any_notes)
def test_left_and_right_do_not_matter(document: Document) -> None:
    swap = {"left": "right", "right": "left", "tingling_left": "tingling_right", "tingling_right": "tingling_left"}

    def swapped(value: Any) -> Any:
        if isinstance(value, dict):
            return {swap.get(k, k): swapped(v) for k, v in value.items()}
        if isinstance(value, list):
            return [swapped(v) for v in value]
        return swap.get(value, value) if isinstance(value, str) else value

    assert suggest(swapped(document)) == suggest(document)


@QUICK
@given(any_notes)
def test_english_and_french_are_identical(document: Document) -> None:
    english, french = ({**document, "A11": {"language": lang, "interpreter": "no"}} for lang in ("en", "fr"))
    assert suggest(english) == suggest(french)


@QUICK
@given(any_notes)
def test_the_hash_stands_for_the_inputs(document: Document) -> None:
    assert len(suggest(document).input_hash) == 64
    other = {**document, "F5": 0 if document.get("F5") != 0 else 1}
    assert suggest(other).input_hash != suggest(document).input_hash


@QUICK
@given(any_notes)
def test_clearing_every_flag_is_as_if_they_were_no(document: Document) -> None:
    yes = open_flags(document)
    answered = {**document, **dict.fromkeys(yes, "no")}
    if yes:
        assert suggest({**document, **cleared(*yes)}).kind == suggest(answered).kind


@QUICK
@given(clear_notes)
def test_what_would_change_it_names_another_outcome(document: Document) -> None:
    s = suggest(document)
    for change in s.would_change:
        assert (change.becomes, change.order) != (s.kind, s.order)
        assert change.rule not in s.fired


@QUICK
@given(any_notes)
def test_what_is_hidden_on_the_page_is_weighed_once(document: Document) -> None:
    """The panel beside the page and the signed content are read alike."""
    assert suggest(applicable(document)) == suggest(applicable(applicable(document)))


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
shapes = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
every_field = sorted({f.id for f in FORM.fields()} | set(LAWTON) | {"L1", "L2", "D15_cleared"})


@QUICK
@given(shapes, st.sampled_from(every_field))
def test_any_shape_can_be_read(value: Any, field: str) -> None:
    suggest({**NO_FLAGS, field: value})
    applicable({**NO_FLAGS, field: value})


@QUICK
@given(clear_notes)
def test_evidence_does_not_weigh_by_number(document: Document) -> None:
    """One strong item on a side counts as much as five: taking all but one away changes nothing."""
    strong = [e for e in gather(read(document)) if e.strength == "strong"]
    sides = {e.direction for e in strong}
    assert suggest(document).kind == {0: "none", 2: "combined"}.get(len(sides), "".join(sides).lower())
