"""What staff do with a visit in the queue. Each act is one transaction that compares and sets, and one line of the
timeline; the same press twice is the same as once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.form.text import clean, has_controls, length
from server.people.duty import after_visit
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, OVER, Event, State
from server.visit.tables import visit
from server.waitingroom.escalation import OFFERED
from server.waitingroom.queue import Therapist, Waiting, may_take
from server.waitingroom.store import waiting_of
from server.waitingroom.tables import alert

PROFESSIONS = ("PT", "OT")
#: so long a visit that ended without a therapist is still one of the therapist whom it was for
LOOKED_AFTER = timedelta(hours=12)
LEAST, MOST = 3, 300


def line(text: str) -> str:
    """A reason or a hand-over line as it is kept: 3 to 300 characters, no control characters."""
    text = clean(text)
    if not LEAST <= length(text) <= MOST or has_controls(text, lines=True):
        raise PersonError("line_length")
    return text


async def put_first(db: Database, tx: Transaction, visit_id: str, actor: Actor, reason: str) -> RowMapping:
    """To the front of the queue. Again, with another reason, corrects the reason; the place stays."""
    reason = line(reason)
    before = await _known(tx.conn, visit_id)
    door = await access(db, tx, actor, "put_first", "visit", visit_id, subject=before["patient_id"])
    row = await _waiting(tx, visit_id)
    c = visit.c.priority_reason
    first = row["priority_at"] is None
    if not first and door.open(c, visit_id, row["priority_reason"]) == reason:
        return row
    return await visits.update_row(
        tx,
        visit_id,
        "put_first" if first else "first_reason",
        actor,
        priority_at=tx.now if first else row["priority_at"],
        priority_reason=door.seal(c, visit_id, reason),
    )


async def not_first(tx: Transaction, visit_id: str, actor: Actor) -> RowMapping:
    """Back to the place that the visit would have by itself."""
    row = await _waiting(tx, visit_id)
    if row["priority_at"] is None:
        return row
    return await visits.update_row(tx, visit_id, "not_first", actor, priority_at=None, priority_reason=None)


async def reassign(
    tx: Transaction, visit_id: str, actor: Actor, *, staff: str | None = None, profession: str | None = None
) -> RowMapping:
    """Whose queue a waiting visit is in: one therapist's, a profession's, or (neither) everybody's."""
    for_ = await _target(tx.conn, staff, profession)
    row = await _waiting(tx, visit_id)
    if (row["for_staff"], row["for_profession"]) == (for_["for_staff"], for_["for_profession"]):
        return row
    row = await visits.update_row(tx, visit_id, "reassigned", actor, detail=_coded(for_), **for_)
    await _forget_alert(tx, visit_id)  # others are told, from the beginning
    return row


async def transfer(
    db: Database,
    tx: Transaction,
    visit_id: str,
    staff_actor: Actor,
    *,
    staff: str | None = None,
    profession: str | None = None,
    hand_over: str,
) -> RowMapping:
    """Out of one's own open visit into another queue, with a line for whoever takes it. The first arrival counts.

    Raises PersonError: "no_such_visit" (not one's own), "no_such_colleague", "line_length", "not_possible_now".
    """
    before = await _known(tx.conn, visit_id)
    if before["therapist_id"] != staff_actor.id and not await has_given_back(tx.conn, before, staff_actor.id):
        raise PersonError("no_such_visit")
    hand_over = line(hand_over)
    door = await access(db, tx, staff_actor, "hand_over", "visit", visit_id, subject=before["patient_id"])
    if (staff, profession) == (None, None) or staff == staff_actor.id:
        raise PersonError("no_such_colleague")
    for_ = await _target(tx.conn, staff, profession)
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    assert row is not None
    if await has_given_back(tx.conn, row, staff_actor.id):
        if (row["for_staff"], row["for_profession"]) == tuple(for_.values()):
            return row  # the same press twice
        raise PersonError("not_possible_now")
    if row["therapist_id"] != staff_actor.id:
        raise PersonError("no_such_visit")
    if row["state"] not in OPEN:
        raise PersonError("not_possible_now")
    row = await visits.change(
        tx,
        visit_id,
        Event.SEND_BACK,
        staff_actor,
        detail={"transfer": True, **_coded(for_)},
        **visits.NOBODY,
        **for_,
        end_reason="transferred",
        hand_over=door.seal(visit.c.hand_over, visit_id, hand_over),
    )
    await _forget_alert(tx, visit_id)
    await after_visit(tx, staff_actor.id)
    return row


async def no_show(tx: Transaction, visit_id: str, actor: Actor) -> RowMapping:
    """The patient is not there: one who waits and does not answer, or a booked one whose slot has begun."""
    row = await _locked(tx, visit_id)
    if row["state"] == State.NO_SHOW:
        return row
    if row["state"] == State.BOOKED and (row["due_at"] is None or row["due_at"] > tx.now):
        raise PersonError("not_possible_now")
    return await visits.change(tx, visit_id, Event.MISS, actor, ended_at=tx.now, end_reason="no_show", asked_at=None)


