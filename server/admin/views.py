"""The wall, and what the office does from it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.admin.snapshot import wall_data
from server.audit import Actor, Viewing
from server.i18n import translator
from server.people.store import all_staff
from server.sockets import serve_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.store import queue
from server.web import DATABASE, SETTINGS, page, see_other


async def wall(request: web.Request) -> web.StreamResponse:
    viewing = Viewing(request.app[DATABASE], Actor("staff", request["staff"].id), "read")
    data = await wall_snapshot(request.app, viewing)
    t = translator(request["lang"])
    values = {
        "wall": {**data, "alarms": [t(text) for text in data["alarms"]]},
        "locked": await _locked(request.app, viewing),
    }
    return page(request, "admin/wall.html", values)


async def _locked(app: web.Application, viewing: Viewing) -> list[dict[str, str]]:
    """Visits whose address takes no further date of birth until the office has spoken to the patient."""
    async with app[DATABASE].read() as conn:
        rows = await visits.with_people(conn, visit.c.proof_tries >= app[SETTINGS].proof_tries)
    door = await viewing.door({row["id"]: row["patient_id"] for row in rows})
    return [{"visit": row["id"], "name": visits.particulars(door, row).name} for row in rows]


async def wall_snapshot(app: web.Application, viewing: Viewing) -> dict[str, Any]:
    db, settings = app[DATABASE], app[SETTINGS]
    now = await db.now()
    async with db.read() as conn:
        rows = await visits.with_people(conn, visit.c.state.in_([State.WAITING, *OPEN]))
        line = await queue(conn, now, settings.visit_seconds, settings.wrap_up_seconds)
        people = await all_staff(conn)
    door = await viewing.door({row["id"]: row["patient_id"] for row in rows})
    opened = {row["id"]: visits.particulars(door, row) for row in rows}
    return wall_data(settings, rows, opened, line, people, now)


async def live(request: web.Request) -> web.StreamResponse:
    return await serve_staff(request, "admin")


async def unlock(request: web.Request) -> web.StreamResponse:
    """After too many wrong dates of birth: the office has spoken to the patient and lets them try again."""
    async with request.app[DATABASE].write() as tx:
        await visits.update_row(
            tx, request.match_info["visit"], "proof_unlocked", Actor("staff", request["staff"].id), proof_tries=0
        )
    raise see_other("/admin")


async def design(request: web.Request) -> web.StreamResponse:
    """Every token, macro and state on one page (development only)."""
    return page(request, "design.html", {})
