"""What a booked patient does on the visit's one address before the check: answers, a calendar file, cancelling."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server import formats
from server.audit import Actor, access
from server.booking import letters, reading, store
from server.booking.calendar import calendar_file
from server.booking.pages import booked_page, clinic_of, link_of, send, whose
from server.errors import PersonError
from server.i18n import N_, translator
from server.ids import digest
from server.mail_message import host_of
from server.visit import arrival
from server.visit import store as visits
from server.visit.pages import visit_of
from server.visit.states import State
from server.visit.tables import visit
from server.web import DATABASE, SETTINGS, page, see_other

TITLE = N_("Video visit, %(clinic)s")
TEXT = N_("Open %(link)s in the hour before your visit. Help by phone: %(phone)s")


def _back(request: web.Request) -> web.HTTPSeeOther:
    return see_other(str(request.app.router["visit"].url_for(address=request.match_info["address"])))


async def details(request: web.Request) -> web.StreamResponse:
    """Where the patient is today, whom to call, the consent: then the check follows."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    row = await visit_of(request)
    now = await db.now()
    if (
        row["state"] != State.BOOKED
        or not arrival.asked(row)
        or arrival.when(row["due_at"], now) not in ("open", "late")
    ):
        raise _back(request)  # sent twice, too early, or meanwhile cancelled: the page says what is true
    sent = {name: str(value) for name, value in (await request.post()).items()}
    today = now.astimezone(ZoneInfo(settings.clinic_zone)).date()
    given, errors = arrival.parse_details(
        sent, today=today, emergency=row["emergency"] is None, consent=row["consent_version"] is None
    )
    if given is None:
        answer = await booked_page(request, row, now, sent, errors)
        assert answer is not None
        return answer
    key, c = row["id"], visit.c
    actor = Actor("patient", row["patient_id"])
    try:
        async with db.write() as tx:
            door = await access(db, tx, actor, "change", "visit", key, subject=row["patient_id"])
            values: dict[str, Any] = {
                "location": door.seal(c.location, key, json.dumps(dict(given.location))),
                "phone": door.seal(c.phone, key, given.phone),
                "page_language": request["lang"],
            }
            if given.emergency is not None:
                values["emergency"] = door.seal(c.emergency, key, json.dumps(dict(given.emergency)))
            if given.consent_version is not None:
                values |= {
                    "consent_version": given.consent_version,
                    "consent_language": request["lang"],
                    "consent_at": tx.now,
                }
            await visits.update_row(
                tx,
                key,
                "details_given",
                actor,
                conditions=[c.state == State.BOOKED, c.due_at == row["due_at"]],
                **values,
            )
    except PersonError as error:
        if error.code != "not_possible_now":
            raise  # moved or cancelled at this moment: the page says so
    raise _back(request)


async def calendar(request: web.Request) -> web.StreamResponse:
    """The appointment for the patient's own calendar."""
    settings, t = request.app[SETTINGS], translator(request["lang"])
    row = await visit_of(request)
    async with request.app[DATABASE].read() as conn:
        booked = await reading.of_visit(conn, row["id"])
    if booked is None or row["state"] != State.BOOKED:
        raise PersonError("not_possible_now")
    clinic = clinic_of(settings, request["lang"])
    link = link_of(settings, request.match_info["address"])
    body = calendar_file(
        uid=digest(f"calendar {row['id']}")[:32],  # of the visit: a moved one is the same event
        host=host_of(settings.base_url),
        starts_at=booked["slot_at"],
        ends_at=booked["slot_ends_at"],
        made_at=row["changed_at"],
        sequence=row["version"],
        title=t(TITLE, clinic=clinic.name),
        text=t(TEXT, link=link, phone=formats.phone(clinic.phone)),
        link=link,
    )
    return web.Response(
        body=body,
        content_type="text/calendar",
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="visit.ics"'},
    )


async def ask_cancel(request: web.Request) -> web.StreamResponse:
    """The question before it, on a page of its own: a link alone cancels nothing."""
    row = await visit_of(request)
    if row["state"] != State.BOOKED:
        raise _back(request)
    now = await request.app[DATABASE].now()
    values = {"address": request.match_info["address"], "booking": await whose(request, row, now)}
    return page(request, "booking/cancel.html", values)


async def cancel(request: web.Request) -> web.StreamResponse:
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    row = await visit_of(request)
    if row["state"] == State.BOOKED:
        actor = Actor("patient", row["patient_id"])
        async with db.write() as tx:
            door = await access(db, tx, actor, "change", "visit", row["id"], subject=row["patient_id"])
            booked = await reading.of_visit(tx.conn, row["id"])
            if await store.cancel(tx, row["id"], actor) and booked is not None:
                await send(db, tx, settings, door, booked, _cancelled(request, booked, row["due_at"]), not_after=None)
    raise _back(request)


def _cancelled(request: web.Request, booked: RowMapping, due_at: datetime) -> tuple[str, str]:
    lang = booked["page_language"]
    return letters.cancelled(clinic_of(request.app[SETTINGS], lang), lang, due_at)
