"""Sections F (gross motor) and G (Katz)."""

from __future__ import annotations

from server.form.codes import JOINTS, MUSCLES, SIDES, options
from server.form.conditions import All, Any_, AtLeast, Condition, Filled, Is, Not
from server.form.model import YES_NO, Field, Option, Section
from server.i18n import N_

HELP = options(
    ("independent", N_("Independent")),
    ("aid", N_("With an aid")),
    ("supervision", N_("Supervised")),
    ("assist", N_("With a person's help")),
    ("unable", N_("Unable")),
    ("not_seen", N_("Not seen")),
)

MOTOR = Section(
    "F",
    N_("Movement"),
    N_("Movement"),
    (
        Field(
            "F9",
            "code",
            N_("Course of the movement problem"),
            required=True,
            compact=True,
            options=options(
                ("new", N_("New")),
                ("worse", N_("Getting worse")),
                ("recovering", N_("Recovering")),
                ("long_standing", N_("Long-standing")),
                ("none", N_("No movement problem")),
            ),
        ),
        Field(
            "F1",
            "list",
            N_("Joint motion"),
            most=12,
            add_label=N_("Add a joint"),
            show=Not(Filled("F1_not_indicated")),
            required=True,
            least=1,
            parts=(
                Field("joint", "code", N_("Joint"), options=JOINTS, required=True),
                Field("side", "code", N_("Side"), options=SIDES, required=True),
                Field(
                    "finding",
                    "code",
                    N_("Motion"),
                    required=True,
                    options=options(
                        ("full", N_("Full")),
                        ("limited_mild", N_("A little limited")),
                        ("limited_moderate", N_("Limited")),
                        ("limited_severe", N_("Very limited")),
                    ),
                ),
                Field("painful", "code", N_("Painful"), options=YES_NO, required=True),
            ),
        ),
        Field("F1_not_indicated", "text", N_("Joint motion not indicated: reason"), least=3, most=200),
        Field(
            "F2",
            "list",
            N_("Strength, as seen on video"),
            most=12,
            add_label=N_("Add a region"),
            show=Not(Filled("F2_not_indicated")),
            required=True,
            least=1,
            parts=(
                Field("region", "code", N_("Region"), options=MUSCLES, required=True),
                Field("side", "code", N_("Side"), options=SIDES, required=True),
                Field(
                    "level",
                    "code",
                    N_("Strength"),
                    required=True,
                    options=options(
                        ("normal", N_("Normal")),
                        ("reduced_against_load", N_("Reduced against load")),
                        ("only_against_gravity", N_("Only against gravity")),
                        ("cannot_lift_against_gravity", N_("Cannot lift against gravity")),
                        ("no_movement", N_("No movement")),
                    ),
                ),
            ),
        ),
        Field("F2_not_indicated", "text", N_("Strength not indicated: reason"), least=3, most=200),
        Field("F3", "code", N_("Walking"), required=True, compact=True, options=HELP),
        Field("F3_distance", "int", N_("How far, in metres"), least=0, most=5000),
        Field("F5", "int", N_("Falls in the last 12 months"), required=True, least=0, most=99),
        Field(
            "F5_injury",
            "code",
            N_("Hurt in a fall"),
            options=YES_NO,
            compact=True,
            show=AtLeast("F5", 1),
            required=True,
        ),
        Field(
            "F4",
            "code",
            N_("Balance"),
            N_("No standing test if the patient is alone and has fallen."),
            required=True,
            compact=True,
            options=options(
                ("good", N_("Good")),
                ("fair", N_("Fair")),
                ("poor", N_("Poor")),
                ("not_tested", N_("Not tested")),
            ),
        ),
        Field(
            "F6",
            "int",
            N_("Sit to stand in 30 seconds"),
            least=0,
            most=40,
            show=Any_((Is("F4", ("good", "fair")), Filled("A9[].name"))),
        ),
        Field(
            "F7",
            "code",
            N_("Transfers"),
            required=True,
            compact=True,
            options=options(
                ("independent", N_("Independent")),
                ("aid", N_("With an aid")),
                ("supervision", N_("Supervised")),
                ("assist", N_("With a person's help")),
                ("mechanical_lift", N_("Mechanical lift")),
            ),
        ),
        Field("F8", "state4", N_("Low endurance"), compact=True),
    ),
)

KATZ_ANSWERS: tuple[Option, ...] = options(
    ("1", N_("Independent")),
    ("0", N_("Needs help")),
    ("unable", N_("Can't tell")),
    ("not_asked", N_("Not asked")),
)
#: Wording after the Hartford Institute's "Try This" (1 point / 0 points).
_KATZ: tuple[tuple[str, str, str], ...] = (
    (
        "G1",
        N_("Bathing"),
        N_("Independent: alone, or help with one body part. Needs help: more, or into the tub."),
    ),
    (
        "G2",
        N_("Dressing"),
        N_("Independent: gets clothes and puts them on; shoelaces may be tied for the person."),
    ),
    ("G3", N_("Toilet"), N_("Independent: goes, on and off, clothes, cleans self. Needs help: also bedpan.")),
    ("G4", N_("Transferring"), N_("Independent: in and out of bed or chair; mechanical aids are fine.")),
    ("G5", N_("Continence"), N_("Independent: complete control. Needs help: partly or totally incontinent.")),
    ("G6", N_("Eating"), N_("Independent: from plate to mouth; others may cook.")),
)
OPEN_ITEMS = Is("G0", ("yes", "unable", "not_asked"))
ANY_ZERO: Condition = Any_(tuple(Is(item, ("0",)) for item, _, _ in _KATZ))

KATZ = Section(
    "G",
    N_("Daily life (Katz)"),
    N_("Daily life"),
    (
        Field(
            "G0",
            "state4",
            N_(
                "Do you need help from another person to wash, dress, use the toilet, move from bed to "
                "chair, stay dry, or eat?"
            ),
            N_("A clear “no” answers all six. What the person does, not what they could do."),
            compact=True,
        ),
        *(
            Field(item, "code", name, hint, options=KATZ_ANSWERS, compact=True, required=True, show=OPEN_ITEMS)
            for item, name, hint in _KATZ[:5]
        ),
        Field(
            "G5a",
            "code",
            N_("Wants continence training"),
            options=YES_NO,
            compact=True,
            show=All((OPEN_ITEMS, Is("G5", ("0",)))),
            required=True,
        ),
        *(
            Field(item, "code", name, hint, options=KATZ_ANSWERS, compact=True, required=True, show=OPEN_ITEMS)
            for item, name, hint in _KATZ[5:]
        ),
        Field(
            "G7",
            "code",
            N_("Main cause"),
            show=All((OPEN_ITEMS, ANY_ZERO)),
            required=True,
            options=options(
                ("temporary_pain_or_surgery", N_("Temporary pain or surgery")),
                ("strength_balance", N_("Strength or balance")),
                ("hand_function", N_("Hand function")),
                ("cognition", N_("Thinking")),
                ("environment", N_("Surroundings")),
                ("paralysis", N_("Paralysis")),
                ("continence", N_("Continence")),
                ("other", N_("Other")),
            ),
        ),
    ),
)
