"""What must be right before a note locks, and the bytes that are signed."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest

from server.form.applicable import applicable
from server.notes.rules import suggest
from server.notes.signing import SigningContext, canonical, check, content, differs, sha256
from tests.notes.cases import Document, cleared
from tests.notes.filled import complete

CONTEXT = SigningContext("staff-li", "staff-li", "ended", date(2026, 11, 23), date(1970, 5, 4))
ACTION = {
    "level": "E", "told_who": "dispatcher", "time": "14:12", "service": "9-1-1", "patient_agreed": "yes",
    "handover": "Chest pain since ten minutes, alone at home", "handed_over": "yes",
}  # fmt: skip
LONG = "This differs because the patient prefers to be seen at the hospital she knows."


def shown(document: Document) -> dict[str, Any]:
    return suggest(applicable(document)).snapshot()


def problems(document: Document, context: SigningContext = CONTEXT) -> list[str]:
    return [e.field for e in check(document, shown(document), context)]


def test_a_complete_note_can_be_signed() -> None:
    assert problems(complete()) == []


class TestSuggestionAndChoice:
    def test_a_short_rationale_is_enough_when_it_agrees(self) -> None:
        assert problems(complete(N4="Stiff and worse, no flags")) == []
        assert problems(complete(N4="Too short")) == ["N4"]

    def test_a_different_choice_needs_forty_characters(self) -> None:
        other = complete(N1="in_person_assessment", N5=None)
        assert problems({**other, "N4": "x" * 39}) == ["N4"]
        assert problems({**other, "N4": "x" * 40}) == []

    def test_no_suggestion_needs_forty_characters_too(self) -> None:
        nothing = complete(E1=[], F1=None, F1_not_indicated="Nothing to see", B2=complete()["B2"][2:])
        assert suggest(nothing).kind == "none"
        assert problems({**nothing, "N4": "x" * 39}) == ["N4"]
        assert problems({**nothing, "N4": "x" * 40}) == []

    def test_the_order_is_part_of_the_choice(self) -> None:
        both = complete(K1=[{"place": "home", "what": "stairs"}], N1="combined", N2="concurrent", N6=["bathing"])
        assert problems(both) == []
        other_order = {**both, "N2": "pt_then_ot", "N2_criterion": "she can climb ten steps"}
        assert differs(other_order, shown(other_order))
        assert problems({**other_order, "N4": "x" * 39}) == ["N4"]

    def test_differs_is_recorded(self) -> None:
        agreed = complete()
        assert content(agreed, shown(agreed))["differs"] is False
        other = complete(N1="none_self_care", N4=LONG)
        assert content(other, shown(other))["differs"] is True

    def test_a_stale_suggestion_must_be_seen_again(self) -> None:
        before = shown(complete())
        changed = complete(F3="aid")
        assert [e.field for e in check(changed, before, CONTEXT)] == ["N3"]
        assert [e.field for e in check(complete(), None, CONTEXT)] == ["N3"]
        assert [e.field for e in check(complete(), {**before, "ruleset": "old"}, CONTEXT)] == ["N3"]

    def test_text_does_not_make_it_stale(self) -> None:
        assert check(complete(B1="Other words"), shown(complete()), CONTEXT) == []


class TestRedFlags:
    def test_yes_needs_urgent_referral_and_the_action(self) -> None:
        flagged = complete(D2="yes")
        assert {"D15-level", "D15-handover", "N1_override-confirm", "N1_override-reason"} <= set(problems(flagged))
        urgent = complete(D2="yes", D15=ACTION, N1="urgent_referral", N12={"leaves": "no"})
        assert problems(urgent) == []

    def test_override_needs_the_second_confirmation_and_forty_characters(self) -> None:
        flagged = complete(D2="yes", D15=ACTION, N4=LONG)
        assert problems({**flagged, "N1_override": {"confirm": "yes", "reason": "x" * 39}}) == ["N1_override-reason"]
        assert problems({**flagged, "N1_override": {"reason": "x" * 40}}) == ["N1_override-confirm"]
        assert problems({**flagged, "N1_override": {"confirm": "yes", "reason": "x" * 40}}) == []

    def test_a_cleared_flag_still_needs_the_override(self) -> None:
        document = {**complete(D2="yes", D15=ACTION), **cleared("D2")}
        assert suggest(document).kind == "pt"
        assert set(problems(document)) == {"N1_override-confirm", "N1_override-reason"}

    def test_a_lower_level_needs_its_reason(self) -> None:
        urgent = complete(D2="yes", N1="urgent_referral", N12={"leaves": "no"})
        lower = {**ACTION, "level": "S"}
        assert problems({**urgent, "D15": lower}) == ["D15-lower_reason"]
        assert problems({**urgent, "D15": {**lower, "lower_reason": "x" * 20}}) == []

    @pytest.mark.parametrize("answer", ["not_asked", None, ""])
    def test_each_must_be_asked(self, answer: str | None) -> None:
        assert "D9" in problems(complete(D9=answer, N4=LONG))

    def test_unable_needs_its_reason(self) -> None:
        assert problems(complete(D9="unable", N4=LONG)) == ["D9_reason"]
        assert problems(complete(D9="unable", D9_reason="camera too dark", N4=LONG)) == []


class TestWho:
    def test_only_the_therapist_of_the_visit(self) -> None:
        other = SigningContext("staff-roy", "staff-li", "ended", date(2026, 11, 23))
        assert problems(complete(), other) == ["sign"]

    @pytest.mark.parametrize(("state", "ok"), [("waiting", False), ("admitted", False), ("in_session", True)])
    def test_only_a_visit_that_began(self, state: str, ok: bool) -> None:
        context = SigningContext("staff-li", "staff-li", state, date(2026, 11, 23))
        assert (problems(complete(), context) == []) is ok


class TestNotCompleted:
    SHORT: Document = {"N0": {"reason": "technical", "text": "The sound failed twice", "offered": "A phone call today"}}

    def test_the_short_note_needs_nothing_else(self) -> None:
        assert check(self.SHORT, None, CONTEXT) == []

    def test_its_own_fields_are_needed(self) -> None:
        short = {"N0": {"reason": "technical", "text": "too few"}}
        assert [e.field for e in check(short, None, CONTEXT)] == ["N0-text", "N0-offered"]

    def test_it_signs_no_recommendation(self) -> None:
        signed = content({**complete(), **self.SHORT}, None)
        assert "N0" in signed
        assert "N1" not in signed
        assert "N3" not in signed


class TestContent:
    def test_hidden_answers_are_not_signed(self) -> None:
        document = complete(C1="no", N2="concurrent")
        signed = content(document, shown(document))
        assert "C2" not in signed
        assert "N2" not in signed
        assert signed["G1"] == "1"
        assert signed["G_source"] == "screen_question"

    def test_the_hash_depends_on_content_only(self) -> None:
        document = content(complete(), shown(complete()))
        assert sha256(document) == sha256(dict(reversed(document.items())))
        assert len(sha256(document)) == 64
        assert sha256(document) != sha256({**document, "B1": "Other"})

    def test_texts_are_signed_in_one_form(self) -> None:
        composed, decomposed = ({"B1": unicodedata.normalize(f, "Réadaptation")} for f in ("NFC", "NFD"))
        assert canonical(composed) == canonical(decomposed)

    def test_canonical_json(self) -> None:
        assert canonical({"b": [1, None], "a": "é\r\n"}) == '{"a":"é","b":[1,null]}'.encode()
