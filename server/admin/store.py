"""What the office reads of the record: past visits, and all that is known of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.admin.history import READ, Past
from server.admin.timeline import Happened, happened
from server.booking.letters import KIND as LETTERS
from server.booking.tables import appointment
from server.consultation.tables import chat_message, quality_sample
from server.db import Database
from server.errors import PersonError
from server.mail import outbox
from server.notes.store import count_signed
from server.notes.tables import note, outcome
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import Event, State
from server.visit.tables import visit, visit_event
from server.waitingroom import messages
from server.waitingroom.tables import connection_check, wait_message

MOST_CALLS = 100
#: how long a mail that could not be sent stands on the wall
FAILED_FOR = timedelta(days=4)


def _within(begin: datetime, end: datetime) -> ColumnElement[bool]:
    """Visits that came between two instants, or should have."""
    c = visit.c
    never = and_(c.arrived_at.is_(None), c.state == State.NO_SHOW, c.due_at >= begin, c.due_at < end)
    return or_(and_(c.arrived_at >= begin, c.arrived_at < end), never)


async def past(db: Database, begin: datetime, end: datetime) -> list[Past]:
    """The visits of a range, without anything of whom they were with."""
    found = await _past(db, begin, end)
    late = [one.visit for one, signed in found if signed and one.outcome is None]
    if late:  # notes that were signed before there were outcomes
        await count_signed(db, late)
        found = await _past(db, begin, end)
    return [one for one, _ in found]


async def _past(db: Database, begin: datetime, end: datetime) -> list[tuple[Past, bool]]:
    c, within = visit.c, _within(begin, end)
    columns = (c.id, c.state, c.arrived_at, c.due_at, c.started_at, c.ended_at, c.end_reason, c.therapist_id)
    rows = (
        select(*columns, outcome.c.kind, note.c.signed_at)
        .outerjoin(outcome, outcome.c.visit_id == c.id)
        .outerjoin(note, note.c.visit_id == c.id)
        .where(within)
        .order_by(c.arrived_at.nulls_last(), c.due_at, c.id)
    )
    e = visit_event.c
    admitted = (
        select(e.visit_id, func.min(e.at))
        .join(visit, c.id == e.visit_id)
        .where(within, e.event == str(Event.ADMIT), e.at >= c.arrived_at)  # not of a wait before a rebooking
        .group_by(e.visit_id)
    )
    steps = (
        select(e.visit_id, e.event, e.actor_kind)
        .join(visit, c.id == e.visit_id)
        .where(within, e.event.in_(READ))
        .order_by(e.visit_id, e.seq)
    )
    async with db.read() as conn:
        first = {row[0]: row[1] for row in await conn.execute(admitted)}
        taken: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for visit_id, event, kind in await conn.execute(steps):
            taken[visit_id].append((event, kind))
        return [
            (
                Past(
                    visit=row.id,
                    state=row.state,
                    arrived_at=row.arrived_at,
                    due_at=row.due_at,
                    first_admitted_at=first.get(row.id),
                    started_at=row.started_at,
                    ended_at=row.ended_at,
                    end_reason=row.end_reason,
                    therapist=row.therapist_id,
                    outcome=row.kind,
                    steps=taken.get(row.id, ()),
                ),
                row.signed_at is not None,
            )
            for row in await conn.execute(rows)
        ]


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a visit's course. ``written``: its messages, sealed."""

    row: RowMapping
    happened: Sequence[Happened]
    check: RowMapping | None
    samples: Sequence[RowMapping]
    written: Sequence[RowMapping]
    slot: RowMapping | None


async def story(conn: AsyncConnection, visit_id: str) -> Story:
    """Raises PersonError("no_such_visit")."""
    row = next(iter(await visits.with_people(conn, visit.c.id == visit_id)), None)
    if row is None:
        raise PersonError("no_such_visit")
    found = [happened(dict(one)) for one in await visits.timeline(conn, visit_id)]
    written = await messages.of_visit(conn, visit_id)
    found += [Happened(one["at"], "message", one["side"], one["author"], {}) for one in written]
    chat = select(chat_message.c.at, chat_message.c.role, chat_message.c.author).where(
        chat_message.c.visit_id == visit_id
    )
    for one in await conn.execute(chat):
        found.append(Happened(one.at, "chat", "staff" if one.role == "therapist" else "patient", one.author, {}))
    mails = select(outbox.c.state, outbox.c.queued_at, outbox.c.sent_at).where(outbox.c.about_id == visit_id)
    for mail in await conn.execute(mails):
        name = {"sent": "mail_sent", "kept": "mail_sent", "failed": "mail_failed"}.get(mail.state, "mail_queued")
        found.append(Happened(mail.sent_at or mail.queued_at, name, "system", "", {}))
    k, q, a = connection_check.c, quality_sample.c, appointment.c
    checks = select(connection_check).where(k.visit_id == visit_id).order_by(k.seq.desc()).limit(1)
    samples = select(q.role, q.at, q.loss_in, q.rtt_ms, q.state).where(q.visit_id == visit_id).order_by(q.seq)
    slots = select(a.starts_at, a.therapist_id).where(a.visit_id == visit_id, a.cancelled_at.is_(None))
    return Story(
        row,
        found,
        (await conn.execute(checks)).mappings().first(),
        (await conn.execute(samples)).mappings().all(),
        written,
        (await conn.execute(slots)).mappings().first(),
    )


async def version_of(conn: AsyncConnection, visit_id: str) -> int | None:
    """A number that grows whenever there is something new to tell of the visit."""
    count = select(func.count()).where(wait_message.c.visit_id == visit_id).scalar_subquery()
    found = (await conn.execute(select(visit.c.version, count).where(visit.c.id == visit_id))).first()
    return int(found[0] + found[1]) if found else None


async def calls(conn: AsyncConnection, ids: Sequence[str], now: datetime) -> Sequence[RowMapping]:
    """Who asked for a call and has not got it, with their people, the longest ago first. (A board's reader.)"""
    c = visit.c
    rows = await visits.with_people(conn, c.call_back_at.is_not(None), c.called_back_at.is_(None), limit=MOST_CALLS)
    return sorted(rows, key=lambda row: (row["call_back_at"], row["id"]))


async def failed_mails(conn: AsyncConnection, ids: Sequence[str], now: datetime) -> int:
    """Letters of the last days that could not be sent: the office tries again or puts away. (A board's reader.) An
    alert's mail that failed is no use later, and the alert itself has gone further."""
    c = outbox.c
    query = select(func.count()).where(c.state == "failed", c.kind == LETTERS, c.queued_at > now - FAILED_FOR)
    return int(await conn.scalar(query) or 0)


async def names(conn: AsyncConnection, ids: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
    """(name, profession) of members of staff, also of those who have left."""
    query = select(staff.c.id, staff.c.name, staff.c.profession).where(staff.c.id.in_(ids))
    return {row.id: (row.name, row.profession) for row in await conn.execute(query)}
