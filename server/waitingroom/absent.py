"""Patients whose page has been gone for long: staff are asked what to do, once; no patient is ever removed by time.
And therapists whose desk has been closed for long: they are off duty then, so that nobody waits for an empty chair."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from server.audit import SYSTEM, access
from server.config import Settings
from server.db import Database
from server.errors import PersonError
from server.people import duty
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit, visit_event
from server.waitingroom.store import away
from server.waitingroom.tables import alert

log = structlog.get_logger("waitingroom")


async def sweep(db: Database, settings: Settings) -> None:
    """Ask about who has just been away for so long; take the question back for who is here again. Each step is a
    compare-and-set, on any node."""
    now, after = await db.now(), timedelta(seconds=settings.away_ask_seconds)
    c, e = visit.c, visit_event.c
    async with db.read() as conn:
        long_away = await away(conn, now, after)
        asked = set(
            (await conn.execute(select(c.id).where(c.state == State.WAITING, c.asked_at.is_not(None)))).scalars()
        )
        fresh = sorted(long_away.keys() - asked)
        kept = select(e.visit_id).where(e.visit_id.in_(fresh), e.event == "kept", e.at > now - after)
        quiet = set((await conn.execute(kept)).scalars()) if fresh else set()
        still = await away(conn, now, timedelta(seconds=settings.away_seconds)) if asked else {}
    for visit_id in fresh:
        if visit_id not in quiet:
            await _ask(db, visit_id)
    for visit_id in sorted(asked - still.keys()):
        await _is_back(db, visit_id)


async def desks(db: Database, settings: Settings, there: Collection[str]) -> None:
    """Note which therapists have a page of the desk open here (``there``), and take off duty who has had none on any
    node for long. Not who is in a visit: that ends by its own clock."""
    c = staff.c
    if there:
        async with db.write() as tx:
            await duty.seen(tx, sorted(there))
    before = await db.now() - timedelta(seconds=settings.desk_gone_seconds)
    busy = select(visit.c.therapist_id).where(visit.c.state.in_(OPEN))
    query = select(c.id).where(duty.gone(before), c.active, c.role == "therapist", c.id.not_in(busy))
    async with db.read() as conn:
        left = list((await conn.execute(query.order_by(c.id))).scalars())
    for staff_id in left:
        try:
            async with db.write() as tx:
                await access(db, tx, SYSTEM, "off_duty", "staff", staff_id, note="desk closed")
                if not await duty.off_as_gone(tx, staff_id, before):
                    raise PersonError("not_possible_now")  # the audit's line goes, too
        except PersonError:
            continue
        log.info("off duty: the desk has been closed for long", staff=staff_id)


async def _ask(db: Database, visit_id: str) -> None:
    try:
        async with db.write() as tx:
            row = await visits.by_id(tx.conn, visit_id, lock=True)
            if row is None or row["state"] != State.WAITING or row["asked_at"] is not None:
                return
            await visits.update_row(tx, visit_id, "away_asked", SYSTEM, asked_at=tx.now)
    except PersonError:
        return


async def _is_back(db: Database, visit_id: str) -> None:
    """Staff are told of the patient as of one who has just come."""
    try:
        async with db.write() as tx:
            row = await visits.by_id(tx.conn, visit_id, lock=True)
            if row is None or row["state"] != State.WAITING or row["asked_at"] is None:
                return
            await visits.update_row(tx, visit_id, "came_back", SYSTEM, asked_at=None)
            await tx.conn.execute(delete(alert).where(alert.c.visit_id == visit_id))
    except PersonError:
        return
