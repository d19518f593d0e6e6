"""Section D: the 14 red flags, what was done (D15), and what cleared one."""

from __future__ import annotations

from server.form.codes import options
from server.form.conditions import All, Any_, Condition, Is, Not
from server.form.levels import ESCALATIONS, FLAGS, LEVELS
from server.form.model import YES_NO, Field, Option, Prompt, Section
from server.form.section_reason import CHEST_OR_ABDOMEN, NIGHT_OR_CONSTANT
from server.i18n import N_

#: id -> (short name, question in plain words)
QUESTIONS: dict[str, tuple[str, str]] = {
    "D1": (
        N_("Stroke"),
        N_(
            "New face droop, arm weakness or slurred speech? Sudden loss of vision, severe headache or loss of balance?"
        ),
    ),
    "D2": (
        N_("Heart"),
        N_("Chest pain or pressure, fainting, jaw or arm pain with sweating, breathless at rest?"),
    ),
    "D3": (
        N_("Lung clot"),
        N_("Sudden breathlessness or sharp chest pain on breathing, perhaps with a swollen leg?"),
    ),
    "D4": (
        N_("Cauda equina"),
        N_(
            "Back or leg pain with a numb saddle area, a new bladder, bowel or sexual change, or "
            "pain or weakness in both legs?"
        ),
    ),
    "D5": (N_("Leg clot"), N_("One calf or leg newly swollen, tender, warm?")),
    "D6": (
        N_("Fracture"),
        N_(
            "Major trauma, a small one with osteoporosis or steroids, cannot take 4 steps, "
            "deformity, or pain in the middle of the spine after an injury?"
        ),
    ),
    "D7": (
        N_("Infection"),
        N_(
            "Fever or chills with severe back or joint pain, a hot swollen joint, injected drugs, a weak immune system?"
        ),
    ),
    "D8": (
        N_("Cancer"),
        N_("Past cancer plus new constant or night pain or weight loss without a reason? Past cancer alone is “no”."),
    ),
    "D9": (
        N_("Nerves getting worse"),
        N_("Weakness or numbness getting worse, a new foot drop, clumsy hands with an unsteady walk?"),
    ),
    "D10": (
        N_("Neck vessels"),
        N_("Neck pain with double vision, dizziness, a drop attack, trouble swallowing or speaking, a numb face?"),
    ),
    "D11": (
        N_("Head injury"),
        N_("A recent blow with vomiting, worse headache, confusion, or on a blood thinner?"),
    ),
    "D12": (N_("After surgery"), N_("Red or leaking wound, fever, sudden loss of function after surgery?")),
    "D13": (N_("Acute confusion"), N_("A sudden change in thinking or alertness, within hours or days?")),
    "D14": (N_("Safety"), N_("Thoughts of suicide, feeling unsafe, abuse or neglect?")),
}

#: id -> (short name, question)
SECOND_QUESTIONS: dict[str, tuple[str, str]] = {
    "D6_nerve": (
        N_("Fracture: spine and nerves"),
        N_("Is it the spine, with numbness, weakness, or a bladder or bowel change? (yes: 9-1-1 now)"),
    ),
    "D8_leg": (N_("Cancer: legs"), N_("Is there new weakness in the legs? (yes: 9-1-1 now)")),
}

_PROMPTS: dict[str, tuple[Prompt, ...]] = {
    "D2": (Prompt(CHEST_OR_ABDOMEN, N_("Pain in the chest or abdomen: ask this with care.")),),
    "D6": (Prompt(Is("F5_injury", ("yes",)), N_("Hurt in a fall: ask this again.")),),
    "D8": (Prompt(NIGHT_OR_CONSTANT, N_("Constant pain or pain at night: ask this with care.")),),
    "D11": (Prompt(Is("F5_injury", ("yes",)), N_("Hurt in a fall: ask this again.")),),
    "D14": (Prompt(Is("K3_unsafe", ("yes",)), N_("Not safe at home: ask this again.")),),
}

