"""Note documents for tests: a small vocabulary for what a therapist records."""

from __future__ import annotations

from typing import Any

from server.form.levels import FLAGS
from server.notes.rules import Suggestion, suggest

Document = dict[str, Any]

NO_FLAGS: Document = dict.fromkeys(FLAGS, "no")
CLEARED_HOW = "Seen by her doctor this morning: ECG and blood tests were normal, cleared for therapy."


def note(*parts: Document, **fields: Any) -> Document:
    """A document in which all 14 red flags were answered "no", and what the parts add."""
    document: Document = dict(NO_FLAGS)
    for part in parts:
        document.update(part)
    document.update(fields)
    return document


def conditions(*codes: str, weeks: int | None = None) -> Document:
    extra = {} if weeks is None else {"onset_weeks": weeks}
    return {"E1": [{"condition": code, "status": "reported", **extra} for code in codes]}


def joint(finding: str = "limited_moderate", name: str = "shoulder", side: str = "right") -> Document:
    return {"F1": [{"joint": name, "side": side, "finding": finding, "painful": "yes"}]}


def strength(level: str, region: str = "arm", side: str = "right") -> Document:
    return {"F2": [{"region": region, "side": side, "level": level}]}


def goal(category: str, score: int = 3, activity: str = "something") -> Document:
    return {"B2": [{"activity": activity, "category": category, "score": score}]}


def katz(**zero: int) -> Document:
    return {f"G{n}": str(zero.get(f"G{n}", 1)) for n in range(1, 7)}


def barrier(place: str = "home", what: str = "stairs") -> Document:
    return {"K1": [{"place": place, "what": what, "text": ""}]}


def hands(**tasks: int) -> Document:
    return {"I1": {task: str(level) for task, level in tasks.items()}}


def cleared(*flags: str, how: str = CLEARED_HOW, at: str = "2026-11-23T14:05") -> Document:
    return {"D15_cleared": [{"flags": list(flags), "by": "Dr Osei, family physician", "at": at, "how": how}]}


def outcome(document: Document) -> str:
    s = suggest(document)
    return f"{s.kind} {s.order or s.level}" if s.order or s.level else s.kind


def codes(s: Suggestion) -> set[str]:
    return {n.code for n in s.notes}
