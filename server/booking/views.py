"""Appointments for staff: the day, booking for somebody on the phone, moving, cancelling, no-show.

The office sees everybody's under ``/admin/appointments``, a therapist their own under ``/desk/appointments``: the same
handlers and templates, told apart by who is signed in.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp_session
from aiohttp import web
from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError

from server import mail
from server.audit import Access, Actor, Viewing, access
from server.booking import letters, reading, store
from server.booking.form import E_NOBODY_SPEAKS, E_SLOT, E_SPEAKS, E_TAKEN, Wanted, parse, parse_day, parse_instant
from server.booking.offer import AHEAD_DAYS, PROFESSIONS, offer
from server.booking.pages import clinic_of, link_of, send, slot_words
from server.booking.slots import day_bounds, local_day
from server.crypto import Undecryptable
from server.db import Database, Transaction
from server.errors import PersonError
from server.i18n import LANGUAGES
from server.ids import new_id, well_formed
from server.people.sessions import realm_of
from server.people.store import Staff, all_staff
from server.people.tables import patient
from server.visit import store as visits
from server.visit.states import State
from server.visit.store import Particulars
from server.web import DATABASE, SETTINGS, page, see_other

FIELDS_KEPT = ("name", "dob_day", "dob_month", "dob_year", "phone", "email", "reason", "language", "interpreter")


@dataclass(frozen=True, slots=True)
class Here:
    """Whose appointments this page is about, and where its links lead."""

    staff: Staff
    realm: str
    base: str  # "/admin/appointments"
    own: str | None  # the therapist whose alone it shows

    @property
    def actor(self) -> Actor:
        return Actor("staff", self.staff.id)


def _here(request: web.Request) -> Here:
    realm, staff = realm_of(request), request["staff"]
    return Here(staff, realm, f"/{realm}/appointments", staff.id if realm == "desk" else None)


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request.app[SETTINGS].clinic_zone)


# ---- the day


async def appointments(request: web.Request) -> web.StreamResponse:
    """``?day=2026-11-24``; today without it."""
    db, here, zone = request.app[DATABASE], _here(request), _zone(request)
    now = await db.now()
    today = local_day(now, zone)
    day = parse_day(request.query.get("day", "")) or today
    begin, end = day_bounds(day, zone)
    async with db.read() as conn:
        rows = await reading.of_day(conn, begin, end, here.own)
        off = await reading.of_day(conn, begin, end, here.own, cancelled=True)
        failed = await mail.of_kinds(conn, [letters.KIND], mail.outbox.c.state == "failed")
        about = {row["id"]: row for row in await reading.of_visits(conn, [one["about_id"] for one in failed], here.own)}
    failed = [one for one in failed if one["about_id"] in about]
    everyone = {row["id"]: row["patient_id"] for row in (*rows, *off, *about.values())}
    door = await Viewing(db, here.actor, "read").door(everyone)
    values = {
        "here": here,
        "day": day,
        "today": today,
        "previous": day - timedelta(days=1),
        "next": day + timedelta(days=1),
        "day_words": letters.long_date(begin, request["lang"], str(zone)),
        "rows": [_line(row, door, now) for row in rows],
        "off": [_line(row, door, now) for row in off],
        "failed": [
            {"id": one["id"], "name": _who(door, about[one["about_id"]]).name, "visit": one["about_id"],
             "trouble": one["trouble"]}
            for one in failed
        ],
        "no_mail": not request.app[SETTINGS].smtp_url and not request.app[SETTINGS].development,
    }  # fmt: skip
    return page(request, "booking/day.html", values)


def _who(door: Access, row: RowMapping) -> Particulars:
    return visits.particulars(door, row)


def _line(row: RowMapping, door: Access, now: datetime) -> dict[str, Any]:
    who = _who(door, row)
    return {
        "visit": row["id"],
        "at": row["slot_at"],
        "name": who.name,
        "dob": who.dob,
        "phone": who.phone,
        "therapist": row["with_name"],
        "state": row["state"],
        "language": row["language"],
        "interpreter": row["interpreter"],
        "overdue": reading.overdue(row, now),
        "late": row["state"] == State.BOOKED and now > row["slot_at"] + timedelta(minutes=5),
        "next": row["state"] == State.BOOKED and row["slot_at"] >= now,
        "reason": row["end_reason"],
    }


# ---- booking


async def new(request: web.Request) -> web.StreamResponse:
    """``?day=`` and ``?who=`` choose the times that are shown first."""
    here = _here(request)
    form = {
        "who": here.own or request.query.get("who", ""),
        "day": request.query.get("day", ""),
        "language": request["lang"],
    }
    return await _form_page(request, here, form, {})


async def create(request: web.Request) -> web.StreamResponse:
    """Sent twice it books once: the form's own number becomes the visit's id."""
    db, here = request.app[DATABASE], _here(request)
    sent = {name: str(value) for name, value in (await request.post()).items()}
    if here.own:
        sent["who"] = here.own
    if "show" in sent:  # another day or person: the times anew, all that was typed stays
        return await _form_page(request, here, sent, {})
    now = await db.now()
    wanted, errors = parse(sent, today=local_day(now, _zone(request)))
    if wanted is None:
        return await _form_page(request, here, sent, errors)
    visit_id = _id_of(here.staff, sent.get("once", ""))
    if not await _is_there(db, visit_id):
        candidates, error = await _candidates(
            request, wanted.who, wanted.starts_at, store.spoken(wanted.language, wanted.interpreter)
        )
        try:
            made = None if error else await _book(request, here, wanted, visit_id, candidates)
        except IntegrityError:
            if not await _is_there(db, visit_id):
                raise
            made = None
        if made is not None:
            await _show_once(request, visit_id, made.address)
        elif not await _is_there(db, visit_id):  # else: the same press twice, and the other one was faster
            if error:
                field = "slot" if wanted.who in PROFESSIONS else "language"
                return await _form_page(request, here, sent, {field: error})
            return await _form_page(request, here, {**sent, "slot": ""}, {"slot": E_TAKEN}, status=409)
    raise see_other(f"{here.base}/{visit_id}")


async def _is_there(db: Database, visit_id: str) -> bool:
    async with db.read() as conn:
        return await visits.by_id(conn, visit_id) is not None


async def _candidates(
    request: web.Request, who: str, starts_at: datetime, language: str | None
) -> tuple[list[str], str]:
    """Whom to ask for the slot in turn, and why nobody when it is the language. Who does not speak a visit's language
    is never offered it by the queue, so nobody is booked with them."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    now = await db.now()
    async with db.read() as conn:
        if who not in PROFESSIONS:
            return [who], "" if await store.speaks(conn, who, language) else E_SPEAKS
        found = await store.choose(conn, settings, now, who, starts_at, language)
        if not found and language and await store.choose(conn, settings, now, who, starts_at):
            return [], E_NOBODY_SPEAKS
        return found, ""


