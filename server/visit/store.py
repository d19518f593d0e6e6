"""The visit in the record. Every change of state is one compare-and-set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.ids import digest, new_id, well_formed
from server.people.store import create_patient
from server.people.tables import patient, staff
from server.visit.states import Event, State, after
from server.visit.tables import visit, visit_event
from server.visit.walk_in import WalkIn

#: the therapist in whose own queue a visit waits
own = staff.alias("own")
#: the columns of a visit that nobody has admitted: what a way back to the queue sets
NOBODY: dict[str, Any] = {
    "therapist_id": None, "therapist_page": None, "admitted_at": None, "confirmed_at": None, "policy": None,
    "started_at": None, "ends_at": None, "wrap_ends_at": None, "held": False, "lost_since": None, "lost_ms": 0,
    "given_back_ms": 0, "path": None, "phone_fallback": False, "phone_since": None,
    "patient_quality": None, "therapist_quality": None,
    "patient_media": None, "therapist_media": None,
}  # fmt: skip


async def create_walk_in(db: Database, form: WalkIn) -> tuple[str, str]:
    """Patient and visit, in one transaction. Gives the visit's id and its address (kept nowhere but in the link)."""
    visit_id, patient_id, address = new_id(), new_id(), new_id()
    actor = Actor("patient", patient_id)
    async with db.write() as tx:
        door = await access(db, tx, actor, "create", "visit", visit_id, subject=patient_id)
        await create_patient(tx, door, patient_id, name=form.name, dob=form.dob)
        c = visit.c
        await tx.conn.execute(
            insert(visit).values(
                id=visit_id,
                address_hash=digest(address),
                patient_id=patient_id,
                state=State.CHECKING,
                version=1,
                changed_at=tx.now,
                created_at=tx.now,
                reason=door.seal(c.reason, visit_id, form.reason),
                location=door.seal(c.location, visit_id, json.dumps(dict(form.location))),
                phone=door.seal(c.phone, visit_id, form.phone),
                emergency=door.seal(c.emergency, visit_id, json.dumps(dict(form.emergency))),
                language=form.language,
                page_language=form.page_language,
                interpreter=form.interpreter,
                consent_version=form.consent_version,
                consent_language=form.page_language,
                consent_at=tx.now,
            )
        )
        await _log(tx, visit_id, 1, "created", State.CHECKING, actor)
        tx.changed("visit", visit_id, 1)
    return visit_id, address


async def create_booked(
    tx: Transaction,
    door: Access,
    visit_id: str,
    patient_id: str,
    address: str,
    actor: Actor,
    *,
    name: str,
    dob: date,
    email: str | None,
    reason: str,
    phone: str,
    language: str,
    page_language: str,
    interpreter: bool,
    due_at: datetime,
    for_staff: str,
) -> None:
    """Patient and booked visit, without what is asked on the day (place, emergency contact, consent).

    The appointment is ``booking.store``'s, in the same transaction; ``door`` is its audited access."""
    await create_patient(tx, door, patient_id, name=name, dob=dob, email=email)
    c = visit.c
    await tx.conn.execute(
        insert(visit).values(
            id=visit_id,
            address_hash=digest(address),
            patient_id=patient_id,
            state=State.BOOKED,
            version=1,
            changed_at=tx.now,
            created_at=tx.now,
            reason=door.seal(c.reason, visit_id, reason),
            phone=door.seal(c.phone, visit_id, phone),
            language=language,
            page_language=page_language,
            interpreter=interpreter,
            due_at=due_at,
            for_staff=for_staff,
        )
    )
    await _log(tx, visit_id, 1, "booked", State.BOOKED, actor)
    tx.changed("visit", visit_id, 1)


async def by_address(conn: AsyncConnection, address: str) -> RowMapping | None:
    """The visit that a link points to."""
    if not well_formed(address):
        return None
    return (await conn.execute(select(visit).where(visit.c.address_hash == digest(address)))).mappings().first()


async def by_id(conn: AsyncConnection, visit_id: str, *, lock: bool = False) -> RowMapping | None:
    """The visit. ``lock``: nobody else changes it until this transaction ends; who computes a change from what it
    has read needs that (PostgreSQL; on SQLite there is one writer anyway)."""
    query = select(visit).where(visit.c.id == visit_id)
    return (await conn.execute(query.with_for_update() if lock else query)).mappings().first()


