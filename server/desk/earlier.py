"""A patient's earlier visits: shown once staff have linked the records, read with an audit entry each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access
from server.notes.tables import note, outcome
from server.people.links import person
from server.people.tables import staff
from server.visit.states import State
from server.visit.tables import visit


@dataclass(frozen=True, slots=True)
class Earlier:
    """``outcome``: a code of notes.outcomes, None: no signed note."""

    visit: str
    at: datetime
    therapist: str | None
    profession: str | None
    outcome: str | None
    signed: bool


async def earlier_visits(conn: AsyncConnection, row: RowMapping) -> list[Earlier]:
    """The same person's other visits that took place, newest first."""
    people = await person(conn, row["patient_id"])
    return await _visits(conn, people, row["id"])


async def of_records(conn: AsyncConnection, patients: Collection[str]) -> dict[str, list[Earlier]]:
    """For a choice among records that are not linked: when each was here."""
    return {one: await _visits(conn, {one}, "") for one in patients}


async def _visits(conn: AsyncConnection, patients: Collection[str], but: str) -> list[Earlier]:
    c = visit.c
    query = (
        select(
            c.id,
            c.arrived_at,
            c.created_at,
            staff.c.name,
            staff.c.profession,
            outcome.c.kind,
            note.c.signed_at,
        )
        .outerjoin(staff, staff.c.id == c.therapist_id)
        .outerjoin(note, note.c.visit_id == c.id)
        .outerjoin(outcome, outcome.c.visit_id == c.id)
        .where(c.patient_id.in_(patients), c.id != but, c.state.in_([State.ENDED, State.NOT_COMPLETED]))
        .order_by(c.created_at.desc())
        .limit(50)
    )
    return [
        Earlier(one.id, one.arrived_at or one.created_at, one.name, one.profession, one.kind, one.signed_at is not None)
        for one in await conn.execute(query)
    ]


async def same_phone(conn: AsyncConnection, door: Access, phone: str, patient_id: str) -> bool:
    """Whether a record's visits have this number."""
    rows = await conn.execute(select(visit.c.id, visit.c.phone).where(visit.c.patient_id == patient_id).limit(50))
    return any(door.open(visit.c.phone, row.id, row.phone) == phone for row in rows)
