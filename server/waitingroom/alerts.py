"""Alerts in the record: begun, taken further, seen. Every node may sweep at any moment: each step is a
compare-and-set, and comes once.

Lock order, as everywhere: the audit chain, the visit, then its alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server import formats, mail
from server.audit import SYSTEM, Actor
from server.config import Settings
from server.db import Database, Transaction
from server.errors import PersonError
from server.i18n import N_, translator
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.escalation import (
    MAIL,
    OFFERED,
    SOUND,
    WALL,
    Colleague,
    Times,
    begins,
    candidates,
    hearers,
    next_step,
    postponed,
    reach,
    told_of,
)
from server.waitingroom.queue import Waiting
from server.waitingroom.store import COLUMNS, away, waiting_of
from server.waitingroom.tables import alert

#: alerts are for the first so many of each queue, among the first LOOK of all: nobody hears a hundred
OF_A_QUEUE, LOOK = 8, 200
#: a mail goes to no more people than these
MAILS = 5
M_SUBJECT = N_("A patient is waiting for you")
M_TEXT = N_(
    "A patient has been waiting for you since %(time)s, and nobody has answered.\n\n"
    "Your desk: %(desk)s\n\n"
    "If you cannot come, say \u201cBreak\u201d or \u201cGo off duty\u201d there: then others are asked."
)


def times(settings: Settings) -> Times:
    return Times(
        settings.alert_mail_seconds,
        settings.alert_offer_seconds,
        settings.alert_wall_seconds,
        settings.alert_again_seconds,
    )


async def of_visits(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, RowMapping]:
    """The alerts of these visits: raised_at, level, seen_at, seen_by, ..., by visit."""
    if not ids:
        return {}
    query = select(alert) if len(ids) > 500 else select(alert).where(alert.c.visit_id.in_(ids))
    wanted = set(ids)
    rows = (await conn.execute(query)).mappings()
    return {row["visit_id"]: row for row in rows if row["visit_id"] in wanted}


async def colleagues(conn: AsyncConnection) -> list[Colleague]:
    """Every therapist, with what alerts need to know."""
    running = select(visit.c.therapist_id).where(visit.c.state.in_(OPEN))
    busy = set((await conn.execute(running)).scalars())
    rows = await conn.execute(select(staff).where(staff.c.active, staff.c.role == "therapist").order_by(staff.c.id))
    return [
        Colleague(
            row["id"],
            row["profession"],
            frozenset(row["languages"].split(",")),
            row["duty"] if row["on_duty_since"] else "off",
            row["id"] in busy,
        )
        for row in rows.mappings()
    ]


async def seen(tx: Transaction, settings: Settings, visit_id: str, actor: Actor) -> None:
    """Somebody has heard. Twice is the same as once."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    if row["state"] != State.WAITING:
        return
    c = alert.c
    done = await tx.conn.execute(
        update(alert)
        .where(c.visit_id == visit_id, c.seen_at.is_(None))
        .values(seen_at=tx.now, seen_by=actor.id, next_at=tx.now + timedelta(seconds=settings.alert_again_seconds))
    )
    if done.rowcount:
        await visits.update_row(tx, visit_id, "alert_seen", actor)


async def answered(tx: Transaction, row: RowMapping, staff_id: str) -> None:
    """The patient is being admitted (``row``: the visit, locked): that is the best answer to an alert."""
    done = await tx.conn.execute(delete(alert).where(alert.c.visit_id == row["id"]).returning(alert.c.seen_at))
    gone = done.first()
    if gone is not None and gone.seen_at is None and row["state"] == State.WAITING:
        await visits.update_row(tx, row["id"], "alert_seen", Actor("staff", staff_id))


async def sweep(db: Database, settings: Settings, order: Sequence[Waiting] | None = None) -> None:
    """What time alone changes. ``order``: who waits, as the node has it in its memory; None: it is read."""
    async with db.read() as conn:
        kept = {row["visit_id"]: row for row in (await conn.execute(select(alert))).mappings()}
        order = await _order(conn) if order is None else order
    if not kept and not order:
        return
    now = await db.now()
    async with db.read() as conn:
        staff_now = await colleagues(conn)
        new = _to_begin(order[:LOOK], kept, now, staff_now)
        due = [row for row in kept.values() if row["next_at"] and row["next_at"] <= now]
        over = select(alert.c.visit_id).join(visit, visit.c.id == alert.c.visit_id)
        gone = set((await conn.execute(over.where(visit.c.state != State.WAITING))).scalars()) if kept else set()
        asked = [*new, *(row["visit_id"] for row in due)]
        absent = await away(conn, now, timedelta(seconds=settings.away_seconds), asked) if asked else {}
    for visit_id in new:
        if visit_id not in absent:
            await _raise(db, settings, visit_id, staff_now)
    for row in due:
        if row["visit_id"] not in gone:
            await _further(db, settings, row, staff_now, absent=row["visit_id"] in absent)
    if gone:
        async with db.write() as tx:
            moved_on = select(visit.c.id).where(visit.c.id == alert.c.visit_id, visit.c.state != State.WAITING)
            await tx.conn.execute(delete(alert).where(alert.c.visit_id.in_(sorted(gone)), moved_on.exists()))