async def with_people(conn: AsyncConnection, *conditions: Any, limit: int = 500) -> Sequence[RowMapping]:
    """Visits with their patient's sealed name, their therapist's name and that of the therapist whose queue they are
    in, oldest arrival first."""
    query = (
        select(
            visit,
            patient.c.name.label("patient_name"),
            patient.c.dob.label("patient_dob"),
            staff.c.name.label("therapist_name"),
            staff.c.profession.label("therapist_profession"),
            own.c.name.label("for_staff_name"),
        )
        .join(patient, patient.c.id == visit.c.patient_id)
        .outerjoin(staff, staff.c.id == visit.c.therapist_id)
        .outerjoin(own, own.c.id == visit.c.for_staff)
        .where(*conditions)
        .order_by(visit.c.arrived_at.nulls_last(), visit.c.created_at, visit.c.id)
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def change(
    tx: Transaction,
    visit_id: str,
    event: Event,
    actor: Actor,
    *,
    conditions: Sequence[Any] = (),
    detail: Mapping[str, object] | None = None,
    **values: Any,
) -> RowMapping:
    """One step along the table, or nothing at all.

    Raises IllegalTransition when the state does not allow it, PersonError("not_possible_now") when another transaction
    was first or a condition does not hold.
    """
    before = await _locked(tx, visit_id)
    state = after(State(before["state"]), event)
    return await _set(tx, before, str(event), state, actor, conditions, detail, values)


async def update_row(
    tx: Transaction,
    visit_id: str,
    name: str,
    actor: Actor,
    *,
    conditions: Sequence[Any] = (),
    detail: Mapping[str, object] | None = None,
    **values: Any,
) -> RowMapping:
    """A change that leaves the state as it is (a page attached, media up, time given back); logged all the same."""
    before = await _locked(tx, visit_id)
    return await _set(tx, before, name, State(before["state"]), actor, conditions, detail, values)


async def _locked(tx: Transaction, visit_id: str) -> RowMapping:
    row = await by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    return row


async def _set(
    tx: Transaction,
    before: RowMapping,
    name: str,
    state: State,
    actor: Actor,
    conditions: Sequence[Any],
    detail: Mapping[str, object] | None,
    values: dict[str, Any],
) -> RowMapping:
    version = before["version"] + 1
    done = await tx.conn.execute(
        update(visit)
        .where(
            visit.c.id == before["id"],
            visit.c.state == before["state"],
            visit.c.version == before["version"],
            *conditions,
        )
        .values(state=state, version=version, changed_at=tx.now, **values)
        .returning(visit)
    )
    row: RowMapping | None = done.mappings().first()
    if row is None:
        raise PersonError("not_possible_now")
    await _log(tx, before["id"], version, name, state, actor, detail)
    tx.changed("visit", before["id"], version)
    return row


async def _log(
    tx: Transaction,
    visit_id: str,
    version: int,
    event: str,
    state: State,
    actor: Actor,
    detail: Mapping[str, object] | None = None,
) -> None:
    await tx.conn.execute(
        insert(visit_event).values(
            visit_id=visit_id,
            version=version,
            at=tx.now,
            event=event,
            state=state,
            actor_kind=actor.kind,
            actor=actor.id,
            detail=json.dumps(dict(detail)) if detail else None,
        )
    )


async def link_opened(db: Database, row: RowMapping) -> None:
    """On the timeline, once: the patient has seen the visit's page. ``row``: the visit's."""
    e = visit_event.c
    before = select(e.seq).where(e.visit_id == row["id"], e.event == "link_opened").limit(1)
    async with db.read() as conn:
        if await conn.scalar(before) is not None:
            return
    async with db.write() as tx:
        await _locked(tx, row["id"])  # of two pages at once the second one finds the first one's line
        if await tx.conn.scalar(before) is None:
            await update_row(tx, row["id"], "link_opened", Actor("patient", row["patient_id"]))


async def timeline(conn: AsyncConnection, visit_id: str) -> Sequence[RowMapping]:
    """The visit's events in order: the one history that everything else is read from."""
    return (
        (await conn.execute(select(visit_event).where(visit_event.c.visit_id == visit_id).order_by(visit_event.c.seq)))
        .mappings()
        .all()
    )


@dataclass(frozen=True, slots=True)
class Particulars:
    """A visit's personal fields, opened."""

    name: str
    dob: date
    reason: str
    location: dict[str, str]  # empty: not said yet
    phone: str
    emergency: dict[str, str]
    hand_over: str | None = None
    priority_reason: str | None = None


def particulars(door: Access, row: RowMapping) -> Particulars:
    """Open a row of :func:`with_people`; ``door`` is the caller's audited access."""
    c, key = visit.c, row["id"]
    return Particulars(
        name=door.open(patient.c.name, row["patient_id"], row["patient_name"]),
        dob=date.fromisoformat(door.open(patient.c.dob, row["patient_id"], row["patient_dob"])),
        reason=door.open(c.reason, key, row["reason"]),
        location=json.loads(door.open(c.location, key, row["location"]) or "{}"),
        phone=door.open(c.phone, key, row["phone"]),
        emergency=json.loads(door.open(c.emergency, key, row["emergency"]) or "{}"),
        hand_over=door.open(c.hand_over, key, row["hand_over"]),
        priority_reason=door.open(c.priority_reason, key, row["priority_reason"]),
    )
