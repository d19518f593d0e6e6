"""The patient's summary, from a signed note, as blocks of plain sentences. Pure.

What is in: who and when, what the patient said, the suggestion and why, what PTs and OTs do, next steps, when
to get help, the record. What is never in: the rationale (N4), answers to red flags, rule ids, anything of the
therapist's own. Of the therapist's texts only those that the form announces as "the patient reads this" are
used (N9, N0's offer), and the criterion for starting the second therapy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from server.form import levels
from server.form.applicable import is_not_completed
from server.i18n import N_
from server.notes import summary_texts as words

KEY_POINTS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence to translate. ``params``: the person's own words (str), a date, a number, or a Text."""

    message: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """``id``: visit, told, suggestion, what-pt, what-ot, what-both, next, help, record, signed.
    ``lead`` introduces ``items``."""

    id: str
    heading: str
    paragraphs: tuple[Text, ...] = ()
    lead: Text | None = None
    items: tuple[Text, ...] = ()


HEADINGS: dict[str, str] = {
    "visit": N_("Your visit"), "told": N_("What you told us"), "suggestion": N_("Our suggestion"),
    "what-pt": N_("What a PT does"), "what-ot": N_("What an OT does"), "what-both": N_("What both do"),
    "next": N_("What to do next"), "help": N_("When to get help"),
    "record": N_("Your record"), "signed": N_("About this page"),
}  # fmt: skip


def summarise(document: Mapping[str, Any], *, signed_at: datetime | date) -> list[Block]:
    """The blocks of a signed note (``signing.content``), in reading order."""
    blocks = [_visit(document, signed_at)]
    if is_not_completed(document):
        offered = Text(words.OFFERED, {"offered": document["N0"].get("offered", "")})
        blocks.append(_block("next", (Text(words.NO_SUGGESTION), offered)))
    else:
        blocks += [_told(document), _suggestion(document)]
        blocks += [_block(part, tuple(Text(t) for t in texts)) for part, texts in _what(document.get("N1"))]
        blocks.append(_next(document))
    blocks.append(_block("help", (), items=tuple(Text(t) for t in words.HELP)))
    blocks.append(_block("record", tuple(Text(t) for t in words.RECORD)))
    blocks.append(_block("signed", (Text(words.SIGNED, {**_therapist(document), "date": signed_at}),)))
    return [b for b in blocks if b.paragraphs or b.items]


def _block(
    block_id: str, paragraphs: tuple[Text, ...], lead: Text | None = None, items: tuple[Text, ...] = ()
) -> Block:
    return Block(block_id, HEADINGS[block_id], paragraphs, lead, items)


def _group(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _therapist(document: Mapping[str, Any]) -> dict[str, Any]:
    clinician = _group(document, "A13")
    profession = words.PROFESSION.get(str(clinician.get("profession")), words.PROFESSION["PT"])
    return {"name": clinician.get("name", ""), "profession": Text(profession)}


def _visit(document: Mapping[str, Any], signed_at: datetime | date) -> Block:
    started = _group(document, "A14").get("started_at")
    on = datetime.fromisoformat(started) if isinstance(started, str) else signed_at
    if is_not_completed(document):
        why = words.NOT_COMPLETED_WHY.get(document["N0"]["reason"], words.NOT_COMPLETED_WHY["other"])
        return _block("visit", (Text(words.NOT_COMPLETED, {"date": on}), Text(why)))
    met = words.MET.get(str(document.get("A1")), words.MET["video"])
    return _block("visit", (Text(met, {**_therapist(document), "date": on}),))


def _told(document: Mapping[str, Any]) -> Block:
    goal = document.get("B4")
    rows = document.get("B2")
    items = tuple(
        Text(words.ACTIVITY, {"activity": row["activity"], "score": row["score"]})
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and row.get("activity") and type(row.get("score")) is int
    )
    goals = (Text(words.GOAL, {"goal": goal}),) if goal else ()
    return _block("told", goals, Text(words.HARD_NOW) if items else None, items)


def _suggestion(document: Mapping[str, Any]) -> Block:
    choice = str(document.get("N1"))
    if choice == "combined":
        order = document.get("N2")
        choice = order if order in ("pt_then_ot", "ot_then_pt") else "concurrent"
    elif choice == "urgent_referral":
        choice = f"urgent_{levels.action_level(document) or levels.table_level(document) or 'S'}"
    sentences = tuple(Text(t) for t in words.SUGGESTION.get(choice, ()))
    why = _why(document)
    return _block("suggestion", sentences, Text(words.WHY_HEADING) if why else None, why)


def _why(document: Mapping[str, Any]) -> tuple[Text, ...]:
    """Up to three reasons: the strong evidence for what the therapist chose, the same number from each side
    as far as there is some. A choice without such evidence has the plain sentence."""
    directions = {"pt": ["PT"], "ot": ["OT"], "combined": ["PT", "OT"]}.get(str(document.get("N1")))
    if directions is None:
        return ()
    evidence = _group(document, "N3").get("evidence")
    by_side: list[list[str]] = [
        [
            words.WHY[item["rule"]]
            for item in (evidence if isinstance(evidence, list) else ())
            if item.get("direction") == side and item.get("strength") == "strong" and item.get("rule") in words.WHY
        ]
        for side in directions
    ]
    reasons: list[str] = []
    while any(by_side) and len(reasons) < KEY_POINTS:
        for side in by_side:
            if side and len(reasons) < KEY_POINTS:
                reasons.append(side.pop(0))
    return tuple(Text(r) for r in reasons or [words.WHY_TALK])


def _what(choice: Any) -> list[tuple[str, tuple[str, ...]]]:
    pt, ot, both = ("what-pt", words.WHAT_PT), ("what-ot", words.WHAT_OT), ("what-both", words.WHAT_BOTH)
    blocks: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        "pt": [pt],
        "ot": [ot],
        "combined": [pt, ot, both],
        "in_person_assessment": [pt, ot],
    }
    return blocks.get(str(choice), [])