async def _book(
    request: web.Request, here: Here, wanted: Wanted, visit_id: str, candidates: list[str]
) -> store.Booked | None:
    """None: the time is taken."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    booking = store.Booking(
        name=wanted.name, dob=wanted.dob, phone=wanted.phone, reason=wanted.reason, language=wanted.language,
        page_language=wanted.language if wanted.language in LANGUAGES else request["lang"],
        interpreter=wanted.interpreter, email=wanted.email,
    )  # fmt: skip
    for therapist in candidates:
        try:
            async with db.write() as tx:
                made = await store.book(db, tx, settings, booking, therapist, wanted.starts_at, here.actor, visit_id)
                row = await reading.of_visit(tx.conn, visit_id)
                assert row is not None
                lang = booking.page_language
                letter = letters.invitation(
                    clinic_of(settings, lang), lang, made.starts_at, row["with_name"], link_of(settings, made.address)
                )
                door = await access(db, tx, here.actor, "read", "visit", visit_id, subject=made.patient_id)
                await send(db, tx, settings, door, row, letter, not_after=row["slot_ends_at"])
            return made
        except PersonError as error:
            if error.code != "slot_taken":
                raise
    return None


def _id_of(staff: Staff, once: str) -> str:
    """The visit's id for one form: random, because ``once`` is; nobody can aim at a visit that exists."""
    if not well_formed(once):
        return new_id()
    return (
        base64.urlsafe_b64encode(hashlib.sha256(f"booking {staff.id} {once}".encode()).digest()[:16])
        .decode()
        .rstrip("=")
    )


