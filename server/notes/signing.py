"""Signing: what must be right before a note locks, and the exact bytes that are signed. Pure."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.form.applicable import applicable, is_not_completed
from server.form.definition import FORM, FORM_VERSION
from server.form.model import FieldError, Form
from server.form.text import clean, length
from server.form.validate import Context, validate
from server.i18n import N_
from server.notes.rules import suggest

RATIONALE_WHEN_DIFFERENT = 40
#: V12: an encounter that is in progress or finished. ``not_completed`` takes the short note.
SIGNABLE_STATES = ("in_session", "ended", "not_completed")

DIFFERENT = N_("Rationale: at least %(n)s characters, because it differs from the suggestion")
STALE = N_("Answers changed after this suggestion was shown. Look at it again, then sign")
NOT_AUTHOR = N_("Only the therapist of this visit can sign the note")
NOT_YET = N_("The note can be signed once the visit has begun")

#: The suggestion's kind as a value of N1.
AS_CHOICE = {"pt": "pt", "ot": "ot", "combined": "combined", "urgent": "urgent_referral"}


@dataclass(frozen=True, slots=True)
class SigningContext:
    """``author_id``: who is signing; ``clinician_id``: the visit's therapist; ``visit_state``: the row's
    state; ``today``: the clinic's date; ``dob``: the patient's."""

    author_id: str
    clinician_id: str
    visit_state: str
    today: date
    dob: date | None = None


def check(
    document: Mapping[str, Any],
    snapshot: Mapping[str, Any] | None,
    context: SigningContext,
    *,
    form: Form = FORM,
) -> list[FieldError]:
    """Every reason not to sign, in the order of the page; empty: it may be signed.

    ``snapshot`` is the suggestion as the therapist last saw it (:meth:`Suggestion.snapshot`). The aid is run
    again: other inputs or another ruleset than what was shown is an error at "N3" (V11).
    """
    errors = validate(document, context=Context(context.today, context.dob), strength="sign", form=form)
    if context.author_id != context.clinician_id:
        errors.insert(0, FieldError("sign", NOT_AUTHOR))
    if context.visit_state not in SIGNABLE_STATES:
        errors.insert(0, FieldError("sign", NOT_YET))
    counted = applicable(document, form=form)
    if is_not_completed(counted):
        return errors
    now = suggest(counted).snapshot()
    if snapshot is None or any(snapshot.get(k) != now[k] for k in ("ruleset", "input_hash", "suggestion")):
        errors.append(FieldError("N3", STALE))
    known = {e.field for e in errors}
    short = length(counted.get("N4")) < RATIONALE_WHEN_DIFFERENT
    if "N4" not in known and short and differs(counted, now):
        errors.append(FieldError("N4", DIFFERENT, {"n": RATIONALE_WHEN_DIFFERENT}))
    return errors


def differs(document: Mapping[str, Any], snapshot: Mapping[str, Any]) -> bool:
    """N1 or N2 is not what the aid suggested, or it suggested nothing."""
    suggested = snapshot["suggestion"]
    choice = AS_CHOICE.get(suggested["kind"])
    if choice is None or document.get("N1") != choice:
        return True
    return choice == "combined" and document.get("N2") != suggested["order"]


def content(document: Mapping[str, Any], snapshot: Mapping[str, Any] | None, *, form: Form = FORM) -> dict[str, Any]:
    """What is signed: the applicable fields, the form's version, N3 and ``differs``. Of a visit that was not
    completed: what was recorded until then, with N0, and no recommendation."""
    signed = _tidy(applicable(document, form=form))
    assert isinstance(signed, dict)
    signed["form"] = FORM_VERSION
    if is_not_completed(signed):
        for field in [f for f in signed if f.startswith("N") and f != "N0"]:
            del signed[field]
        return signed
    if snapshot is not None:
        signed["N3"] = dict(snapshot)
        signed["differs"] = differs(signed, snapshot)
    return signed


def canonical(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON: keys sorted by code point, no white space, UTF-8, texts in NFC."""
    return json.dumps(
        _tidy(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(document: Mapping[str, Any]) -> str:
    """Z1: SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {unicodedata.normalize("NFC", k): _tidy(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(v) for v in value]
    return value
