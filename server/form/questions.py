"""The few questions that a patient answers while waiting: fields of the note form, in a patient's words.

Nothing is defined twice: kinds, limits and codes are the note form's; only labels and what is left out differ. What is
kept is a document of the note form, so it goes into the note as it is (``prefill.offer``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from server.form.codes import CONDITIONS
from server.form.definition import FORM
from server.form.model import Field, FieldError, Form, Section
from server.form.parse import parse
from server.form.validate import Context, validate
from server.i18n import N_

#: how many activities and places a patient is asked for; a list of the note may have more
ACTIVITIES, PLACES = 3, 3
#: the note's answers that a patient gives as boxes to tick ("help")
HELP = ("G1", "G2", "G3", "G4", "G5", "G6")
CONDITION_CODES = tuple(option.value for option in CONDITIONS)


def _field(
    field_id: str, label: str = "", hint: str = "", parts: Mapping[str, str] | None = None, **changed: Any
) -> Field:
    """A field of the note form with a patient's words; ``parts``: only these of a group or a row, in these words."""
    field = FORM.get(field_id)
    assert field is not None
    if parts:
        changed["parts"] = tuple(
            replace(field.part(name), label=words, required=False) for name, words in parts.items()
        )
    return replace(field, label=label or field.label, hint=hint, required=False, show=None, prompts=(), **changed)


@dataclass(frozen=True, slots=True)
class Step:
    """One small step. ``id`` is what the page's ``section`` says."""

    id: str
    title: str
    fields: tuple[Field, ...]


REASON = _field("B1", N_("What would you like help with?"), N_("This is what you told us. Change it if you like."))
ACTIVITY = _field(
    "B2",
    N_("What is hard for you now?"),
    N_("Up to three things. For example: putting on a coat, climbing stairs, writing."),
    {"activity": N_("What is hard"), "score": N_("How well can you do it now?")},
    most=ACTIVITIES,
    start_rows=ACTIVITIES,
)
GOAL = _field("B4", N_("What do you want to be able to do again?"), N_("For example: sleep on my right side."))
IN_PAIN = _field("C1", N_("Do you have pain?"))
HOW_MUCH = _field(
    "C2",
    N_("How strong is your pain?"),
    parts={
        "now": N_("How strong is your pain now?"),
        "best": N_("How strong was it at its best in the last 7 days?"),
        "worst": N_("How strong was it at its worst in the last 7 days?"),
    },
)
WHERE = _field(
    "C3",
    N_("Where does it hurt?"),
    parts={"region": N_("Part of the body"), "side": N_("Side")},
    most=PLACES,
    start_rows=1,
)
SINCE = _field(
    "C4",
    N_("Since when?"),
    parts={"weeks_ago": N_("How many weeks ago did it begin?"), "kind": N_("How did it begin?")},
)
NEED_HELP = _field(
    "G0", N_("Does another person help you with washing, dressing, the toilet, getting out of bed, or eating?")
)
CONDITION = _field(
    "E1",
    N_("Which of these do you have, or have you had?"),
    parts={"condition": N_("Condition"), "status": N_("Known from"), "text": N_("Which other?")},
)

#: a patient's words for the six of Katz
HELP_LABELS: dict[str, str] = {
    "G1": N_("Washing, having a bath or shower"),
    "G2": N_("Getting dressed"),
    "G3": N_("Using the toilet"),
    "G4": N_("Getting out of bed or up from a chair"),
    "G5": N_("Holding urine or stool"),
    "G6": N_("Eating"),
}

STEPS: tuple[Step, ...] = (
    Step("B1", N_("Your reason"), (REASON,)),
    Step("B", N_("What matters to you"), (ACTIVITY, GOAL)),
    Step("C", N_("Your pain"), (IN_PAIN, HOW_MUCH)),
    Step("C3", N_("Where and since when"), (WHERE, SINCE)),
    Step("G", N_("Help at home"), (NEED_HELP, *(_field(item, HELP_LABELS[item]) for item in HELP))),
    Step("E", N_("Your health"), (CONDITION,)),
)

#: the same questions as a form of their own: it parses and validates with the note form's code
INTAKE = Form(tuple(Section(step.id, step.title, step.title, step.fields) for step in STEPS))
FIELDS = tuple(field.id for field in INTAKE.fields())


