"""The patient's pages: home, the walk-in form, and the one address of a visit."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from server import formats
from server.audit import Actor, access
from server.errors import PersonError
from server.i18n import N_, translator
from server.people.store import anyone_on_duty
from server.people.tables import patient
from server.visit import store, walk_in
from server.visit.arrival import may_arrive
from server.visit.consent import CURRENT
from server.visit.hours import Opening, next_opening, parse_hours
from server.visit.pages import proof_page, remember, visit_of
from server.visit.states import Event, State
from server.visit.tables import visit
from server.web import DATABASE, SETTINGS, page, see_other

DAY_NAMES = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"))
E_PROOF = N_("This is not the date of birth that we have for this visit. Check it and try again")


async def home(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].read() as conn:
        on_duty = await anyone_on_duty(conn)
    return page(request, "visit/home.html", {"on_duty": on_duty, **_hours(request)})


def _hours(request: web.Request) -> dict[str, Any]:
    settings, lang = request.app[SETTINGS], request["lang"]
    t = translator(lang)
    openings = parse_hours(settings.clinic_hours)
    zone = ZoneInfo(settings.clinic_zone)
    now = datetime.now(UTC)
    opens = next_opening(openings, now, zone)
    words = None
    if opens:
        at = formats.time(opens, lang, settings.clinic_zone)
        days = (opens.astimezone(zone).date() - now.astimezone(zone).date()).days
        if days == 0:
            words = t(N_("today at %(time)s"), time=at)
        elif days == 1:
            words = t(N_("tomorrow at %(time)s"), time=at)
        else:
            words = t(N_("on %(day)s at %(time)s"), day=t(DAY_NAMES[opens.astimezone(zone).weekday()]), time=at)
    return {"hours": [_opening_words(opening, lang) for opening in openings], "next_open": words}


def _opening_words(opening: Opening, lang: str) -> tuple[str, str]:
    def clock(hour: int, minute: int) -> str:
        return f"{hour}\u00a0h\u00a0{minute:02}" if lang == "fr" else f"{hour}:{minute:02}"

    times = f"{clock(opening.opens.hour, opening.opens.minute)} – {clock(opening.closes.hour, opening.closes.minute)}"
    return translator(lang)(DAY_NAMES[opening.day]), times


async def join(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].read() as conn:
        on_duty = await anyone_on_duty(conn)
    if not on_duty:  # the form is not asked of somebody whom nobody would see
        return page(request, "visit/home.html", {"on_duty": False, **_hours(request)})
    return _join_page(request, {}, {})


def _join_page(request: web.Request, form: dict[str, str], errors: dict[str, str], status: int = 200) -> web.Response:
    t = translator(request["lang"])
    values = {
        "form": form,
        "errors": {name: t(text) for name, text in errors.items()},
        "consent": {"version": CURRENT.version, "text": [t(paragraph) for paragraph in CURRENT.paragraphs]},
        "provinces": [(code, t(name)) for code, name in walk_in.PROVINCES],
        "on_duty": True,
    }
    return page(request, "visit/join.html", values, status=status)


async def send_join(request: web.Request) -> web.StreamResponse:
    sent = {name: str(value) for name, value in (await request.post()).items()}
    zone = ZoneInfo(request.app[SETTINGS].clinic_zone)
    today = datetime.now(zone).date()
    form, errors = walk_in.parse(sent, today=today, page_language=request["lang"])
    if form is None:
        return _join_page(request, sent, errors, status=422)
    visit_id, address = await store.create_walk_in(request.app[DATABASE], form)
    await remember(request, visit_id)
    raise see_other(str(request.app.router["visit"].url_for(address=address)))


async def proof(request: web.Request) -> web.StreamResponse:
    """The date of birth, asked of a browser without the visit's cookie. Limited tries, then staff."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    sent = {name: str(value).strip() for name, value in (await request.post()).items()}
    given = walk_in.parse_date(sent.get("dob_day", ""), sent.get("dob_month", ""), sent.get("dob_year", ""))
    t = translator(request["lang"])
    async with db.read() as conn:
        row = await store.by_address(conn, request.match_info["address"])
    if row is not None and row["proof_tries"] >= settings.proof_tries:
        return proof_page(request, row, sent, {})
    if given is None:
        return proof_page(request, row, sent, {"dob": t(walk_in.E_DOB)}, status=422)
    if row is None:  # answered as a wrong date is
        return proof_page(request, row, sent, {"dob": t(E_PROOF)}, status=403)
    actor = Actor("patient", row["patient_id"])
    try:
        async with db.write() as tx:
            door = await access(db, tx, actor, "prove", "visit", row["id"], subject=row["patient_id"])
            known = await tx.conn.scalar(
                patient.select().with_only_columns(patient.c.dob_index).where(patient.c.id == row["patient_id"])
            )
            right = hmac.compare_digest(door.blind_index(given.isoformat(), "patient.dob"), known or "")
            row = await store.update_row(
                tx,
                row["id"],
                "proof_given" if right else "proof_failed",
                actor,
                conditions=[visit.c.proof_tries < settings.proof_tries],
                # counted by the store: what this request has read may be old, and guesses may come many at once
                proof_tries=0 if right else visit.c.proof_tries + 1,
            )
    except PersonError:  # others' guesses, at the same moment, have used the tries up
        async with db.read() as conn:
            row = await store.by_address(conn, request.match_info["address"])
        if row is None or row["proof_tries"] < settings.proof_tries:
            raise
        return proof_page(request, row, sent, {})
    if not right:
        return proof_page(request, row, sent, {"dob": t(E_PROOF)}, status=403)
    await remember(request, row["id"])
    raise see_other(str(request.app.router["visit"].url_for(address=request.match_info["address"])))


async def ready(request: web.Request) -> web.StreamResponse:
    """The check is done: the patient takes a place in the queue. Pressing twice is the same as once."""
    row = await visit_of(request)
    async with request.app[DATABASE].write() as tx:
        row = await store.by_id(tx.conn, row["id"], lock=True) or row  # of two presses the second finds the first
        if row["state"] == State.CHECKING or may_arrive(row, tx.now):
            actor = Actor("patient", row["patient_id"])
            here = [visit.c.location.is_not(None)]  # a booking that was moved at this moment asks again
            await store.change(
                tx, row["id"], Event.ARRIVE, actor, conditions=here, arrived_at=tx.now, patient_seen_at=tx.now
            )
    raise see_other(str(request.app.router["visit"].url_for(address=request.match_info["address"])))


async def leave(request: web.Request) -> web.StreamResponse:
    """The patient gives up the place. In a call nothing ends: the therapist ends the visit."""
    row = await visit_of(request)
    async with request.app[DATABASE].write() as tx:
        row = await store.by_id(tx.conn, row["id"], lock=True) or row
        if row["state"] in (State.CHECKING, State.WAITING):
            actor = Actor("patient", row["patient_id"])
            await store.change(tx, row["id"], Event.LEAVE, actor, ended_at=tx.now, end_reason="left")
    raise see_other(str(request.app.router["visit"].url_for(address=request.match_info["address"])))
