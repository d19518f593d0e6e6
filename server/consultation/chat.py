"""What the two write to each other during the visit: part of the record, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.consultation.tables import chat_message
from server.db import Database, Transaction
from server.errors import PersonError
from server.formats import iso
from server.ids import well_formed
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN
from signaling.visits import Line, Role

#: more than two people write in twenty minutes; a page that floods fills no disk
MOST_A_VISIT = 1000


async def say(db: Database, visit_id: str, role: Role, page: str, id: str, text: str) -> Line:
    """Store a message of this side's current page. Sent again it is stored once, and given as it was stored."""
    async with db.write() as tx:
        row = await visits.by_id(tx.conn, visit_id)
        if row is None or not well_formed(id):
            raise PersonError("not_possible_now")
        actor = author(row, role)
        door = await access(db, tx, actor, "create", "chat", visit_id, subject=row["patient_id"])
        await _current(tx, visit_id, role, page)
        c = chat_message.c
        mine = select(chat_message).where(c.visit_id == visit_id, c.role == role, c.id == id)
        before = (await tx.conn.execute(mine)).mappings().first()
        if before is not None:
            return _line(door, before, actor)
        number = 1 + int(await tx.conn.scalar(select(func.max(c.number)).where(c.visit_id == visit_id)) or 0)
        if number > MOST_A_VISIT:
            raise PersonError("not_possible_now")
        sealed = door.seal(c.text, _place(visit_id, number, role), text)
        await tx.conn.execute(
            insert(chat_message).values(
                visit_id=visit_id, number=number, id=id, role=role, author=actor.id, at=tx.now, text=sealed
            )
        )
        tx.changed("chat", visit_id, number)
        return Line(number, id, role, iso(tx.now) or "", text, own=True)


async def _current(tx: Transaction, visit_id: str, role: str, page: str) -> RowMapping:
    """The open visit, locked, if ``page`` is that side's: two messages at once take turns for their numbers."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["state"] not in OPEN or row[f"{role}_page"] != page:
        raise PersonError("not_possible_now")
    return row


async def since(
    db: Database, visit_id: str, role: Role, page: str, after: int, most: int, *, fresh: bool
) -> Sequence[Line]:
    """Lines above number ``after``, for this side's current page of an open visit.

    ``fresh``: the page asks; the reading is audited. What follows on the same page is the same reading.
    """
    if not fresh:
        async with db.read() as conn:
            row = await visits.by_id(conn, visit_id)
            if row is None or row["state"] not in OPEN or row[f"{role}_page"] != page:
                raise PersonError("not_possible_now")
            reader = author(row, role)
            return [_line(Access(db.cipher), one, reader) for one in await _rows(conn, visit_id, after, most)]
    async with db.write() as tx:
        row = await visits.by_id(tx.conn, visit_id)
        if row is None or row["state"] not in OPEN or row[f"{role}_page"] != page:
            raise PersonError("not_possible_now")
        reader = author(row, role)
        door = await access(db, tx, reader, "read", "chat", visit_id, subject=row["patient_id"])
        return [_line(door, one, reader) for one in await _rows(tx.conn, visit_id, after, most)]


async def conversation(db: Database, visit_id: str, patient_id: str, reader: Actor) -> list[dict[str, Any]]:
    """The whole of it, for who may read the visit: ``{role, at, text, own, name}``. Audited, if anything is there."""
    async with db.read() as conn:
        if not await conn.scalar(select(chat_message.c.number).where(chat_message.c.visit_id == visit_id).limit(1)):
            return []
    async with db.write() as tx:
        door = await access(db, tx, reader, "read", "chat", visit_id, subject=patient_id)
        rows = await _rows(tx.conn, visit_id, 0, MOST_A_VISIT)
    lines = [_line(door, row, reader) for row in rows]
    return [
        {"role": line.role, "at": row["at"], "text": line.text, "own": line.own, "name": line.name}
        for row, line in zip(rows, lines, strict=True)
    ]


async def newest(conn: AsyncConnection, since: datetime) -> list[tuple[str, int]]:
    """``(visit, last number)`` of the visits in which something was written since then."""
    c = chat_message.c
    rows = await conn.execute(select(c.visit_id, func.max(c.number)).where(c.at > since).group_by(c.visit_id))
    return [(str(visit_id), int(number)) for visit_id, number in rows]


async def _rows(conn: AsyncConnection, visit_id: str, after: int, most: int) -> Sequence[RowMapping]:
    c = chat_message.c
    query = (
        select(chat_message, staff.c.name.label("staff_name"))
        .outerjoin(staff, (staff.c.id == c.author) & (c.role == "therapist"))
        .where(c.visit_id == visit_id, c.number > after)
        .order_by(c.number)
        .limit(most)
    )
    return (await conn.execute(query)).mappings().all()


def author(row: RowMapping, role: str) -> Actor:
    """Who speaks for this side of a visit."""
    return Actor("patient", row["patient_id"]) if role == "patient" else Actor("staff", row["therapist_id"])


def _line(door: Access, row: RowMapping, reader: Actor) -> Line:
    text = door.open(chat_message.c.text, _place(row["visit_id"], row["number"], row["role"]), row["text"])
    role = cast(Role, row["role"])
    own = row["author"] == reader.id
    return Line(row["number"], row["id"], role, iso(row["at"]) or "", text, own, row.get("staff_name"))


def _place(visit_id: str, number: int, role: str) -> str:
    """A message that is moved to another visit, number or side does not open."""
    return f"{visit_id}.{number}.{role}"
