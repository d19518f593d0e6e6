"""Patients whose page has been gone for long: staff are asked what to do, once; nobody is ever removed by time."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from server.audit import SYSTEM
from server.config import Settings
from server.db import Database
from server.errors import PersonError
from server.visit import store as visits
from server.visit.states import State
from server.visit.tables import visit, visit_event
from server.waitingroom.store import away
from server.waitingroom.tables import alert


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