async def close_waiting(tx: Transaction, visit_id: str, actor: Actor) -> RowMapping:
    """Staff end a visit that waits; the patient's page says so."""
    row = await _locked(tx, visit_id)
    if row["state"] == State.CANCELLED:
        return row
    if row["state"] != State.WAITING:
        raise PersonError("not_possible_now")
    return await visits.change(tx, visit_id, Event.CANCEL, actor, ended_at=tx.now, end_reason="staff", asked_at=None)


async def stay(tx: Transaction, visit_id: str, actor: Actor) -> RowMapping:
    """Who is away keeps the place; staff are asked again when as much time has passed once more."""
    row = await _waiting(tx, visit_id)
    if row["asked_at"] is None:
        return row
    return await visits.update_row(tx, visit_id, "kept", actor, asked_at=None)


async def may_act(conn: AsyncConnection, row: RowMapping, staff_id: str, now: datetime) -> bool:
    """Whether a therapist may act on this visit: it is their own, in one of their queues, or offered to them. What is
    over stays theirs who had it; who was to have it has a day for looking after it."""
    if row["therapist_id"] == staff_id and row["state"] in (*OPEN, *OVER):
        return True
    if row["state"] in OPEN or (row["state"] in OVER and not _lately(row, now)):
        return False
    if row["state"] in OVER:
        return bool(row["for_staff"] == staff_id and row["therapist_id"] is None)
    who = (await conn.execute(select(staff.c.profession).where(staff.c.id == staff_id))).first()
    if who is None:
        return False
    me, one = Therapist(staff_id, who.profession), waiting_of(row)
    if may_take(me, one):
        return True
    told = (await conn.execute(select(alert).where(alert.c.visit_id == row["id"]))).mappings().first()
    return told is not None and offered(told, one) and may_take(me, replace(one, staff=None))


def _lately(row: RowMapping, now: datetime) -> bool:
    return row["ended_at"] is not None and row["ended_at"] > now - LOOKED_AFTER


async def has_closed(conn: AsyncConnection, row: RowMapping, staff_id: str, state: State) -> bool:
    """Whether this member of staff has just ended the visit so: the same press again is no error."""
    if row["state"] != state:
        return False
    last = [event for event in await visits.timeline(conn, row["id"]) if event["state"] == state]
    return bool(last) and last[0]["actor"] == staff_id


def offered(told: RowMapping, one: Waiting) -> bool:
    """Whether a visit that is for one therapist is offered to others: that one has not answered."""
    return one.staff is not None and told["level"] >= OFFERED and told["seen_by"] != one.staff


async def has_reassigned(
    conn: AsyncConnection, row: RowMapping, staff_id: str, to: tuple[str | None, str | None]
) -> bool:
    """Whether this therapist has just moved the visit there: the same press again is no error."""
    last = [event for event in await visits.timeline(conn, row["id"]) if event["event"] == "reassigned"]
    return (row["for_staff"], row["for_profession"]) == to and bool(last) and last[-1]["actor"] == staff_id


async def has_given_back(conn: AsyncConnection, row: RowMapping, staff_id: str, reason: str = "transferred") -> bool:
    """Whether the visit waits because this therapist has just handed it over (or, ``sent_back``, sent it back)."""
    if row["state"] != State.WAITING or row["end_reason"] != reason:
        return False
    last = [event for event in await visits.timeline(conn, row["id"]) if event["event"] == Event.SEND_BACK]
    return bool(last) and last[-1]["actor"] == staff_id


async def _target(conn: AsyncConnection, staff_id: str | None, profession: str | None) -> dict[str, Any]:
    """The queue's two columns. A therapist must exist, take patients, and be of the profession that is named."""
    if profession is not None and profession not in PROFESSIONS:
        raise PersonError("no_such_colleague")
    if staff_id is None:
        return {"for_staff": None, "for_profession": profession}
    c = staff.c
    query = select(c.profession).where(c.id == staff_id, c.active, c.role == "therapist")
    found = (await conn.execute(query)).first()
    if found is None or (profession is not None and found.profession != profession):
        raise PersonError("no_such_colleague")
    return {"for_staff": staff_id, "for_profession": None}


def _coded(for_: dict[str, Any]) -> dict[str, object]:
    return {name: value for name, value in for_.items() if value is not None}


async def _known(conn: AsyncConnection, visit_id: str) -> RowMapping:
    row = await visits.by_id(conn, visit_id)
    if row is None:
        raise PersonError("no_such_visit")
    return row


async def _locked(tx: Transaction, visit_id: str) -> RowMapping:
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    return row


async def _waiting(tx: Transaction, visit_id: str) -> RowMapping:
    row = await _locked(tx, visit_id)
    if row["state"] != State.WAITING:
        raise PersonError("not_possible_now")
    return row


async def _forget_alert(tx: Transaction, visit_id: str) -> None:
    await tx.conn.execute(delete(alert).where(alert.c.visit_id == visit_id))
