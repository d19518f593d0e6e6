"""Each rule of the recommendation aid, and each word of it."""

from __future__ import annotations

import pytest

from server.notes.rules import suggest
from tests.notes.cases import (
    Document,
    barrier,
    cleared,
    codes,
    conditions,
    goal,
    hands,
    joint,
    katz,
    note,
    outcome,
    strength,
)

NEW = {"F9": "new"}


class TestPhysiotherapyEvidence:
    @pytest.mark.parametrize("finding", ["limited_mild", "limited_moderate", "limited_severe"])
    @pytest.mark.parametrize("course", ["new", "worse", "recovering"])
    def test_joint(self, finding: str, course: str) -> None:
        assert suggest(note(joint(finding), F9=course)).fired == ("rP1",)

    @pytest.mark.parametrize("course", ["long_standing", "none", None])
    def test_findings_need_an_active_course(self, course: str | None) -> None:
        assert outcome(note(joint(), strength("no_movement"), F3="assist", F9=course)) == "none"

    def test_full_and_normal_are_not_findings(self) -> None:
        assert outcome(note(joint("full"), strength("normal"), NEW, F3="independent")) == "none"

    @pytest.mark.parametrize("level", ["reduced_against_load", "only_against_gravity", "no_movement"])
    def test_strength(self, level: str) -> None:
        assert suggest(note(strength(level, "knee"), NEW)).fired == ("rP2",)

    @pytest.mark.parametrize("region", ["grip", "pinch"])
    def test_grip_is_not_strength(self, region: str) -> None:
        assert outcome(note(strength("reduced_against_load", region), NEW)) == "none"

    @pytest.mark.parametrize("gait", ["aid", "supervision", "assist", "unable"])
    def test_walking(self, gait: str) -> None:
        assert suggest(note(NEW, F3=gait)).fired == ("rP3",)

    @pytest.mark.parametrize("gait", ["independent", "not_seen"])
    def test_walking_not_affected(self, gait: str) -> None:
        assert outcome(note(NEW, F3=gait)) == "none"

    def test_balance_or_falls_whatever_the_course(self) -> None:
        assert suggest(note(F4="poor", F9="long_standing")).fired == ("rP4",)
        assert suggest(note(F5=1)).fired == ("rP4",)
        assert outcome(note(F4="fair", F5=0)) == "none"
        assert outcome(note(F4="not_tested")) == "none"

    @pytest.mark.parametrize("code", ["back_pain", "neck_pain", "arthritis"])
    def test_named_areas(self, code: str) -> None:
        assert suggest(note(conditions(code))).fired == ("rP6",)

    @pytest.mark.parametrize("code", ["cancer", "cardiovascular", "ms", "parkinsons"])
    def test_whole_body_conditions_need_a_motor_finding(self, code: str) -> None:
        assert outcome(note(conditions(code), F9="long_standing")) == "none"
        for finding in (joint(), strength("only_against_gravity"), {"F3": "aid"}, {"F4": "poor"}, {"F5": 2}):
            s = suggest(note(conditions(code), finding, F9="long_standing"))
            assert s.kind == "pt"
            assert "rP8" in s.fired

    @pytest.mark.parametrize("code", ["stroke", "partial_paralysis", "spinal_cord_injury", "other"])
    def test_conditions_that_say_nothing_alone(self, code: str) -> None:
        assert outcome(note(conditions(code), joint(), F9="long_standing")) == "none"

    def test_endurance(self) -> None:
        assert suggest(note(F8="yes")).fired == ("rP9",)
        assert outcome(note(F8="unable")) == "none"


