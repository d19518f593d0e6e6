"""Who is the same person: each walk-in is a new patient record, until staff say otherwise after two identifiers.

A link is one row between two records; a person is all records that links connect. Undoing takes one record out, and
leaves the others together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.people.tables import patient, patient_link

ENOUGH = 2  # identifiers that agree
MOST = 20  # records with one name and one date of birth


@dataclass(frozen=True, slots=True)
class Identity:
    """What the patient has told staff, typed or confirmed. ``same_phone``: the caller has compared the numbers."""

    name: str
    dob: date | None
    same_phone: bool = False


async def person(conn: AsyncConnection, patient_id: str) -> set[str]:
    """Every record that is known to be the same person, this one included."""
    c, found, fresh = patient_link.c, {patient_id}, {patient_id}
    while fresh:
        rows = await conn.execute(
            select(c.patient_id, c.same_as).where(or_(c.patient_id.in_(fresh), c.same_as.in_(fresh)))
        )
        fresh = {end for row in rows for end in (row.patient_id, row.same_as)} - found
        found |= fresh
    return found


async def search(conn: AsyncConnection, door: Access, patient_id: str, who: Identity) -> list[str]:
    """Records with exactly this name and this date of birth that are not linked to this one yet, newest first. A date
    that is not this record's finds nothing: it would be somebody else's."""
    if who.dob is None:
        return []
    c = patient.c
    query = (
        select(c.id)
        .where(
            c.name_index == door.blind_index(who.name, "patient.name"),
            c.dob_index == door.blind_index(who.dob.isoformat(), "patient.dob"),
            c.dob_index == (await _row(conn, patient_id))["dob_index"],
            c.id.not_in(await person(conn, patient_id)),
        )
        .order_by(c.created_at.desc(), c.id)
        .limit(MOST)
    )
    return list((await conn.execute(query)).scalars())


async def link(db: Database, tx: Transaction, actor: Actor, patient_id: str, other: str, who: Identity) -> None:
    """These two records are one person. Twice is the same as once.

    Raises PersonError: "not_enough" when fewer than two identifiers agree with the other record, or when the two
    records' dates of birth differ: what is typed could be a stranger's.
    """
    note = f"same as {other}"
    door = await access(db, tx, actor, "link", "patient", patient_id, subject=patient_id, note=note)
    await access(db, tx, actor, "link", "patient", other, subject=other, note=f"same as {patient_id}")
    own, row = await _row(tx.conn, patient_id), await _row(tx.conn, other)
    agree = who.same_phone
    agree += row["name_index"] == door.blind_index(who.name, "patient.name")
    agree += who.dob is not None and row["dob_index"] == door.blind_index(who.dob.isoformat(), "patient.dob")
    if agree < ENOUGH or own["dob_index"] != row["dob_index"]:
        raise PersonError("not_enough")
    if other in await person(tx.conn, patient_id):
        return
    c = patient_link.c
    taken = await tx.conn.scalar(select(c.patient_id).where(c.patient_id == patient_id))
    ends = (patient_id, other)
    if taken:  # this record points at another one already: then the other person's end of the chain points here
        ends = (await _end(tx.conn, other), patient_id)
    try:
        async with tx.conn.begin_nested():
            await tx.conn.execute(
                insert(patient_link).values(patient_id=ends[0], same_as=ends[1], staff_id=actor.id, linked_at=tx.now)
            )
    except IntegrityError:  # another node was first
        raise PersonError("not_possible_now") from None


async def unlink(db: Database, tx: Transaction, actor: Actor, patient_id: str) -> bool:
    """Nothing connects this record with others any more. False: nothing did."""
    await access(db, tx, actor, "unlink", "patient", patient_id, subject=patient_id)
    c = patient_link.c
    further = await tx.conn.scalar(select(c.same_as).where(c.patient_id == patient_id))
    query = select(c.patient_id).where(c.same_as == patient_id).order_by(c.linked_at, c.patient_id)
    pointing = list((await tx.conn.execute(query)).scalars())
    if further is None and pointing:  # the first of them is the end of the chain now
        further = pointing.pop(0)
    await tx.conn.execute(update(patient_link).where(c.patient_id.in_(pointing)).values(same_as=further))
    done = await tx.conn.execute(delete(patient_link).where(or_(c.patient_id == patient_id, c.same_as == patient_id)))
    return bool(done.rowcount or pointing)


async def _row(conn: AsyncConnection, patient_id: str) -> RowMapping:
    row = (await conn.execute(select(patient).where(patient.c.id == patient_id))).mappings().first()
    if row is None:
        raise PersonError("no_such_visit")
    return row


async def _end(conn: AsyncConnection, patient_id: str) -> str:
    """The record of a person that points at no other: links make no rings, so there is one."""
    c = patient_link.c
    while True:
        further = await conn.scalar(select(c.same_as).where(c.patient_id == patient_id))
        if further is None:
            return patient_id
        patient_id = further
