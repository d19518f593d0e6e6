"""The wall, and what the office does from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from server.admin import acts
from server.admin.snapshot import wall_data
from server.admin.words import minutes_since
from server.audit import Actor, Viewing
from server.boards import read_board
from server.i18n import Translator, translator
from server.pages import ROOM
from server.people.store import all_staff
from server.sockets import serve_staff
from server.visit import store as visits
from server.visit.tables import visit
from server.web import DATABASE, SETTINGS, page, see_other, wants_json


async def wall(request: web.Request) -> web.StreamResponse:
    """``?wall=1``: for a screen that hangs on a wall, to be read from three metres."""
    viewing = Viewing(request.app[DATABASE], Actor("staff", request["staff"].id), "read")
    t = translator(request["lang"])
    data = await wall_snapshot(request, viewing, t)
    async with request.app[DATABASE].read() as conn:
        people = await all_staff(conn)
    values = {
        "wall": data,
        "minutes_since": lambda since: minutes_since(since, data["server_now"]),
        "local": lambda at: datetime.fromisoformat(at),
        "therapists": [(one.id, one.name, one.profession) for one in people if one.role == "therapist"],
        "locked": await _locked(request.app, viewing),
        "big": request.query.get("wall") == "1",
    }
    return page(request, "admin/wall.html", values)


async def _locked(app: web.Application, viewing: Viewing) -> list[dict[str, str]]:
    """Visits whose address takes no further date of birth until the office has spoken to the patient."""
    async with app[DATABASE].read() as conn:
        rows = await visits.with_people(conn, visit.c.proof_tries >= app[SETTINGS].proof_tries)
    door = await viewing.door({row["id"]: row["patient_id"] for row in rows})
    return [{"visit": row["id"], "name": visits.particulars(door, row).name} for row in rows]


async def wall_snapshot(request: web.Request, viewing: Viewing, t: Translator) -> dict[str, Any]:
    """What the page's socket will bring, for a page without one."""
    app, staff = request.app, request["staff"]
    line = await app[ROOM].line()
    board = await read_board(app[DATABASE], app[SETTINGS], line, [staff.id])
    rows = board.rows_for(staff.id, staff.role)
    door = await viewing.door({row["id"]: row["patient_id"] for row in rows})
    opened = board.particulars(door, rows)
    people = list(board.staff.values())
    return wall_data(app[SETTINGS], list(board.rows), opened, board.line, people, board.now, board.more, t, door)


async def live(request: web.Request) -> web.StreamResponse:
    return await serve_staff(request, "admin")


async def unlock(request: web.Request) -> web.StreamResponse:
    """After too many wrong dates of birth: the office has spoken to the patient and lets them try again."""
    async with request.app[DATABASE].write() as tx:
        await visits.update_row(
            tx, request.match_info["visit"], "proof_unlocked", Actor("staff", request["staff"].id), proof_tries=0
        )
    raise see_other("/admin")


async def end(request: web.Request) -> web.StreamResponse:
    """End a session that runs."""
    async with request.app[DATABASE].write() as tx:
        await acts.end_session(tx, request.match_info["visit"], Actor("staff", request["staff"].id))
    return _done(request)


async def called(request: web.Request) -> web.StreamResponse:
    """Somebody has called who asked for a call."""
    async with request.app[DATABASE].write() as tx:
        await acts.called(tx, request.match_info["visit"], Actor("staff", request["staff"].id))
    return _done(request)


def _done(request: web.Request) -> web.StreamResponse:
    if wants_json(request):
        return web.json_response({"done": True})
    raise see_other("/admin")


async def design(request: web.Request) -> web.StreamResponse:
    """Every token, macro and state on one page (development only)."""
    return page(request, "design.html", {})
