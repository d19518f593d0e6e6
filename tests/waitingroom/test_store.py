"""The queue as the record has it."""

from __future__ import annotations

from server.people.store import set_duty
from server.waitingroom.store import Queue, queue
from tests.people import ANA, BEN, Clinic, Patient, Therapist, hire
from tests.stores import raw


async def queue_now(clinic: Clinic) -> Queue:
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        return await queue(conn, now, clinic.settings.visit_seconds, clinic.settings.wrap_up_seconds)


async def test_an_empty_waiting_room(clinic: Clinic) -> None:
    empty = await queue_now(clinic)
    assert (list(empty.order), list(empty.waits), empty.on_duty) == ([], [], 0)
    assert empty.place("nobody") is None


async def test_places_are_by_arrival(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    line = await queue_now(clinic)
    assert list(line.order) == [ana.visit, ben.visit]
    assert (line.place(ana.visit), line.place(ben.visit)) == (1, 2)
    assert list(line.waits) == [None, None], "nobody is on duty"


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


async def test_a_free_therapist_makes_the_wait_short(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    line = await queue_now(clinic)
    assert (list(line.waits), line.on_duty) == ([(0, 2)], 1)


async def test_a_running_visit_is_waited_for(clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    assert list((await queue_now(clinic)).waits) == [(15, 30)], "a whole visit"
    await clinic.confirms(ana)
    await clinic.media(dr_li, ana, "connected", "relay")
    await clinic.media(ana, ana, "connected", "relay")
    await clinic.passes(ana, 18 * 60)
    assert list((await queue_now(clinic)).waits) == [(2, 7)], "two minutes and the wrap-up"
    await clinic.passes(ana, 3 * 60)
    assert list((await queue_now(clinic)).waits) == [(0, 4)], "in the wrap-up"
    await clinic.ends(dr_li, ana)
    assert list((await queue_now(clinic)).waits) == [(0, 2)]


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
