"""The queue as the record has it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from server.db import Database
from server.people.store import set_duty
from server.people.tables import staff
from server.visit.states import State
from server.visit.tables import visit
from server.waitingroom.queue import DUE, EARLY, FIRST, WALK_IN
from server.waitingroom.store import Queue, queue
from tests.people import ANA, BEN, Clinic, Patient, Therapist, hire
from tests.stores import raw


async def queue_now(clinic: Clinic) -> Queue:
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        return await queue(conn, now, clinic.settings.visit_seconds, clinic.settings.wrap_up_seconds)


async def order(clinic: Clinic) -> list[str]:
    return [one.visit for one in (await queue_now(clinic)).order]


async def wait_of(clinic: Clinic, patient: Patient) -> float | None:
    """Minutes."""
    seconds = (await queue_now(clinic)).standing[patient.visit].wait_s
    return None if seconds is None else seconds / 60


async def write(clinic: Clinic, patient: Patient, **values: object) -> None:
    """The visit's row as another part of the house leaves it."""
    async with clinic.db.write() as tx:
        await tx.conn.execute(update(visit).where(visit.c.id == patient.visit).values(**values))


async def in_minutes(clinic: Clinic, patient: Patient, minutes: float) -> None:
    """Gives the visit a slot."""
    await write(clinic, patient, due_at=await clinic.db.now() + timedelta(minutes=minutes))


async def test_an_empty_waiting_room(clinic: Clinic) -> None:
    empty = await queue_now(clinic)
    assert (list(empty.order), dict(empty.standing), list(empty.therapists), empty.on_duty) == ([], {}, [], 0)
    assert empty.place("nobody") is None