ANY_YES: Condition = Any_(tuple(Is(flag, ("yes",)) for flag in FLAGS))
LEVEL_E: Condition = Any_(
    tuple(Is(f, ("yes",)) for f in FLAGS if LEVELS[f] == "E")
    + tuple(All((Is(f, ("yes",)), Is(question, ("yes",)))) for f, question in ESCALATIONS.items())
    + (All((ANY_YES, Is("D15.level", ("E",)))),)
)
LEVEL_S: Condition = Any_(
    (*(Is(f, ("yes",)) for f in FLAGS if LEVELS[f] == "S"), All((ANY_YES, Is("D15.level", ("S",)))))
)

LEVEL_OPTIONS = options(
    ("E", N_("9-1-1 or emergency department now")),
    ("S", N_("Medical assessment today")),
    ("P", N_("Physician or nurse practitioner within days")),
)


def _flag(flag: str) -> tuple[Field, ...]:
    name, question = QUESTIONS[flag]
    fields = [Field(flag, "state4", name, question, required=True, compact=True, prompts=_PROMPTS.get(flag, ()))]
    if flag in ESCALATIONS:
        second = ESCALATIONS[flag]
        fields.append(
            Field(
                second,
                "state4",
                *SECOND_QUESTIONS[second],
                required=True,
                compact=True,
                show=Is(flag, ("yes",)),
            )
        )
    fields.append(
        Field(
            f"{flag}_reason",
            "text",
            N_("Why it can't be told"),
            show=Is(flag, ("unable",)),
            required=True,
            least=3,
            most=200,
        )
    )
    return tuple(fields)


RED_FLAGS = Section(
    "D",
    N_("Red flags"),
    N_("Red flags"),
    (
        *(field for flag in FLAGS for field in _flag(flag)),
        Field(
            "D15",
            "group",
            N_("What was done"),
            show=ANY_YES,
            parts=(
                Field("level", "code", N_("Level"), options=LEVEL_OPTIONS, required=True),
                Field(
                    "lower_reason",
                    "text",
                    N_("Reason, if the level is lower than the table's"),
                    most=300,
                    lines=2,
                ),
                Field("told_who", "text", N_("Who was told"), required=True, least=2, most=120),
                Field("time", "time", N_("At what time"), required=True),
                Field(
                    "service",
                    "text",
                    N_("Service"),
                    N_("9-1-1, which emergency department, which clinic."),
                    required=True,
                    least=2,
                    most=120,
                ),
                Field(
                    "patient_agreed",
                    "code",
                    N_("The patient agreed"),
                    options=YES_NO,
                    required=True,
                    compact=True,
                ),
                Field("handover", "text", N_("Handover"), required=True, least=10, most=1000, lines=3),
                Field(
                    "handed_over",
                    "code",
                    N_("Emergency help or another person has taken over"),
                    N_("Until “yes”, a level of 9-1-1 keeps the visit open."),
                    options=YES_NO,
                    required=True,
                    compact=True,
                ),
            ),
        ),
        Field(
            "D15_cleared",
            "list",
            N_("Cleared by a medical check"),
            N_("Only if someone has ruled the cause out. PT and OT stay hidden until then."),
            show=ANY_YES,
            most=5,
            start_rows=1,
            folded=True,
            add_label=N_("Add a record"),
            parts=(
                Field(
                    "flags",
                    "multi",
                    N_("Which"),
                    required=True,
                    least=1,
                    compact=True,
                    options=tuple(Option(f, QUESTIONS[f][0]) for f in FLAGS),
                ),
                Field("by", "text", N_("By whom"), required=True, least=1, most=120),
                Field("at", "moment", N_("When"), required=True),
                Field(
                    "how",
                    "text",
                    N_("How"),
                    N_("At least 40 characters."),
                    required=True,
                    least=40,
                    most=500,
                    lines=2,
                ),
            ),
        ),
    ),
    intro=N_("Ask all fourteen. One “yes” ends triage: act first."),
)

#: The page shows one panel a level, highest first; JavaScript evaluates the same data.
PANELS: tuple[tuple[str, Condition], ...] = (
    ("E", LEVEL_E),
    ("S", All((Not(LEVEL_E), LEVEL_S))),
    ("P", All((ANY_YES, Not(LEVEL_E), Not(LEVEL_S)))),
)