class TestOccupationalTherapyEvidence:
    @pytest.mark.parametrize("item", ["G1", "G2", "G3", "G5", "G6"])
    def test_self_care(self, item: str) -> None:
        assert suggest(note(katz(**{item: 0}))).fired == ("rO1",)

    def test_transfers(self) -> None:
        assert suggest(note(katz(G4=0))).fired == ("rO2",)
        chair = {"L1": [{"device": "wheelchair"}]}
        assert suggest(note(chair, F7="aid")).fired == ("rO2",)
        assert outcome(note(chair, F7="independent")) == "none"
        assert outcome(note(chair)) == "none", "an unanswered F7 is not evidence"
        assert outcome(note({"L1": [{"device": "cane"}]}, F7="assist")) == "none"

    def test_screening_question_is_six_ones(self) -> None:
        assert outcome(note(katz(G2=0), G0="no")) == "none"
        assert outcome(note(katz(G2=0), G0="yes")) == "ot"

    @pytest.mark.parametrize("answer", ["unable", "not_asked", "1"])
    def test_katz_answers_that_are_not_zero(self, answer: str) -> None:
        assert outcome(note(G2=answer)) == "none"

    @pytest.mark.parametrize(
        ("item", "level", "fires"),
        [
            ("H1", "none", True), ("H1", "answers_only", False), ("H2", "small_purchases", True),
            ("H3", "prepares_if_given", True), ("H4", "help_with_all", False), ("H4", "none", True),
            ("H5", "small_items", False), ("H6", "public_if_accompanied", False),
            ("H6", "taxi_or_car_with_help", True), ("H7", "if_prepared", True),
            ("H8", "daily_purchases", False), ("H8", "not_applicable", False),
            ("H3", 0, True), ("H3", "1", False),
        ],
    )  # fmt: skip
    def test_lawton(self, item: str, level: object, fires: bool) -> None:
        assert (suggest(note({item: level})).fired == ("rO3",)) is fires

    def test_hands(self) -> None:
        assert suggest(note(hands(buttons_zips=1))).fired == ("rO4",)
        assert outcome(note(hands(writing=0, tools=0))) == "none"
        assert suggest(note(I3={"grip_pinch": "reduced"})).fired == ("rO4",)
        assert outcome(note(I3={"grip_pinch": "not_tested", "tingling_right": ["thumb"]})) == "none"

    def test_thinking_must_affect_tasks(self) -> None:
        assert suggest(note(J1=["attention"], J1_affects="yes")).fired == ("rO5",)
        assert outcome(note(J1=["attention"], J1_affects="no")) == "none"
        assert outcome(note(J1=["none"], J1_affects="yes")) == "none"

    def test_sudden_thinking_is_urgent_until_cleared(self) -> None:
        thinking: Document = {"J1": ["memory"], "J1_affects": "yes", "D13": "yes"}
        assert outcome(note(thinking)) == "urgent S"
        assert outcome(note(thinking, cleared("D13"))) == "ot"

    def test_continence_training(self) -> None:
        assert set(suggest(note(katz(G5=0), G5a="yes")).fired) == {"rO1", "rO7"}
        assert suggest(note(katz(G5=0), G5a="no")).fired == ("rO1",)
        assert outcome(note(katz(), G5a="yes")) == "none", "not asked of a continent person"

    def test_barriers_may_be_none(self) -> None:
        assert outcome(note(K1=[])) == "none"

    def test_work_injury_is_not_ot_evidence(self) -> None:
        assert outcome(note(conditions("back_pain"), K3="worker")) == "pt"


