"""Times, dates and phone numbers as people here write them."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import phonenumbers

_FR_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_EN_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def time(at: dt.datetime, lang: str, zone: str) -> str:
    """``14:20``, in French ``14 h 20`` (with no-break spaces)."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.hour}\u00a0h\u00a0{local.minute:02}" if lang == "fr" else f"{local.hour}:{local.minute:02}"


def date(at: dt.date | dt.datetime, lang: str, zone: str) -> str:
    """``March 2, 2026``, in French ``2 mars 2026``."""
    day = at.astimezone(ZoneInfo(zone)).date() if isinstance(at, dt.datetime) else at
    if lang == "fr":
        number = "1er" if day.day == 1 else str(day.day)
        return f"{number}\u00a0{_FR_MONTHS[day.month - 1]}\u00a0{day.year}"
    return f"{_EN_MONTHS[day.month - 1]}\u00a0{day.day}, {day.year}"


def phone(number: str) -> str:
    """An E.164 number as it is read aloud: national for +1, international otherwise. Unreadable ones as they are."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    style = (
        phonenumbers.PhoneNumberFormat.NATIONAL
        if parsed.country_code == 1
        else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return phonenumbers.format_number(parsed, style)


def parse_phone(text: str, region: str = "CA") -> str | None:
    """What a person typed as E.164; None when it cannot be a phone number."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # "possible" alone would take a number without its area code
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{{2,63}}")


def parse_email(text: str) -> str | None:
    """One plain mail address (RFC 5321: 64 + 1 + 189 characters); None for anything else: names, lists, quotes."""
    text = text.strip()
    local, _, _ = text.partition("@")
    return text if len(local) <= 64 and len(text) <= 254 and _EMAIL.fullmatch(text) else None


def iso(at: dt.datetime | None) -> str | None:
    """An instant for a page: UTC, milliseconds."""
    return None if at is None else at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