async def _form_page(
    request: web.Request, here: Here, form: dict[str, str], errors: dict[str, str], *, status: int | None = None
) -> web.Response:
    once = form.get("once", "")
    values = {
        "here": here,
        "form": {name: form.get(name, "") for name in FIELDS_KEPT},
        "once": once if well_formed(once) else new_id(),
        "errors": errors,
        **await _chooser(request, here, form),
    }
    return page(request, "booking/new.html", values, status=status or (422 if errors else 200))


async def _chooser(request: web.Request, here: Here, form: dict[str, str]) -> dict[str, Any]:
    """What booking/chooser.html needs."""
    db, zone = request.app[DATABASE], _zone(request)
    now = await db.now()
    async with db.read() as conn:
        people = [one for one in await all_staff(conn) if one.role == "therapist"]
        known = {one.id for one in people} | set(PROFESSIONS)
        who = here.own or (form.get("who", "") if form.get("who", "") in known else "PT")
        # whoever is named is shown with all their times: the form says when they do not speak the language
        language = store.spoken(form.get("language", ""), form.get("interpreter", "") == "yes")
        slots = await store.free_slots(
            conn, request.app[SETTINGS], now, therapist=here.own, days=AHEAD_DAYS,
            language=language if who in PROFESSIONS else None,
        )  # fmt: skip
    made = offer(slots, who, parse_day(form.get("day", "")), zone, local_day(now, zone))
    wanted = parse_instant(form.get("slot", ""))
    return {
        "offer": made,
        "slot": wanted.isoformat() if wanted in made.times else "",
        "times": [(at.isoformat(), at) for at in made.times],
        "people": people,
        "latest": local_day(now, zone) + timedelta(days=AHEAD_DAYS - 1),
        "earliest": local_day(now, zone),
        "offer_day": _day_words(made.day, request),
        "offer_next": _day_words(made.next_day, request) if made.next_day else "",
    }


def _day_words(day: date, request: web.Request) -> str:
    zone = _zone(request)
    return letters.long_date(day_bounds(day, zone)[0], request["lang"], str(zone))


# ---- one appointment


async def one(request: web.Request) -> web.StreamResponse:
    """Who, when, what may be done; and, once after booking, the link."""
    return await _one_page(request, _here(request))


async def _one_page(
    request: web.Request, here: Here, form: dict[str, str] | None = None, error: str = "", status: int = 200
) -> web.Response:
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    now = await db.now()
    async with db.write() as tx:
        row, door = await _own(request, tx, here, "read")
        letters_of = await mail.of_kinds(tx.conn, [letters.KIND], mail.outbox.c.about_id == row["id"])
    who, lang = _who(door, row), request["lang"]
    address = await _shown_once(request, row["id"])
    chosen = form or {"who": row["with_id"], "day": local_day(row["slot_at"], _zone(request)).isoformat()}
    chosen = chosen | {"language": row["language"], "interpreter": "yes" if row["interpreter"] else "no"}
    values = {
        "here": here,
        "line": _line(row, door, now),
        "who": who,
        "email": door.open(patient.c.email, row["patient_id"], row["patient_email"]),
        "slot_words": slot_words(row["slot_at"], now, lang, settings.clinic_zone),
        "link": link_of(settings, address) if address else "",
        "letters": [{"id": one["id"], "state": one["state"], "trouble": one["trouble"]} for one in letters_of],
        "moving": form is not None,
        "errors": {"slot": error} if error else {},
        **await _chooser(request, here, chosen),
    }
    return page(request, "booking/one.html", values, status=status)


async def _own(request: web.Request, tx: Transaction, here: Here, action: str) -> tuple[RowMapping, Access]:
    """The appointment that the address names, for who may see it. Raises PersonError("no_such_visit")."""
    visit_id = request.match_info["visit"]
    row = await reading.of_visit(tx.conn, visit_id)
    if row is None or (here.own and row["with_id"] != here.own):
        raise PersonError("no_such_visit")
    return row, await access(
        request.app[DATABASE], tx, here.actor, action, "visit", visit_id, subject=row["patient_id"]
    )


