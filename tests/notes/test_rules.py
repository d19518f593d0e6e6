"""The recommendation aid: the worked cases of CLINICAL.md, then each rule and each word of it."""

from __future__ import annotations

import pytest

from server.notes.rules import RULESET_VERSION, suggest
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

STROKE = note(
    conditions("stroke", weeks=6),
    strength("cannot_lift_against_gravity"),
    katz(G2=0),
    hands(writing=2),
    F3="aid",
    F9="recovering",
)
NEW = {"F9": "new"}


class TestWorkedCases:
    def test_1_stroke(self) -> None:
        s = suggest(STROKE)
        assert (s.kind, s.order) == ("combined", "pt_then_ot")
        assert {"rP2", "rP3", "rO1", "rO4", "rS1"} == set(s.fired)
        assert codes(s) == {"X6"}

    def test_2a_shoulder_to_swim(self) -> None:
        assert outcome(note(conditions("shoulder_tendonitis"), joint(), NEW, goal("sport_leisure"))) == "pt"

    def test_2b_shoulder_to_dress(self) -> None:
        document = note(conditions("shoulder_tendonitis"), joint(), NEW, goal("self_care"))
        assert outcome(document) == "combined concurrent"

    def test_3a_carpal_tunnel_desk(self) -> None:
        desk = barrier("work", "desk_workstation")
        assert outcome(note(conditions("carpal_tunnel"), desk, K3="worker")) == "ot"
        assert outcome(note(conditions("carpal_tunnel"), desk, goal("work_school"))) == "ot"

    def test_3c_carpal_tunnel_without_a_goal(self) -> None:
        s = suggest(note(conditions("carpal_tunnel")))
        assert s.kind == "none"
        assert s.ask is not None
        assert "goals" in s.ask

    def test_4_back_pain(self) -> None:
        assert outcome(note(conditions("back_pain"), joint(name="low_back", side="midline"), NEW)) == "pt"

    def test_4b_back_pain_for_a_week(self) -> None:
        document = note(
            conditions("back_pain"), joint(name="low_back"), NEW, katz(G2=0),
            G7="temporary_pain_or_surgery", C1="yes", C4={"weeks_ago": 1, "kind": "sudden"},
        )  # fmt: skip
        s = suggest(document)
        assert s.kind == "pt"
        assert "rescreen_ot" in codes(s)
        assert "rW" in s.fired

    def test_5b_parkinsons_gait_only(self) -> None:
        s = suggest(note(conditions("parkinsons"), F3="supervision", F9="long_standing"))
        assert s.kind == "pt"
        assert s.fired == ("rP8",)

    def test_6_self_care_long_standing(self) -> None:
        assert outcome(note(katz(G1=0, G2=0), F9="long_standing")) == "ot"

    def test_7_tub_and_stairs(self) -> None:
        rows = [{"place": "home", "what": "bathroom"}, {"place": "home", "what": "stairs"}]
        assert outcome(note(K1=rows)) == "ot"

    def test_9_memory(self) -> None:
        thinking = {"J1": ["memory", "planning"], "J1_affects": "yes", "H3": "heats_or_inadequate"}
        s = suggest(note(thinking))
        assert s.kind == "ot"
        assert set(s.fired) == {"rO3", "rO5"}
        assert outcome(note(thinking, D13="yes")) == "urgent S"

    def test_10_football(self) -> None:
        assert outcome(note(conditions("sports_injury"), goal("sport_leisure"))) == "pt"

    def test_12a_saddle_numbness(self) -> None:
        s = suggest(note(conditions("back_pain"), D4="yes"))
        assert (s.kind, s.level) == ("urgent", "E")
        assert {e.direction for e in s.evidence} == {"URGENT"}

    def test_12c_one_flag_not_asked(self) -> None:
        document = note(conditions("back_pain"))
        del document["D4"]
        s = suggest(document)
        assert s.kind == "none"
        assert [(m.field, m.state) for m in s.missing] == [("D4", "not_asked")]