async def test_places_are_by_arrival(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    line = await queue_now(clinic)
    assert [one.visit for one in line.order] == [ana.visit, ben.visit]
    assert (line.place(ana.visit), line.place(ben.visit)) == (1, 2)
    assert [one.wait_s for one in line.standing.values()] == [None, None], "nobody is on duty"


async def test_arrival_counts_not_the_form(clinic: Clinic) -> None:
    early, late = await clinic.fills_form(ANA), await clinic.fills_form(BEN)
    await clinic.arrives(late)
    await clinic.passes(late, 10)
    await clinic.arrives(early)
    await clinic.assert_waiting(late, place=1)
    await clinic.assert_waiting(early, place=2)


async def test_only_who_waits_has_a_place(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    checking = await clinic.fills_form(ANA)
    await clinic.admits(dr_li, ana)
    assert await clinic.place(ana) is None
    assert await clinic.place(checking) is None
    await clinic.assert_waiting(ben, place=1)
    await clinic.leaves(ben)
    assert await clinic.place(ben) is None


async def test_who_is_sent_back_has_the_place_of_before(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.assert_waiting(ben, place=1)
    await clinic.sends_back(dr_li, ana)
    await clinic.assert_waiting(ana, place=1)
    await clinic.assert_waiting(ben, place=2)


async def test_the_slot_and_what_staff_say_are_read(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    await in_minutes(clinic, ben, 5)
    assert await order(clinic) == [ana.visit, ben.visit]
    assert (await queue_now(clinic)).standing[ben.visit].kind == EARLY
    await in_minutes(clinic, ben, -1)
    assert await order(clinic) == [ben.visit, ana.visit]
    assert (await queue_now(clinic)).standing[ben.visit].kind == DUE
    assert (await queue_now(clinic)).standing[ana.visit].due == 1
    await write(clinic, ana, priority_at=await clinic.db.now())
    assert await order(clinic) == [ana.visit, ben.visit]
    assert (await queue_now(clinic)).standing[ana.visit].kind == FIRST
    await write(clinic, ana, priority_at=None)
    await in_minutes(clinic, ben, -20)
    assert await order(clinic) == [ana.visit, ben.visit], "too late for the slot: a walk-in"
    assert (await queue_now(clinic)).standing[ben.visit].kind == WALK_IN


async def test_whose_queue_a_visit_is_in_is_read(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    await write(clinic, ana, for_profession="OT")
    await write(clinic, ben, for_staff=dr_li.id, for_profession="PT")
    line = await queue_now(clinic)
    assert line.place(ben.visit) == line.place(ana.visit) == 1, "nobody takes both"
    assert (line.standing[ana.visit].wait_s, line.standing[ben.visit].wait_s) == (None, 0), "dr li is a PT"


async def test_languages_are_read(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    async with clinic.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == dr_li.id).values(languages="en"))
    assert await wait_of(clinic, ana) == 0
    assert await wait_of(clinic, ben) is None, "he speaks French"
    await write(clinic, ben, interpreter=True)
    assert await wait_of(clinic, ben) == 22


async def test_a_free_therapist_makes_the_wait_short(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    line = await queue_now(clinic)
    assert (line.standing[ana.visit].wait_s, line.on_duty) == (0, 1)


async def test_a_running_visit_is_waited_for(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    assert await wait_of(clinic, ben) == pytest.approx(22, abs=0.2), "a whole visit"
    await clinic.confirms(ana)
    await clinic.media(dr_li, ana, "connected", "relay")
    await clinic.media(ana, ana, "connected", "relay")
    await clinic.passes(ana, 18 * 60)
    assert await wait_of(clinic, ben) == pytest.approx(4, abs=0.5), "two minutes and the wrap-up"
    await clinic.passes(ana, 3 * 60)
    assert await wait_of(clinic, ben) == pytest.approx(1, abs=0.5), "in the wrap-up"
    await clinic.passes(ana, 30 * 60)
    assert await wait_of(clinic, ben) == 0, "over time: any moment now, and never less than nothing"
    await clinic.ends(dr_li, ana)
    assert await wait_of(clinic, ben) == 0


async def test_who_is_booked_and_still_to_come_is_waited_for(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    coming = await clinic.fills_form(ANA)
    await write(clinic, coming, state=State.BOOKED, for_staff=dr_li.id)
    await in_minutes(clinic, coming, 10)
    assert (await wait_of(clinic, ana), await wait_of(clinic, ben)) == (0, 44)
    assert await clinic.place(coming) is None, "a place is for who is here"
    await in_minutes(clinic, coming, -1)
    assert await wait_of(clinic, ana) == 22, "who is expected any moment comes before the walk-ins"
    await in_minutes(clinic, coming, -20)
    assert await wait_of(clinic, ana) == 0, "nobody counts on somebody who has not come"
    await in_minutes(clinic, coming, 60 * 24)
    assert (await wait_of(clinic, ana), await wait_of(clinic, ben)) == (0, 22)


async def test_an_away_patient_keeps_the_place(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    await clinic.passes(ana, 3600)
    await clinic.assert_waiting(ana, place=1)


async def test_only_therapists_who_are_there_count(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    async with clinic.db.write() as tx:
        await hire(tx, "Priya Raman", role="admin", profession=None)
        await hire(tx, "Nora Haddad", on_duty=False)
        gone = await hire(tx, "Élise Tremblay")
    await raw(clinic.db, "UPDATE staff SET active = false WHERE id = :id", id=gone.id)
    assert (await queue_now(clinic)).on_duty == 1
    async with clinic.db.write() as tx:
        await set_duty(tx, dr_li.id, False)
    assert (await queue_now(clinic)).on_duty == 0


async def test_a_break_and_the_last_patient(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    async def duty(is_now: str) -> None:
        async with clinic.db.write() as tx:
            await tx.conn.execute(update(staff).where(staff.c.id == dr_li.id).values(duty=is_now))

    await duty("last")
    assert (await wait_of(clinic, ana), await wait_of(clinic, ben)) == (0, None)
    await duty("break")
    line = await queue_now(clinic)
    assert [one.wait_s for one in line.standing.values()] == [None, None]
    assert (list(line.therapists), line.on_duty) == ([], 1)
    await duty("on")
    await clinic.in_call(dr_li, ana)
    await duty("last")
    assert await wait_of(clinic, ben) is None, "the one who is in is the last"


async def test_the_usual_length_is_that_of_the_last_visits(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    for _ in range(5):
        one = await clinic.fills_form(ANA)
        await clinic.arrives(one)
        await clinic.in_call(dr_li, one)
        await clinic.passes(one, 10 * 60)
        await clinic.ends(dr_li, one)
    assert await wait_of(clinic, ben) == pytest.approx(10, abs=0.2)


async def test_every_node_reads_the_same(clinic: Clinic, ana: Patient, ben: Patient, other_node: Database) -> None:
    await write(clinic, ana, arrived_at=(await clinic.row(ben))["arrived_at"])
    there = Clinic(other_node, clinic.settings)
    assert await order(clinic) == await order(there) == sorted([ana.visit, ben.visit])
