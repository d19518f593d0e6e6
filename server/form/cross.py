"""Rules between fields, for signing (V1-V15 of CLINICAL.md as far as the fields exist), and warnings.

Conditions that only say "required when" are in the form's data; here is what compares values. The document is
an applicable one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from server.form import levels
from server.form.codes import MIDLINE_REGIONS
from server.form.model import FieldError, Form
from server.form.text import length
from server.i18n import N_

VISIT_MOST = timedelta(hours=4)
HANDS_ON = ("manual_therapy", "hydrotherapy", "dry_needling")

NO_CONSENT = N_("Without consent the visit is closed as “not completed”")
NEEDS_SDM = N_("A patient who cannot decide needs a substitute decision-maker: choose one, and say who")
PAIN_ORDER = N_("Pain: best is at most now, and now is at most worst")
MIDLINE = N_("Where: “middle” is for the head, neck, spine, chest, abdomen and pelvis only")
DATE_PAST = N_("This date cannot be in the future")
DATE_BORN = N_("This date cannot be before the patient was born")
FOLLOW_UP = N_("Follow-up: a day after today, within one year")
LOWER = N_("A level below the red flag's own needs a reason of at least 20 characters")
BALANCE = N_("Balance: alone and with a fall, it is “not tested”")
TRANSFERS = N_("Transfers with a person's help mean that G4 is “needs help”")
ASK_SAFETY = N_("Not safe at home: ask about safety (D14) again and answer yes or no")
STRENGTH = N_("After a stroke or with paralysis, strength needs at least one entry")
IN_PERSON = N_("Manual therapy, hydrotherapy and dry needling are in person")
VISIT_TIME = N_("The visit ends after it starts, within four hours")
NO_CLINICIAN = N_("The note needs a therapist")
INADEQUATE = N_("The video was not enough to decide: choose an assessment in person or an urgent referral")


def check(document: Mapping[str, Any], *, today: date, dob: date | None, form: Form) -> Iterator[FieldError]:
    yield from _identity(document)
    yield from _pain(document, today, dob)
    yield from _red_flags(document)
    yield from _function(document)
    yield from _plan(document, today)
    unseen = form.has("M4") and document.get("M4") == "no"
    if unseen and document.get("N1") not in ("in_person_assessment", "urgent_referral"):
        yield FieldError("N1", INADEQUATE)


def _group(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _rows(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = document.get(name)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _identity(document: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("A3", "A4"):
        if _group(document, name).get("answer") == "no":
            yield FieldError(f"{name}-answer", NO_CONSENT)
    decides = _group(document, "A4")
    if decides.get("capable") == "no" and decides.get("given_by") == "patient":
        yield FieldError("A4-given_by", NEEDS_SDM)
    if not _group(document, "A13").get("id"):
        yield FieldError("A13", NO_CLINICIAN)
    times = _group(document, "A14")
    if times.get("started_at") and times.get("ended_at"):
        lasted = datetime.fromisoformat(times["ended_at"]) - datetime.fromisoformat(times["started_at"])
        if not timedelta(0) < lasted <= VISIT_MOST:
            yield FieldError("A14", VISIT_TIME)


def _pain(document: Mapping[str, Any], today: date, dob: date | None) -> Iterator[FieldError]:
    scores = [_group(document, "C2").get(part) for part in ("best", "now", "worst")]
    numbers = [n for n in scores if type(n) is int]
    if len(numbers) == 3 and numbers != sorted(numbers):
        yield FieldError("C2-now", PAIN_ORDER)
    for number, row in enumerate(_rows(document, "C3")):
        if row.get("side") == "midline" and row.get("region") not in MIDLINE_REGIONS:
            yield FieldError(f"C3-{number}-side", MIDLINE)
    began = _day(_group(document, "C4").get("date"))
    if began and began > today:
        yield FieldError("C4-date", DATE_PAST)
    elif began and dob and began < dob:
        yield FieldError("C4-date", DATE_BORN)
    for number, record in enumerate(_rows(document, "D15_cleared")):
        moment = record.get("at")
        if levels.is_moment(moment) and datetime.fromisoformat(str(moment)).date() > today:
            yield FieldError(f"D15_cleared-{number}-at", DATE_PAST)


def _red_flags(document: Mapping[str, Any]) -> Iterator[FieldError]:
    yes = [f for f in levels.FLAGS if levels.flag_state(document, f) == "yes"]
    table = levels.highest([levels.flag_level(document, f) for f in yes])
    chosen = levels.action_level(document)
    unexplained = length(_group(document, "D15").get("lower_reason")) < levels.LOWER_REASON_LEAST
    if table and chosen and levels.below(chosen, table) and unexplained:
        yield FieldError("D15-lower_reason", LOWER)
    if document.get("K3_unsafe") == "yes" and document.get("D14") not in ("yes", "no"):
        yield FieldError("D14", ASK_SAFETY)


def _function(document: Mapping[str, Any]) -> Iterator[FieldError]:
    falls = document.get("F5")
    alone = document.get("A9") == []
    if alone and type(falls) is int and falls >= 1 and document.get("F4") not in (None, "not_tested"):
        yield FieldError("F4", BALANCE)
    if document.get("F7") == "assist" and str(document.get("G4")) == "1":
        yield FieldError("F7", TRANSFERS)
    named = {row.get("condition") for row in _rows(document, "E1")}
    if named & {"stroke", "partial_paralysis"} and not _rows(document, "F2"):
        yield FieldError("F2", STRENGTH)


def _plan(document: Mapping[str, Any], today: date) -> Iterator[FieldError]:
    planned = document.get("N5")
    if isinstance(planned, list) and set(planned) & set(HANDS_ON) and _group(document, "N7").get("in_person") == "no":
        yield FieldError("N7-in_person", IN_PERSON)
    when = _day(_group(document, "N8").get("when"))
    if when and not today < when <= today + timedelta(days=366):
        yield FieldError("N8-when", FOLLOW_UP)


FEW_GOALS = N_("The scale asks for three to five activities")
KATZ_DIFFERS = N_("Transfers without help, but G4 says “needs help”: check both")
NOT_PRIVATE = N_("The patient cannot speak in private")
WHEELCHAIR = N_("A wheelchair is suggested, but walking is independent: check both")


def warnings(document: Mapping[str, Any]) -> list[FieldError]:
    """What looks odd but stops nothing."""
    found = []
    if 0 < len(_rows(document, "B2")) < 3:
        found.append(FieldError("B2", FEW_GOALS))
    if document.get("F7") in ("aid", "independent") and str(document.get("G4")) == "0":
        found.append(FieldError("F7", KATZ_DIFFERS))
    if document.get("A10") == "no":
        found.append(FieldError("A10", NOT_PRIVATE))
    devices = {row.get("device") for row in _rows(document, "L2")}
    if "wheelchair" in devices and document.get("F3") == "independent":
        found.append(FieldError("F3", WHEELCHAIR))
    return found