def _next(document: Mapping[str, Any]) -> Block:
    items: list[Text] = []
    dose = _group(document, "N7")
    if type(dose.get("sessions")) is int and dose.get("setting") in words.PLACE:
        place = Text(words.PLACE[dose["setting"]])
        items.append(Text(words.DOSE[dose["sessions"] > 1], {"n": dose["sessions"], "place": place}))
        items.append(Text(words.BOOK))
    if document.get("N2") in words.START_SECOND and document.get("N2_criterion"):
        items.append(Text(words.START_SECOND[document["N2"]], {"criterion": document["N2_criterion"]}))
    for name, sentence in words.MAY_DO.items():
        chosen = document.get(name)
        plain = tuple(Text(words.PLAIN[c]) for c in (chosen if isinstance(chosen, list) else ()) if c in words.PLAIN)
        if plain:
            items.append(Text(sentence, {"list": plain}))
    follow_up = _group(document, "N8")
    if follow_up.get("none_needed") == "yes":
        items.append(Text(words.NO_FOLLOW_UP))
    elif follow_up.get("when") and follow_up.get("mode") in words.FOLLOW_UP:
        when = date.fromisoformat(follow_up["when"])
        items.append(Text(words.FOLLOW_UP[follow_up["mode"]], {"date": when, "who": follow_up.get("who", "")}))
    shared = _group(document, "N12")
    if shared.get("leaves") == "yes":
        allowed = shared.get("consent") == "yes" and shared.get("to")
        items.append(Text(words.SHARED, {"to": shared["to"]}) if allowed else Text(words.NOT_SHARED))
    advice = document.get("N9")
    paragraphs = (Text(words.ADVICE, {"advice": advice}),) if advice else ()
    return _block("next", paragraphs, None, tuple(items))


@dataclass(frozen=True, slots=True)
class Shown:
    """A block in one language: plain strings, to be escaped by the template."""

    id: str
    heading: str
    paragraphs: tuple[str, ...]
    lead: str
    items: tuple[str, ...]


def render(
    blocks: list[Block], translate: Callable[[str], str], show_date: Callable[[date | datetime], str]
) -> list[Shown]:
    """The blocks in one language. ``translate``: a translator's ``gettext``; ``show_date``: a day in words."""

    def value(v: Any) -> object:
        if isinstance(v, Text):
            return say(v)
        if isinstance(v, date):
            return show_date(v)
        return ", ".join(say(t) for t in v) if isinstance(v, tuple) else v

    def say(text: Text) -> str:
        message = translate(text.message)
        return message % {k: value(v) for k, v in text.params.items()} if text.params else message

    return [
        Shown(
            b.id, translate(b.heading), tuple(map(say, b.paragraphs)), say(b.lead) if b.lead else "",
            tuple(map(say, b.items)),
        )
        for b in blocks
    ]  # fmt: skip
