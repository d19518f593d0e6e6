"""The one address of a visit. It shows what is true now: the check, the waiting room, the call, what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Actor, access
from server.booking.pages import booked_page, whose
from server.notes import store as notes
from server.notes.pages import summary_blocks
from server.notes.summary import Shown
from server.pages import ROOM
from server.patient.pages import beside, beside_context
from server.patient.snapshot import as_token, from_token, goes_on, visit_data
from server.sockets import serve_patient
from server.visit import store as visits
from server.visit.arrival import may_arrive
from server.visit.pages import knows, proof_page, readable, visit_of
from server.visit.states import OVER, State
from server.visit.tables import visit
from server.waitingroom import alerts
from server.waitingroom.messages import may_be_written_to
from server.web import DATABASE, SETTINGS, page

REASONS = ("moved", "urgent", "booked", "earlier", "fewer", "longer")


async def visit_page(request: web.Request) -> web.StreamResponse:
    """For a browser that has proved itself; any other is asked for the date of birth. GET consumes nothing."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    async with db.read() as conn:
        row = await visits.by_address(conn, request.match_info["address"])
        if row is None or not await knows(request, row["id"]):
            return proof_page(request, row, {}, {})
        (row,) = await visits.with_people(conn, visit.c.id == row["id"])
        alert = (await alerts.of_visits(conn, [row["id"]])).get(row["id"])
    await visits.link_opened(db, row)
    room = request.app[ROOM]
    line = await room.line(row)
    now = room.now()
    booking = None
    if row["state"] == State.BOOKED:
        early = await _before_the_visit(request, row, now)
        if early is not None:
            return early
        booking = await whose(request, row, now)
    fresh = readable(row, now, settings.summary_days)
    summary = await _summary(request, row) if row["state"] in OVER and fresh else None
    before, reason = from_token(request.query.get("told", ""))
    data, told = visit_data(row, line, summary=summary is not None, now=now, before=before, alert=alert)
    if (
        not data["because"]
        and before is not None
        and not data["nobody"]
        and reason in REASONS
        and goes_on(before, told)
    ):
        data["because"] = reason
    values: dict[str, Any] = {
        "address": request.match_info["address"],
        **data,
        "booking": booking,
        "due": row["due_at"],
        "came": row["arrived_at"] is not None,
        "told": as_token(told, data["because"]),
        "summary": summary,
        "expired": not fresh,
        "summary_days": settings.summary_days,
    }
    if row["state"] not in OVER:  # also in the call: its patient may be sent back to the waiting room on the same page
        values |= beside_context(await beside(request, row))
    elif row["state"] == State.LEFT and row["end_reason"] == "call_back":
        values["phone_end"] = (await beside(request, row)).phone
    return page(request, "visit/visit.html", values)


async def _before_the_visit(request: web.Request, row: RowMapping, now: datetime) -> web.Response | None:
    """The page of who is booked and too early, with what the clinic has written; None: they may come in."""
    if may_arrive(row, now):
        return None
    found = beside_context(await beside(request, row))
    written = {name: found[name] for name in ("written", "quick", "message_id", "most_long")}
    return await booked_page(request, row, now, beside=written | {"may_write": may_be_written_to(row, now)})


async def _summary(request: web.Request, row: RowMapping) -> list[Shown] | None:
    """Only from a signed note. Reading it is audited as any reading is."""
    db = request.app[DATABASE]
    async with db.read() as conn:
        note = await notes.row_of(conn, row["id"])
    if note is None or note["signed_at"] is None:
        return None
    async with db.write() as tx:
        door = await access(
            db, tx, Actor("patient", row["patient_id"]), "read", "summary", note["id"], subject=row["patient_id"]
        )
    return summary_blocks(notes.opened(door, note), request["lang"], request.app[SETTINGS])


async def live(request: web.Request) -> web.StreamResponse:
    """The page's one WebSocket."""
    return await serve_patient(request, (await visit_of(request))["id"])
