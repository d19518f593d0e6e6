"""Section N: recommendation and plan; N0: a visit that was not completed."""

from __future__ import annotations

from server.form.codes import SETTINGS, options
from server.form.conditions import All, Filled, Is, Not
from server.form.model import YES_NO, Field, Section
from server.form.section_redflags import ANY_YES
from server.i18n import N_

RECOMMENDATIONS = options(
    ("pt", N_("Physiotherapy")),
    ("ot", N_("Occupational therapy")),
    ("combined", N_("Both")),
    ("urgent_referral", N_("Urgent medical referral")),
    ("in_person_assessment", N_("Assessment in person")),
    ("none_self_care", N_("No therapy now, self-care")),
)
ORDERS = options(
    ("pt_then_ot", N_("PT, then OT")),
    ("ot_then_pt", N_("OT, then PT")),
    ("concurrent", N_("At the same time")),
)

URGENT = Is("N1", ("urgent_referral",))
WITH_PT = Is("N1", ("pt", "combined"))
WITH_OT = Is("N1", ("ot", "combined"))
NEEDS_DOSE = Is("N1", ("pt", "ot", "combined", "in_person_assessment"))
OVERRIDE = All((ANY_YES, Filled("N1"), Not(URGENT)))

PLAN = Section(
    "N",
    N_("Recommendation"),
    N_("Recommendation"),
    (
        Field(
            "N1",
            "code",
            N_("Your recommendation"),
            N_("Your own decision. Nothing is chosen for you."),
            required=True,
            options=RECOMMENDATIONS,
        ),
        Field(
            "N1_override",
            "group",
            N_("A red flag is “yes” and this is not an urgent referral"),
            show=OVERRIDE,
            parts=(
                Field(
                    "confirm",
                    "check",
                    N_("I have considered the red flag and decide otherwise"),
                    required=True,
                ),
                Field(
                    "reason",
                    "text",
                    N_("Reason"),
                    N_("At least 40 characters."),
                    required=True,
                    least=40,
                    most=1000,
                    lines=3,
                ),
            ),
        ),
        Field(
            "N2",
            "code",
            N_("Order"),
            show=Is("N1", ("combined",)),
            required=True,
            compact=True,
            options=ORDERS,
        ),
        Field(
            "N2_criterion",
            "text",
            N_("Start the second when…"),
            show=All((Is("N1", ("combined",)), Is("N2", ("pt_then_ot", "ot_then_pt")))),
            required=True,
            least=3,
            most=300,
        ),
        Field(
            "N4",
            "text",
            N_("Rationale (for the record, not shown to the patient)"),
            N_("At least 40 characters when it differs from the suggestion."),
            required=True,
            least=20,
            most=1000,
            lines=3,
        ),
        Field(
            "N5",
            "multi",
            N_("PT may use"),
            show=WITH_PT,
            required=True,
            least=1,
            compact=True,
            options=options(
                ("specific_exercises", N_("Specific exercises")),
                ("stretching", N_("Stretching")),
                ("whole_body_activity", N_("Whole-body activity")),
                ("education_advice", N_("Education and advice")),
                ("manual_therapy", N_("Manual therapy")),
                ("hydrotherapy", N_("Hydrotherapy")),
                ("dry_needling", N_("Dry needling")),
                ("taping", N_("Taping")),
                ("other", N_("Other")),
            ),
        ),
        Field(
            "N6",
            "multi",
            N_("OT may work on"),
            show=WITH_OT,
            required=True,
            least=1,
            compact=True,
            options=options(
                ("eating", N_("Eating")),
                ("dressing", N_("Dressing")),
                ("bathing", N_("Bathing")),
                ("toileting", N_("Using the toilet")),
                ("wheelchair_bed_transfer", N_("Wheelchair to bed")),
                ("continence_training", N_("Continence training")),
                ("home_set_up", N_("Home set-up")),
                ("work_set_up", N_("Work set-up")),
                ("school_set_up", N_("School set-up")),
                ("cognitive_tasks", N_("Memory and puzzle tasks")),
                ("hand_eye_tasks", N_("Hand-eye tasks")),
                ("relearn_writing_hand_use", N_("Writing and hand use")),
                ("other", N_("Other")),
            ),
        ),
        Field(
            "N6_other",
            "text",
            N_("OT: other, namely"),
            show=All((WITH_OT, Is("N6", ("other",)))),
            required=True,
            least=2,
            most=120,
        ),
        Field(
            "N7",
            "group",
            N_("Dose"),
            show=NEEDS_DOSE,
            parts=(
                Field("sessions", "int", N_("Sessions"), required=True, least=1, most=52),
                Field("setting", "code", N_("Setting"), required=True, options=SETTINGS),
                Field("in_person", "code", N_("In person"), options=YES_NO, required=True, compact=True),
            ),
        ),
        Field(
            "N8",
            "group",
            N_("Follow-up"),
            show=All((Filled("N1"), Not(URGENT))),
            parts=(
                Field("none_needed", "check", N_("No follow-up needed")),
                Field(
                    "reason",
                    "text",
                    N_("Reason"),
                    show=Is(".none_needed", ("yes",)),
                    required=True,
                    least=3,
                    most=300,
                ),
                Field("when", "date", N_("When"), show=Not(Is(".none_needed", ("yes",))), required=True),
                Field(
                    "who",
                    "text",
                    N_("With whom"),
                    show=Not(Is(".none_needed", ("yes",))),
                    required=True,
                    least=2,
                    most=120,
                ),
                Field(
                    "mode",
                    "code",
                    N_("How"),
                    show=Not(Is(".none_needed", ("yes",))),
                    required=True,
                    compact=True,
                    options=options(("video", N_("Video")), ("in_person", N_("In person")), ("phone", N_("Phone"))),
                ),
            ),
        ),
        Field(
            "N9",
            "text",
            N_("Advice for the patient"),
            N_("The patient reads this, word for word. Short sentences."),
            most=1000,
            lines=3,
        ),
        Field("N10", "check", N_("I told the patient when to get help"), required=True),
        Field(
            "N11",
            "group",
            N_("Teach-back"),
            parts=(
                Field(
                    "done",
                    "code",
                    N_("The patient said it back in their own words"),
                    options=YES_NO,
                    required=True,
                    compact=True,
                ),
                Field(
                    "reason",
                    "text",
                    N_("Why not"),
                    show=Is(".done", ("no",)),
                    required=True,
                    least=3,
                    most=300,
                ),
            ),
        ),
        Field(
            "N12",
            "group",
            N_("Sharing information"),
            parts=(
                Field(
                    "leaves",
                    "code",
                    N_("Information leaves the clinic"),
                    options=YES_NO,
                    compact=True,
                    required=URGENT,
                ),
                Field(
                    "to",
                    "text",
                    N_("To whom"),
                    show=Is(".leaves", ("yes",)),
                    required=True,
                    least=2,
                    most=120,
                ),
                Field(
                    "purpose",
                    "text",
                    N_("What for"),
                    show=Is(".leaves", ("yes",)),
                    required=True,
                    least=3,
                    most=200,
                ),
                Field(
                    "consent",
                    "code",
                    N_("The patient consents"),
                    N_("Without consent nothing is sent."),
                    options=YES_NO,
                    show=Is(".leaves", ("yes",)),
                    required=True,
                    compact=True,
                ),
            ),
        ),
    ),
)

NOT_COMPLETED = Section(
    "Z",
    N_("Not completed"),
    N_("Not completed"),
    (
        Field(
            "N0",
            "group",
            N_("The visit broke off"),
            parts=(
                Field(
                    "reason",
                    "code",
                    N_("Why"),
                    options=options(
                        ("technical", N_("Technical failure")),
                        ("patient_left", N_("The patient left")),
                        ("consent_refused", N_("Consent refused")),
                        ("no_identity", N_("Identity not confirmed")),
                        ("other", N_("Other")),
                    ),
                ),
                Field(
                    "text",
                    "text",
                    N_("What happened"),
                    show=Filled(".reason"),
                    required=True,
                    least=10,
                    most=500,
                    lines=2,
                ),
                Field(
                    "offered",
                    "text",
                    N_("What was offered next"),
                    N_("The patient reads this, word for word."),
                    show=Filled(".reason"),
                    required=True,
                    least=3,
                    most=300,
                    lines=2,
                ),
            ),
        ),
    ),
    intro=N_("Only for a visit that broke off. With a reason here, nothing else is needed to sign."),
)
