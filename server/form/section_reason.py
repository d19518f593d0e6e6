"""Sections B (reason and goals), C (pain) and E (conditions)."""

from __future__ import annotations

from server.form.codes import CONDITIONS, PAIN_REGIONS, SIDES, options
from server.form.conditions import All, Any_, Filled, Is, Not
from server.form.model import Field, Section
from server.i18n import N_

IN_PAIN = Is("C1", ("yes",))

GOALS = Section(
    "B",
    N_("Reason and goals"),
    N_("Goals"),
    (
        Field("B1", "text", N_("Reason, in the patient's words"), required=True, least=3, most=500, lines=2),
        Field(
            "B2",
            "list",
            N_("Activities that are hard now"),
            N_("0 = unable, 10 = as well as before. Three to five are best."),
            required=True,
            least=1,
            most=5,
            start_rows=3,
            add_label=N_("Add an activity"),
            parts=(
                Field("activity", "text", N_("Activity"), required=True, least=2, most=120),
                Field(
                    "category",
                    "code",
                    N_("Kind"),
                    required=True,
                    options=options(
                        ("movement", N_("Movement")),
                        ("sport_leisure", N_("Sport or leisure")),
                        ("self_care", N_("Self-care")),
                        ("home", N_("Home")),
                        ("work_school", N_("Work or school")),
                        ("hand_task", N_("Hand task")),
                    ),
                ),
                Field("score", "int", N_("Score 0–10"), required=True, least=0, most=10),
            ),
        ),
        Field("B4", "text", N_("What the patient wants to achieve"), required=True, least=3, most=300, lines=2),
    ),
)

MODIFIERS = options(
    ("sitting", N_("Sitting")),
    ("standing", N_("Standing")),
    ("walking", N_("Walking")),
    ("stairs", N_("Stairs")),
    ("lifting", N_("Lifting")),
    ("reaching", N_("Reaching")),
    ("gripping", N_("Gripping")),
    ("typing", N_("Typing")),
    ("lying", N_("Lying")),
    ("night", N_("Night")),
    ("cough_sneeze", N_("Cough or sneeze")),
    ("rest", N_("Rest")),
    ("heat", N_("Heat")),
    ("cold", N_("Cold")),
    ("medication", N_("Medication")),
    ("movement", N_("Movement")),
    ("other", N_("Other")),
)

PAIN = Section(
    "C",
    N_("Pain"),
    N_("Pain"),
    (
        Field("C1", "state4", N_("Pain"), required=True, compact=True),
        Field(
            "C2",
            "group",
            N_("Pain from 0 to 10, last 7 days"),
            N_("0 = no pain, 10 = the worst pain imaginable."),
            show=IN_PAIN,
            parts=(
                Field("now", "int", N_("Now"), required=True, least=0, most=10),
                Field("best", "int", N_("At best"), required=True, least=0, most=10),
                Field("worst", "int", N_("At worst"), required=True, least=0, most=10),
            ),
        ),
        Field(
            "C3",
            "list",
            N_("Where"),
            show=IN_PAIN,
            required=True,
            least=1,
            most=8,
            add_label=N_("Add a place"),
            parts=(
                Field("region", "code", N_("Region"), options=PAIN_REGIONS, required=True),
                Field("side", "code", N_("Side"), options=SIDES, required=True),
            ),
        ),
        Field(
            "C4",
            "group",
            N_("Since when"),
            N_("Weeks or a date."),
            show=IN_PAIN,
            parts=(
                Field("weeks_ago", "int", N_("Weeks ago"), least=0, most=5200, required=Not(Filled(".date"))),
                Field("date", "date", N_("or since")),
                Field(
                    "kind",
                    "code",
                    N_("How it began"),
                    required=True,
                    options=options(
                        ("sudden", N_("Suddenly")),
                        ("gradual", N_("Gradually")),
                        ("post_trauma", N_("After an injury")),
                        ("post_surgery", N_("After surgery")),
                        ("unknown", N_("Unknown")),
                    ),
                ),
            ),
        ),
        Field(
            "C5",
            "text",
            N_("What happened"),
            most=300,
            lines=2,
            show=All((IN_PAIN, Is("C4.kind", ("post_trauma",)))),
            required=True,
            least=1,
        ),
        Field(
            "C8",
            "group",
            N_("Pattern"),
            show=IN_PAIN,
            parts=(
                Field(
                    "pattern",
                    "code",
                    N_("Constant or not"),
                    required=True,
                    compact=True,
                    options=options(
                        ("constant", N_("Constant")),
                        ("intermittent", N_("Comes and goes")),
                    ),
                ),
                Field("night_pain", "state4", N_("Pain at night"), required=True, compact=True),
                Field("radiates", "state4", N_("Pain spreads"), required=True, compact=True),
                Field(
                    "radiates_where",
                    "text",
                    N_("Where to"),
                    show=Is(".radiates", ("yes",)),
                    required=True,
                    least=1,
                    most=120,
                ),
                Field("numb_tingle", "state4", N_("Numbness or tingling"), required=True, compact=True),
            ),
        ),
        Field("C6", "multi", N_("Worse with"), show=IN_PAIN, options=MODIFIERS, compact=True, folded=True),
        Field("C7", "multi", N_("Better with"), show=IN_PAIN, options=MODIFIERS, compact=True, folded=True),
    ),
)

CONDITION = Is("E1[].condition", tuple(o.value for o in CONDITIONS))

HISTORY = Section(
    "E",
    N_("Conditions"),
    N_("Conditions"),
    (
        Field(
            "E1",
            "list",
            N_("Reported conditions"),
            N_("What the patient reports or a document shows. Not a diagnosis."),
            most=20,
            none_label=N_("None reported"),
            add_label=N_("Add a condition"),
            parts=(
                Field("condition", "code", N_("Condition"), options=CONDITIONS, required=True),
                Field(
                    "status",
                    "code",
                    N_("Known from"),
                    required=True,
                    preset="reported",
                    options=options(
                        ("reported", N_("Patient")),
                        ("confirmed_by_document", N_("Document")),
                    ),
                ),
                Field("onset_weeks", "int", N_("Weeks ago"), least=0, most=5200),
                Field(
                    "text",
                    "text",
                    N_("Which"),
                    show=Is(".condition", ("other",)),
                    required=True,
                    least=2,
                    most=120,
                ),
            ),
        ),
    ),
)

#: C8: a night or constant pattern is a reason to ask D8 with care; C3 chest or abdomen, D2.
NIGHT_OR_CONSTANT = All((IN_PAIN, Any_((Is("C8.pattern", ("constant",)), Is("C8.night_pain", ("yes",))))))
CHEST_OR_ABDOMEN = All((IN_PAIN, Is("C3[].region", ("chest", "abdomen"))))
