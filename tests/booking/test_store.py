"""Appointments: what is free, one slot for one patient, moved, cancelled, missed, booked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from server.audit import Actor, access, audit_entry
from server.booking import reading, store
from server.booking.slots import SLOT, Slot
from server.booking.store import Booked, Booking
from server.booking.tables import appointment
from server.config import Settings
from server.db import Database
from server.errors import IllegalTransition, PersonError
from server.people.tables import patient, staff
from server.visit import store as visits
from server.visit.tables import visit
from tests.people import Clinic, Patient, Therapist, hire

CLARA = Booking(
    name="Clara Nguyen", dob=date(1948, 7, 1), phone="+14165550177", reason="Pain in my knee", language="fr",
    page_language="fr", interpreter=False, email="clara@example.ca",
)  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"clinic_hours": "mon-sun 00:00-23:30"})


@pytest_asyncio.fixture
async def desk(db: Database) -> Actor:
    """The front desk."""
    async with db.write() as tx:
        return (await hire(tx, "Rosa", role="front_desk", profession=None)).actor


async def free(db: Database, settings: Settings, **wanted: object) -> list[Slot]:
    now = await db.now()
    async with db.read() as conn:
        return await store.free_slots(conn, settings, now, **wanted)  # type: ignore[arg-type]


async def book(db: Database, settings: Settings, slot: Slot, form: Booking = CLARA) -> Booked:
    async with db.write() as tx:
        by = Actor("staff", slot.therapist_id if len(slot.therapist_id) == 22 else "")
        return await store.book(db, tx, settings, form, slot.therapist_id, slot.starts_at, by)


async def row_of(db: Database, visit_id: str) -> dict[str, object]:
    async with db.read() as conn:
        row = await visits.by_id(conn, visit_id)
    assert row is not None
    return dict(row)


async def standing(db: Database, visit_id: str) -> list[tuple[str, datetime]]:
    c = appointment.c
    async with db.read() as conn:
        rows = await conn.execute(select(appointment).where(c.visit_id == visit_id, c.cancelled_at.is_(None)))
        return [(row.therapist_id, row.starts_at) for row in rows]


async def slot_is_over(db: Database, visit_id: str) -> None:
    """The slot began an hour ago."""
    earlier = await db.now() - timedelta(hours=1)
    async with db.write() as tx:
        await tx.conn.execute(update(visit).where(visit.c.id == visit_id).values(due_at=earlier))


async def refused(step: Awaitable[object]) -> str:
    with pytest.raises(PersonError) as caught:
        await step
    return caught.value.code


async def test_free_slots_are_everybodys_of_the_days_to_come(
    db: Database, settings: Settings, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    slots = await free(db, settings, days=2)
    assert slots == sorted(slots, key=lambda slot: (slot.starts_at, slot.therapist_name))
    assert {slot.therapist_id for slot in slots} == {dr_li.id, dr_okafor.id}
    assert slots[0].starts_at > await db.now()
    assert all(slot.ends_at - slot.starts_at == SLOT for slot in slots)
    zone = ZoneInfo(settings.clinic_zone)
    assert len({slot.starts_at.astimezone(zone).date() for slot in await free(db, settings, days=7)}) in (6, 7)


async def test_free_slots_by_profession_and_by_therapist(db: Database, settings: Settings, dr_li: Therapist) -> None:
    async with db.write() as tx:
        haddad = await hire(tx, "Nora Haddad", profession="OT")
        await hire(tx, "Priya Raman", role="admin", profession=None)
        gone = await hire(tx, "Gone")
        await tx.conn.execute(update(staff).where(staff.c.id == gone.id).values(active=False))
    assert {slot.therapist_id for slot in await free(db, settings, profession="OT")} == {haddad.id}
    assert {slot.therapist_id for slot in await free(db, settings, therapist=dr_li.id)} == {dr_li.id}
    assert {slot.therapist_id for slot in await free(db, settings)} == {dr_li.id, haddad.id}


async def test_a_booking_is_patient_visit_and_appointment(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist
) -> None:
    slot = (await free(db, settings))[0]
    made = await book(db, settings, slot)
    async with db.write() as tx:
        row = await visits.by_address(tx.conn, made.address)
        assert row is not None
        assert (row["state"], row["due_at"], row["for_staff"]) == ("booked", slot.starts_at, dr_li.id)
        assert (row["language"], row["page_language"], row["interpreter"]) == ("fr", "fr", False)
        assert [row[name] for name in ("location", "emergency", "consent_version", "consent_at", "arrived_at")] == [
            None
        ] * 5
        (full,) = await visits.with_people(tx.conn, visit.c.id == made.visit_id)
        door = await access(db, tx, dr_li.actor, "read", "visit", made.visit_id)
        opened = visits.particulars(door, full)
        assert (opened.name, opened.dob, opened.reason, opened.phone) == (
            CLARA.name,
            CLARA.dob,
            CLARA.reason,
            CLARA.phone,
        )
        sealed = await tx.conn.scalar(select(patient.c.email).where(patient.c.id == made.patient_id))
        assert door.open(patient.c.email, made.patient_id, sealed) == CLARA.email
        booked = await reading.of_visit(tx.conn, made.visit_id)
        assert booked is not None
        assert (booked["with_id"], booked["slot_at"], booked["slot_ends_at"]) == (
            dr_li.id,
            slot.starts_at,
            slot.ends_at,
        )
        assert [event["event"] for event in await visits.timeline(tx.conn, made.visit_id)] == ["booked"]
        whole = str([(await tx.conn.execute(select(one))).all() for one in (visit, patient, appointment)])
        assert made.address not in whole
        assert "Clara" not in whole
        actions = [(one["action"], one["actor"]) for one in (await tx.conn.execute(select(audit_entry))).mappings()]
    assert ("create", dr_li.id) in actions
    assert slot not in await free(db, settings)


async def test_two_at_once_and_one_gets_the_slot(
    db: Database, other_node: Database, settings: Settings, dr_li: Therapist
) -> None:
    slot = (await free(db, settings))[0]
    many = [book(node, settings, slot, replace(CLARA, name=f"P {n}")) for n in range(4) for node in (db, other_node)]
    answers = await asyncio.gather(*many, return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, Booked)]
    lost = [answer.code for answer in answers if isinstance(answer, PersonError)]
    assert (len(won), lost) == (1, ["slot_taken"] * 7)
    async with db.read() as conn:
        assert len((await conn.execute(select(visit.c.id))).all()) == 1, "who lost has left nothing behind"
        assert len((await conn.execute(select(patient.c.id))).all()) == 1


async def test_the_index_alone_refuses_a_second(db: Database, settings: Settings, dr_li: Therapist) -> None:
    """What stands between two transactions that see nothing of each other."""
    slot = (await free(db, settings))[0]
    made = await book(db, settings, slot)
    async with db.read() as conn:
        first = (await conn.execute(select(appointment))).mappings().one()
    with pytest.raises(IntegrityError):
        async with db.write() as tx:
            await tx.conn.execute(appointment.insert().values(**{**first, "id": "another", "visit_id": made.visit_id}))


async def test_only_times_of_the_grid_that_are_to_come(db: Database, settings: Settings, dr_li: Therapist) -> None:
    slot = (await free(db, settings))[0]
    for moved in (timedelta(minutes=7), -timedelta(days=1), timedelta(seconds=1)):
        assert await refused(book(db, settings, replace(slot, starts_at=slot.starts_at + moved))) == "slot_taken"
    assert await refused(book(db, settings, replace(slot, therapist_id="nobody"))) == "slot_taken"


async def test_a_profession_gets_whoever_has_least_to_do(
    db: Database, settings: Settings, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    slots = await free(db, settings, therapist=dr_li.id, days=3)
    day = max({slot.starts_at.astimezone(ZoneInfo(settings.clinic_zone)).date() for slot in slots})
    first, second = [slot for slot in slots if slot.starts_at.astimezone(ZoneInfo(settings.clinic_zone)).date() == day][
        :2
    ]
    now = await db.now()

    async def chosen(at: datetime) -> list[str]:
        async with db.read() as conn:
            return await store.choose(conn, settings, now, "PT", at)

    assert await chosen(second.starts_at) == [dr_li.id, dr_okafor.id]
    await book(db, settings, first)
    assert await chosen(second.starts_at) == [dr_okafor.id, dr_li.id]
    await book(db, settings, second)
    assert await chosen(second.starts_at) == [dr_okafor.id]


async def test_cancelled_once_and_the_slot_is_free_again(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist
) -> None:
    slot = (await free(db, settings))[0]
    made = await book(db, settings, slot)
    for expected in (True, False):  # the second click changes nothing
        async with db.write() as tx:
            assert await store.cancel(tx, made.visit_id, desk) is expected
    row = await row_of(db, made.visit_id)
    assert (row["state"], row["end_reason"], row["version"]) == ("cancelled", "cancelled_by_staff", 2)
    assert slot in await free(db, settings)
    await book(db, settings, slot)


async def test_moved_the_old_slot_is_free_and_the_place_is_asked_again(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    old, *_, new = await free(db, settings, therapist=dr_li.id)
    new = replace(new, therapist_id=dr_okafor.id, therapist_name=dr_okafor.name)
    made = await book(db, settings, old)
    for expected in (True, False):
        async with db.write() as tx:
            assert await store.move(tx, settings, made.visit_id, new.therapist_id, new.starts_at, desk) is expected
    row = await row_of(db, made.visit_id)
    assert (row["state"], row["due_at"], row["for_staff"], row["location"]) == (
        "booked",
        new.starts_at,
        dr_okafor.id,
        None,
    )
    assert await standing(db, made.visit_id) == [(dr_okafor.id, new.starts_at)]
    assert old in await free(db, settings)
    assert new not in await free(db, settings)


async def test_a_move_to_a_taken_slot_keeps_the_old_one(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist
) -> None:
    one, two, *_ = await free(db, settings)
    mine, _other = await book(db, settings, one), await book(db, settings, two)

    async def move() -> None:
        async with db.write() as tx:
            await store.move(tx, settings, mine.visit_id, dr_li.id, two.starts_at, desk)

    assert await refused(move()) == "slot_taken"
    assert await standing(db, mine.visit_id) == [(dr_li.id, one.starts_at)]
    assert (await row_of(db, mine.visit_id))["due_at"] == one.starts_at


async def test_after_a_move_to_an_earlier_time_the_last_booking_counts(
    db: Database, settings: Settings, desk: Actor, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    early, late = (
        (await free(db, settings, therapist=dr_okafor.id))[0],
        (await free(db, settings, therapist=dr_li.id))[-1],
    )
    made = await book(db, settings, late)
    async with db.write() as tx:
        await store.move(tx, settings, made.visit_id, early.therapist_id, early.starts_at, desk)
    for _ in range(2):
        async with db.read() as conn:
            one = await reading.of_visit(conn, made.visit_id)
            (same,) = await reading.of_visits(conn, [made.visit_id])
        assert one is not None
        assert one["with_id"] == same["with_id"] == dr_okafor.id
        assert one["slot_at"] == same["slot_at"] == early.starts_at
        async with db.write() as tx:  # and of two that were cancelled, too
            await store.cancel(tx, made.visit_id, desk)


async def test_a_slot_instead_ends_the_story_of_the_wait(
    db: Database, settings: Settings, dr_li: Therapist, ana: Patient
) -> None:
    slot = (await free(db, settings))[-1]
    async with db.write() as tx:
        door = await access(db, tx, ana.actor, "change", "visit", ana.visit)
        said = door.seal(visit.c.hand_over, ana.visit, "has shown the stairs")
        await visits.update_row(tx, ana.visit, "test", ana.actor, end_reason="transferred", hand_over=said)
    async with db.write() as tx:
        row = await store.rebook(tx, ana.visit, dr_li.id, slot.starts_at, ana.actor)
    assert (row["end_reason"], row["hand_over"]) == (None, None)


async def test_who_waits_takes_a_slot_instead(
    db: Database, settings: Settings, clinic: Clinic, dr_li: Therapist, ana: Patient
) -> None:
    slot = (await free(db, settings))[-1]
    for _ in range(2):  # a double click is the same as one
        async with db.write() as tx:
            row = await store.rebook(tx, ana.visit, dr_li.id, slot.starts_at, ana.actor)
        assert (row["state"], row["due_at"], row["for_staff"]) == ("booked", slot.starts_at, dr_li.id)
        assert (row["arrived_at"], row["location"]) == (None, None)
        assert row["consent_version"] is not None, "what stays true is not asked again"
    assert await clinic.place(ana) is None
    assert await standing(db, ana.visit) == [(dr_li.id, slot.starts_at)]
    assert slot not in await free(db, settings)
    assert await clinic.events(ana) == [
        "created",
        "arrive",
        "page_attached",
        "rebook",
    ] or "rebook" in await clinic.events(ana)


async def test_a_slot_that_was_taken_meanwhile_leaves_the_place_in_the_queue(
    db: Database, settings: Settings, clinic: Clinic, dr_li: Therapist, ana: Patient
) -> None:
    slot = (await free(db, settings))[0]
    await book(db, settings, slot)

    async def rebook() -> None:
        async with db.write() as tx:
            await store.rebook(tx, ana.visit, dr_li.id, slot.starts_at, ana.actor)

    assert await refused(rebook()) == "slot_taken"
    await clinic.assert_waiting(ana, place=1)


async def test_a_slot_whose_patient_gave_up_the_wait_is_free_again(
    db: Database, settings: Settings, clinic: Clinic, dr_li: Therapist, ana: Patient
) -> None:
    """Somebody came early, waited, and left: the unique index must not keep the slot for nobody."""
    slot = (await free(db, settings))[0]
    async with db.write() as tx:
        await store.rebook(tx, ana.visit, dr_li.id, slot.starts_at, ana.actor)
    await clinic.arrives(ana)
    await clinic.leaves(ana)
    assert slot in await free(db, settings)
    await book(db, settings, slot)


async def test_no_show_only_once_the_slot_is_over(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist
) -> None:
    made = await book(db, settings, (await free(db, settings))[0])

    async def mark() -> bool:
        async with db.write() as tx:
            return await store.no_show(tx, made.visit_id, desk)

    assert await refused(mark()) == "slot_not_over"
    await slot_is_over(db, made.visit_id)
    assert [await mark(), await mark()] == [True, False]
    row = await row_of(db, made.visit_id)
    assert (row["state"], row["end_reason"]) == ("no_show", "no_show")


async def test_who_waits_is_not_the_bookings_to_cancel_or_miss(
    db: Database, desk: Actor, settings: Settings, clinic: Clinic, ana: Patient
) -> None:
    for step in (store.cancel, store.no_show):

        async def act(step: object = step) -> None:
            async with db.write() as tx:
                await step(tx, ana.visit, desk)  # type: ignore[operator]

        assert await refused(act()) == "not_possible_now"
    await clinic.assert_waiting(ana, place=1)


async def test_only_who_waits_can_take_a_slot_instead(
    db: Database, settings: Settings, clinic: Clinic, dr_li: Therapist, ana: Patient
) -> None:
    await clinic.admits(dr_li, ana)
    slot = (await free(db, settings))[0]

    async def rebook() -> None:
        async with db.write() as tx:
            await store.rebook(tx, ana.visit, dr_li.id, slot.starts_at, ana.actor)

    with pytest.raises(IllegalTransition):
        await rebook()


async def test_a_new_address_opens_the_visit_and_the_old_one_does_not(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist
) -> None:
    made = await book(db, settings, (await free(db, settings))[0])
    async with db.write() as tx:
        fresh = await store.new_address(tx, made.visit_id, desk)
    async with db.read() as conn:
        assert await visits.by_address(conn, made.address) is None
        row = await visits.by_address(conn, fresh)
    assert row is not None
    assert row["id"] == made.visit_id


async def test_the_day_in_order(
    db: Database, desk: Actor, settings: Settings, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    slots = await free(db, settings)
    later, sooner = await book(db, settings, slots[3]), await book(db, settings, slots[0])
    gone = await book(db, settings, slots[4])
    async with db.write() as tx:
        await store.cancel(tx, gone.visit_id, desk)
    async with db.read() as conn:
        day = await reading.of_day(conn, slots[0].starts_at, slots[4].ends_at)
        own = await reading.of_day(conn, slots[0].starts_at, slots[4].ends_at, slots[0].therapist_id)
    assert [row["id"] for row in day] == [sooner.visit_id, later.visit_id]
    assert {row["with_id"] for row in own} == {slots[0].therapist_id}
