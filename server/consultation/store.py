"""Admission, the clock's instants, the end: each one transaction."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import SYSTEM, Access, Actor
from server.config import Settings
from server.consultation import clock
from server.consultation.tables import mailbox, relay_call
from server.db import Database, Transaction
from server.errors import IllegalTransition, PersonError
from server.people.duty import after_visit
from server.visit import store as visits
from server.visit.states import OPEN, Event, State
from server.visit.tables import visit
from server.waitingroom.actions import may_act
from server.waitingroom.alerts import answered

#: a relay entry outlives the visit's planned end by this much, so that a late sweep never cuts a call early
RELAY_GRACE = timedelta(seconds=30)
#: how long a relay that cannot hear of an end may still learn of it from SQL
RECENT = timedelta(minutes=2)
#: A14: no visit is longer; a held visit's relay entry reaches no further
LONGEST = timedelta(hours=4)


def therapist(staff_id: str) -> Actor:
    return Actor("staff", staff_id)


async def admit(db: Database, settings: Settings, visit_id: str, staff_id: str, page: str | None = None) -> RowMapping:
    """Offer the visit to the patient. One therapist gets the patient; the other hears ``taken``.

    ``page``: the therapist's page instance, attached in the same transaction.
    """
    try:
        async with db.write() as tx:
            own = await open_visit(tx.conn, staff_id)
            if own is not None:
                if own["id"] == visit_id:
                    return own  # the same click twice
                raise PersonError("busy")
            await _in_reach(tx, visit_id, staff_id)
            return await visits.change(
                tx,
                visit_id,
                Event.ADMIT,
                therapist(staff_id),
                therapist_id=staff_id,
                therapist_page=page,
                admitted_at=tx.now,
                end_reason=None,
                asked_at=None,
                confirmed_at=None,
                policy=settings.call_policy,
                patient_media=None,
                therapist_media=None,
                path=None,
                patient_quality=None,
                therapist_quality=None,
            )
    except IllegalTransition as error:
        async with db.read() as conn:  # the same click, in two windows at once
            own = await open_visit(conn, staff_id)
        if own is not None and own["id"] == visit_id:
            return own
        raise PersonError("taken" if error.state in OPEN else "not_possible_now") from None
    except IntegrityError:  # the same therapist admitted two patients at once from two windows
        raise PersonError("busy") from None


async def _in_reach(tx: Transaction, visit_id: str, staff_id: str) -> None:
    """One who waits in another therapist's queue does not exist for this one, unless offered; the alert is answered."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or (row["state"] == State.WAITING and not await may_act(tx.conn, row, staff_id, tx.now)):
        raise PersonError("no_such_visit")
    await answered(tx, row, staff_id)


async def open_visit(conn: AsyncConnection, staff_id: str) -> RowMapping | None:
    """The visit that this therapist is in."""
    query = select(visit).where(visit.c.therapist_id == staff_id, visit.c.state.in_(OPEN))
    return (await conn.execute(query)).mappings().first()


async def confirm(tx: Transaction, settings: Settings, visit_id: str, page: str) -> RowMapping:
    """The patient's page has got the admission. Confirming twice is the same as once.

    Where both are connected already, the clock starts now.
    """
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    if row["state"] == State.IN_SESSION:
        return row
    if row["patient_page"] != page:
        raise PersonError("not_possible_now")
    both = row["therapist_media"] == row["patient_media"] == "connected"
    started = _started(tx, settings) if both else {}
    actor = Actor("patient", row["patient_id"])
    return await visits.change(tx, visit_id, Event.CONFIRM, actor, confirmed_at=tx.now, **started)


def _started(tx: Transaction, settings: Settings) -> dict[str, Any]:
    return clock.start(tx.now, timedelta(seconds=settings.visit_seconds), timedelta(seconds=settings.wrap_up_seconds))


async def media(
    tx: Transaction, settings: Settings, visit_id: str, role: str, page: str, state: str, path: str | None
) -> RowMapping | None:
    """What a page says of its connection. Starts the clock once both are up; measures lost time by our own clock.

    None: nothing new (or not the current page's to say).
    """
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["state"] not in OPEN or row[f"{role}_page"] != page:
        return None
    values: dict[str, Any] = {f"{role}_media": state, "path": path if state == "connected" and path else row["path"]}
    if row[f"{role}_media"] == state and row["path"] == values["path"]:
        return None
    other = "patient" if role == "therapist" else "therapist"
    both = state == "connected" and row[f"{other}_media"] == "connected"
    if both and row["state"] == State.IN_SESSION and not row["started_at"]:
        values |= _started(tx, settings)
    values |= lost_time(row, both, tx.now)
    actor = Actor("patient", row["patient_id"]) if role == "patient" else therapist(row["therapist_id"])
    return await visits.update_row(tx, visit_id, f"media_{state}", actor, detail={"role": role, "path": path}, **values)


