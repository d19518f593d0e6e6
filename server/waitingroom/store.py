"""The queue as the record has it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.people.tables import staff
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.queue import Waiting, expected_waits, in_order


@dataclass(frozen=True)
class Queue:
    """Visits in order, and for each place the expected wait in minutes (None: nobody is on duty)."""

    order: Sequence[str]
    waits: Sequence[tuple[int, int] | None]
    on_duty: int

    @cached_property
    def _places(self) -> dict[str, int]:
        return {visit_id: place for place, visit_id in enumerate(self.order, 1)}

    def place(self, visit_id: str) -> int | None:
        """1 for the next one; None for who does not wait."""
        return self._places.get(visit_id)


async def queue(conn: AsyncConnection, now: datetime, visit_s: int, wrap_s: int) -> Queue:
    """``visit_s``/``wrap_s``: length of a visit and of its wrap-up."""
    rows = (await conn.execute(select(visit.c.id, visit.c.arrived_at).where(visit.c.state == State.WAITING))).all()
    order = [one.visit for one in in_order([Waiting(row.id, row.arrived_at) for row in rows])]
    busy = {
        row.therapist_id: row
        for row in await conn.execute(
            select(visit.c.therapist_id, visit.c.ends_at, visit.c.admitted_at).where(visit.c.state.in_(OPEN))
        )
    }
    on_duty = (
        (
            await conn.execute(
                select(staff.c.id).where(
                    staff.c.on_duty_since.is_not(None), staff.c.active, staff.c.role == "therapist"
                )
            )
        )
        .scalars()
        .all()
    )
    free_in: list[float] = []
    for staff_id in on_duty:
        running = busy.get(staff_id)
        if running is None:
            free_in.append(0.0)
        elif running.ends_at:
            free_in.append(max(0.0, (running.ends_at - now).total_seconds() + wrap_s))
        else:
            free_in.append(float(visit_s + wrap_s))
    return Queue(order, expected_waits(len(order), free_in, visit_s + wrap_s), len(on_duty))
