"""What staff's and patients' pages of an appointment share: the clinic's letters, and the page of who is booked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server import formats, mail
from server.audit import Access, Actor, access
from server.booking import letters, reading
from server.booking.letters import Clinic
from server.config import Settings
from server.db import Database, Transaction
from server.i18n import N_, translator
from server.people.tables import patient
from server.visit import arrival, walk_in
from server.visit import store as visits
from server.visit.consent import CURRENT
from server.visit.tables import visit
from server.web import DATABASE, SETTINGS, clinic, page

TODAY, TOMORROW = N_("today at %(time)s"), N_("tomorrow at %(time)s")
ON_DAY = N_("on %(day)s, at %(time)s")


def clinic_of(settings: Settings, lang: str) -> Clinic:
    return Clinic(clinic(settings, lang)["name"], settings.clinic_phone, settings.clinic_zone)


async def send(
    db: Database,
    tx: Transaction,
    settings: Settings,
    door: Access,
    row: RowMapping,
    subject_text: tuple[str, str],
    *,
    not_after: datetime | None,
) -> bool:
    """Queue a letter to the patient of a row of ``booking.store``; False: there is no mail address."""
    email = door.open(patient.c.email, row["patient_id"], row["patient_email"])
    if email is None:
        return False
    subject, text = subject_text
    await mail.enqueue(
        db, tx, kind=letters.KIND, about=row["id"], recipient=email, subject=subject, text=text,
        lang=row["page_language"], not_after=not_after,
    )  # fmt: skip
    return True


def link_of(settings: Settings, address: str) -> str:
    return f"{settings.base_url}/v/{address}"


def slot_words(at: datetime, now: datetime, lang: str, zone: str) -> str:
    """``today at 14:20``, ``tomorrow at 9:00``, ``on Monday, March 2, 2026, at 9:00``."""
    t, here = translator(lang), ZoneInfo(zone)
    days = (at.astimezone(here).date() - now.astimezone(here).date()).days
    time = formats.time(at, lang, zone)
    if days in (0, 1):
        return t((TODAY, TOMORROW)[days], time=time)
    return t(ON_DAY, day=letters.long_date(at, lang, zone), time=time)


# ---- the booked patient's page


async def whose(request: web.Request, row: RowMapping, now: datetime) -> dict[str, Any]:
    """Whose visit, with whom and when: what stands on top of every page of a booked visit. Leaves an audit entry."""
    db, lang, zone = request.app[DATABASE], request["lang"], request.app[SETTINGS].clinic_zone
    async with db.write() as tx:
        door = await access(
            db, tx, Actor("patient", row["patient_id"]), "read", "visit", row["id"], subject=row["patient_id"]
        )
        booked = await reading.of_visit(tx.conn, row["id"])
        (full,) = await visits.with_people(tx.conn, visit.c.id == row["id"])
    who = visits.particulars(door, full)
    due = row["due_at"]
    return {
        "name": who.name,
        "phone": who.phone,
        "therapist": booked["with_name"] if booked else "",
        "profession": booked["with_profession"] if booked else None,
        "due_at": due,
        "slot": slot_words(due, now, lang, zone),
        "in": arrival.in_words(translator(lang), due, now),
        "opens": slot_words(due - arrival.OPENS, now, lang, zone),
        "opens_at": due - arrival.OPENS,
        "when": arrival.when(due, now),
        "ask_emergency": row["emergency"] is None,
        "ask_consent": row["consent_version"] is None,
        "zone_words": letters.clock(due, lang, zone),
    }


async def booked_page(
    request: web.Request,
    row: RowMapping,
    now: datetime,
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    beside: dict[str, Any] | None = None,
) -> web.Response | None:
    """The page of a booked visit until its patient may come to the check; None: they may. ``beside``: the messages."""
    if arrival.may_arrive(row, now):
        return None
    t = translator(request["lang"])
    booking = await whose(request, row, now)
    values = {
        "address": request.match_info["address"],
        "booking": booking,
        "form": form if form is not None else {"phone": formats.phone(booking["phone"])},
        "errors": {name: t(text) for name, text in (errors or {}).items()},
        "consent": {"version": CURRENT.version, "text": [t(paragraph) for paragraph in CURRENT.paragraphs]},
        "provinces": [(code, t(name)) for code, name in walk_in.PROVINCES],
        **(beside or {}),
    }
    return page(request, "booking/booked.html", values, status=422 if errors else 200)
