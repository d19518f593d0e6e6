"""Third persons in a visit: an interpreter, a carer, a second therapist. The therapist invites them by a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor
from server.consultation import store
from server.consultation.tables import guest
from server.db import Transaction
from server.errors import PersonError
from server.ids import digest, new_id, well_formed
from server.visit import store as visits
from server.visit.states import OPEN
from signaling.visits import Guest

KINDS = ("interpreter", "carer", "therapist")
#: with the patient and the therapist four: more pictures than a phone shows, and more than its uplink carries
MOST = 2
#: links of one visit: a therapist makes one again when it got lost, nobody makes hundreds
MOST_LINKS = 20


async def invite(tx: Transaction, visit_id: str, staff_id: str, kind: str) -> tuple[str, str]:
    """A new third person: (id, address). The address is kept nowhere but in the link."""
    row = await store.own_visit(tx, visit_id, staff_id)
    if kind not in KINDS or row["state"] not in OPEN:
        raise PersonError("not_possible_now")
    made = await tx.conn.scalar(select(func.count()).where(guest.c.visit_id == visit_id))
    if len(await of_visit(tx.conn, row)) >= MOST or int(made or 0) >= MOST_LINKS:
        raise PersonError("too_many_guests")
    guest_id, address = new_id(), new_id()
    values = {"id": guest_id, "visit_id": visit_id, "kind": kind, "address_hash": digest(address)}
    await tx.conn.execute(insert(guest).values(**values, invited_at=tx.now))
    await _log(tx, row, "guest_invited", store.therapist(staff_id), guest_id, kind)
    return guest_id, address


async def end(tx: Transaction, visit_id: str, staff_id: str, guest_id: str) -> None:
    """The therapist takes the invitation back. Twice is the same as once."""
    row = await store.own_visit(tx, visit_id, staff_id)
    c = guest.c
    this = (c.id == guest_id, c.visit_id == visit_id, c.ended_at.is_(None))
    done = await tx.conn.execute(update(guest).where(*this).values(ended_at=tx.now, page=None).returning(c.kind))
    if (kind := done.scalar()) is not None:
        await _log(tx, row, "guest_ended", store.therapist(staff_id), guest_id, kind)


async def by_address(conn: AsyncConnection, address: str) -> RowMapping | None:
    """The invitation that a link points to, with its visit's state; it may be over."""
    if not well_formed(address):
        return None
    return (await conn.execute(select(guest).where(guest.c.address_hash == digest(address)))).mappings().first()


def stands(invitation: RowMapping, visit: RowMapping) -> bool:
    """An invitation is for the session that it was made in: not for the next therapist's, after a transfer."""
    return (
        visit["state"] in OPEN and invitation["ended_at"] is None and invitation["invited_at"] >= visit["admitted_at"]
    )


async def of_visit(conn: AsyncConnection, visit: RowMapping) -> Sequence[Guest]:
    """Whose invitation stands, in the order in which they were invited."""
    if visit["state"] not in OPEN:
        return ()
    query = (
        select(guest).where(guest.c.visit_id == visit["id"], guest.c.ended_at.is_(None)).order_by(guest.c.invited_at)
    )
    rows = (await conn.execute(query)).mappings().all()
    return tuple(Guest(row["id"], row["kind"], row["page"]) for row in rows if stands(row, visit))


async def attach(tx: Transaction, visit_id: str, guest_id: str, page: str, *, fresh: bool) -> RowMapping | None:
    """As :func:`store.attach_page` for a third person; the visit's row. None: a newer page has taken over."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("not_invited")
    present = await of_visit(tx.conn, row)
    me = next((one for one in present if one.id == guest_id), None)
    others = {row["patient_page"], row["therapist_page"], *(one.page for one in present if one.id != guest_id)}
    if me is None or page in others:  # whoever takes another's name for a page would hear what is meant for them
        raise PersonError("not_invited")
    if me.page == page:
        return row
    if me.page is not None and not fresh:
        return None
    await _set_page(tx, guest_id, page)
    return await _log(tx, row, "guest_joined", Actor("guest", guest_id), guest_id, me.kind)


async def leave(tx: Transaction, visit_id: str, guest_id: str, page: str) -> RowMapping:
    """The third person goes; the same link leads back while the invitation stands."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("not_invited")
    me = next((one for one in await of_visit(tx.conn, row) if one.id == guest_id), None)
    if me is None or me.page != page:
        return row
    await _set_page(tx, guest_id, None)
    return await _log(tx, row, "guest_left", Actor("guest", guest_id), guest_id, me.kind)


async def _set_page(tx: Transaction, guest_id: str, page: str | None) -> None:
    await tx.conn.execute(update(guest).where(guest.c.id == guest_id).values(page=page))


async def _log(tx: Transaction, visit: RowMapping, event: str, actor: Actor, guest_id: str, kind: Any) -> RowMapping:
    """On the visit's timeline; its version grows, so every page hears of it."""
    return await visits.update_row(tx, visit["id"], event, actor, detail={"guest": guest_id, "kind": kind})
