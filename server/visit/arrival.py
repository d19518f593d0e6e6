"""When a booked patient may come, what is still asked, and what their page shows. Pure.

A visit that is booked is asked on the day where the patient is, whom to call in an emergency, and for the consent: the
walk-in's own questions (``visit/walk_in.py``). Who has answered sees the check of camera and microphone, as a walk-in
does, and takes a place in the queue by "I'm ready"; before the slot that place is early, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from server.i18n import Translator
from server.visit import walk_in
from server.visit.consent import CURRENT
from server.visit.states import State

#: from so long before the slot on, the page takes the patient in
OPENS = timedelta(hours=1)
#: a booked patient who comes later than this is asked to call
CLOSES = timedelta(hours=12)

When = Literal["early", "open", "late", "past"]
#: what is asked on the day, as the walk-in form names it
FIELDS = (
    "street", "city", "province", "phone", "emergency_name", "emergency_phone", "emergency_none", "consent",
)  # fmt: skip
_ERRORS = ("street", "city", "province", "phone", "emergency_name", "emergency_phone", "consent")


def when(due_at: datetime, now: datetime) -> When:
    """``open``: from an hour before the slot; ``late``: the slot has begun 5 minutes ago; ``past``: long over."""
    if now < due_at - OPENS:
        return "early"
    if now > due_at + CLOSES:
        return "past"
    return "late" if now >= due_at + timedelta(minutes=5) else "open"


def asked(row: Mapping[Any, Any]) -> bool:
    """Whether the day's questions are still to be answered (a moved or rebooked visit is asked anew where one is)."""
    known = row.get("unanswered")  # a row without what is personal says only that
    if known is not None:
        return bool(known)
    return row["location"] is None or row["emergency"] is None or row["consent_version"] is None


def may_arrive(row: Mapping[Any, Any], now: datetime) -> bool:
    return row["state"] == State.BOOKED and not asked(row) and when(row["due_at"], now) in ("open", "late")


def page_state(row: Mapping[Any, Any]) -> str:
    """The state as the patient's page knows it: who is booked and has answered is at the check."""
    if row["state"] == State.BOOKED and not asked(row):
        return str(State.CHECKING)
    return str(row["state"])


@dataclass(frozen=True, slots=True)
class Details:
    """What was answered on the day, validated. None: it was known already, and was not asked."""

    location: Mapping[str, str]
    phone: str
    emergency: Mapping[str, str] | None
    consent_version: str | None


def parse_details(
    form: Mapping[str, Any], *, today: date, emergency: bool = True, consent: bool = True
) -> tuple[Details | None, dict[str, str]]:
    """The walk-in form's own rules, for the part that is asked here. ``emergency``, ``consent``: are asked too."""
    # what the booking has answered stands in, so that only what is asked here can be wrong
    given = _KNOWN | {"dob_year": str(today.year - 1)} | {field: form.get(field, "") for field in FIELDS}
    if not emergency:
        given["emergency_none"] = "yes"
    if not consent:
        given["consent"] = CURRENT.version
    parsed, errors = walk_in.parse(given, today=today, page_language="en")
    if parsed is None:
        return None, {field: text for field, text in errors.items() if field in _ERRORS}
    return Details(
        parsed.location,
        parsed.phone,
        parsed.emergency if emergency else None,
        parsed.consent_version if consent else None,
    ), {}


_KNOWN = {
    "name": "-", "dob_day": "1", "dob_month": "1", "reason": "---", "language": "en", "interpreter": "no",
}  # fmt: skip


def in_words(t: Translator, due_at: datetime, now: datetime) -> str:
    """How far away a slot is: "in 25 minutes"; nothing when it is now, or a day and more away."""
    minutes = round((due_at - now) / timedelta(minutes=1))
    if minutes >= 60:
        hours = round(minutes / 60)
        if hours >= 24:
            return ""
        return t.ngettext("in about %(num)s hour", "in about %(num)s hours", hours) % {"num": hours}
    if minutes > 0:
        return t.ngettext("in %(num)s minute", "in %(num)s minutes", minutes) % {"num": minutes}
    if -60 < minutes < -1:
        return t.ngettext("%(num)s minute ago", "%(num)s minutes ago", -minutes) % {"num": -minutes}
    return ""
