"""Invented notes that a therapist could sign, one for each end that a visit comes to. Demo data only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from server.form.applicable import applicable
from server.form.levels import FLAGS
from server.notes import signing
from server.notes.rules import suggest

Document = dict[str, Any]

BACK: Document = {
    **dict.fromkeys(FLAGS, "no"),
    "A1": "video",
    "A4": {"capable": "yes", "answer": "yes", "given_by": "patient"},
    "A6": {"street": "12 Birch Lane", "city": "Toronto", "province": "CA-ON", "country": "CA"},
    "A7": "+14165550123",
    "A8": {"name": "Tom Sample", "phone": "+14165550199", "relation": "brother"},
    "A9": [],
    "A10": "yes",
    "A11": {"language": "en", "interpreter": "no"},
    "A12": "not_recorded",
    "B1": "My back hurts since I moved house",
    "B2": [
        {"activity": "walk to the store", "category": "movement", "score": 4},
        {"activity": "sit for an hour", "category": "work_school", "score": 6},
        {"activity": "lift my son", "category": "home", "score": 8},
    ],
    "B4": "Lift my son without fear",
    "C1": "yes",
    "C2": {"now": 4, "best": 2, "worst": 7},
    "C3": [{"region": "low_back", "side": "midline"}],
    "C4": {"weeks_ago": 8, "kind": "gradual"},
    "C8": {"pattern": "intermittent", "night_pain": "no", "radiates": "no", "numb_tingle": "no"},
    "E1": [{"condition": "back_pain", "status": "reported", "onset_weeks": 8}],
    "F1": [{"joint": "low_back", "side": "midline", "finding": "limited_moderate", "painful": "yes"}],
    "F2": [{"region": "leg", "side": "both", "level": "normal"}],
    "F3": "independent",
    "F4": "good",
    "F5": 0,
    "F7": "independent",
    "F9": "worse",
    "G0": "no",
    "I1": dict.fromkeys(["writing", "typing", "buttons_zips", "utensils", "opening_jars", "phone_use", "tools"], "0"),
    "J1": ["none"],
    "K1": [],
    "K3": "worker",
    "K3_unsafe": "no",
    "K4": "clinic",
    "N1": "pt",
    "N4": "Limited low back motion, getting worse; no flag.",
    "N5": ["specific_exercises", "education_advice"],
    "N7": {"sessions": 6, "setting": "clinic", "in_person": "yes"},
    "N9": "Walk a little each day.",
    "N10": "yes",
    "N11": {"done": "yes"},
    "N12": {"leaves": "no"},
}
DRESSING: Document = {
    "B1": "I cannot button my shirt any more",
    "B2": [
        {"activity": "button a shirt", "category": "self_care", "score": 3},
        {"activity": "open a jar", "category": "home", "score": 4},
        {"activity": "write a letter", "category": "work_school", "score": 6},
    ],
    "B4": "Dress without help",
    "G0": "yes",
    **dict.fromkeys(("G1", "G2", "G3", "G4", "G5", "G6"), "1"),
    "G2": "0",
    "G7": "environment",
    "N6": ["dressing", "bathing"],
}
MORE = "The patient has asked for this, and the findings of today do not speak against it."
#: what differs from ``BACK``
CHANGES: Mapping[str, Document] = {
    "pt": {},
    "combined": {**DRESSING, "N1": "combined", "N2": "concurrent", "N4": MORE},
    "ot": {
        **DRESSING,
        "C1": "no",
        "E1": [{"condition": "other", "status": "reported", "text": "weak hands", "onset_weeks": 20}],
        "F1": [{"joint": "low_back", "side": "midline", "finding": "full", "painful": "no"}],
        "F9": "none",
        "N1": "ot",
        "N4": MORE,
    },
    "urgent_referral": {
        "D2": "yes",
        "D15": {
            "level": "E",
            "told_who": "dispatcher",
            "time": "14:12",
            "service": "9-1-1",
            "patient_agreed": "yes",
            "handover": "Chest pain since ten minutes, alone at home",
            "handed_over": "yes",
        },
        "N1": "urgent_referral",
        "N4": MORE,
    },
    "in_person_assessment": {"N1": "in_person_assessment", "N4": MORE},
    "none_self_care": {"N1": "none_self_care", "N4": MORE},
    "not_completed": {
        "N0": {"reason": "technical", "text": "The picture did not come back", "offered": "A call the same day"}
    },
}
KINDS = tuple(CHANGES)


def signable(kind: str, follow_up: date, **facts: Any) -> tuple[Document, Document | None]:
    """A note of this kind with the visit's facts, as it was before signing, and the suggestion that was shown."""
    document = {**BACK, **CHANGES[kind], **facts}
    document["N8"] = {"when": str(follow_up), "who": "The clinic", "mode": "video"}
    return document, _suggestion(kind)


@cache
def _suggestion(kind: str) -> Document | None:
    """The facts of a visit are no inputs of it."""
    return None if kind == "not_completed" else suggest(applicable({**BACK, **CHANGES[kind]})).snapshot()


def signed(document: Document, snapshot: Document | None) -> tuple[Document, str]:
    """What is locked, and its SHA-256."""
    content = signing.content(document, snapshot)
    return content, signing.sha256(content)
