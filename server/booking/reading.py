"""Appointments with their visits and patients, as the record has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.booking.slots import SLOT
from server.booking.tables import appointment
from server.people.tables import patient, staff
from server.visit.states import State
from server.visit.tables import visit

_SHOWN = (
    appointment.c.id.label("appointment_id"),
    appointment.c.visit_id,
    appointment.c.starts_at.label("slot_at"),
    appointment.c.ends_at.label("slot_ends_at"),
    appointment.c.cancelled_at,
    appointment.c.booked_at,
    appointment.c.therapist_id.label("with_id"),
    staff.c.name.label("with_name"),
    staff.c.profession.label("with_profession"),
    staff.c.language.label("with_language"),
)


async def of_day(
    conn: AsyncConnection, begin: datetime, end: datetime, therapist: str | None = None, *, cancelled: bool = False
) -> Sequence[RowMapping]:
    """The appointments that begin in ``[begin, end)``, with visit and sealed patient, by time and name.

    ``cancelled``: instead of those that stand, those whose visit was cancelled at that time."""
    c = appointment.c
    conditions = [c.starts_at >= begin, c.starts_at < end]
    if cancelled:  # one that was moved away is not cancelled
        conditions += [c.cancelled_at.is_not(None), visit.c.state == State.CANCELLED, visit.c.due_at == c.starts_at]
    else:
        conditions.append(c.cancelled_at.is_(None))
    if therapist:
        conditions.append(c.therapist_id == therapist)
    return await _with_visits(conn, *conditions)


async def of_visits(conn: AsyncConnection, ids: Sequence[str], therapist: str | None = None) -> list[RowMapping]:
    """Of each of these visits the appointment that :func:`of_visit` gives; with ``therapist``, only theirs."""
    if not ids:
        return []
    last = {row["id"]: row for row in sorted(await _with_visits(conn, appointment.c.visit_id.in_(ids)), key=_standing)}
    return [row for row in last.values() if therapist in (None, row["with_id"])]


async def of_visit(conn: AsyncConnection, visit_id: str) -> RowMapping | None:
    """The visit's appointment: the standing one, or the last that was booked (not the one for the latest time)."""
    return max(await _with_visits(conn, appointment.c.visit_id == visit_id), key=_standing, default=None)


def _standing(row: RowMapping) -> tuple[bool, datetime]:
    return row["cancelled_at"] is None, row["booked_at"]


async def _with_visits(conn: AsyncConnection, *conditions: Any) -> Sequence[RowMapping]:
    query = (
        select(
            visit,
            patient.c.name.label("patient_name"),
            patient.c.dob.label("patient_dob"),
            patient.c.email.label("patient_email"),
            *_SHOWN,
        )
        .join(visit, visit.c.id == appointment.c.visit_id)
        .join(patient, patient.c.id == visit.c.patient_id)
        .join(staff, staff.c.id == appointment.c.therapist_id)
        .where(*conditions)
        .order_by(appointment.c.starts_at, staff.c.name, appointment.c.booked_at)
    )
    return (await conn.execute(query)).mappings().all()


def overdue(row: RowMapping, now: datetime) -> bool:
    """A booked patient whose slot is over, and who never came."""
    due: datetime | None = row["due_at"]
    return row["state"] == State.BOOKED and due is not None and now >= due + SLOT
