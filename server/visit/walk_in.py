"""The walk-in form: from what a browser sent to what the visit keeps, or every error at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.formats import parse_phone
from server.i18n import LANGUAGES, N_
from server.visit.consent import CURRENT

#: ISO 3166-2 codes and names; "other" leads to staff (the location gate of the note decides)
PROVINCES: tuple[tuple[str, str], ...] = (
    ("CA-ON", N_("Ontario")),
    ("CA-AB", N_("Alberta")),
    ("CA-BC", N_("British Columbia")),
    ("CA-MB", N_("Manitoba")),
    ("CA-NB", N_("New Brunswick")),
    ("CA-NL", N_("Newfoundland and Labrador")),
    ("CA-NS", N_("Nova Scotia")),
    ("CA-NT", N_("Northwest Territories")),
    ("CA-NU", N_("Nunavut")),
    ("CA-PE", N_("Prince Edward Island")),
    ("CA-QC", N_("Quebec")),
    ("CA-SK", N_("Saskatchewan")),
    ("CA-YT", N_("Yukon")),
    ("other", N_("Outside Canada")),
)
_CODES = frozenset(code for code, _ in PROVINCES)

E_NAME = N_("Enter your name, as in Ana Pereira")
E_NAME_LONG = N_("Your name must be 120 characters or fewer")
E_DOB = N_("Enter your date of birth, as in 27 3 1961")
E_DOB_RANGE = N_("Your date of birth must be in the past, and within 120 years")
E_REASON = N_("Tell us in a few words what brings you here (at least 3 characters)")
E_REASON_LONG = N_("Your reason must be 500 characters or fewer")
E_STREET = N_("Enter the street and number where you are right now")
E_CITY = N_("Enter the city where you are right now")
E_PROVINCE = N_("Choose the province where you are right now")
E_PHONE = N_("Enter a phone number where we can call you back, as in 416 555 0123")
E_EMERGENCY_NAME = N_("Enter the name of someone we can call in an emergency, or tick that there is no one")
E_EMERGENCY_PHONE = N_("Enter that person's phone number, as in 416 555 0123")
E_EMERGENCY_SAME = N_(
    "This is the number where we reach you. Enter another person's number, or tick that there is no one"
)
E_LANGUAGE = N_("Choose the language of the visit")
E_INTERPRETER = N_("Tell us whether you need an interpreter")
E_CONSENT = N_("To have the visit, tick the box that you agree")
E_TOO_LONG = N_("This must be 200 characters or fewer")
E_CONTROL = N_("Take out the characters that cannot be shown")


@dataclass(frozen=True, slots=True)
class WalkIn:
    """What the form gave, validated."""

    name: str
    dob: date
    reason: str
    location: Mapping[str, str]  # street, city, province (ISO 3166-2)
    phone: str  # E.164
    emergency: Mapping[str, str]  # name, phone; empty: declined
    language: str
    page_language: str
    interpreter: bool
    consent_version: str


def clean(text: object) -> str:
    """NFC, trimmed, line ends as ``\\n``."""
    return unicodedata.normalize("NFC", str(text)).replace("\r\n", "\n").replace("\r", "\n").strip()


#: embed, override and isolate directions: they make a text read otherwise than it is
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_controls(text: str, *, lines: bool = False) -> bool:
    """Control and direction-override characters, that have no place in a name or an address.

    ``lines``: line feed and tab are fine.
    """
    allowed = "\n\t" if lines else ""
    return any((unicodedata.category(ch) in ("Cc", "Cs") and ch not in allowed) or ch in _BIDI for ch in text)


def parse_date(day: str, month: str, year: str) -> date | None:
    """The three fields as a date; None when there is no such day."""
    try:
        return date(int(year), int(month), int(day)) if year.isascii() and month.isascii() and day.isascii() else None
    except (ValueError, OverflowError):
        return None


def parse(form: Mapping[str, Any], *, today: date, page_language: str) -> tuple[WalkIn | None, dict[str, str]]:
    """``(walk-in, {})`` or ``(None, {field: error})``; errors are message ids, fields the form's names in their order."""
    text = {name: clean(form.get(name, "")) for name in _FIELDS}
    errors: dict[str, str] = {}

    def need(field: str, ok: object, message: str) -> None:
        if not ok:
            errors.setdefault(field, message)

    need("name", text["name"], E_NAME)
    need("name", len(text["name"]) <= 120, E_NAME_LONG)
    dob = parse_date(text["dob_day"], text["dob_month"], text["dob_year"])
    need("dob", dob, E_DOB)
    if dob:
        need("dob", today.year - 120 <= dob.year and dob <= today, E_DOB_RANGE)
    need("reason", len(text["reason"]) >= 3, E_REASON)
    need("reason", len(text["reason"]) <= 500, E_REASON_LONG)
    need("street", text["street"], E_STREET)
    need("city", text["city"], E_CITY)
    need("province", text["province"] in _CODES, E_PROVINCE)
    phone = parse_phone(text["phone"])
    need("phone", phone, E_PHONE)
    emergency: dict[str, str] = {}
    if not text["emergency_none"]:
        emergency_phone = parse_phone(text["emergency_phone"])
        need("emergency_name", text["emergency_name"], E_EMERGENCY_NAME)
        need("emergency_phone", emergency_phone, E_EMERGENCY_PHONE)
        need("emergency_phone", not phone or emergency_phone != phone, E_EMERGENCY_SAME)
        emergency = {"name": text["emergency_name"], "phone": emergency_phone or ""}
    need("language", text["language"] in (*LANGUAGES, "other"), E_LANGUAGE)
    need("interpreter", text["interpreter"] in ("yes", "no"), E_INTERPRETER)
    need("consent", text["consent"] == CURRENT.version, E_CONSENT)
    for field in ("street", "city", "emergency_name"):
        need(field, len(text[field]) <= 200, E_TOO_LONG)
    for field in ("name", "reason", "street", "city", "emergency_name"):
        need(field, not has_controls(text[field], lines=field == "reason"), E_CONTROL)
    if errors or dob is None or phone is None:
        return None, {field: errors[field] for field in _ORDER if field in errors}
    return WalkIn(
        name=text["name"],
        dob=dob,
        reason=text["reason"],
        location={"street": text["street"], "city": text["city"], "province": text["province"]},
        phone=phone,
        emergency=emergency,
        language=text["language"],
        page_language=page_language,
        interpreter=text["interpreter"] == "yes",
        consent_version=text["consent"],
    ), {}


_FIELDS = (
    "name", "dob_day", "dob_month", "dob_year", "reason", "street", "city", "province", "phone", "emergency_name",
    "emergency_phone", "emergency_none", "language", "interpreter", "consent",
)  # fmt: skip
_ORDER = (
    "name", "dob", "reason", "street", "city", "province", "phone", "emergency_name", "emergency_phone", "language",
    "interpreter", "consent",
)  # fmt: skip