class TestWeakening:
    TEMPORARY: Document = {"G7": "temporary_pain_or_surgery", "C1": "yes"}

    def recent(self, weeks: int) -> Document:
        return {**self.TEMPORARY, "C4": {"weeks_ago": weeks, "kind": "sudden"}}

    @pytest.mark.parametrize(("weeks", "kind"), [(0, "pt"), (5, "pt"), (6, "combined"), (7, "combined")])
    def test_under_six_weeks(self, weeks: int, kind: str) -> None:
        assert suggest(note(conditions("back_pain"), katz(G1=0), self.recent(weeks))).kind == kind

    @pytest.mark.parametrize("limit", [katz(G3=0), katz(G4=0), {"H2": "unable"}])
    def test_weakens_rO1_to_rO3(self, limit: Document) -> None:
        s = suggest(note(limit, self.recent(2)))
        assert s.kind == "none"
        assert [e.strength for e in s.evidence if e.direction == "OT"] == ["weak"]

    @pytest.mark.parametrize("stays", [hands(writing=2), barrier(), {"J1": ["memory"], "J1_affects": "yes"}])
    def test_does_not_weaken_the_rest(self, stays: Document) -> None:
        assert suggest(note(katz(G1=0), stays, self.recent(2))).kind == "ot"

    def test_wish_for_continence_training_stays_strong(self) -> None:
        assert suggest(note(katz(G5=0), self.recent(2), G5a="yes")).kind == "ot"

    @pytest.mark.parametrize("cause", ["strength_balance", "paralysis", "environment", None])
    def test_only_for_that_cause(self, cause: str | None) -> None:
        assert suggest(note(katz(G1=0), self.recent(2), G7=cause)).kind == "ot"

    def test_onset_from_the_date(self) -> None:
        def onset(day: str) -> Document:
            started = {"started_at": "2026-11-23T14:00:00-05:00"}
            return note(katz(G1=0), self.TEMPORARY, C4={"date": day, "kind": "sudden"}, A14=started)

        assert suggest(onset("2026-10-13")).kind == "none"  # 41 days
        assert suggest(onset("2026-10-12")).kind == "ot"  # 42 days: six weeks

    def test_onset_else_from_the_most_recent_condition(self) -> None:
        temporary = {"G7": "temporary_pain_or_surgery"}
        assert suggest(note(conditions("post_surgery", weeks=3), katz(G2=0), temporary)).kind == "pt"
        assert suggest(note(conditions("post_surgery", weeks=6), katz(G2=0), temporary)).kind == "combined"
        rows = [
            {"condition": "arthritis", "onset_weeks": 500},
            {"condition": "post_surgery", "onset_weeks": 2},
        ]
        assert suggest(note(katz(G2=0), temporary, E1=rows)).kind == "pt"

    def test_C4_comes_before_the_conditions(self) -> None:
        old = note(conditions("back_pain", weeks=2), katz(G2=0), self.recent(52))
        assert suggest(old).kind == "combined"

    def test_unknown_onset_does_not_weaken(self) -> None:
        assert suggest(note(katz(G2=0), self.TEMPORARY)).kind == "ot"


class TestGoals:
    @pytest.mark.parametrize("category", ["movement", "sport_leisure"])
    def test_alone_a_movement_goal_is_pt(self, category: str) -> None:
        assert outcome(note(goal(category, 7))) == "pt"
        assert outcome(note(goal(category, 8))) == "none"

    @pytest.mark.parametrize("category", ["self_care", "home", "work_school", "hand_task"])
    def test_alone_a_daily_goal_is_ot(self, category: str) -> None:
        assert outcome(note(goal(category, 0))) == "ot"

    def test_both_goals_alone(self) -> None:
        both = goal("movement")["B2"] + goal("home")["B2"]
        assert outcome(note(B2=both)) == "combined concurrent"

    def test_a_goal_does_not_outvote_findings(self) -> None:
        s = suggest(note(conditions("back_pain"), goal("work_school")))
        assert s.kind == "pt"
        assert "rescreen_ot" in codes(s)
        assert outcome(note(katz(G2=0), goal("movement"))) == "ot"

    @pytest.mark.parametrize("code", ["carpal_tunnel", "rotator_cuff_tear", "shoulder_bursitis"])
    def test_with_an_either_condition_the_goal_is_strong(self, code: str) -> None:
        assert outcome(note(conditions(code), goal("hand_task"))) == "ot"
        assert outcome(note(conditions(code), goal("movement"))) == "pt"
        assert outcome(note(conditions(code), barrier(), goal("movement"))) == "combined concurrent"

    def test_pain_and_devices_decide_nothing(self) -> None:
        s = suggest(note(C1="yes", L2=[{"device": "splint_orthosis"}]))
        assert s.kind == "none"
        assert set(s.fired) == {"rB3", "rB4"}

    def test_goal_beside_weak_evidence(self) -> None:
        weak = note(katz(G2=0), goal("movement"), conditions("other", weeks=1), G7="temporary_pain_or_surgery")
        s = suggest(weak)
        assert s.kind == "pt"
        assert "rescreen_ot" in codes(s)