def lost_time(row: Mapping[str, Any] | RowMapping, both_up: bool, now: datetime) -> dict[str, Any]:
    """The columns that change when the connection breaks or comes back while the clock runs. By phone none is lost."""
    if not row["started_at"] or row["phone_since"]:
        return {}
    if both_up and row["lost_since"]:
        lost = max(0, int((now - row["lost_since"]).total_seconds() * 1000))
        return {"lost_since": None, "lost_ms": row["lost_ms"] + lost}
    if not both_up and not row["lost_since"]:
        return {"lost_since": now}
    return {}


async def give_back(tx: Transaction, settings: Settings, visit_id: str, staff_id: str) -> RowMapping:
    """Lengthen the visit by the measured loss, once, up to the limit."""
    row = await own_visit(tx, visit_id, staff_id)
    lost = clock.lost_seconds(row["lost_ms"], row["lost_since"], tx.now)
    seconds = clock.giveable(lost, row["given_back_ms"], settings.give_back_seconds)
    if not seconds or not row["ends_at"] or row["state"] not in OPEN:
        raise PersonError("not_possible_now")
    more = timedelta(seconds=seconds)
    return await visits.update_row(
        tx,
        visit_id,
        "time_given_back",
        therapist(staff_id),
        conditions=[visit.c.given_back_ms == 0],
        detail={"seconds": seconds},
        given_back_ms=seconds * 1000,
        ends_at=row["ends_at"] + more,
        wrap_ends_at=row["wrap_ends_at"] + more,
    )


async def own_visit(tx: Transaction, visit_id: str, staff_id: str) -> RowMapping:
    """The visit, if it is this therapist's; anybody else's does not exist for them."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["therapist_id"] != staff_id:
        raise PersonError("no_such_visit")
    return row


async def end(tx: Transaction, visit_id: str, actor: Actor, reason: str) -> RowMapping:
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    final = lost_time(row, True, tx.now)
    ended = await visits.change(
        tx, visit_id, Event.END, actor, detail={"reason": reason}, ended_at=tx.now, end_reason=reason, **final
    )
    await after_visit(tx, row["therapist_id"])
    return ended


async def hold(tx: Transaction, settings: Settings, visit_id: str, held: bool) -> None:
    """A red flag of level E was opened or closed in the note. While it is open nothing ends the visit by itself."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["held"] == held or row["state"] not in OPEN:
        return
    values: dict[str, Any] = {"held": held}
    if not held:
        values["wrap_ends_at"] = clock.let_go(row["wrap_ends_at"], tx.now, timedelta(seconds=settings.wrap_up_seconds))
    await visits.update_row(tx, visit_id, "held" if held else "released", therapist(row["therapist_id"]), **values)


async def send_back(tx: Transaction, visit_id: str, staff_id: str) -> RowMapping:
    """Back to the queue, at the original place."""
    await own_visit(tx, visit_id, staff_id)
    back = {**visits.NOBODY, "end_reason": "sent_back"}
    return await visits.change(tx, visit_id, Event.SEND_BACK, therapist(staff_id), **back)


async def sweep(db: Database, settings: Settings) -> None:
    """What time alone changes. Every node may run it at any moment: each step is a compare-and-set."""
    now = await db.now()
    due = or_(
        and_(visit.c.wrap_ends_at <= now, ~visit.c.held),
        visit.c.started_at.is_(None) & (visit.c.admitted_at <= now - timedelta(seconds=settings.start_grace_seconds)),
        (visit.c.state == State.ADMITTED) & (visit.c.admitted_at <= now - settings.confirm_after),
    )
    async with db.read() as conn:
        rows = (await conn.execute(select(visit).where(visit.c.state.in_(OPEN), due))).mappings().all()
    for row in rows:
        async with db.write() as tx:
            try:
                await _sweep_one(tx, settings, row)
            except PersonError:
                continue  # another node was first


async def _sweep_one(tx: Transaction, settings: Settings, seen: RowMapping) -> None:
    row = await visits.by_id(tx.conn, seen["id"], lock=True)
    if row is None or row["state"] not in OPEN:
        return
    times = clock.Clock(row["started_at"], row["ends_at"], row["wrap_ends_at"], row["ended_at"], row["held"])
    if times.over(tx.now):
        await end(tx, row["id"], SYSTEM, "time")
    elif row["state"] == State.ADMITTED and tx.now - row["admitted_at"] >= settings.confirm_after:
        await visits.change(tx, row["id"], Event.NOT_CONFIRMED, SYSTEM, **visits.NOBODY, end_reason="not_confirmed")
    elif (
        row["state"] == State.IN_SESSION
        and not row["started_at"]
        and tx.now - row["admitted_at"] >= timedelta(seconds=settings.start_grace_seconds)
    ):
        values: dict[str, Any] = clock.start(
            tx.now, timedelta(seconds=settings.visit_seconds), timedelta(seconds=settings.wrap_up_seconds)
        )
        both = row["patient_media"] == row["therapist_media"] == "connected"
        values |= lost_time({**row, **values}, both, tx.now)
        await visits.update_row(tx, row["id"], "clock_started", SYSTEM, **values)


