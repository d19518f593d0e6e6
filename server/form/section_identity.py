"""Section A: visit, identity, consent, safety."""

from __future__ import annotations

from server.form.codes import COUNTRIES, PROVINCES, options
from server.form.conditions import All, Filled, Is, Not, Same
from server.form.model import YES_NO, Field, Option, Prompt, Section
from server.i18n import N_

IN_ONTARIO = All((Is("A6.country", ("CA",)), Is("A6.province", ("CA-ON",))))
REMOTE = Not(Is("A1", ("in_person",)))

IDENTITY = Section(
    "A",
    N_("Identity, consent and place"),
    N_("Identity"),
    (
        Field(
            "A2",
            "group",
            N_("Identity confirmed"),
            N_("At least two. Ask; do not read them out."),
            parts=(
                Field(
                    "methods",
                    "multi",
                    N_("Confirmed by"),
                    required=True,
                    least=2,
                    compact=True,
                    options=options(
                        ("full_name", N_("Full name")),
                        ("dob", N_("Date of birth")),
                        ("phone", N_("Phone")),
                        ("address", N_("Address")),
                        ("photo_id", N_("Photo ID seen")),
                    ),
                ),
                Field("at", "text", "", server=True),
                Field("by", "text", "", server=True),
            ),
        ),
        Field(
            "A6",
            "group",
            N_("Where the patient is now"),
            N_("Ask at every visit. In an emergency this goes to 9-1-1."),
            show=REMOTE,
            parts=(
                Field("street", "text", N_("Street and number"), required=True, least=1, most=200),
                Field("city", "text", N_("City"), required=True, least=1, most=200),
                Field(
                    "province",
                    "code",
                    N_("Province or territory"),
                    options=PROVINCES,
                    show=Is("A6.country", ("CA",)),
                    required=True,
                ),
                Field("country", "code", N_("Country"), options=COUNTRIES, required=True),
                Field("postal", "text", N_("Postal code"), most=12),
            ),
        ),
        Field(
            "A6_basis",
            "text",
            N_("Why you may treat a patient in this place"),
            N_("Registration or authorization there: see your college's rules."),
            show=All((REMOTE, Filled("A6.country"), Not(IN_ONTARIO))),
            required=True,
            least=10,
            most=500,
            lines=2,
        ),
        Field("A7", "phone", N_("Phone to call back"), required=Is("A1", ("video",)), show=REMOTE),
        Field(
            "A8",
            "group",
            N_("Emergency contact"),
            show=REMOTE,
            parts=(
                Field("declined", "check", N_("The patient gives no emergency contact")),
                Field(
                    "name",
                    "text",
                    N_("Name"),
                    show=Not(Is(".declined", ("yes",))),
                    required=Is("A1", ("video",)),
                    least=1,
                    most=200,
                ),
                Field(
                    "phone",
                    "phone",
                    N_("Phone"),
                    show=Not(Is(".declined", ("yes",))),
                    required=Is("A1", ("video",)),
                ),
                Field("relation", "text", N_("Relation"), show=Not(Is(".declined", ("yes",))), most=60),
                Field(
                    "same_reason",
                    "text",
                    N_("Why it is the patient's own number"),
                    most=200,
                    required=True,
                    least=3,
                    show=All((Not(Is(".declined", ("yes",))), Same(".phone", "A7"))),
                ),
            ),
        ),
        Field(
            "A3",
            "group",
            N_("Consent to a virtual visit"),
            parts=(
                Field(
                    "answer",
                    "code",
                    N_("The patient agrees to a video visit"),
                    options=YES_NO,
                    required=True,
                    compact=True,
                ),
                Field("version", "text", "", server=True),
                Field("lang", "text", "", server=True),
                Field("at", "text", "", server=True),
                Field("captured_by", "text", "", server=True),
            ),
            prompts=(
                Prompt(
                    Is("A3.answer", ("no",)),
                    N_("Without consent the visit stops here: close it as “not completed”."),
                ),
            ),
        ),
        Field(
            "A4",
            "group",
            N_("Consent to the assessment"),
            parts=(
                Field(
                    "capable",
                    "code",
                    N_("The patient can decide about this assessment"),
                    N_("Ontario has no fixed age: ask yourself whether the person understands."),
                    options=YES_NO,
                    required=True,
                    compact=True,
                ),
                Field("answer", "code", N_("Consent is given"), options=YES_NO, required=True, compact=True),
                Field(
                    "given_by",
                    "code",
                    N_("Given by"),
                    required=True,
                    compact=True,
                    options=options(
                        ("patient", N_("The patient")),
                        ("sdm", N_("Substitute decision-maker")),
                    ),
                ),
            ),
            prompts=(
                Prompt(
                    Is("A4.answer", ("no",)),
                    N_("Without consent the visit stops here: close it as “not completed”."),
                ),
            ),
        ),
        Field(
            "A5",
            "group",
            N_("Substitute decision-maker"),
            show=Is("A4.given_by", ("sdm",)),
            parts=(
                Field("name", "text", N_("Name"), required=True, least=1, most=120),
                Field("relation", "text", N_("Relation"), required=True, least=1, most=120),
                Field("contact", "text", N_("Phone or e-mail"), required=True, least=1, most=120),
            ),
        ),
        Field(
            "A9",
            "list",
            N_("Others present"),
            N_("Interpreter, support worker, family."),
            required=True,
            most=6,
            none_label=N_("Nobody else"),
            add_label=N_("Add a person"),
            parts=(
                Field("name", "text", N_("Name"), required=True, least=1, most=120),
                Field("role", "text", N_("Role"), required=True, least=1, most=80),
            ),
        ),
        Field(
            "A10",
            "code",
            N_("The patient can speak in private"),
            options=YES_NO,
            compact=True,
            show=REMOTE,
            required=Is("A1", ("video",)),
        ),
        Field(
            "A10_go_on",
            "check",
            N_("Not private: we agreed to go on"),
            show=Is("A10", ("no",)),
            required=True,
        ),
        Field(
            "A11",
            "group",
            N_("Language"),
            parts=(
                Field(
                    "language",
                    "code",
                    N_("Language of the visit and the summary"),
                    required=True,
                    compact=True,
                    options=(Option("en", "English"), Option("fr", "Français"), Option("other", N_("Other"))),
                ),
                Field("interpreter", "code", N_("Interpreter"), options=YES_NO, required=True, compact=True),
            ),
        ),
        Field(
            "A1",
            "code",
            N_("Kind of visit"),
            required=True,
            compact=True,
            options=options(
                ("video", N_("Video")),
                ("in_person", N_("In person")),
                ("phone_fallback", N_("Phone, video failed")),
            ),
        ),
        Field("A12", "code", N_("Recording"), options=options(("not_recorded", N_("Not recorded"))), server=True),
        Field(
            "A13",
            "group",
            N_("Therapist"),
            server=True,
            parts=(
                Field("id", "text", ""),
                Field("name", "text", N_("Name")),
                Field(
                    "profession",
                    "code",
                    N_("Profession"),
                    options=options(("PT", N_("Physiotherapist")), ("OT", N_("Occupational therapist"))),
                ),
                Field("registration", "text", N_("Registration number")),
            ),
        ),
        Field(
            "A14",
            "group",
            N_("Time of the visit"),
            server=True,
            parts=(
                Field("started_at", "text", N_("Start")),
                Field("ended_at", "text", N_("End")),
            ),
        ),
    ),
)