class TestRedFlags:
    @pytest.mark.parametrize(
        ("flag", "level"),
        [(f"D{n}", level) for n, level in enumerate("EEEESSSPSEESSE", start=1)],
    )
    def test_level_of_each(self, flag: str, level: str) -> None:
        s = suggest({**STROKE, flag: "yes"})
        assert (s.kind, s.level) == ("urgent", level)
        assert s.fired == (f"rU{flag[1:]}",)

    def test_fracture_of_the_spine_with_nerve_signs(self) -> None:
        assert outcome(note(D6="yes", D6_nerve="yes")) == "urgent E"
        assert outcome(note(D6="yes", D6_nerve="no")) == "urgent S"
        assert outcome(note(D6="no", D6_nerve="yes")) == "none"

    def test_cancer_with_new_leg_weakness(self) -> None:
        assert outcome(note(D8="yes", D8_leg="yes")) == "urgent E"
        assert outcome(note(D8="yes")) == "urgent P"

    def test_the_highest_level_counts(self) -> None:
        assert outcome(note(D8="yes", D5="yes")) == "urgent S"
        assert outcome(note(D8="yes", D5="yes", D1="yes")) == "urgent E"

    def test_the_therapist_can_raise_but_not_lower_the_level(self) -> None:
        assert outcome(note(D5="yes", D15={"level": "E"})) == "urgent E"
        assert outcome(note(D1="yes", D15={"level": "P"})) == "urgent E"
        assert outcome(note(D15={"level": "E"})) == "none"

    def test_yes_wins_over_not_asked(self) -> None:
        assert outcome({"D3": "yes"}) == "urgent E"

    def test_unable_blocks_and_says_which(self) -> None:
        s = suggest(note(conditions("back_pain"), D2="unable", D9="unable"))
        assert s.kind == "none"
        assert [(m.field, m.state) for m in s.missing] == [("D2", "unable"), ("D9", "unable")]

    def test_an_empty_note_misses_all_fourteen(self) -> None:
        s = suggest({})
        assert s.kind == "none"
        assert len(s.missing) == 14

    def test_cleared_reads_as_no(self) -> None:
        s = suggest(note(conditions("back_pain"), cleared("D7"), D7="yes"))
        assert s.kind == "pt"
        assert "cleared" in codes(s)

    def test_clearing_names_its_flags(self) -> None:
        assert outcome(note(cleared("D7"), D7="yes", D2="yes")) == "urgent E"
        assert outcome(note(cleared("D2", "D7"), D7="yes", D2="yes")) == "none"
        missing = note(cleared("D7"), D7="yes")
        del missing["D1"]
        assert [m.field for m in suggest(missing).missing] == ["D1"]

    @pytest.mark.parametrize(
        "record",
        [
            cleared("D7", how="x" * 39),
            cleared("D7", how="x" * 39 + "   "),
            cleared("D7", at="this morning"),
            {"D15_cleared": [{"flags": ["D7"], "at": "2026-11-23T14:05", "how": "x" * 40}]},
            {"D15_cleared": [{"by": "Dr Osei", "at": "2026-11-23T14:05", "how": "x" * 40}]},
            {"D15_cleared": {"flags": ["D7"]}},
        ],
    )
    def test_an_incomplete_record_clears_nothing(self, record: Document) -> None:
        assert outcome(note(record, D7="yes")) == "urgent S"

    def test_post_surgery_unless_a_complication(self) -> None:
        surgery = conditions("post_surgery")
        assert outcome(note(surgery)) == "pt"
        assert outcome(note(surgery, D12="yes")) == "urgent S"
        assert outcome(note(surgery, cleared("D12"), D12="yes")) == "pt"
        assert "rP7" not in suggest(note(surgery, D12="unable")).fired