def relay_expires(row: RowMapping, settings: Settings, now: datetime) -> datetime:
    """Until when the relay may serve this visit's call without hearing more."""
    if row["state"] not in OPEN:
        return now - timedelta(seconds=1)
    limit: datetime = row["admitted_at"] + LONGEST
    if row["held"]:
        return limit
    planned: datetime = row["wrap_ends_at"] or row["admitted_at"] + timedelta(
        seconds=settings.start_grace_seconds + settings.visit_seconds + settings.wrap_up_seconds
    )
    return min(limit, planned + RELAY_GRACE)


async def save_relay_call(db: Database, visit_id: str, key: str, version: int, blob: bytes, expires: datetime) -> None:
    """Keep a relay entry, so that a relay or a Redis that has lost it gets it back. A newer version stays."""
    async with db.write() as tx:
        await visits.by_id(tx.conn, visit_id, lock=True)  # two nodes with the same entry take turns
        kept = await tx.conn.scalar(select(relay_call.c.version).where(relay_call.c.key == key))
        if kept is not None and kept > version:
            return
        sealed = Access(db.cipher).seal(relay_call.c.blob, key, base64.b64encode(blob).decode())
        await tx.conn.execute(
            delete(relay_call).where(
                or_(relay_call.c.key == key, relay_call.c.expires_at < tx.now - timedelta(hours=1))
            )
        )
        await tx.conn.execute(
            insert(relay_call).values(key=key, visit_id=visit_id, version=version, blob=sealed, expires_at=expires)
        )


async def relay_calls(
    db: Database, visit_id: str | None = None, *, ended_too: bool = False
) -> Sequence[tuple[str, int, bytes, datetime]]:
    """Entries that have not expired: ``(key, version, blob, expires)``; of one visit, or all.

    ``ended_too``: those as well that ended within the last minutes, for a relay that could not hear of the end.
    """
    limit = await db.now() - (RECENT if ended_too else timedelta(0))
    query = select(relay_call).where(relay_call.c.expires_at > limit)
    if visit_id is not None:
        query = query.where(relay_call.c.visit_id == visit_id)
    door = Access(db.cipher)
    async with db.read() as conn:
        rows = (await conn.execute(query)).mappings().all()
    blobs = [base64.b64decode(door.open(relay_call.c.blob, row["key"], row["blob"])) for row in rows]
    return [(row["key"], row["version"], blob, row["expires_at"]) for row, blob in zip(rows, blobs, strict=True)]


async def post(db: Database, node: str, channel: str, payload: bytes) -> None:
    """Leave a message in the mailbox, for every node but ``node`` itself."""
    async with db.write() as tx:
        sealed = Access(db.cipher).seal(mailbox.c.payload, f"{node} {channel}", base64.b64encode(payload).decode())
        await tx.conn.execute(insert(mailbox).values(node=node, channel=channel, payload=sealed, at=tx.now))


async def letters(db: Database, seconds: float) -> Sequence[tuple[int, str, str, bytes]]:
    """``(seq, node, channel, payload)`` of what was posted within the last ``seconds``, in order."""
    since = await db.now() - timedelta(seconds=seconds)
    door = Access(db.cipher)
    async with db.read() as conn:
        query = select(mailbox).where(mailbox.c.at > since).order_by(mailbox.c.seq)
        rows = (await conn.execute(query)).mappings().all()
    return [
        (
            row["seq"],
            row["node"],
            row["channel"],
            base64.b64decode(door.open(mailbox.c.payload, f"{row['node']} {row['channel']}", row["payload"])),
        )
        for row in rows
    ]


async def attach_page(
    tx: Transaction, visit_id: str, role: str, page: str, *, fresh: bool, node: str | None = None
) -> RowMapping | None:
    """Make ``page`` this side's current one. A page that only reconnects never displaces a newer one: None then.

    ``node``: the web node that has it open; for a patient's page that is presence
    (:mod:`server.waitingroom.presence`)."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    current = row[f"{role}_page"]
    seen: dict[str, Any] = {"patient_seen_at": tx.now, "patient_node": node} if role == "patient" else {}
    if current == page:
        await tx.conn.execute(update(visit).where(visit.c.id == visit_id).values(**seen)) if seen else None
        return row
    if current is not None and not fresh:
        return None
    actor = Actor("patient", row["patient_id"]) if role == "patient" else therapist(row["therapist_id"])
    values = {f"{role}_page": page, f"{role}_media": None, **seen}
    if row["state"] in OPEN:
        values |= lost_time(row, False, tx.now)  # the old page's media died with it
    return await visits.update_row(tx, visit_id, "page_opened", actor, detail={"role": role}, **values)
