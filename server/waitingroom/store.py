"""The queue as the record has it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.people.tables import staff
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.queue import (
    Standing,
    Therapist,
    Waiting,
    in_order,
    may_take,
    speaks,
    standings,
    usual_length,
)
from server.waitingroom.tables import node

#: how many of the last visits say what is usual, and how long ago they may have been
RECENT, RECENT_FOR = 20, timedelta(days=14)
#: booked patients who are still to come count when their slot is within this time
SOON = timedelta(hours=2)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = (
    visit.c.id,
    visit.c.version,
    visit.c.state,
    visit.c.arrived_at,
    visit.c.due_at,
    visit.c.priority_at,
    visit.c.for_staff,
    visit.c.for_profession,
    visit.c.language,
    visit.c.interpreter,
)


@dataclass(frozen=True)
class Queue:
    """``order``: who waits, first to last; ``standing``: by visit; ``therapists``: who takes people now (a break is not
    taking); ``on_duty``: how many therapists there are, on a break or not; ``away``: whose page is gone, since when."""

    order: Sequence[Waiting]
    standing: Mapping[str, Standing]
    therapists: Sequence[Therapist]
    on_duty: int
    away: Mapping[str, datetime] = field(default_factory=dict)
    _takers: dict[tuple[str | None, str | None, str, bool], int] = field(
        default_factory=dict, compare=False, repr=False
    )

    def place(self, visit_id: str) -> int | None:
        """1 for the next one; None for who does not wait."""
        found = self.standing.get(visit_id)
        return found.place if found else None

    def takers(self, staff_id: str | None, profession: str | None, language: str, interpreter: bool) -> int:
        """How many therapists take people now and could take somebody like this. Asked for everybody who waits, so each
        kind is counted once."""
        key = staff_id, profession, language, interpreter
        found = self._takers.get(key)
        if found is None:
            one = Waiting("", _LONG_AGO, None, None, *key)
            found = sum(each.takes != 0 and may_take(each, one) and speaks(each, one) for each in self.therapists)
            self._takers[key] = found
        return found


def waiting_of(row: RowMapping) -> Waiting:
    """A visit's row (or its ``COLUMNS``) as the queue sees it."""
    return Waiting(
        visit=row["id"],
        arrived_at=row["arrived_at"] or row["due_at"],
        due_at=row["due_at"],
        priority_at=row["priority_at"],
        staff=row["for_staff"],
        profession=row["for_profession"],
        language=row["language"],
        interpreter=row["interpreter"],
    )


async def queue(conn: AsyncConnection, now: datetime, visit_s: int, wrap_s: int) -> Queue:
    """``visit_s``/``wrap_s``: planned length of a visit and of its wrap-up. Reads everybody: a node that serves pages
    has this in its memory (:mod:`server.waitingroom.room`)."""
    rows = (await conn.execute(select(*COLUMNS).where(visit.c.state == State.WAITING))).mappings()
    order = in_order([waiting_of(row) for row in rows], now)
    coming = [waiting_of(row) for row in (await conn.execute(select(*COLUMNS).where(booked_soon(now)))).mappings()]
    takes, on_duty = await therapists(conn, now, visit_s + wrap_s)
    usual = usual_length(await lengths(conn, now), visit_s + wrap_s)
    return Queue(order, standings(order, now, takes, usual, coming), takes, on_duty)


def booked_soon(now: datetime) -> ColumnElement[bool]:
    """Who is still to come and takes up time already."""
    c = visit.c
    return and_(c.state == State.BOOKED, c.due_at.between(now - timedelta(minutes=15), now + SOON))


async def away(
    conn: AsyncConnection, now: datetime, after: timedelta, only: Sequence[str] | None = None
) -> dict[str, datetime]:
    """Who waits without an open page for longer than ``after``: since when (visit -> instant). The place stays.

    A page is open while the visit names a node that lives (:mod:`server.waitingroom.presence`); otherwise it was last
    seen when it closed, or when its node was. ``only``: of these visits."""
    c, limit = visit.c, now - after
    query = (
        select(c.id, c.patient_seen_at, node.c.seen_at)
        .outerjoin(node, node.c.id == c.patient_node)
        .where(
            c.state == State.WAITING, c.patient_seen_at < limit, or_(node.c.seen_at.is_(None), node.c.seen_at < limit)
        )
    )
    rows = await conn.execute(query if only is None else query.where(c.id.in_(only)))
    return {row.id: max(row.patient_seen_at, row.seen_at or row.patient_seen_at) for row in rows}


async def therapists(conn: AsyncConnection, now: datetime, planned_s: float) -> tuple[list[Therapist], int]:
    """Who takes people now, and how many are on duty at all."""
    found = await conn.execute(
        select(staff).where(staff.c.on_duty_since.is_not(None), staff.c.active, staff.c.role == "therapist")
    )
    rows = found.mappings().all()
    c = visit.c
    running = {
        row.therapist_id: row
        for row in await conn.execute(
            select(c.therapist_id, c.ends_at, c.wrap_ends_at, c.admitted_at).where(c.state.in_(OPEN))
        )
    }
    taking = []
    for row in rows:
        if row["duty"] == "break":
            continue
        own = running.get(row["id"])
        free_in, takes = 0.0, 1 if row["duty"] == "last" else None
        if own is not None:
            until = own.wrap_ends_at or own.ends_at
            free_in = max(0.0, (until - now).total_seconds()) if until else planned_s
            takes = 0 if takes else None  # the one who is in is the last
        taking.append(Therapist(row["id"], row["profession"], frozenset(row["languages"].split(",")), free_in, takes))
    return taking, len(rows)


async def lengths(conn: AsyncConnection, now: datetime) -> list[float]:
    """Seconds from admission to end of the last visits that took place."""
    c = visit.c
    rows = await conn.execute(
        select(c.admitted_at, c.ended_at)
        .where(c.state == State.ENDED, c.started_at.is_not(None), c.ended_at > now - RECENT_FOR)
        .order_by(c.ended_at.desc())
        .limit(RECENT)
    )
    return [(row.ended_at - row.admitted_at).total_seconds() for row in rows]