def parse_intake(pairs: Iterable[tuple[str, Any]], base: Mapping[str, Any]) -> dict[str, Any]:
    """The document after this post. ``E1`` and ``help`` come as boxes, and become rows and answers of the note.

    A step that the post did not hold keeps what it had. What is cleared is gone."""
    sent = [(name, value) for name, value in pairs if isinstance(value, str)]
    sections = {value for name, value in sent if name == "section"}
    if "E" in sections:
        sent += _conditions(sent)
    document = parse(sent, base, form=INTAKE)
    if "G" in sections:
        ticked = {value for name, value in sent if name == "help"}
        for item in HELP:
            if document.get("G0") == "yes" and item in ticked:
                document[item] = "0"
            else:
                document.pop(item, None)
    for name in ("C1", "G0"):
        if document.get(name) == "not_asked":
            document.pop(name)
    return document


def _conditions(sent: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Boxes (``condition``) as rows of E1; "none" stands alone."""
    ticked = [code for code in CONDITION_CODES if ("condition", code) in sent]
    other = next((value for name, value in sent if name == "condition_text"), "")
    if other.strip() and "other" not in ticked:
        ticked.append("other")
    if not ticked:
        return [("E1-none", "yes")] if ("condition", "none") in sent else []
    rows: list[tuple[str, str]] = []
    for number, code in enumerate(ticked):
        rows += [(f"E1-{number}-condition", code), (f"E1-{number}-status", "reported")]
        if code == "other":
            rows.append((f"E1-{number}-text", other))
    return rows


def check_intake(document: Mapping[str, Any], today: date) -> list[FieldError]:
    """What cannot be kept as an answer: a text that is too long, a number that is none. Nothing is required."""
    return validate(document, context=Context(today), form=INTAKE)


def merge(
    current: Mapping[str, Any], sent: Mapping[str, Any], touched: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two windows have answered: what was touched here counts, all else stays as the other has saved it.

    Gives the document, and what of the other window's answers it no longer holds."""
    merged, replaced = dict(current), {}
    for name in touched:
        if name not in FIELDS or current.get(name) == sent.get(name):
            continue
        if name in current and not _within(current[name], sent.get(name)):
            replaced[name] = current[name]
        if name in sent:
            merged[name] = sent[name]
        else:
            merged.pop(name, None)
    return merged, replaced


def _within(old: Any, new: Any) -> bool:
    """Whether the new answer still says all of the old one."""
    if isinstance(old, str):
        return isinstance(new, str) and old in new
    if isinstance(old, list):
        return isinstance(new, list) and all(any(_within(o, n) for n in new) for o in old)
    if isinstance(old, Mapping):
        return isinstance(new, Mapping) and all(_within(value, new.get(key)) for key, value in old.items())
    return bool(old == new)


def answered(document: Mapping[str, Any]) -> int:
    """How many steps have an answer."""
    return sum(any(document.get(field.id) not in (None, "", []) for field in step.fields) for step in STEPS)


def touched_fields(names: Iterable[str]) -> set[str]:
    """The fields behind the names of controls: "B2-0-score" is B2's, a box of "help" is one of six."""
    found: set[str] = set()
    for name in names:
        first = name.split("-")[0]
        if first == "help":
            found |= set(HELP)
        elif first in ("condition", "condition_text"):
            found.add("E1")
        elif first in FIELDS:
            found.add(first)
    if found & {"G0"}:
        found |= set(HELP)  # a "no" clears them
    return found


def controls(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """What each control of the page holds, by its name; boxes may hold several values."""
    values: dict[str, list[str]] = {}
    for field in INTAKE.fields():
        value = document.get(field.id)
        if field.id in HELP:
            if value == "0":
                values.setdefault("help", []).append(field.id)
        elif field.id == "E1":
            values.update(_condition_controls(value))
        elif isinstance(value, Mapping):
            values |= {f"{field.id}-{part}": [str(one)] for part, one in value.items()}
        elif isinstance(value, list):
            for number, row in enumerate(value):
                values |= {f"{field.id}-{number}-{part}": [str(one)] for part, one in row.items()}
        elif value not in (None, ""):
            values[field.id] = [str(value)]
    return values


def _condition_controls(value: Any) -> dict[str, list[str]]:
    if value == []:
        return {"condition": ["none"]}
    rows = [row for row in value or () if isinstance(row, Mapping)]
    text = next((str(row.get("text", "")) for row in rows if row.get("condition") == "other"), "")
    return {"condition": [str(row.get("condition")) for row in rows]} | ({"condition_text": [text]} if text else {})


def without(document: Mapping[str, Any], before: Mapping[str, Any], errors: Iterable[FieldError]) -> dict[str, Any]:
    """The document with what cannot be kept as it was before."""
    kept = dict(document)
    for name in {error.field.split("-")[0] for error in errors}:
        if name in before:
            kept[name] = before[name]
        else:
            kept.pop(name, None)
    return kept
