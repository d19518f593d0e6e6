"""What staff and who waits write to each other before the call: part of the record, in the order of storing.

A message has an id that its page drew; sent again (a double click, a connection that broke) it is stored once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.form.text import clean, has_controls, length
from server.ids import well_formed
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import State
from server.waitingroom.tables import wait_message

Side = Literal["staff", "patient"]

#: code points of one message
MOST_LONG = 500
#: of each side: a page that floods fills no disk, drowns nobody's list, and leaves the other side its words
MOST_A_VISIT = 200
MOST_IN, IN = 8, timedelta(minutes=1)
#: a booked patient is written to on the day: this long before and after the slot
AROUND_SLOT = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Message:
    """One message, opened. ``name``: of the member of staff who wrote it."""

    number: int
    id: str
    side: str
    at: datetime
    text: str
    name: str | None


async def say(db: Database, tx: Transaction, visit_id: str, side: Side, author: str, id: str, text: str) -> int:
    """Store a message; its number in the visit, the same one for an ``id`` that is stored already.

    ``author``: the id of the member of staff, or of the visit's patient. Raises PersonError: "no_such_visit",
    "message_empty", "message_long", "too_many" (too fast), "not_possible_now" (nobody waits any more).
    """
    text = clean(text)
    if not text:
        raise PersonError("message_empty")
    if length(text) > MOST_LONG:
        raise PersonError("message_long")
    if not well_formed(id) or has_controls(text, lines=True):
        raise PersonError("not_possible_now")
    row = await visits.by_id(tx.conn, visit_id)
    if row is None or (side == "patient" and author != row["patient_id"]):
        raise PersonError("no_such_visit")
    actor = Actor(side, author)
    # the audit's turn comes before the visit's lock, here and everywhere
    door = await access(db, tx, actor, "create", "wait_message", visit_id, subject=row["patient_id"])
    row = await visits.by_id(tx.conn, visit_id, lock=True)  # two at once take turns for their numbers
    assert row is not None
    c = wait_message.c
    before = await tx.conn.scalar(select(c.number).where(c.visit_id == visit_id, c.id == id))
    if before is not None:
        return int(before)
    if not may_be_written_to(row, tx.now):
        raise PersonError("not_possible_now")
    of_visit = c.visit_id == visit_id
    number = 1 + int(await tx.conn.scalar(select(func.max(c.number)).where(of_visit)) or 0)
    of_side = await tx.conn.scalar(select(func.count()).where(of_visit, c.side == side))
    lately = select(func.count()).where(of_visit, c.side == side, c.at > tx.now - IN)
    if int(of_side or 0) >= MOST_A_VISIT or int(await tx.conn.scalar(lately) or 0) >= MOST_IN:
        raise PersonError("too_many")
    await tx.conn.execute(
        insert(wait_message).values(
            visit_id=visit_id,
            number=number,
            id=id,
            side=side,
            author=author,
            at=tx.now,
            text=door.seal(c.text, _place(visit_id, number, side), text),
        )
    )
    tx.changed("wait_message", visit_id, number)
    return number


def may_be_written_to(row: RowMapping, now: datetime) -> bool:
    """While the patient waits or checks, and on a booked visit's day."""
    if row["state"] == State.BOOKED:
        return row["due_at"] is not None and abs(row["due_at"] - now) <= AROUND_SLOT
    return row["state"] in (State.CHECKING, State.WAITING)


async def of_visits(conn: AsyncConnection, ids: Collection[str]) -> dict[str, list[RowMapping]]:
    """Of each visit the sealed messages with their author's name, oldest first; one query. ``opened`` opens one."""
    if not ids:
        return {}
    c = wait_message.c
    query = (
        select(wait_message, staff.c.name.label("staff_name"))
        .outerjoin(staff, (staff.c.id == c.author) & (c.side == "staff"))
        .where(c.visit_id.in_(ids))
        .order_by(c.visit_id, c.number)
    )
    found: dict[str, list[RowMapping]] = {}
    for row in (await conn.execute(query)).mappings():
        found.setdefault(row["visit_id"], []).append(row)
    return found


async def of_visit(conn: AsyncConnection, visit_id: str) -> Sequence[RowMapping]:
    return (await of_visits(conn, [visit_id])).get(visit_id, [])


def opened(door: Access, row: RowMapping) -> Message:
    """A row of :func:`of_visits`; ``door`` is the caller's audited access to the visit."""
    text = door.open(wait_message.c.text, _place(row["visit_id"], row["number"], row["side"]), row["text"])
    return Message(row["number"], row["id"], row["side"], row["at"], text, row["staff_name"])


async def whole(db: Database, visit_id: str, patient_id: str, reader: Actor) -> list[Message]:
    """All of a visit, for who may read it. Audited, if there is anything to read."""
    async with db.read() as conn:
        rows = await of_visit(conn, visit_id)
    if not rows:
        return []
    async with db.write() as tx:
        door = await access(db, tx, reader, "read", "wait_message", visit_id, subject=patient_id)
    return [opened(door, row) for row in rows]


async def newest(conn: AsyncConnection, since: datetime) -> list[tuple[str, int]]:
    """``(visit, last number)`` of the visits in which something was written since then."""
    c = wait_message.c
    rows = await conn.execute(select(c.visit_id, func.max(c.number)).where(c.at > since).group_by(c.visit_id))
    return [(str(visit_id), int(number)) for visit_id, number in rows]


def _place(visit_id: str, number: int, side: str) -> str:
    """A message that is moved to another visit, number or side does not open."""
    return f"{visit_id}.{number}.{side}"
