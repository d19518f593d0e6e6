"""On duty, on a break, the last patient, off: what a therapist says of taking people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, update

from server.db import Transaction
from server.people.tables import staff

Duty = Literal["on", "break", "last", "off"]
DUTIES: tuple[Duty, ...] = ("on", "break", "last", "off")


async def set_duty_state(tx: Transaction, staff_id: str, duty: Duty) -> bool:
    """What is already so changes nothing: False then."""
    c = staff.c
    if duty == "off":
        return await _set(tx, staff_id, c.on_duty_since.is_not(None), on_duty_since=None, duty="on")
    since = func.coalesce(c.on_duty_since, tx.now)
    return await _set(tx, staff_id, or_(c.on_duty_since.is_(None), c.duty != duty), on_duty_since=since, duty=duty)


async def seen(tx: Transaction, staff_ids: Collection[str]) -> None:
    """A page of these therapists' desks is open. No version: nothing that anybody sees has changed."""
    c = staff.c
    await tx.conn.execute(update(staff).where(c.id.in_(staff_ids), c.on_duty_since.is_not(None)).values(seen_at=tx.now))


def gone(before: datetime) -> ColumnElement[bool]:
    """Who is on duty, and has had no page of the desk open since."""
    c = staff.c
    return c.on_duty_since.is_not(None) & (c.on_duty_since < before) & (c.seen_at.is_(None) | (c.seen_at < before))


async def off_as_gone(tx: Transaction, staff_id: str, before: datetime) -> bool:
    """Off duty, unless a page has been opened meanwhile: False then."""
    return await _set(tx, staff_id, gone(before), on_duty_since=None, duty="on")


async def after_visit(tx: Transaction, staff_id: str | None) -> bool:
    """A visit of this therapist has ended: who said "last patient" is off duty now."""
    if staff_id is None:
        return False
    last = staff.c.on_duty_since.is_not(None) & (staff.c.duty == "last")
    return await _set(tx, staff_id, last, on_duty_since=None, duty="on")


async def _set(tx: Transaction, staff_id: str, differs: ColumnElement[bool], **values: Any) -> bool:
    c = staff.c
    changed = await tx.conn.execute(
        update(staff)
        .where(c.id == staff_id, differs)
        .values(version=c.version + 1, changed_at=tx.now, **values)
        .returning(c.version)
    )
    version = changed.scalar_one_or_none()
    if version is None:
        return False
    tx.changed("staff", staff_id, version)
    return True
