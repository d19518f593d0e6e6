"""The patient's summary: every end of the form, in plain words, without what is not the patient's."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import product
from typing import Any

import pytest

from server.form.applicable import applicable
from server.form.definition import FORM
from server.i18n import translator
from server.notes.rules import suggest
from server.notes.rules_evidence import RULES
from server.notes.signing import content
from server.notes.summary import Shown, render, summarise
from server.notes.summary_texts import WHY
from tests.notes.cases import Document
from tests.notes.filled import complete
from tests.notes.reading import grade, syllables

SIGNED_AT = datetime.fromisoformat("2026-11-23T14:25:00-05:00")
CHOICES = [
    ("pt", None), ("ot", None), ("combined", "pt_then_ot"), ("combined", "ot_then_pt"), ("combined",
        "concurrent"),
    ("urgent_referral", "E"), ("urgent_referral", "S"), ("urgent_referral", "P"), ("in_person_assessment",
        None),
    ("none_self_care", None),
]  # fmt: skip


def shown(document: Document, lang: str = "en") -> list[Shown]:
    signed = content(document, suggest(applicable(document)).snapshot())
    day = "March 2" if lang == "en" else "2 mars"
    return render(summarise(signed, signed_at=SIGNED_AT), translator(lang).gettext, lambda _: day)


def sentences(blocks: list[Shown]) -> list[str]:
    found = [s for b in blocks for s in (*b.paragraphs, *b.items)]
    return found + [f"{b.lead}" for b in blocks if b.lead]


def chosen(n1: str, more: str | None, **changes: Any) -> Document:
    document = complete(N1=n1, N6=["bathing", "cognitive_tasks", "work_set_up"], **changes)
    if n1 == "combined":
        document |= {"N2": more, "N2_criterion": "you can lift your arm"}
    if n1 == "urgent_referral":
        flag = {"E": "D2", "S": "D5", "P": "D8"}[more or "S"]
        document |= {flag: "yes", "D15": {"level": more}}
    return document


def block(blocks: list[Shown], block_id: str) -> Shown:
    return next(b for b in blocks if b.id == block_id)


@pytest.mark.parametrize(("n1", "more"), CHOICES)
def test_every_end_reads_at_grade_six_or_below(n1: str, more: str | None) -> None:
    motor: list[Document] = [{}, {"F3": "aid", "F4": "poor", "F5": 2, "F8": "yes"}, {"E1": []}]
    daily: list[Document] = [
        {"G0": "yes", "G1": "0", "G4": "0", "G7": "environment", "K1": [{"place": "home", "what": "stairs"}]},
        {"J1": ["memory"], "J1_affects": "yes"},
    ]
    modes = ["video", "in_person", "phone_fallback"]
    ends: list[Document] = [{}, {"N8": {"none_needed": "yes", "reason": "fine"}, "N9": None}]
    for pt, ot, mode, end in product(motor, daily, modes, ends):
        text = sentences(shown(chosen(n1, more, **pt, **ot, **end, A1=mode)))
        assert grade(text) <= 6, text


@pytest.mark.parametrize("reason", ["technical", "patient_left", "consent_refused", "no_identity", "other"])
def test_not_completed(reason: str) -> None:
    blocks = shown({**complete(), "N0": {"reason": reason, "text": "secret", "offered": "We call you today."}})
    text = " ".join(sentences(blocks))
    assert "We call you today." in text
    assert "secret" not in text
    assert "We suggest" not in text
    assert [b.id for b in blocks] == ["visit", "next", "help", "record", "signed"]
    assert grade(sentences(blocks)) <= 6


@pytest.mark.parametrize(("n1", "more"), CHOICES)
def test_says_the_right_thing(n1: str, more: str | None) -> None:
    blocks = shown(chosen(n1, more))
    text = " ".join(block(blocks, "suggestion").paragraphs)
    expected = {
        "pt": "see a physiotherapist (PT).", "ot": "see an occupational therapist (OT).",
        "pt_then_ot": "a physiotherapist (PT) first", "ot_then_pt": "an occupational therapist (OT) first",
        "concurrent": "both at the same time", "E": "Call 9-1-1", "S": "a doctor today", "P": "next few days",
        "in_person_assessment": "in person", "none_self_care": "do not need therapy now",
    }  # fmt: skip
    assert expected[more or n1] in text
    assert "9-1-1" in " ".join(block(blocks, "help").items)


def test_next_steps_have_dates_and_who_first() -> None:
    items = " ".join(block(shown(chosen("combined", "pt_then_ot")), "next").items)
    assert "Plan about 6 visits at the clinic." in items
    assert "Start with the OT when: you can lift your arm" in items
    assert "March 2, by video, with Dr. Li" in items
    assert "memory or puzzle tasks" in items


def test_reasons_come_from_the_chosen_side_and_are_three_at_most() -> None:
    mixed = chosen("ot", None, F3="aid", F4="poor", K1=[{"place": "home", "what": "stairs"}])
    assert block(shown(mixed), "suggestion").items == (WHY["rO6"],)
    many = chosen("combined", "concurrent", F3="aid", F4="poor", K1=[{"place": "home", "what": "stairs"}])
    why = block(shown(many), "suggestion").items
    assert len(why) == 3
    assert WHY["rO6"] in why
    against = chosen("ot", None)
    assert "what you told us" in " ".join(block(shown(against), "suggestion").items)


def test_nothing_of_the_therapists_own() -> None:
    secret = "Therapist only: suspects fear avoidance, see rP1"
    document = chosen(
        "pt", None, N4=secret, D9="unable", D9_reason=secret, C5=secret, K3_why=secret, A6_basis=secret,
        N1_override={"confirm": "yes", "reason": secret}, N11={"done": "no", "reason": secret},
        D2="yes", D15={"handover": secret, "told_who": secret},
        D15_cleared=[{"flags": ["D2"], "by": secret, "at": "2026-11-23T14:00", "how": secret}],
    )  # fmt: skip
    for lang in ("en", "fr"):
        text = " ".join(sentences(shown(document, lang)))
        assert "Therapist only" not in text
        assert not re.search(r"\br[PGOBUSW]\d|\bD1?\d\b|[a-z]_[a-z]", text)


def test_every_pt_ot_rule_has_its_plain_reason() -> None:
    assert set(WHY) == {r.id for r in RULES if r.direction in ("PT", "OT")}


def test_every_value_of_n1_is_covered() -> None:
    field = FORM.get("N1")
    assert field is not None
    assert {n1 for n1, _ in CHOICES} == set(field.codes)


@pytest.mark.parametrize(("n1", "more"), CHOICES)
def test_french_says_as_much_as_english(n1: str, more: str | None) -> None:
    english, french = shown(chosen(n1, more)), shown(chosen(n1, more), "fr")
    assert [b.id for b in english] == [b.id for b in french]
    for en, fr in zip(english, french, strict=True):
        assert len(en.paragraphs) == len(fr.paragraphs)
        assert len(en.items) == len(fr.items)
        assert en.heading != fr.heading


def test_dates_are_the_visits_own() -> None:
    seen: list[date | datetime] = []
    signed = content(complete(), suggest(complete()).snapshot())
    render(summarise(signed, signed_at=SIGNED_AT), str, lambda d: seen.append(d) or "day")  # type: ignore[func-returns-value]
    assert datetime.fromisoformat("2026-11-23T14:00:00-05:00") in seen
    assert date(2026, 12, 7) in seen
    assert SIGNED_AT in seen


@pytest.mark.parametrize(
    ("word", "count"),
    [("physiotherapist", 6), ("occupational", 5), ("move", 1), ("helped", 1), ("needed", 2), ("exercises", 4),
     ("suggestion", 3), ("toilet", 2), ("9-1-1", 3), ("people", 2), ("university", 5)],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count
