"""The therapist's one page: the queue above, the call on the left, the note on the right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from server.audit import Actor, Viewing
from server.boards import read_board
from server.consultation import chat
from server.consultation import store as consultation
from server.desk.snapshot import opened_data, queue_data, taker
from server.errors import PersonError
from server.formats import iso
from server.i18n import translator
from server.notes.pages import note_html
from server.notes.store import unsigned_visits
from server.pages import ROOM
from server.people.duty import DUTIES, seen, set_duty_state
from server.sockets import serve_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.actions import has_given_back
from server.waitingroom.nobody import left_behind
from server.waitingroom.queue import next_for
from server.waitingroom.store import away
from server.web import DATABASE, SETTINGS, page, see_other, wants_json

#: somebody was first, and how often "Admit next" then looks for another one
TOO_LATE, TRIES = frozenset({"taken", "not_possible_now", "no_such_visit", "busy"}), 3


async def desk(request: web.Request) -> web.StreamResponse:
    """``/desk`` shows the open visit, if there is one; ``/desk/visits/ID`` one's own visit, open or over."""
    db, settings, staff = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    if staff.on_duty_since is not None:
        async with db.write() as tx:  # without a script there is no socket that says so
            await seen(tx, [staff.id])
    board = await read_board(db, settings, await request.app[ROOM].line(), [staff.id])
    now = board.now
    async with db.read() as conn:
        past = await visits.with_people(
            conn,
            visit.c.therapist_id == staff.id,
            visit.c.state.in_([State.ENDED]),
            visit.c.ended_at > now - timedelta(days=90),
        )
        unsigned = await unsigned_visits(conn, [row["id"] for row in past])
        wanted = request.match_info.get("visit") or next(
            (row["id"] for row in board.rows if row["therapist_id"] == staff.id and row["state"] in OPEN), None
        )
        shown = None
        if wanted:
            found = await visits.with_people(conn, visit.c.id == wanted, visit.c.therapist_id == staff.id)
            if not found:
                raise PersonError("no_such_visit")
            shown = found[0]
    late = [row for row in past if row["id"] in unsigned]
    mine = board.rows_for(staff.id, "therapist")
    every = {row["id"]: row for row in (*mine, *late, *([shown] if shown else []))}
    door = await Viewing(db, Actor("staff", staff.id), "read").door(
        {row["id"]: row["patient_id"] for row in every.values()}
    )
    opened = {key: visits.particulars(door, row) for key, row in every.items()}
    t = translator(request["lang"])
    values: dict[str, Any] = {
        "queue": queue_data(settings, staff, board.rows, opened, board.line, now, board.more, door, t),
        "unsigned": [{"visit": row["id"], "name": opened[row["id"]].name, "ended_at": row["ended_at"]} for row in late],
        "opened": None,
        "note_html": None,
        "written": [],
        "error": None,
    }
    if shown is not None:
        values["opened"] = opened_data(settings, shown, opened[shown["id"]], now)
        values["note_html"] = await note_html(request, shown, opened[shown["id"]])
        if shown["state"] not in OPEN:  # while it runs, the page's socket brings it
            values["written"] = await chat.conversation(db, shown["id"], shown["patient_id"], Actor("staff", staff.id))
    return page(request, "desk/desk.html", values)


async def live(request: web.Request) -> web.StreamResponse:
    return await serve_staff(request, "therapist")


async def duty(request: web.Request) -> web.StreamResponse:
    """``duty``: on, break, last or off. Who would leave people waiting with nobody is asked first (``sure``)."""
    sent = await request.post()
    wanted = sent.get("duty") or ("on" if sent.get("on") in ("1", "yes", "on", "true") else "off")
    if wanted not in DUTIES:
        raise PersonError("not_possible_now")
    staff = request["staff"]
    async with request.app[DATABASE].write() as tx:
        left = 0
        if wanted == "off" and "duty" in sent and sent.get("sure") != "yes":
            left = await left_behind(tx.conn, staff.id)
        if not left:
            await set_duty_state(tx, staff.id, wanted)
    if wants_json(request):
        return web.json_response({"duty": staff.duty if left else wanted, "left": left})
    if left:
        return page(request, "desk/leave.html", {"left": left})
    raise see_other("/desk")


async def admission_next(request: web.Request) -> web.StreamResponse:
    """Whoever is the next for this therapist now; the page had said who that was then. Pressed twice it is one
    admission; where a colleague was first, it is the one after."""
    db, settings, staff = request.app[DATABASE], request.app[SETTINGS], request["staff"]
    gone: set[str] = set()
    while True:
        async with db.read() as conn:
            own = await consultation.open_visit(conn, staff.id)
            absent = await away(conn, await db.now(conn), timedelta(seconds=settings.away_seconds))
        if own is not None:
            raise see_other(f"/desk/visits/{own['id']}")
        order = (await request.app[ROOM].line()).order
        found = next_for(taker(staff), (one for one in order if one.visit not in gone), absent)
        if found is None:
            raise PersonError("nobody_next")
        try:
            await consultation.admit(db, settings, found.visit, staff.id)
        except PersonError as error:
            gone.add(found.visit)
            if error.code not in TOO_LATE or len(gone) == TRIES:
                raise
            continue
        raise see_other(f"/desk/visits/{found.visit}")


async def admission(request: web.Request) -> web.StreamResponse:
    """Without a script; with one the page admits over its socket, which saves a page load."""
    await consultation.admit(
        request.app[DATABASE], request.app[SETTINGS], request.match_info["visit"], request["staff"].id
    )
    raise see_other(f"/desk/visits/{request.match_info['visit']}")


async def send_back(request: web.Request) -> web.StreamResponse:
    """Sending back twice is the same as once."""
    visit_id, staff = request.match_info["visit"], request["staff"]
    async with request.app[DATABASE].write() as tx:
        row = await visits.by_id(tx.conn, visit_id, lock=True)
        if row is None or not await has_given_back(tx.conn, row, staff.id, "sent_back"):
            await consultation.send_back(tx, visit_id, staff.id)
    if wants_json(request):
        return web.json_response({"state": str(State.WAITING)})
    raise see_other("/desk")


async def end(request: web.Request) -> web.StreamResponse:
    """Ending twice is the same as once: the second click finds it done."""
    visit_id, staff = request.match_info["visit"], request["staff"]
    async with request.app[DATABASE].write() as tx:
        row = await consultation.own_visit(tx, visit_id, staff.id)
        if row["state"] in OPEN:
            await consultation.end(tx, visit_id, Actor("staff", staff.id), "therapist")
    if wants_json(request):
        return web.json_response({"state": str(State.ENDED)})
    raise see_other(f"/desk/visits/{visit_id}")


async def give_back(request: web.Request) -> web.StreamResponse:
    visit_id = request.match_info["visit"]
    async with request.app[DATABASE].write() as tx:
        row = await consultation.give_back(tx, request.app[SETTINGS], visit_id, request["staff"].id)
    if wants_json(request):
        return web.json_response({"ends_at": iso(row["ends_at"])})
    raise see_other(f"/desk/visits/{visit_id}")
