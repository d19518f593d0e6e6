"""The one address of a visit. It shows what is true now: the check, the waiting room, the call, what came of it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Actor, access
from server.notes import store as notes
from server.notes.pages import summary_blocks
from server.notes.summary import Shown
from server.patient.snapshot import visit_data
from server.sockets import serve_patient
from server.visit import store as visits
from server.visit.pages import knows, proof_page, readable, visit_of
from server.visit.states import OVER
from server.visit.tables import visit
from server.waitingroom.store import queue
from server.web import DATABASE, SETTINGS, page


async def visit_page(request: web.Request) -> web.StreamResponse:
    """For a browser that has proved itself; any other is asked for the date of birth. GET consumes nothing."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    now = await db.now()
    async with db.read() as conn:
        row = await visits.by_address(conn, request.match_info["address"])
        if row is None or not await knows(request, row["id"]):
            return proof_page(request, row, {}, {})
        (row,) = await visits.with_people(conn, visit.c.id == row["id"])
        line = await queue(conn, now, settings.visit_seconds, settings.wrap_up_seconds)
    fresh = readable(row, now, settings.summary_days)
    summary = await _summary(request, row) if row["state"] in OVER and fresh else None
    values: dict[str, Any] = {
        "address": request.match_info["address"],
        **visit_data(row, line, summary=summary is not None),
        "summary": summary,
        "expired": not fresh,
        "summary_days": settings.summary_days,
    }
    return page(request, "visit/visit.html", values)


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