async def _order(conn: AsyncConnection) -> list[Waiting]:
    """About the queue's order: who has been put first, then the longest wait."""
    query = select(*COLUMNS).where(visit.c.state == State.WAITING)
    query = query.order_by(visit.c.priority_at.is_(None), visit.c.arrived_at, visit.c.id).limit(LOOK)
    return [waiting_of(row) for row in (await conn.execute(query)).mappings()]


def _to_begin(
    order: Sequence[Waiting], kept: Mapping[str, RowMapping], now: datetime, staff_now: Sequence[Colleague]
) -> list[str]:
    """Whose alert begins now: the first few of each queue."""
    counts: dict[tuple[str | None, str | None], int] = {}
    new: list[str] = []
    for one in order:
        key = (one.staff, one.profession)
        if counts.get(key, 0) >= OF_A_QUEUE:
            continue
        if one.visit not in kept:
            if not begins(one, now, staff_now):
                continue
            new.append(one.visit)
        counts[key] = counts.get(key, 0) + 1
    return new


async def _raise(db: Database, settings: Settings, visit_id: str, staff_now: Sequence[Colleague]) -> None:
    try:
        async with db.write() as tx:
            row = await visits.by_id(tx.conn, visit_id, lock=True)
            if row is None or row["state"] != State.WAITING:
                return
            at = next_step(tx.now, SOUND, times(settings))
            told = told_of(None, waiting_of(row), staff_now, SOUND)
            await tx.conn.execute(
                insert(alert).values(visit_id=visit_id, raised_at=tx.now, level=SOUND, next_at=at, told=told)
            )
            await visits.update_row(tx, visit_id, "alert_raised", SYSTEM)
    except IntegrityError:
        return  # another node was first


class _Lost(Exception):
    """Another node, or a person, was first: nothing of this transaction stays."""


async def _further(
    db: Database, settings: Settings, was: RowMapping, staff_now: Sequence[Colleague], *, absent: bool
) -> None:
    try:
        async with db.write() as tx:
            await _step(db, tx, settings, was, staff_now, absent=absent)
    except (_Lost, PersonError):
        return


async def _step(
    db: Database, tx: Transaction, settings: Settings, was: RowMapping, staff_now: Sequence[Colleague], *, absent: bool
) -> None:
    set_ = times(settings)
    before = await visits.by_id(tx.conn, was["visit_id"])
    if before is None:
        raise _Lost
    one, level = waiting_of(before), was["level"]
    where = reach(one, staff_now, level)
    event = None
    detail: Mapping[str, object] = {}
    values: dict[str, Any]
    sent = 0
    if absent or where == "busy" or (was["seen_at"] and where == "nobody"):
        values = {"next_at": postponed(tx.now, level, set_)}
    elif was["seen_at"]:
        event, detail = "alert_raised", {"again": True}
        at = next_step(tx.now, SOUND, set_)
        values = {"level": SOUND, "raised_at": tx.now, "next_at": at, "seen_at": None, "seen_by": None}
    else:
        values = {"level": level + 1, "next_at": next_step(tx.now, level + 1, set_)}
        if level + 1 == MAIL:
            sent = await _mail(db, tx, settings, before, one, staff_now, was["raised_at"])
            event, detail = ("alert_mailed", {"mails": sent}) if sent else (None, {})
        elif level + 1 == OFFERED and _others(one, staff_now):
            event = "alert_offered"
        elif level + 1 == WALL:
            event = "alert_wall"
    if not absent:
        values["told"] = told_of(was["told"], one, staff_now, values.get("level", level), mailed=sent > 0)
    row = await visits.by_id(tx.conn, was["visit_id"], lock=True)
    if row is None or row["state"] != State.WAITING:
        raise _Lost
    c = alert.c
    done = await tx.conn.execute(
        update(alert)
        .where(c.visit_id == was["visit_id"], c.level == level, c.next_at == was["next_at"])
        .values(**values)
    )
    if not done.rowcount:
        raise _Lost
    if event:
        await visits.update_row(tx, was["visit_id"], event, SYSTEM, detail=detail)


def _others(one: Waiting, staff_now: Sequence[Colleague]) -> bool:
    """Whether there is somebody on duty besides the therapist whose visit it is."""
    if one.staff is None:
        return False
    found = candidates(one, staff_now, offered=True)
    return any(who.duty in ("on", "last") and who.id != one.staff for who in found)


async def _mail(
    db: Database,
    tx: Transaction,
    settings: Settings,
    row: RowMapping,
    one: Waiting,
    staff_now: Sequence[Colleague],
    raised_at: datetime,
) -> int:
    """To the therapist whose visit it is, or to those who are free to take it. No name: a mail is a postcard."""
    ids = [one.staff] if one.staff else [who.id for who in hearers(one, staff_now)]
    query = select(staff).where(staff.c.id.in_(ids), staff.c.active, staff.c.email.is_not(None)).order_by(staff.c.id)
    people = (await tx.conn.execute(query.limit(MAILS))).mappings().all()
    since = row["arrived_at"] or raised_at
    for who in people:
        t = translator(who["language"])
        at = formats.time(since, who["language"], settings.clinic_zone)
        await mail.enqueue(
            db,
            tx,
            kind="alert",
            about=row["id"],
            recipient=who["email"],
            subject=t(M_SUBJECT),
            text=t(M_TEXT, time=at, desk=f"{settings.base_url}/desk"),
            lang=who["language"],
            not_after=tx.now + timedelta(seconds=settings.alert_wall_seconds),
        )
    return len(people)
