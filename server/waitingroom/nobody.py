"""Nobody is left who could take somebody who waits: it is marked, told, and a call is offered instead.

A break is not leaving; who has said "last patient" and is with that one has as good as left. A booked patient whose
time has not come yet waits for a therapist who need not be on duty yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import SYSTEM, Actor
from server.db import Database
from server.errors import PersonError
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, Event, State
from server.visit.tables import visit
from server.waitingroom.queue import Therapist, Waiting, may_take, speaks

#: a therapist may begin the day this long after the slot
GRACE = timedelta(minutes=5)
#: visits marked in one transaction: the others who write need their turn
AT_ONCE = 100


async def who_could(conn: AsyncConnection) -> list[Therapist]:
    """Therapists on duty who will take somebody more, on a break or not."""
    c = visit.c
    with_one = set((await conn.execute(select(c.therapist_id).where(c.state.in_(OPEN)))).scalars())
    rows = await conn.execute(
        select(staff).where(staff.c.on_duty_since.is_not(None), staff.c.active, staff.c.role == "therapist")
    )
    return [
        Therapist(row["id"], row["profession"], frozenset(row["languages"].split(",")))
        for row in rows.mappings()
        if not (row["duty"] == "last" and row["id"] in with_one)
    ]


async def mark(db: Database) -> None:
    """Bring ``nobody_at`` of everybody who waits up to date. Cheap when nothing has changed; on any node, at any time:
    another node that does the same changes nothing twice."""
    c = visit.c
    kinds = (c.for_staff, c.for_profession, c.language, c.interpreter)
    now = await db.now()
    waits = (c.state == State.WAITING, or_(c.due_at.is_(None), c.due_at <= now - GRACE))
    async with db.read() as conn:
        groups = (
            (
                await conn.execute(
                    select(*kinds, func.count(c.nobody_at).label("told"), func.count().label("all"))
                    .where(*waits)
                    .group_by(*kinds)
                )
            )
            .mappings()
            .all()
        )
        therapists = await who_could(conn) if groups else []
        due: list[tuple[str, bool]] = []
        for group in groups:
            left = not _somebody(group, therapists, now)
            if group["told"] == (group["all"] if left else 0):
                continue
            wanted = c.nobody_at.is_(None) if left else c.nobody_at.is_not(None)
            same = [column == group[column.name] for column in kinds]
            rows = await conn.execute(select(c.id).where(*waits, *same, wanted).order_by(c.arrived_at))
            due += [(str(visit_id), left) for visit_id in rows.scalars()]
        # a new slot, and still the mark of the old wait
        early = (c.state == State.WAITING, c.due_at > now - GRACE, c.nobody_at.is_not(None))
        due += [(str(visit_id), False) for visit_id in (await conn.execute(select(c.id).where(*early))).scalars()]
    due.sort()  # rows are taken by id: two that change many take turns
    for start in range(0, len(due), AT_ONCE):
        await _mark_some(db, due[start : start + AT_ONCE])


async def _mark_some(db: Database, due: Sequence[tuple[str, bool]]) -> None:
    c = visit.c
    async with db.write() as tx:
        therapists = await who_could(tx.conn)
        for visit_id, left in due:
            row = await visits.by_id(tx.conn, visit_id, lock=True)
            if row is None or row["state"] != State.WAITING or (row["nobody_at"] is not None) == left:
                continue  # another node was first, or it has moved on
            if (in_grace(row, tx.now) or _somebody(row, therapists, tx.now)) == left:
                continue  # so has the therapist
            values: dict[str, Any] = {"nobody_at": tx.now if left else None}
            name = "nobody_left" if left else "somebody_again"
            await visits.update_row(tx, visit_id, name, SYSTEM, conditions=[c.state == State.WAITING], **values)


async def left_behind(conn: AsyncConnection, staff_id: str) -> int:
    """How many wait whom this therapist could take and nobody else on duty could: they are left when this one goes."""
    c, now = visit.c, await conn.scalar(select(func.max(visit.c.changed_at)))
    kinds = (c.for_staff, c.for_profession, c.language, c.interpreter)
    query = select(*kinds, func.count().label("all")).where(c.state == State.WAITING).group_by(*kinds)
    groups = (await conn.execute(query)).mappings().all()
    therapists = await who_could(conn)
    others = [each for each in therapists if each.id != staff_id]
    return sum(
        group["all"] for group in groups if _somebody(group, therapists, now) and not _somebody(group, others, now)
    )


def in_grace(row: RowMapping, now: datetime) -> bool:
    """Whether the therapist of this visit's slot may still be about to begin the day."""
    return row["due_at"] is not None and row["due_at"] > now - GRACE


def _somebody(row: RowMapping, therapists: Sequence[Therapist], now: datetime) -> bool:
    one = Waiting("", now, None, None, row["for_staff"], row["for_profession"], row["language"], row["interpreter"])
    return any(may_take(each, one) and speaks(each, one) for each in therapists)


async def call_back(db: Database, visit_id: str, actor: Actor) -> None:
    """The patient wants a call instead of waiting on. Asked twice it is one; "not_possible_now" when somebody who can
    take them is on duty (again), or they do not wait any more. What counts is who is on duty now, marked or not."""
    async with db.write() as tx:
        row = await visits.by_id(tx.conn, visit_id, lock=True)
        if row is None:
            raise PersonError("no_such_visit")
        if row["state"] == State.LEFT and row["end_reason"] == "call_back":
            return
        if in_grace(row, tx.now) or _somebody(row, await who_could(tx.conn), tx.now):
            raise PersonError("not_possible_now")
        await visits.change(
            tx,
            visit_id,
            Event.CALL_BACK,
            actor,
            ended_at=tx.now,
            end_reason="call_back",
            call_back_at=tx.now,
        )
