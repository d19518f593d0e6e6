"""Appointments in the record. A slot is taken by the insert itself: two at once, and the unique index lets one win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, access
from server.booking.slots import SLOT, Slot, day_bounds, days_ahead, is_slot, local_day, overlaps, slots_of_day
from server.booking.tables import appointment
from server.config import Settings
from server.db import Database, Transaction
from server.errors import PersonError
from server.i18n import LANGUAGES
from server.ids import digest, new_id
from server.people.tables import staff
from server.visit import store as visits
from server.visit.hours import parse_hours
from server.visit.states import Event, State
from server.visit.tables import visit

#: states in which a visit needs its slot no more
_GIVEN_UP = (State.CANCELLED, State.LEFT, State.NO_SHOW)


@dataclass(frozen=True, slots=True)
class Booking:
    """What somebody has said on the phone. ``language`` may be "other"; ``email``: none."""

    name: str
    dob: date
    phone: str  # E.164
    reason: str
    language: str
    page_language: str
    interpreter: bool
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """``address`` is in no table: whoever asked for it shows it once."""

    visit_id: str
    patient_id: str
    address: str
    therapist_id: str
    starts_at: datetime


# ---- what is free


async def free_slots(
    conn: AsyncConnection,
    settings: Settings,
    now: datetime,
    *,
    profession: str | None = None,
    therapist: str | None = None,
    language: str | None = None,
    days: int = 7,
    first: date | None = None,
) -> list[Slot]:
    """Free slots from ``now`` on, by time and then name. ``days``: of the clinic's, from today or from ``first`` on.

    ``language``: only of therapists who speak it (:func:`spoken` says which one a visit needs)."""
    zone, openings = ZoneInfo(settings.clinic_zone), parse_hours(settings.clinic_hours)
    begin = max(first or local_day(now, zone), local_day(now, zone))
    starts = [at for day in days_ahead(begin, days) for at in slots_of_day(openings, day, zone) if at > now]
    if not starts:
        return []
    wanted: list[Any] = [staff.c.active, staff.c.role == "therapist"]
    if profession:
        wanted.append(staff.c.profession == profession)
    if therapist:
        wanted.append(staff.c.id == therapist)
    people = [
        one
        for one in (await conn.execute(select(staff).where(*wanted).order_by(staff.c.name))).mappings()
        if language is None or language in one["languages"].split(",")
    ]
    taken = await _taken(conn, [one["id"] for one in people], starts[0], starts[-1] + SLOT)
    return [
        Slot(one["id"], one["name"], one["profession"], at, at + SLOT)
        for at in starts
        for one in people
        if not overlaps(at, taken.get(one["id"], []))
    ]


async def _taken(
    conn: AsyncConnection, therapists: Sequence[str], begin: datetime, end: datetime
) -> dict[str, list[tuple[datetime, datetime]]]:
    c = appointment.c
    rows = await conn.execute(
        select(c.therapist_id, c.starts_at, c.ends_at)
        .join(visit, visit.c.id == c.visit_id)
        .where(
            c.therapist_id.in_(therapists),
            c.cancelled_at.is_(None),
            c.starts_at < end,
            c.ends_at > begin,
            visit.c.state.not_in(_GIVEN_UP),
        )
    )
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in rows:
        found.setdefault(row.therapist_id, []).append((row.starts_at, row.ends_at))
    return found


def spoken(language: str, interpreter: bool) -> str | None:
    """The language that the therapist must speak; None: any, as in the queue (an interpreter, or none of ours)."""
    return None if interpreter or language not in LANGUAGES else language


async def speaks(conn: AsyncConnection, therapist_id: str, language: str | None) -> bool:
    if language is None:
        return True
    languages = await conn.scalar(select(staff.c.languages).where(staff.c.id == therapist_id))
    return languages is None or language in languages.split(",")


async def choose(
    conn: AsyncConnection,
    settings: Settings,
    now: datetime,
    profession: str,
    starts_at: datetime,
    language: str | None = None,
) -> list[str]:
    """Who of a profession is free then and speaks it: whoever has least to do on that day comes first."""
    zone = ZoneInfo(settings.clinic_zone)
    day = local_day(starts_at, zone)
    free = await free_slots(conn, settings, now, profession=profession, language=language, days=1, first=day)
    names = {slot.therapist_id: slot.therapist_name for slot in free if slot.starts_at == starts_at}
    busy = await _taken(conn, list(names), *day_bounds(day, zone))
    return sorted(names, key=lambda one: (len(busy.get(one, [])), names[one]))


# ---- booking


async def book(
    db: Database,
    tx: Transaction,
    settings: Settings,
    form: Booking,
    therapist_id: str,
    starts_at: datetime,
    actor: Actor,
    visit_id: str | None = None,
) -> Booked:
    """Patient, visit and appointment. Raises PersonError("slot_taken"), and then nothing is there.

    ``visit_id``: of the form that was sent, so that sending it twice books once."""
    require_slot(settings, starts_at, tx.now)
    return await place(db, tx, form, therapist_id, starts_at, actor, visit_id)


async def place(
    db: Database,
    tx: Transaction,
    form: Booking,
    therapist_id: str,
    starts_at: datetime,
    actor: Actor,
    visit_id: str | None = None,
) -> Booked:
    """As :func:`book`, at any time at all: for the seed."""
    await _require_therapist(tx, therapist_id)
    visit_id, patient_id, address = visit_id or new_id(), new_id(), new_id()
    door = await access(db, tx, actor, "create", "visit", visit_id, subject=patient_id)
    await visits.create_booked(
        tx, door, visit_id, patient_id, address, actor,
        name=form.name, dob=form.dob, email=form.email, reason=form.reason, phone=form.phone, language=form.language,
        page_language=form.page_language, interpreter=form.interpreter, due_at=starts_at, for_staff=therapist_id,
    )  # fmt: skip
    await _take(tx, visit_id, therapist_id, starts_at, actor)
    return Booked(visit_id, patient_id, address, therapist_id, starts_at)


def require_slot(settings: Settings, starts_at: datetime, now: datetime) -> None:
    """A time that pages offer: on the grid, and to come."""
    openings, zone = parse_hours(settings.clinic_hours), ZoneInfo(settings.clinic_zone)
    if starts_at <= now or not is_slot(openings, starts_at, zone):
        raise PersonError("slot_taken")


async def _require_therapist(tx: Transaction, therapist_id: str) -> None:
    c = staff.c
    known = select(c.id).where(c.id == therapist_id, c.active, c.role == "therapist")
    if await tx.conn.scalar(known) is None:
        raise PersonError("slot_taken")


async def _take(tx: Transaction, visit_id: str, therapist_id: str, starts_at: datetime, actor: Actor) -> None:
    c = appointment.c
    overlapping = (c.therapist_id == therapist_id, c.starts_at < starts_at + SLOT, c.ends_at > starts_at)
    # a slot whose visit was given up before it began is free again
    given_up = select(visit.c.id).where(visit.c.state.in_(_GIVEN_UP))
    await tx.conn.execute(
        update(appointment)
        .where(*overlapping, c.cancelled_at.is_(None), c.visit_id.in_(given_up))
        .values(cancelled_at=tx.now)
    )
    taken = select(c.id).where(*overlapping, c.cancelled_at.is_(None)).limit(1)
    if await tx.conn.scalar(taken):
        raise PersonError("slot_taken")
    try:
        async with tx.conn.begin_nested():
            await tx.conn.execute(
                insert(appointment).values(
                    id=new_id(),
                    visit_id=visit_id,
                    therapist_id=therapist_id,
                    starts_at=starts_at,
                    ends_at=starts_at + SLOT,
                    booked_by=actor.id if actor.kind == "staff" else None,
                    booked_at=tx.now,
                )
            )
    except IntegrityError:
        if await tx.conn.scalar(taken):  # by somebody else, at this very moment
            raise PersonError("slot_taken") from None
        raise


async def _release(tx: Transaction, visit_id: str) -> None:
    c = appointment.c
    await tx.conn.execute(
        update(appointment).where(c.visit_id == visit_id, c.cancelled_at.is_(None)).values(cancelled_at=tx.now)
    )


async def cancel(tx: Transaction, visit_id: str, actor: Actor) -> bool:
    """The booked visit is off and its slot free. False: it was cancelled before (a double click)."""
    row = await _row(tx, visit_id)
    if row["state"] == State.CANCELLED:
        return False
    reason = "cancelled_by_patient" if actor.kind == "patient" else "cancelled_by_staff"
    await visits.change(
        tx,
        visit_id,
        Event.CANCEL,
        actor,
        conditions=[visit.c.state == State.BOOKED],  # who waits already is the waiting room's
        ended_at=tx.now,
        end_reason=reason,
    )
    await _release(tx, visit_id)
    return True


async def move(
    tx: Transaction, settings: Settings, visit_id: str, therapist_id: str, starts_at: datetime, actor: Actor
) -> bool:
    """To another slot. False: it is there already. Where the patient is will be asked again on the day."""
    row = await _row(tx, visit_id)
    if row["state"] != State.BOOKED:
        raise PersonError("not_possible_now")
    if row["due_at"] == starts_at and row["for_staff"] == therapist_id:
        return False
    require_slot(settings, starts_at, tx.now)
    await _require_therapist(tx, therapist_id)
    await _release(tx, visit_id)
    await _take(tx, visit_id, therapist_id, starts_at, actor)
    await visits.update_row(
        tx, visit_id, "moved", actor, due_at=starts_at, for_staff=therapist_id, for_profession=None, location=None
    )
    return True


async def rebook(tx: Transaction, visit_id: str, therapist_id: str, starts_at: datetime, actor: Actor) -> RowMapping:
    """Who waits takes a slot instead: waiting -> booked. Raises PersonError("slot_taken"), IllegalTransition.

    The caller has offered the slot from :func:`free_slots`."""
    row = await _row(tx, visit_id)
    if row["state"] == State.BOOKED and row["due_at"] == starts_at and row["for_staff"] == therapist_id:
        return row  # the same click twice
    if starts_at <= tx.now:
        raise PersonError("slot_taken")
    await _require_therapist(tx, therapist_id)
    changed = await visits.change(
        tx,
        visit_id,
        Event.REBOOK,
        actor,
        due_at=starts_at,
        for_staff=therapist_id,
        for_profession=None,
        arrived_at=None,
        priority_at=None,
        priority_reason=None,
        asked_at=None,
        nobody_at=None,
        location=None,  # asked again on the day
        end_reason=None,  # "sent back", "not confirmed", and the words for the next therapist: of a wait that is over
        hand_over=None,
    )
    await _release(tx, visit_id)
    await _take(tx, visit_id, therapist_id, starts_at, actor)
    return changed


async def no_show(tx: Transaction, visit_id: str, actor: Actor) -> bool:
    """A booked patient who never came; once the slot is over. False: marked before."""
    row = await _row(tx, visit_id)
    if row["state"] == State.NO_SHOW:
        return False
    if row["state"] == State.BOOKED and (row["due_at"] is None or tx.now < row["due_at"] + SLOT):
        raise PersonError("slot_not_over")
    await visits.change(
        tx,
        visit_id,
        Event.MISS,
        actor,
        conditions=[visit.c.state == State.BOOKED],
        ended_at=tx.now,
        end_reason="no_show",
    )
    return True


async def new_address(tx: Transaction, visit_id: str, actor: Actor) -> str:
    """Another address for a booked visit whose patient has lost theirs; the old one leads nowhere from now on."""
    row = await _row(tx, visit_id)
    if row["state"] != State.BOOKED:
        raise PersonError("not_possible_now")
    address = new_id()
    await visits.update_row(tx, visit_id, "new_address", actor, address_hash=digest(address), proof_tries=0)
    return address


async def _row(tx: Transaction, visit_id: str) -> RowMapping:
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    return row
