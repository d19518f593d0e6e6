"""What a therapist can do about one visit, on a page of its own; a script shows the same part in a dialog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.desk.earlier import earlier_visits, of_records, same_phone
from server.desk.extras import intake_words
from server.errors import PersonError
from server.i18n import translator
from server.ids import new_id
from server.notes import pages as notes
from server.notes.store import opened as note_opened
from server.notes.store import row_of as note_row
from server.people import links
from server.people.links import Identity
from server.people.store import all_staff
from server.visit import store as visits
from server.visit import walk_in
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom import actions, alerts, intake, messages
from server.waitingroom.store import away
from server.web import DATABASE, SETTINGS, page, see_other


async def acts(request: web.Request) -> web.StreamResponse:
    """Everything that staff may do with a visit that waits, or hand over one that runs."""
    row, door = await _visit(request, "read")
    db, settings, me = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    who = visits.particulars(door, row)
    now = await db.now()
    async with db.read() as conn:
        people = await _choices(conn, me.id)
        written = [messages.opened(door, one) for one in await messages.of_visit(conn, row["id"])]
        answers = intake.opened(door, await intake.row_of(conn, row["id"]))
        earlier = await earlier_visits(conn, row) if row["state"] in (State.WAITING, *OPEN) else []
        absent = (
            await away(conn, now, timedelta(seconds=settings.away_seconds)) if row["state"] == State.WAITING else {}
        )
    values = {
        "row": row,
        "who": who,
        "open": row["state"] in OPEN,
        "waits": row["state"] == State.WAITING,
        "missed": row["state"] == State.BOOKED and row["due_at"] is not None and row["due_at"] <= now,
        "away": row["id"] in absent,
        "people": people,
        "to": row["for_staff"] or row["for_profession"] or "",
        "written": written,
        "message_id": new_id(),
        "intake": intake_words(intake.short(answers.document), translator(request["lang"])) if answers.version else "",
        "earlier": earlier,
        "part": request.query.get("part") == "1",
    }
    return page(request, "desk/acts_part.html" if values["part"] else "desk/acts.html", values)


async def _choices(conn: AsyncConnection, me: str) -> list[Mapping[str, Any]]:
    """Therapists on duty but oneself, with what they are doing."""
    names = {one.id: one for one in await all_staff(conn)}
    return [
        {
            "id": one.id,
            "name": names[one.id].name,
            "profession": one.profession,
            "doing": "busy" if one.busy else one.duty,
            "me": one.id == me,
        }
        for one in sorted(await alerts.colleagues(conn), key=lambda one: names[one.id].name)
        if one.duty != "off" or one.id == me
    ]


async def earlier(request: web.Request) -> web.StreamResponse:
    """The earlier visits of a linked patient, or the question who it is."""
    row, door = await _visit(request, "read")
    return await _earlier_page(request, row, door, {}, None, None)


async def search(request: web.Request) -> web.StreamResponse:
    """Exactly this name and this date of birth; nothing is linked by looking."""
    sent = {name: str(value).strip() for name, value in (await request.post()).items()}
    row, door = await _visit(request, "search")
    who = _identity(sent)
    if not who.name or who.dob is None:
        return await _earlier_page(request, row, door, sent, None, "missing")
    async with request.app[DATABASE].read() as conn:
        found = await links.search(conn, door, row["patient_id"], who)
        records = await of_records(conn, found)
        own = door.open(visit.c.phone, row["id"], row["phone"])
        candidates = [
            {"id": one, "visits": records[one], "same_phone": await same_phone(conn, door, own, one)} for one in found
        ]
    return await _earlier_page(request, row, door, sent, candidates, None)


async def link(request: web.Request) -> web.StreamResponse:
    """Two identifiers are compared again, with the record as it is now."""
    sent = {name: str(value).strip() for name, value in (await request.post()).items()}
    row, door = await _visit(request, "read")
    db = request.app[DATABASE]
    async with db.read() as conn:
        own = door.open(visit.c.phone, row["id"], row["phone"])
        phones = await same_phone(conn, door, own, sent.get("other", ""))
    who = _identity(sent)
    async with db.write() as tx:
        await links.link(
            db, tx, _actor(request), row["patient_id"], sent.get("other", ""), Identity(who.name, who.dob, phones)
        )
    raise see_other(f"/desk/visits/{row['id']}/earlier")


async def unlink(request: web.Request) -> web.StreamResponse:
    row, _ = await _visit(request, "read")
    db = request.app[DATABASE]
    async with db.write() as tx:
        await links.unlink(db, tx, _actor(request), row["patient_id"])
    raise see_other(f"/desk/visits/{row['id']}/earlier")


async def earlier_note(request: web.Request) -> web.StreamResponse:
    """The signed note of an earlier visit of the same person."""
    row, _ = await _visit(request, "read")
    db, other = request.app[DATABASE], request.match_info["other"]
    async with db.read() as conn:
        found = await visits.by_id(conn, other)
        people = await links.person(conn, row["patient_id"])
    if found is None or found["patient_id"] not in people or found["id"] == row["id"]:
        raise PersonError("no_such_visit")
    async with db.write() as tx:
        door = await access(db, tx, _actor(request), "read", "note", other, subject=found["patient_id"])
        saved = await note_row(tx.conn, other)
    if saved is None or saved["signed_at"] is None:
        raise PersonError("no_such_visit")
    fragment = notes.fragment(request, "notes/signed.html", notes.signed_context(note_opened(door, saved)))
    return page(request, "desk/earlier_note.html", {"fragment": fragment, "visit": row["id"]})


async def _earlier_page(
    request: web.Request,
    row: RowMapping,
    door: Access,
    sent: Mapping[str, str],
    candidates: Sequence[Mapping[str, Any]] | None,
    error: str | None,
) -> web.Response:
    who = visits.particulars(door, row)
    async with request.app[DATABASE].read() as conn:
        linked = len(await links.person(conn, row["patient_id"])) > 1
        found = await earlier_visits(conn, row)
    form = dict(sent) or {
        "name": who.name,
        "dob_day": str(who.dob.day),
        "dob_month": str(who.dob.month),
        "dob_year": str(who.dob.year),
    }
    values = {
        "visit": row["id"],
        "name": who.name,
        "linked": linked,
        "earlier": found,
        "form": form,
        "candidates": candidates,
        "error": error,
    }
    return page(request, "desk/earlier.html", values, status=422 if error else 200)


def _identity(sent: Mapping[str, str]) -> Identity:
    dob = walk_in.parse_date(sent.get("dob_day", ""), sent.get("dob_month", ""), sent.get("dob_year", ""))
    return Identity(sent.get("name", ""), dob)


def _actor(request: web.Request) -> Actor:
    return Actor("staff", request["staff"].id)


async def _visit(request: web.Request, action: str) -> tuple[RowMapping, Access]:
    """The visit with its people, for who may act on it; audited."""
    db = request.app[DATABASE]
    async with db.write() as tx:
        found = await visits.with_people(tx.conn, visit.c.id == request.match_info["visit"])
        if not found or not await actions.may_act(tx.conn, found[0], request["staff"].id, tx.now):
            raise PersonError("no_such_visit")
        row = found[0]
        door = await access(db, tx, _actor(request), action, "visit", row["id"], subject=row["patient_id"])
    return row, door
