"""The connection checks of a visit: each is a row; the newest is the visit's."""

from __future__ import annotations

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor
from server.db import Database
from server.errors import PersonError
from server.visit.states import State
from server.visit.store import update_row
from server.visit.tables import visit
from server.waitingroom.tables import connection_check
from server.waitingroom.verdict import Finding
from signaling.check_numbers import Numbers

#: who may check: nobody in a call, whose line it would load, and nobody after it
MAY_CHECK = (State.BOOKED, State.CHECKING, State.WAITING)
MOST_CHECKS = 40  # of one visit


async def count(conn: AsyncConnection, visit_id: str) -> int:
    query = select(func.count()).select_from(connection_check).where(connection_check.c.visit_id == visit_id)
    return int(await conn.scalar(query) or 0)


async def keep(db: Database, visit_id: str, patient_id: str, numbers: Numbers, found: Finding) -> bool:
    """The row, what the visit shows, and the line in its timeline, in one transaction. False: the call has begun."""
    detail = {"verdict": found.verdict, "mode": found.start_mode, "trouble": found.trouble}
    try:
        async with db.write() as tx:
            await update_row(
                tx,
                visit_id,
                "checked",
                Actor("patient", patient_id),
                conditions=[visit.c.state.in_(MAY_CHECK)],
                detail={name: str(value) for name, value in detail.items() if value is not None},
                check_verdict=found.verdict,
                start_mode=found.start_mode,
            )
            await tx.conn.execute(
                insert(connection_check).values(
                    visit_id=visit_id,
                    at=tx.now,
                    udp=numbers.udp,
                    tcp=numbers.tcp,
                    rtt_ms=numbers.rtt_ms,
                    jitter_ms=numbers.jitter_ms,
                    loss=numbers.loss,
                    kbps_up=numbers.kbps_up,
                    kbps_down=numbers.kbps_down,
                    verdict=found.verdict,
                    start_mode=found.start_mode,
                    trouble=found.trouble,
                )
            )
    except PersonError:
        return False
    return True
