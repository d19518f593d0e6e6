"""Sections I (hand), J (thinking), K (environment)."""

from __future__ import annotations

from server.form.codes import LIMB_SIDES, PLACES, SETTINGS, options
from server.form.conditions import Any_, Condition, Is
from server.form.model import Field, Section
from server.i18n import N_

_DIFFICULTY = options(("0", N_("No problem")), ("1", N_("Some")), ("2", N_("Unable")))
_TASKS: tuple[tuple[str, str], ...] = (
    ("writing", N_("Writing")),
    ("typing", N_("Typing")),
    ("buttons_zips", N_("Buttons and zips")),
    ("utensils", N_("Utensils")),
    ("opening_jars", N_("Opening jars")),
    ("phone_use", N_("Using a phone")),
    ("tools", N_("Tools")),
)
HAND_LIMITED: Condition = Any_(tuple(Is(f"I1.{task}", ("1", "2")) for task, _ in _TASKS))
CARPAL_TUNNEL = Is("E1[].condition", ("carpal_tunnel",))
_FINGERS = options(
    ("thumb", N_("Thumb")),
    ("index", N_("Index")),
    ("middle", N_("Middle finger")),
    ("ring", N_("Ring finger")),
    ("little", N_("Little finger")),
)

HAND = Section(
    "I",
    N_("Hands"),
    N_("Hands"),
    (
        Field(
            "I1",
            "group",
            N_("Hand tasks"),
            fill="0",
            fill_label=N_("No problem with the others"),
            parts=tuple(
                Field(task, "code", label, options=_DIFFICULTY, required=True, compact=True) for task, label in _TASKS
            ),
        ),
        Field(
            "I2",
            "group",
            N_("Which hand"),
            show=HAND_LIMITED,
            parts=(
                Field("dominant", "code", N_("Dominant"), options=LIMB_SIDES, required=True, compact=True),
                Field("affected", "code", N_("Affected"), options=LIMB_SIDES, required=True, compact=True),
            ),
        ),
        Field(
            "I3",
            "group",
            N_("Grip and feeling"),
            parts=(
                Field(
                    "grip_pinch",
                    "code",
                    N_("Grip and pinch"),
                    required=CARPAL_TUNNEL,
                    compact=True,
                    options=options(
                        ("normal", N_("Normal")),
                        ("reduced", N_("Reduced")),
                        ("not_tested", N_("Not tested")),
                    ),
                ),
                Field(
                    "tingling_left",
                    "multi",
                    N_("Tingling, left"),
                    options=_FINGERS,
                    compact=True,
                    none_label=N_("None"),
                    required=CARPAL_TUNNEL,
                ),
                Field(
                    "tingling_right",
                    "multi",
                    N_("Tingling, right"),
                    options=_FINGERS,
                    compact=True,
                    none_label=N_("None"),
                    required=CARPAL_TUNNEL,
                ),
            ),
        ),
    ),
)

_PROBLEMS = ("memory", "attention", "planning", "orientation", "judgement_safety")

THINKING = Section(
    "J",
    N_("Thinking"),
    N_("Thinking"),
    (
        Field(
            "J1",
            "multi",
            N_("Trouble with"),
            N_("If it came on suddenly, answer “yes” to acute confusion (D13)."),
            required=True,
            least=1,
            exclusive="none",
            compact=True,
            options=options(
                ("none", N_("None")),
                ("memory", N_("Memory")),
                ("attention", N_("Attention")),
                ("planning", N_("Planning")),
                ("orientation", N_("Orientation")),
                ("judgement_safety", N_("Judgement, safety")),
            ),
        ),
        Field(
            "J1_affects",
            "state4",
            N_("It affects daily tasks"),
            compact=True,
            show=Is("J1", _PROBLEMS),
            required=True,
        ),
    ),
)

ENVIRONMENT = Section(
    "K",
    N_("Surroundings and role"),
    N_("Surroundings"),
    (
        Field(
            "K1",
            "list",
            N_("What gets in the way"),
            required=True,
            most=12,
            none_label=N_("Nothing"),
            add_label=N_("Add a barrier"),
            parts=(
                Field("place", "code", N_("Place"), options=PLACES, required=True),
                Field(
                    "what",
                    "code",
                    N_("What"),
                    required=True,
                    options=options(
                        ("stairs", N_("Stairs")),
                        ("bathroom", N_("Bathroom")),
                        ("kitchen", N_("Kitchen")),
                        ("bed", N_("Bed")),
                        ("entrance", N_("Entrance")),
                        ("desk_workstation", N_("Desk or workstation")),
                        ("lighting", N_("Lighting")),
                        ("other", N_("Other")),
                    ),
                ),
                Field("text", "text", N_("Detail"), most=200, required=Is(".what", ("other",))),
            ),
        ),
        Field(
            "K3",
            "code",
            N_("Role"),
            required=True,
            compact=True,
            options=options(
                ("worker", N_("Worker")),
                ("student", N_("Student")),
                ("carer", N_("Carer")),
                ("retired", N_("Retired")),
                ("other", N_("Other")),
            ),
        ),
        Field("K3_unsafe", "state4", N_("Not safe at home now"), required=True, compact=True),
        Field(
            "K3_why",
            "text",
            N_("Why"),
            show=Is("K3_unsafe", ("yes",)),
            required=True,
            least=10,
            most=300,
            lines=2,
        ),
        Field("K4", "code", N_("Preferred setting"), required=True, compact=True, options=SETTINGS),
    ),
)