class TestOrder:
    PT = {"F3": "independent", "F4": "poor"}

    @pytest.mark.parametrize("region", ["shoulder", "upper_arm", "elbow", "forearm", "wrist", "hand", "fingers"])
    @pytest.mark.parametrize("use", [hands(typing=1), katz(G2=0), katz(G6=0)])
    def test_paralysed_arm(self, region: str, use: Document) -> None:
        s = suggest(note(strength("no_movement", region), self.PT, katz(G1=0), use, barrier(), F9="new"))
        assert (s.kind, s.order_rule) == ("combined", "rS1")

    @pytest.mark.parametrize("region", ["hip", "thigh", "knee", "lower_leg", "ankle", "foot", "toes"])
    @pytest.mark.parametrize("use", [{"F3": "aid"}, katz(G4=0)])
    def test_paralysed_leg(self, region: str, use: Document) -> None:
        s = suggest(note(strength("cannot_lift_against_gravity", region), use, barrier(), F9="new"))
        assert (s.kind, s.order_rule) == ("combined", "rS1")

    def test_limb_and_use_must_belong_together(self) -> None:
        arm_but_walking = note(strength("no_movement", "hand"), barrier(), F3="aid", F9="new")
        assert outcome(arm_but_walking) == "combined concurrent"
        leg_but_writing = note(strength("no_movement", "foot"), hands(writing=2), F3="not_seen", F9="new")
        assert outcome(leg_but_writing) == "combined concurrent"
        assert outcome(note(strength("no_movement", "trunk"), katz(G2=0), F9="new")) == "combined concurrent"

    def test_weak_is_not_paralysed(self) -> None:
        weak = note(strength("only_against_gravity", "hand"), hands(writing=2), F9="new")
        assert outcome(weak) == "combined concurrent"

    def test_unsafe_home_first(self) -> None:
        unsafe = note(katz(G1=0), F4="poor", K3_unsafe="yes", F9="long_standing")
        assert outcome(unsafe) == "combined ot_then_pt"
        assert outcome({**unsafe, "F9": "worse"}) == "combined concurrent"
        assert outcome({**unsafe, "K3_unsafe": "unable"}) == "combined concurrent"

    def test_rS1_comes_before_rS2(self) -> None:
        both = note(strength("no_movement", "hand"), hands(writing=2), F4="poor", K3_unsafe="yes", F9="long_standing")
        assert outcome(both) == "combined pt_then_ot"

    def test_team_note_only_after_a_stroke_and_in_sequence(self) -> None:
        assert codes(suggest({**STROKE, "E1": []})) == set()
        concurrent = note(conditions("stroke"), katz(G2=0), F4="poor")
        assert codes(suggest(concurrent)) == set()


class TestWhatWouldChangeIt:
    def test_pt_names_the_missing_ot_evidence(self) -> None:
        s = suggest(note(conditions("back_pain"), katz(), hands(writing=0)))
        by_rule = {c.rule: c for c in s.would_change}
        assert {c.becomes for c in s.would_change} == {"combined"}
        assert {"rO1", "rO2", "rO3", "rO4", "rO5", "rO6", "rO7"} == set(by_rule)
        assert by_rule["rO6"].unanswered == ("K1",)
        assert by_rule["rO1"].unanswered == ()
        unanswered = [bool(c.unanswered) for c in s.would_change]
        assert unanswered == sorted(unanswered, reverse=True), "what nobody asked yet comes first"

    def test_a_goal_that_decided_gives_way_to_a_finding(self) -> None:
        s = suggest(note(goal("self_care")))
        assert s.kind == "ot"
        assert {c.rule: c.becomes for c in s.would_change}["rP1"] == "pt"

    def test_nothing_decided(self) -> None:
        becomes = {c.rule: c.becomes for c in suggest(note(conditions("carpal_tunnel"))).would_change}
        assert becomes["rG1"] == "pt"
        assert becomes["rG2"] == "ot"

    def test_order(self) -> None:
        s = suggest(note(katz(G1=0), F4="poor"))
        assert {(c.rule, c.order) for c in s.would_change} == {("rS1", "pt_then_ot"), ("rS2", "ot_then_pt")}
        assert suggest(STROKE).would_change == ()

    def test_urgent(self) -> None:
        assert [c.fields for c in suggest(note(D1="yes")).would_change] == [("D15",)]


def test_snapshot_is_plain_and_versioned() -> None:
    snapshot = suggest(STROKE).snapshot()
    assert snapshot["ruleset"] == RULESET_VERSION
    assert snapshot["suggestion"] == {"kind": "combined", "order": "pt_then_ot", "level": None}
    assert len(snapshot["input_hash"]) == 64
    evidence = {e["rule"]: e for e in snapshot["evidence"]}
    assert evidence["rP2"]["inputs"] == [["F2", ["arm", "cannot_lift_against_gravity"]], ["F9", "recovering"]]
    assert evidence["rP2"]["source"] == "S:91, S:24"
