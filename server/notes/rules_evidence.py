"""The rules of the recommendation aid: which coded inputs give which evidence (CLINICAL.md, section 2).

One table, one row a rule. A rule reads :class:`Inputs` and nothing else and returns the exact values that
made it fire, or nothing. No weights: strength is only strong or weak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from server.i18n import N_
from server.notes.rules_inputs import Inputs

Direction = Literal["PT", "OT", "EITHER", "URGENT"]
Strength = Literal["strong", "weak"]
#: (field id, coded value or values): what made a rule fire
Found = tuple[tuple[str, Any], ...]

ACTIVE = frozenset({"new", "worse", "recovering"})
LIMITED = frozenset({"limited_mild", "limited_moderate", "limited_severe"})
GAIT_AFFECTED = frozenset({"aid", "supervision", "assist", "unable"})
SHOULDER = frozenset({"shoulder_tendonitis", "shoulder_bursitis", "rotator_cuff_tear"})
#: PSFS at or below this is a goal that counts (0 unable … 10 as before the problem)
GOAL_AT_MOST = 7
#: rW: a limit from something that began less than this many days ago should lift by itself (6 weeks)
RECENT_DAYS = 42


@dataclass(frozen=True, slots=True)
class Evidence:
    """One item. ``inputs``: the field values that made the rule fire; ``source``: where the rule comes from
    ("S:n" = line n of the source article); ``weakened_by``: "rW" where that rule made it weak."""

    rule: str
    direction: Direction
    strength: Strength
    reason: str
    inputs: Found
    source: str
    weakened_by: str = ""

    def as_json(self) -> dict[str, Any]:
        item: dict[str, Any] = {
            "rule": self.rule,
            "direction": self.direction,
            "strength": self.strength,
            "inputs": [[name, list(v) if isinstance(v, tuple) else v] for name, v in self.inputs],
            "source": self.source,
        }
        if self.weakened_by:
            item["weakened_by"] = self.weakened_by
        return item


@dataclass(frozen=True, slots=True)
class Rule:
    """``condition``: the same in words, for "what would change it"; ``fields``: what it reads."""

    id: str
    direction: Direction
    find: Callable[[Inputs], Found]
    reason: str
    condition: str
    fields: tuple[str, ...]
    source: str


def limited_joints(i: Inputs) -> Found:
    return tuple(("F1", row) for row in i.rom if row[1] in LIMITED)


def reduced_strength(i: Inputs) -> Found:
    return tuple(("F2", row) for row in i.strength if row[1] != "normal")


def affected_gait(i: Inputs) -> Found:
    return (("F3", i.gait),) if i.gait in GAIT_AFFECTED else ()


def _with_course(i: Inputs, found: Found) -> Found:
    return (*found, ("F9", i.course)) if found and i.course in ACTIVE else ()


def _poor_balance(i: Inputs) -> Found:
    return (("F4", i.balance),) if i.balance == "poor" else ()


def _falls(i: Inputs) -> Found:
    return (("F5", i.falls),) if i.falls is not None and i.falls >= 1 else ()


def _conditions(*codes: str) -> Callable[[Inputs], Found]:
    return lambda i: tuple(("E1", c) for c in i.conditions if c in codes)


def _after_surgery(i: Inputs) -> Found:
    """post_surgery, not D12: the flag is "no", or it was "yes" and is recorded as cleared."""
    fine = i.flag("D12") == "no" or "D12" in i.cleared
    return (("E1", "post_surgery"),) if fine and "post_surgery" in i.conditions else ()


def _whole_body_condition(i: Inputs) -> Found:
    named = _conditions("cancer", "cardiovascular", "ms", "parkinsons")(i)
    motor = limited_joints(i) + reduced_strength(i) + affected_gait(i) + _poor_balance(i) + _falls(i)
    return named + motor if named and motor else ()


def _katz_zero(*items: str) -> Callable[[Inputs], Found]:
    return lambda i: tuple((item, 0) for item, point in i.katz if item in items and point == 0)


def _transfers(i: Inputs) -> Found:
    found = _katz_zero("G4")(i)
    if "wheelchair" in i.devices_in_use and i.transfers not in (None, "independent"):
        found += (("L1", "wheelchair"), ("F7", i.transfers))
    return found


def _hand_use(i: Inputs) -> Found:
    tasks: Found = tuple(("I1", (task, level)) for task, level in i.hand if level >= 1)
    return tasks + ((("I3", "reduced"),) if i.grip == "reduced" else ())


def _thinking(i: Inputs) -> Found:
    """Not sudden: D13 is not an open "yes" (an open one is URGENT anyway)."""
    if i.thinking_affects != "yes" or (i.flag("D13") == "yes" and "D13" not in i.cleared):
        return ()
    return (("J1", tuple(t for t in i.thinking if t != "none")), ("J1_affects", "yes"))


def _goal(*categories: str) -> Callable[[Inputs], Found]:
    return lambda i: tuple(("B2", (c, s)) for c, s in i.goals if c in categories and s <= GOAL_AT_MOST)


RULES: tuple[Rule, ...] = (
    Rule("rP1", "PT", lambda i: _with_course(i, limited_joints(i)),
         N_("A joint moves less than it should: regaining gross motor function (joint motion) is PT work."),
         N_("A limited joint that is new, worse or recovering"), ("F1", "F9"), "S:91, S:24"),
    Rule("rP2", "PT", lambda i: _with_course(i, reduced_strength(i)),
         N_("Strength is reduced: regaining muscle strength is PT work."),
         N_("Reduced strength that is new, worse or recovering"), ("F2", "F9"), "S:91, S:24"),
    Rule("rP3", "PT", lambda i: _with_course(i, affected_gait(i)),
         N_("Walking is affected: physiotherapy can help a person walk to the kitchen."),
         N_("Affected walking that is new, worse or recovering"), ("F3", "F9"), "S:91, S:11"),
    Rule("rP4", "PT", lambda i: _poor_balance(i) + _falls(i),
         N_("Balance is poor or there was a fall: exercise for falls prevention."),
         N_("Poor balance, or a fall in the last 12 months"), ("F4", "F5"), "S:99, BK"),
    Rule("rP5", "PT", _conditions("sports_injury"),
         N_("Sports injuries are a named PT area."),
         N_("A sports injury"), ("E1",), "S:26"),
    Rule("rP6", "PT", _conditions("back_pain", "neck_pain", "arthritis"),
         N_("Back pain and arthritis are named PT areas (neck pain: added by us)."),
         N_("Back pain, neck pain or arthritis"), ("E1",), "S:26"),
    Rule("rP7", "PT", _after_surgery,
         N_("Rehabilitation after surgery is a named PT area."),
         N_("Recent surgery without signs of a complication"), ("E1", "D12"), "S:26"),
    Rule("rP8", "PT", _whole_body_condition,
         N_("PT focuses also on people with this condition, and there is a motor finding or a fall."),
         N_("Cancer, a heart condition, MS or Parkinson's together with a motor finding or a fall"),
         ("E1", "F1", "F2", "F3", "F4", "F5"), "S:26"),
    Rule("rP9", "PT", lambda i: (("F8", "yes"),) if i.low_endurance == "yes" else (),
         N_("Endurance is low: activities that involve the whole body are PT work."),
         N_("Low endurance"), ("F8",), "S:31"),
    Rule("rO1", "OT", _katz_zero("G1", "G2", "G3", "G5", "G6"),
         N_("Help is needed with self-care: dressing, eating, bathing, the bathroom are OT work."),
         N_("Help needed with washing, dressing, the toilet, continence or eating"),
         ("G1", "G2", "G3", "G5", "G6"), "S:50-58"),
    Rule("rO2", "OT", _transfers,
         N_("Help is needed to move from bed or wheelchair: practising transfers is OT work."),
         N_("Help needed with transfers"), ("G4", "L1", "F7"), "S:56"),
    Rule("rO3", "OT", lambda i: tuple((item, 0) for item, point in i.lawton if point == 0),
         N_("Help is needed with more complex activities of daily living."),
         N_("Help needed with a more complex daily activity"), ("H",), "S:48"),
    Rule("rO4", "OT", _hand_use,
         N_("Hand use is limited: utensils and writing are OT work."),
         N_("A limited hand task, or reduced grip or pinch"), ("I1", "I3"), "S:50, S:79"),
    Rule("rO5", "OT", _thinking,
         N_("Thinking affects daily tasks: puzzles, quizzes and hand-eye activities are OT work."),
         N_("A thinking problem that affects daily tasks and did not come on suddenly"),
         ("J1", "J1_affects", "D13"), "S:60"),
    Rule("rO6", "OT", lambda i: tuple(("K1", row) for row in i.barriers),
         N_("Something in the surroundings gets in the way: streamlining home, work or school is OT work."),
         N_("A barrier at home, at work or at school"), ("K1",), "S:50"),
    Rule("rO7", "OT", lambda i: (("G5a", "yes"),) if i.continence_training == "yes" else (),
         N_("The patient wants continence training, which is a listed OT exercise."),
         N_("A wish for continence training"), ("G5", "G5a"), "S:58"),
    Rule("rB1", "EITHER", _conditions("carpal_tunnel"),
         N_("Carpal tunnel is listed under both professions. The patient's goal decides."),
         N_("Carpal tunnel"), ("E1",), "S:26, S:91, ct1"),
    Rule("rB2", "EITHER", _conditions(*sorted(SHOULDER)),
         N_("This shoulder condition is listed under OT, and PT's own goal fits it too. The goal decides."),
         N_("Shoulder tendonitis, bursitis or a cuff tear"), ("E1",), "S:91, S:24"),
    Rule("rB3", "EITHER", lambda i: (("C1", "yes"),) if i.pain == "yes" else (),
         N_("Both professions help with pain."),
         N_("Pain"), ("C1",), "S:66"),
    Rule("rB4", "EITHER", lambda i: tuple(("L2", device) for device in i.devices_suggested),
         N_("Both professions can recommend assistive devices."),
         N_("A device that is needed"), ("L2",), "S:68"),
    Rule("rG1", "PT", _goal("movement", "sport_leisure"),
         N_("What the patient wants to achieve is about movement, sport or leisure."),
         N_("A goal in movement, sport or leisure scored 7 or less"), ("B2",), "S:93"),
    Rule("rG2", "OT", _goal("self_care", "home", "work_school", "hand_task"),
         N_("What the patient wants to achieve is about self-care, home, work, school or hand tasks."),
         N_("A goal in self-care, home, work, school or hand tasks scored 7 or less"), ("B2",), "S:93, S:74"),
)  # fmt: skip

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
GOAL_RULES = frozenset({"rG1", "rG2"})
WEAKENED = frozenset({"rO1", "rO2", "rO3"})


def temporary(i: Inputs) -> bool:
    """rW: the cause is temporary pain or surgery, and it began less than six weeks ago (unknown: no)."""
    return i.adl_cause == "temporary_pain_or_surgery" and i.onset_days is not None and i.onset_days < RECENT_DAYS


def gather(i: Inputs) -> tuple[Evidence, ...]:
    """Every item that fires, in the table's order, with its final strength (red flags are not here)."""
    found = {rule.id: inputs for rule in RULES if (inputs := rule.find(i))}
    return weigh(found, weak=temporary(i))


def weigh(found: dict[str, Found], *, weak: bool) -> tuple[Evidence, ...]:
    """Give each fired rule its strength. ``EITHER`` items are always weak: they never decide."""
    strong = {
        rule_id
        for rule_id in found
        if rule_id not in GOAL_RULES and BY_ID[rule_id].direction != "EITHER" and not (weak and rule_id in WEAKENED)
    }
    # A goal breaks a tie, it never outvotes findings.
    goals_strong = "rB1" in found or "rB2" in found or not strong
    items = []
    for rule in RULES:
        if rule.id not in found:
            continue
        is_strong = goals_strong if rule.id in GOAL_RULES else rule.id in strong
        items.append(
            Evidence(
                rule=rule.id,
                direction=rule.direction,
                strength="strong" if is_strong else "weak",
                reason=rule.reason,
                inputs=found[rule.id],
                source=rule.source,
                weakened_by="rW" if weak and rule.id in WEAKENED else "",
            )
        )
    return tuple(items)
