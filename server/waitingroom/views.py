"""What staff do with a visit in the queue, over HTTP: for the desk and for the office. Plain forms go back to the page
that they came from; a script gets JSON.

A therapist acts on their own visits and on those in their queues; others do not exist for them. The office acts on all.
"""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Actor
from server.db import Transaction
from server.errors import PersonError
from server.ids import new_id
from server.people.sessions import realm_of
from server.visit import store as visits
from server.visit.states import State
from server.waitingroom import actions, alerts, messages
from server.web import DATABASE, SETTINGS, see_other, wants_json


async def first(request: web.Request) -> web.StreamResponse:
    """``reason``: why; the patients who are overtaken may ask."""
    reason = await _field(request, "reason")
    async with request.app[DATABASE].write() as tx:
        await _may(request, tx)
        row = await actions.put_first(request.app[DATABASE], tx, _visit(request), _actor(request), reason)
    return _done(request, row)


async def not_first(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as tx:
        await _may(request, tx)
        row = await actions.not_first(tx, _visit(request), _actor(request))
    return _done(request, row)


async def assign(request: web.Request) -> web.StreamResponse:
    """``to``: a therapist's id, PT, OT, or nothing: anybody."""
    staff, profession = target(await _field(request, "to"))
    async with request.app[DATABASE].write() as tx:
        before = await visits.by_id(tx.conn, _visit(request))
        if before and await actions.has_reassigned(tx.conn, before, request["staff"].id, (staff, profession)):
            return _done(request, before)
        await _may(request, tx)
        row = await actions.reassign(tx, _visit(request), _actor(request), staff=staff, profession=profession)
    return _done(request, row)


async def transfer(request: web.Request) -> web.StreamResponse:
    """Out of one's own open visit. ``to`` as in :func:`assign`; ``hand_over``: the line for whoever takes it."""
    staff, profession = target(await _field(request, "to"))
    hand_over = await _field(request, "hand_over")
    db = request.app[DATABASE]
    async with db.write() as tx:
        row = await actions.transfer(
            db, tx, _visit(request), _actor(request), staff=staff, profession=profession, hand_over=hand_over
        )
    return _done(request, row)


async def no_show(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as tx:
        if (done := await _has_closed(request, tx, State.NO_SHOW)) is not None:
            return _done(request, done)
        await _may(request, tx)
        row = await actions.no_show(tx, _visit(request), _actor(request))
    return _done(request, row)


async def close(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as tx:
        if (done := await _has_closed(request, tx, State.CANCELLED)) is not None:
            return _done(request, done)
        await _may(request, tx)
        row = await actions.close_waiting(tx, _visit(request), _actor(request))
    return _done(request, row)


async def stay(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as tx:
        await _may(request, tx)
        row = await actions.stay(tx, _visit(request), _actor(request))
    return _done(request, row)


async def seen(request: web.Request) -> web.StreamResponse:
    async with request.app[DATABASE].write() as tx:
        row = await _may(request, tx)
        await alerts.seen(tx, request.app[SETTINGS], _visit(request), _actor(request))
    return _done(request, row)


async def message(request: web.Request) -> web.StreamResponse:
    """``text``; ``id``: drawn by the page, so that sending again is the same message."""
    text, drawn = await _field(request, "text"), await _field(request, "id")
    db = request.app[DATABASE]
    async with db.write() as tx:
        row = await _may(request, tx)
        await messages.say(db, tx, _visit(request), "staff", request["staff"].id, drawn or new_id(), text)
    return _done(request, row)


def target(to: str) -> tuple[str | None, str | None]:
    """(therapist, profession) of a form's choice."""
    return (None, to or None) if to in ("", *actions.PROFESSIONS) else (to, None)


def _visit(request: web.Request) -> str:
    return request.match_info["visit"]


def _actor(request: web.Request) -> Actor:
    return Actor("staff", request["staff"].id)


async def _field(request: web.Request, name: str) -> str:
    """A form's field. An act without a form is none: a script that sends JSON by mistake hears so."""
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


async def _may(request: web.Request, tx: Transaction) -> RowMapping:
    """The visit, for who may act on it. Not locked: the audit's turn may come first."""
    row = await visits.by_id(tx.conn, _visit(request))
    if row is None:
        raise PersonError("no_such_visit")
    if request["staff"].role == "therapist" and not await actions.may_act(tx.conn, row, request["staff"].id, tx.now):
        raise PersonError("no_such_visit")
    return row


async def _has_closed(request: web.Request, tx: Transaction, state: State) -> RowMapping | None:
    """The visit, if the same person has already done the same: it is out of the queues by that."""
    row = await visits.by_id(tx.conn, _visit(request))
    return row if row is not None and await actions.has_closed(tx.conn, row, request["staff"].id, state) else None


def _done(request: web.Request, row: RowMapping) -> web.StreamResponse:
    if wants_json(request):
        return web.json_response({"state": row["state"], "version": row["version"]})
    raise see_other("/admin" if realm_of(request) == "admin" else "/desk")
