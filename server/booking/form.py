"""The form by which staff book for somebody on the phone: from what a browser sent to a booking, or every error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from server.formats import parse_email, parse_phone
from server.i18n import LANGUAGES, N_
from server.visit.walk_in import clean, has_controls, parse_date

E_NAME = N_("Enter the patient's name, as in Ana Pereira")
E_NAME_LONG = N_("The name must be 120 characters or fewer")
E_DOB = N_("Enter the date of birth, as in 27 3 1961")
E_DOB_RANGE = N_("The date of birth must be in the past, and within 120 years")
E_PHONE = N_("Enter the patient's phone number, as in 416 555 0123")
E_REASON = N_("Write in a few words what the visit is for (at least 3 characters)")
E_REASON_LONG = N_("The reason must be 500 characters or fewer")
E_CONTROL = N_("Take out the characters that cannot be shown")
E_LANGUAGE = N_("Choose the language of the visit")
E_INTERPRETER = N_("Say whether the patient needs an interpreter")
E_EMAIL = N_("Enter one mail address, as in ana@example.ca, or leave it empty")
E_SLOT = N_("Choose a time")
E_SPEAKS = N_("This therapist does not speak that language in visits: choose somebody else, or an interpreter")
E_NOBODY_SPEAKS = N_(
    "Nobody who speaks that language is free then: choose another time or another person, or an interpreter"
)
E_TAKEN = N_("That time has just been taken. Choose another one; nothing that you wrote is lost")

FIRST_YEAR, LAST_YEAR = 2000, 2200
FIELDS = (
    "name", "dob_day", "dob_month", "dob_year", "phone", "email", "reason", "language", "interpreter", "who", "day",
    "slot",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """``who``: a therapist's id, or "PT", "OT": whoever of them has least to do."""

    name: str
    dob: date
    phone: str
    email: str | None
    reason: str
    language: str
    interpreter: bool
    who: str
    starts_at: datetime


def parse_instant(text: str) -> datetime | None:
    """An instant as our pages write it: ISO 8601 with its zone. None also for a year that no calendar of ours has."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return at.astimezone(UTC) if at.tzinfo and FIRST_YEAR <= at.year <= LAST_YEAR else None
    except (ValueError, OverflowError):
        return None


def parse_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def parse(form: Mapping[str, Any], *, today: date) -> tuple[Wanted | None, dict[str, str]]:
    """``(wanted, {})`` or ``(None, {field: message id})``, the fields in their order on the page."""
    text = {name: clean(form.get(name, "")) for name in FIELDS}
    errors: dict[str, str] = {}

    def need(field: str, ok: object, message: str) -> None:
        if not ok:
            errors.setdefault(field, message)

    need("name", text["name"], E_NAME)
    need("name", len(text["name"]) <= 120, E_NAME_LONG)
    need("name", not has_controls(text["name"]), E_CONTROL)
    dob = parse_date(text["dob_day"], text["dob_month"], text["dob_year"])
    need("dob", dob, E_DOB)
    if dob:
        need("dob", today.year - 120 <= dob.year and dob <= today, E_DOB_RANGE)
    phone = parse_phone(text["phone"])
    need("phone", phone, E_PHONE)
    email = parse_email(text["email"]) if text["email"] else None
    need("email", email or not text["email"], E_EMAIL)
    need("reason", len(text["reason"]) >= 3, E_REASON)
    need("reason", len(text["reason"]) <= 500, E_REASON_LONG)
    need("reason", not has_controls(text["reason"], lines=True), E_CONTROL)
    need("language", text["language"] in (*LANGUAGES, "other"), E_LANGUAGE)
    need("interpreter", text["interpreter"] in ("yes", "no"), E_INTERPRETER)
    starts_at = parse_instant(text["slot"])
    need("slot", starts_at and text["who"], E_SLOT)
    if errors or dob is None or phone is None or starts_at is None:
        return None, errors
    return Wanted(
        name=text["name"],
        dob=dob,
        phone=phone,
        email=email,
        reason=text["reason"],
        language=text["language"],
        interpreter=text["interpreter"] == "yes",
        who=text["who"],
        starts_at=starts_at,
    ), {}
