"""A note that can be signed, to break one thing at a time."""

from __future__ import annotations

from typing import Any

from tests.notes.cases import NO_FLAGS, Document

CLINICIAN = {"id": "staff-li", "name": "Dr. Li", "profession": "PT", "registration": "PT-20431"}


def complete(**changes: Any) -> Document:
    """Back pain, physiotherapy recommended, everything answered. ``None`` takes a field away."""
    document: Document = {
        **NO_FLAGS,
        "A1": "video",
        "A2": {"methods": ["full_name", "dob"], "at": "2026-11-23T14:01:00-05:00", "by": "staff-li"},
        "A3": {"answer": "yes", "version": "2026-11", "lang": "en", "at": "2026-11-23T13:50:00-05:00"},
        "A4": {"capable": "yes", "answer": "yes", "given_by": "patient"},
        "A6": {"street": "12 Birch Lane", "city": "Toronto", "province": "CA-ON", "country": "CA"},
        "A7": "+14165550123",
        "A8": {"name": "Tom Pereira", "phone": "+14165550199", "relation": "brother"},
        "A9": [],
        "A10": "yes",
        "A11": {"language": "en", "interpreter": "no"},
        "A12": "not_recorded",
        "A13": dict(CLINICIAN),
        "A14": {"started_at": "2026-11-23T14:00:00-05:00", "ended_at": "2026-11-23T14:20:00-05:00"},
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
        "I1": dict.fromkeys(
            ["writing", "typing", "buttons_zips", "utensils", "opening_jars", "phone_use", "tools"], "0"
        ),
        "J1": ["none"],
        "K1": [],
        "K3": "worker",
        "K3_unsafe": "no",
        "K4": "clinic",
        "N1": "pt",
        "N4": "Limited low back motion, getting worse; no flag.",
        "N5": ["specific_exercises", "education_advice"],
        "N7": {"sessions": 6, "setting": "clinic", "in_person": "yes"},
        "N8": {"when": "2026-12-07", "who": "Dr. Li", "mode": "video"},
        "N9": "Walk a little each day.",
        "N10": "yes",
        "N11": {"done": "yes"},
        "N12": {"leaves": "no"},
    }
    document.update(changes)
    return {key: value for key, value in document.items() if value is not None}
