"""Both strengths, each limit on both of its sides, and the rules between fields."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from server.form.applicable import applicable
from server.form.cross import warnings
from server.form.scores import katz, psfs_mean
from server.form.validate import Context, validate
from tests.notes.filled import complete

TODAY = Context(date(2026, 11, 23), date(1970, 5, 4))


def draft(**document: Any) -> list[str]:
    return [e.field for e in validate(document, context=TODAY)]


def sign(context: Context = TODAY, /, **changes: Any) -> list[str]:
    return [e.field for e in validate(complete(**changes), context=context, strength="sign")]


def test_the_complete_note_is_complete() -> None:
    assert sign() == []


def test_a_draft_may_be_anything_unfinished() -> None:
    assert draft() == []
    assert draft(B4="a", B2=[{"activity": "x"}], A2={"methods": ["dob"]}, N4="short", D15={"handover": "x"}) == []


class TestLimits:
    @pytest.mark.parametrize(
        ("field", "fits", "too_long"),
        [("B1", 500, 501), ("B4", 300, 301), ("N9", 1000, 1001), ("F1_not_indicated", 200, 201)],
    )
    def test_text(self, field: str, fits: int, too_long: int) -> None:
        assert draft(**{field: "x" * fits}) == []
        assert draft(**{field: "x" * too_long}) == [field]

    def test_counted_in_code_points_after_nfc_and_trimming(self) -> None:
        assert draft(B4="  " + "e\u0301" * 300 + "\n") == []
        assert draft(B4="𝄞" * 300) == []
        assert draft(B4="𝄞" * 301) == ["B4"]

    @pytest.mark.parametrize("text", ["a\x00b", "a\x07b", "a\x1bb", "a\u202eb", "a\ud800b", "a\x85b"])
    def test_control_characters(self, text: str) -> None:
        assert draft(B4=text) == ["B4"]

    def test_lines_only_where_there_are_lines(self) -> None:
        assert draft(B4="one\ntwo\tthree") == []
        assert draft(A6={"street": "one\ntwo"}) == ["A6-street"]

    @pytest.mark.parametrize(
        ("field", "part", "least", "most"),
        [
            ("C2", "now", 0, 10),
            ("C4", "weeks_ago", 0, 5200),
            ("F5", "", 0, 99),
            ("F6", "", 0, 40),
            ("N7", "sessions", 1, 52),
        ],
    )
    def test_numbers(self, field: str, part: str, least: int, most: int) -> None:
        shown = {"C1": "yes", "F4": "good", "N1": "pt"}
        name = f"{field}-{part}" if part else field
        for value in (least, most):
            assert draft(**shown, **{field: {part: value} if part else value}) == []
        for bad in (least - 1, most + 1, "4", 4.5, True):
            assert draft(**shown, **{field: {part: bad} if part else bad}) == [name]

    def test_lists_have_an_end(self) -> None:
        row = {"activity": "x", "category": "home", "score": 1}
        assert draft(B2=[row] * 5) == []
        assert draft(B2=[row] * 6) == ["B2"]
        assert draft(A9=[{"name": "x", "role": "y"}] * 7) == ["A9"]

    @pytest.mark.parametrize("value", ["2026-02-30", "02/03/2026", "2026-2-3", "soon"])
    def test_dates(self, value: str) -> None:
        assert draft(C1="yes", C4={"date": value}) == ["C4-date"]

    @pytest.mark.parametrize(("value", "ok"), [("14:20", True), ("24:00", False), ("2 pm", False), ("14:20:01", False)])
    def test_times(self, value: str, ok: bool) -> None:
        assert (draft(D2="yes", D15={"time": value}) == []) is ok

    def test_codes_and_phones(self) -> None:
        assert draft(F3="flies", D1="maybe", A7="12") == ["A7", "D1", "F3"]

    def test_none_excludes_the_others(self) -> None:
        assert draft(J1=["none", "memory"]) == ["J1"]

    @pytest.mark.parametrize(
        "bad", [{"B2": "text"}, {"B2": [1]}, {"A2": {"methods": "dob"}}, {"B4": 4}, {"D1": ["no"]}]
    )
    def test_wrong_shapes(self, bad: dict[str, Any]) -> None:
        assert len(draft(**bad)) == 1


class TestIdentity:
    def test_two_identifiers(self) -> None:
        assert sign(A2={"methods": ["dob"]}) == ["A2-methods"]
        assert sign(A2={"methods": ["dob", "dob"]}) == ["A2-methods"]
        assert sign(A2=None) == ["A2-methods"]

    def test_consent_must_be_yes(self) -> None:
        assert sign(A3={"answer": "no"}) == ["A3-answer"]
        assert sign(A4={"capable": "yes", "answer": "no", "given_by": "patient"}) == ["A4-answer"]

    def test_a_substitute_decides_for_who_cannot(self) -> None:
        assert sign(A4={"capable": "no", "answer": "yes", "given_by": "patient"}) == ["A4-given_by"]
        by_sdm = {"capable": "no", "answer": "yes", "given_by": "sdm"}
        assert sign(A4=by_sdm) == ["A5-name", "A5-relation", "A5-contact"]
        assert sign(A4=by_sdm, A5={"name": "Eva", "relation": "mother", "contact": "416 555 0123"}) == []

    @pytest.mark.parametrize(
        "place",
        [
            {"street": "1 Main", "city": "Montreal", "province": "CA-QC", "country": "CA"},
            {"street": "1 Main", "city": "Buffalo", "country": "US"},
            {"street": "1 Main", "city": "Nice", "country": "other"},
        ],
    )
    def test_location_gate(self, place: dict[str, str]) -> None:
        assert sign(A6=place) == ["A6_basis"]
        assert sign(A6=place, A6_basis="too short") == ["A6_basis"]
        assert sign(A6=place, A6_basis="Registered there") == []

    def test_the_place_is_needed_by_video_and_phone_only(self) -> None:
        assert sign(A6=None) == ["A6-street", "A6-city", "A6-country"]
        assert sign(A6=None, A1="in_person", A7=None, A8=None, A10=None) == []

    def test_emergency_contact_or_declined(self) -> None:
        assert sign(A8=None) == ["A8-name", "A8-phone"]
        assert sign(A8={"declined": "yes"}) == []
        assert sign(A8={"name": "Me", "phone": "+14165550123"}) == ["A8-same_reason"]
        assert sign(A8={"name": "Me", "phone": "+14165550123", "same_reason": "shares the phone"}) == []

    def test_not_private_must_be_agreed(self) -> None:
        assert sign(A10="no") == ["A10_go_on"]
        assert sign(A10="no", A10_go_on="yes") == []

    def test_others_present_or_nobody(self) -> None:
        assert sign(A9=None) == ["A9"]
        assert sign(A9=[{"name": "Ivo"}]) == ["A9-0-role"]

    def test_visit_times(self) -> None:
        start = "2026-11-23T14:00:00-05:00"
        assert sign(A14={"started_at": start, "ended_at": start}) == ["A14"]
        assert sign(A14={"started_at": start, "ended_at": "2026-11-23T18:00:01-05:00"}) == ["A14"]
        assert sign(A14={"started_at": start, "ended_at": "2026-11-23T23:00:00+00:00"}) == []


class TestPain:
    def test_nothing_is_asked_without_pain(self) -> None:
        assert sign(C1="no", C2=None, C3=None, C4=None, C8=None) == []
        assert sign(C1="not_asked") == ["C1"]
        assert sign(C1="unable") == []

    def test_best_now_worst(self) -> None:
        assert sign(C2={"now": 4, "best": 4, "worst": 4}) == []
        assert sign(C2={"now": 4, "best": 5, "worst": 7}) == ["C2-now"]
        assert sign(C2={"now": 4, "best": 2}) == ["C2-worst"]

    def test_middle_is_for_the_trunk(self) -> None:
        assert sign(C3=[{"region": "knee", "side": "midline"}]) == ["C3-0-side"]
        assert sign(C3=[{"region": "abdomen", "side": "midline"}]) == []

    def test_onset(self) -> None:
        assert sign(C4={"kind": "sudden"}) == ["C4-weeks_ago"]
        assert sign(C4={"kind": "sudden", "date": "2026-11-23"}) == []
        assert sign(C4={"kind": "sudden", "date": "2026-11-24"}) == ["C4-date"]
        assert sign(C4={"kind": "sudden", "date": "1970-05-03"}) == ["C4-date"]
        assert sign(C4={"kind": "post_trauma", "weeks_ago": 1}) == ["C5"]

    def test_where_it_spreads(self) -> None:
        pattern = {"pattern": "constant", "night_pain": "no", "radiates": "yes", "numb_tingle": "unable"}
        assert sign(C8=pattern) == ["C8-radiates_where"]


class TestFunction:
    def test_findings_or_a_reason(self) -> None:
        assert sign(F1=None) == ["F1"]
        assert sign(F1=[]) == ["F1"]
        assert sign(F1=None, F1_not_indicated="memory only") == []

    def test_no_standing_test_alone_after_a_fall(self) -> None:
        assert sign(F5=1, F5_injury="no", F4="good") == ["F4"]
        assert sign(F5=1, F5_injury="no", F4="not_tested") == []
        helper = [{"name": "Ivo", "role": "son"}]
        assert sign(F5=1, F5_injury="no", F4="good", A9=helper) == []
        assert sign(F5=1, F4="not_tested") == ["F5_injury"]

    def test_transfers_and_katz(self) -> None:
        assert sign(F7="assist") == ["F7"]
        katz_items = {"G0": "yes", "G1": "1", "G2": "1", "G3": "1", "G5": "1", "G6": "1", "G7": "strength_balance"}
        assert sign(F7="assist", G4="0", **katz_items) == []
        assert sign(F7="aid", G4="0", **katz_items) == [], "only a warning"
        assert [w.field for w in warnings(complete(F7="aid", G4="0"))] == ["F7"]

    def test_stroke_needs_strength(self) -> None:
        stroke = [{"condition": "stroke", "status": "reported"}]
        assert sign(E1=stroke) == []
        assert sign(E1=stroke, F2=None, F2_not_indicated="not today") == ["F2"]

    def test_katz_items_or_the_screening_question(self) -> None:
        assert sign(G0=None) == ["G1", "G2", "G3", "G4", "G5", "G6"]
        ones = dict.fromkeys(["G1", "G2", "G3", "G4", "G5", "G6"], "1")
        assert sign(G0=None, **ones) == []
        assert sign(G0="yes", **{**ones, "G3": "unable"}) == []
        assert sign(G0="yes", **{**ones, "G5": "0"}) == ["G5a", "G7"]

    def test_katz_is_not_for_children(self) -> None:
        child, teen = Context(date(2026, 11, 23), date(2014, 11, 24)), Context(date(2026, 11, 23), date(2014, 11, 23))
        assert sign(child, G0=None) == []
        assert len(sign(teen, G0=None)) == 6

    def test_hands(self) -> None:
        limited = {**complete()["I1"], "writing": "1"}
        assert sign(I1=limited) == ["I2-dominant", "I2-affected"]
        assert sign(I1=None)[0] == "I1-writing"
        tunnel = [{"condition": "carpal_tunnel", "status": "reported"}]
        assert sign(E1=tunnel) == ["I3-grip_pinch", "I3-tingling_left", "I3-tingling_right"]
        assert sign(E1=tunnel, I3={"grip_pinch": "normal", "tingling_left": [], "tingling_right": ["thumb"]}) == []

    def test_thinking_and_surroundings(self) -> None:
        assert sign(J1=["memory"]) == ["J1_affects"]
        assert sign(K1=[{"place": "home", "what": "other"}]) == ["K1-0-text"]
        assert sign(K3_unsafe="yes") == ["K3_why"]
        assert sign(K3_unsafe="yes", K3_why="No heating, broken stairs", D14="unable", D14_reason="not alone") == [
            "D14"
        ]
        assert sign(K3_unsafe="yes", K3_why="No heating, broken stairs") == []


class TestPlan:
    def test_each_choice_asks_for_its_own(self) -> None:
        assert sign(N1="ot") == ["N6"]
        assert sign(N1="combined", N6=["other"]) == ["N2", "N6_other"]
        assert sign(N1="combined", N6=["eating"], N2="pt_then_ot") == ["N2_criterion"]
        assert sign(N1="combined", N6=["eating"], N2="concurrent") == []
        assert sign(N1="none_self_care", N7=None) == []
        assert sign(N1="urgent_referral", N7=None, N8=None) == []
        assert sign(N1="in_person_assessment", N7=None) == ["N7-sessions", "N7-setting", "N7-in_person"]

    def test_hands_on_is_in_person(self) -> None:
        by_video = {"sessions": 2, "setting": "video", "in_person": "no"}
        assert sign(N5=["manual_therapy"], N7=by_video) == ["N7-in_person"]
        assert sign(N5=["specific_exercises"], N7=by_video) == []

    @pytest.mark.parametrize(
        ("when", "ok"), [("2026-11-23", False), ("2026-11-24", True), ("2027-11-23", True), ("2027-11-25", False)]
    )
    def test_follow_up(self, when: str, ok: bool) -> None:
        assert (sign(N8={"when": when, "who": "Dr. Li", "mode": "video"}) == []) is ok
        assert sign(N8={"none_needed": "yes"}) == ["N8-reason"]

    def test_safety_net_and_teach_back(self) -> None:
        assert sign(N10=None) == ["N10"]
        assert sign(N11={"done": "no"}) == ["N11-reason"]

    def test_sharing_needs_consent_answered(self) -> None:
        shared = {"leaves": "yes", "to": "Dr Osei", "purpose": "Follow up"}
        assert sign(N12=shared) == ["N12-consent"]
        assert sign(N12={**shared, "consent": "no"}) == []

    @pytest.mark.parametrize(("length", "ok"), [(19, False), (20, True), (1000, True), (1001, False)])
    def test_rationale(self, length: int, ok: bool) -> None:
        assert (sign(N4="x" * length) == []) is ok


def test_errors_come_in_the_order_of_the_page() -> None:
    found = sign(N1=None, A9=None, C3=[{"region": "knee", "side": "midline"}], D9="not_asked", K3=None, F7="assist")
    assert found == ["A9", "C3-0-side", "D9", "F7", "K3", "N1"]


def test_scores() -> None:
    assert str(psfs_mean(complete())) == "6.0"
    assert str(psfs_mean({"B2": [{"score": 4}, {"score": 5}, {"score": 5}, {"score": 7}]})) == "5.3", "half up"
    assert psfs_mean({"B2": [{"activity": "x"}]}) is None
    assert katz({"G0": "no"}) == (6, 6)
    assert katz({"G1": "1", "G2": "0"}) == (None, 2)
    assert katz({**dict.fromkeys(["G1", "G2", "G3", "G4", "G5"], "1"), "G6": "unable"}) == (None, 5)
    assert katz({**dict.fromkeys(["G1", "G2", "G3", "G4", "G5"], "1"), "G6": "0"}) == (5, 6)


def test_applicable_keeps_what_the_form_does_not_know_yet() -> None:
    document = {"H3": "needs_meals", "L1": [{"device": "wheelchair"}], "N3": {"x": 1}, "C1": "no", "C2": {"now": 3}}
    assert applicable(document) == {k: v for k, v in document.items() if k != "C2"}