async def move(request: web.Request) -> web.StreamResponse:
    db, settings, here = request.app[DATABASE], request.app[SETTINGS], _here(request)
    sent = {name: str(value) for name, value in (await request.post()).items()}
    starts_at = parse_instant(sent.get("slot", ""))
    if "show" in sent or starts_at is None:
        return await _one_page(request, here, sent, "" if "show" in sent else E_SLOT)
    who = here.own or sent.get("who", "")
    async with db.read() as conn:
        there = await reading.of_visit(conn, request.match_info["visit"])
    language = store.spoken(there["language"], there["interpreter"]) if there else None
    if there is not None and (there["due_at"], there["with_profession"]) == (starts_at, who):
        who = there["with_id"]  # the same time: with the same therapist
    candidates, why = await _candidates(request, who, starts_at, language)
    if why:
        return await _one_page(request, here, sent, why, status=422)
    for therapist in candidates:
        try:
            async with db.write() as tx:
                row, door = await _own(request, tx, here, "change")
                if await store.move(tx, settings, row["id"], therapist, starts_at, here.actor):
                    after = await reading.of_visit(tx.conn, row["id"])
                    assert after is not None
                    lang = row["page_language"]
                    letter = letters.moved(clinic_of(settings, lang), lang, starts_at, after["with_name"])
                    await send(db, tx, settings, door, after, letter, not_after=after["slot_ends_at"])
            raise see_other(f"{here.base}/{row['id']}")
        except PersonError as error:
            if error.code != "slot_taken":
                raise
    return await _one_page(request, here, {**sent, "slot": ""}, E_TAKEN, status=409)


async def cancel(request: web.Request) -> web.StreamResponse:
    db, settings, here = request.app[DATABASE], request.app[SETTINGS], _here(request)
    async with db.write() as tx:
        row, door = await _own(request, tx, here, "change")
        if await store.cancel(tx, row["id"], here.actor) and row["slot_at"] > tx.now:
            lang = row["page_language"]
            letter = letters.cancelled(clinic_of(settings, lang), lang, row["slot_at"])
            await send(db, tx, settings, door, row, letter, not_after=None)
    raise see_other(f"{here.base}/{row['id']}")


async def no_show(request: web.Request) -> web.StreamResponse:
    here = _here(request)
    async with request.app[DATABASE].write() as tx:
        row, _ = await _own(request, tx, here, "change")
        await store.no_show(tx, row["id"], here.actor)
    day = local_day(row["slot_at"], _zone(request)).isoformat()
    raise see_other(f"{here.base}?day={day}")


async def new_link(request: web.Request) -> web.StreamResponse:
    """The patient has lost the link: another one, shown once, and mailed; the old one ends."""
    db, settings, here = request.app[DATABASE], request.app[SETTINGS], _here(request)
    async with db.write() as tx:
        row, door = await _own(request, tx, here, "change")
        address = await store.new_address(tx, row["id"], here.actor)
        lang = row["page_language"]
        letter = letters.invitation(
            clinic_of(settings, lang), lang, row["slot_at"], row["with_name"], link_of(settings, address)
        )
        await send(db, tx, settings, door, row, letter, not_after=row["slot_ends_at"])
    await _show_once(request, row["id"], address)
    raise see_other(f"{here.base}/{row['id']}")


async def mail_again(request: web.Request) -> web.StreamResponse:
    """Try a failed mail once more, or put it away."""
    here = _here(request)
    sent = await request.post()
    async with request.app[DATABASE].write() as tx:
        row, _ = await _own(request, tx, here, "change")
        mine = {one["id"] for one in await mail.of_kinds(tx.conn, [letters.KIND], mail.outbox.c.about_id == row["id"])}
        mail_id = str(sent.get("mail", ""))
        if mail_id in mine:
            await (mail.put_away if sent.get("seen") else mail.again)(tx, mail_id)
    raise see_other(f"{here.base}/{row['id']}")


# ---- the link, once


async def _show_once(request: web.Request, visit_id: str, address: str) -> None:
    """The next page shows it. Until then it is in this browser's session, sealed: no table ever holds it in clear."""
    session = await aiohttp_session.get_session(request)
    session["link"] = [visit_id, request.app[DATABASE].cipher.encrypt(address, f"session.link.{visit_id}")]


async def _shown_once(request: web.Request, visit_id: str) -> str | None:
    session = await aiohttp_session.get_session(request)
    kept = session.get("link")
    if not isinstance(kept, list) or kept[0] != visit_id:
        return None
    del session["link"]
    try:
        return request.app[DATABASE].cipher.decrypt(kept[1], f"session.link.{visit_id}")
    except Undecryptable:
        return None
