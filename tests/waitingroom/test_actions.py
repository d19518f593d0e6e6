"""What staff do with who waits: each act once, on any node, by whoever may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import RowMapping, select, update

from server.audit import Access, Actor, audit_entry
from server.db import Database
from server.errors import PersonError
from server.people.tables import staff as staff_table
from server.visit import store as visits
from server.visit.states import State
from server.visit.tables import visit
from server.waitingroom import actions, store
from tests.consultation.races import said
from tests.people import ANA, BEN, Clinic, Patient, Therapist, hire
from tests.stores import raw


@pytest.fixture
def desk(clinic: Clinic) -> Desk:
    return Desk(clinic)


class Desk:
    """The acts, each in its own transaction."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic

    async def first(
        self, who: Therapist, one: Patient, reason: str = "Chest tightness", *, node: Database | None = None
    ) -> RowMapping:
        db = node or self.clinic.db
        async with db.write() as tx:
            return await actions.put_first(db, tx, one.visit, who.actor, reason)

    async def transfer(
        self, who: Therapist, one: Patient, *, node: Database | None = None, hand_over: str = "Shoulder, see goals",
        **to: str | None,
    ) -> RowMapping:  # fmt: skip
        db = node or self.clinic.db
        async with db.write() as tx:
            return await actions.transfer(db, tx, one.visit, who.actor, hand_over=hand_over, **to)

    async def act(self, name: str, who: Therapist, one: Patient, *, node: Database | None = None, **more: Any) -> Any:
        async with (node or self.clinic.db).write() as tx:
            return await getattr(actions, name)(tx, one.visit, who.actor, **more)

    async def order(self) -> list[str]:
        now = await self.clinic.db.now()
        async with self.clinic.db.read() as conn:
            return [one.visit for one in (await store.queue(conn, now, 1200, 120)).order]


async def booked(clinic: Clinic, li: Therapist, minutes: float) -> Patient:
    """Somebody whose slot with Dr. Li begins in so many minutes; not here yet."""
    one = await clinic.fills_form(BEN)
    async with clinic.db.write() as tx:
        at = tx.now + timedelta(minutes=minutes)
        await tx.conn.execute(
            update(visit).where(visit.c.id == one.visit).values(state="booked", due_at=at, for_staff=li.id)
        )
    return one


async def test_who_is_put_first_is_first_and_the_reason_is_sealed(
    clinic: Clinic, desk: Desk, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    row = await desk.first(dr_li, ben)
    assert await desk.order() == [ben.visit, ana.visit]
    c = visit.c.priority_reason
    assert "Chest" not in str(row["priority_reason"])
    assert Access(clinic.db.cipher).open(c, ben.visit, row["priority_reason"]) == "Chest tightness"
    assert (await clinic.events(ben))[-1] == "put_first"
    async with clinic.db.read() as conn:
        entry = (await conn.execute(select(audit_entry).where(audit_entry.c.action == "put_first"))).mappings().one()
    assert (entry["actor"], entry["record_id"], entry["subject"]) == (dr_li.id, ben.visit, row["patient_id"])
    await desk.act("not_first", dr_li, ben)
    await desk.act("not_first", dr_li, ben)
    assert await desk.order() == [ana.visit, ben.visit]
    assert (await clinic.row(ben))["priority_reason"] is None
    assert (await clinic.events(ben)).count("not_first") == 1


async def test_a_reason_is_corrected_and_the_place_stays(
    clinic: Clinic, desk: Desk, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    first = await desk.first(dr_li, ben)
    same = await desk.first(dr_li, ben, "  Chest tightness ")
    assert same["version"] == first["version"], "the same press twice"
    other = await desk.first(dr_li, ben, "Chest tightness, since noon")
    assert other["priority_at"] == first["priority_at"]
    assert (await clinic.events(ben))[-2:] == ["put_first", "first_reason"]


@pytest.mark.parametrize("reason", ["", "ab", "  ab  ", "x" * 301, "what\x00ever"])
async def test_a_reason_is_a_line(desk: Desk, ana: Patient, dr_li: Therapist, reason: str) -> None:
    assert await said(desk.first(dr_li, ana, reason)) == ["line_length"]


async def test_two_nodes_put_one_patient_first_at_once(
    clinic: Clinic, desk: Desk, other_node: Database, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await said(desk.first(dr_li, ben), desk.first(dr_okafor, ben, node=other_node))
    assert (await clinic.events(ben)).count("put_first") == 1
    assert await desk.order() == [ben.visit, ana.visit]


async def test_a_visit_is_reassigned_while_it_waits(
    clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await desk.act("reassign", dr_li, ana, staff=dr_okafor.id)
    await desk.act("reassign", dr_li, ana, staff=dr_okafor.id)
    row = await clinic.row(ana)
    assert (row["for_staff"], row["for_profession"]) == (dr_okafor.id, None)
    assert (await clinic.events(ana)).count("reassigned") == 1
    assert await said(clinic.admits(dr_li, ana)) == ["no_such_visit"], "it is in another therapist's queue now"
    await desk.act("reassign", dr_okafor, ana, profession="OT")
    assert await said(clinic.admits(dr_okafor, ana)) == ["no_such_visit"]
    await desk.act("reassign", dr_okafor, ana)
    await clinic.admits(dr_li, ana)
    assert await said(desk.act("reassign", dr_li, ana, staff=dr_okafor.id)) == ["not_possible_now"]


async def test_nobody_is_sent_to_who_cannot_take_them(
    clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    async with clinic.db.write() as tx:
        office = await hire(tx, "Priya Raman", role="admin", profession=None)
        gone = await hire(tx, "Élise Tremblay")
    await raw(clinic.db, "UPDATE staff SET active = false WHERE id = :id", id=gone.id)
    wrong: list[dict[str, Any]] = [
        {"staff": office.id}, {"staff": gone.id}, {"staff": "nobody"}, {"profession": "MD"},
        {"staff": dr_okafor.id, "profession": "OT"},
    ]  # fmt: skip
    for to in wrong:
        assert await said(desk.act("reassign", dr_li, ana, **to)) == ["no_such_colleague"], to
    await clinic.in_call(dr_li, ana)
    for other in [*wrong, {}, {"staff": dr_li.id}]:
        assert await said(desk.transfer(dr_li, ana, **other)) == ["no_such_colleague"], other
    await clinic.assert_in_session(ana, with_=dr_li)


async def test_a_transfer_keeps_the_arrival_and_brings_a_line(
    clinic: Clinic, desk: Desk, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    arrived = (await clinic.row(ana))["arrived_at"]
    await clinic.in_call(dr_li, ana)
    await desk.transfer(dr_li, ana, staff=dr_okafor.id)
    again = await desk.transfer(dr_li, ana, staff=dr_okafor.id)
    row = await clinic.row(ana)
    assert row["version"] == again["version"]
    assert (row["state"], row["arrived_at"], row["therapist_id"], row["for_staff"]) == (
        "waiting", arrived, None, dr_okafor.id,
    )  # fmt: skip
    assert Access(clinic.db.cipher).open(visit.c.hand_over, ana.visit, row["hand_over"]) == "Shoulder, see goals"
    assert await desk.order() == [ana.visit, ben.visit]
    assert (await clinic.events(ana)).count("send_back") == 1
    assert await said(clinic.admits(dr_li, ana)) == ["no_such_visit"]
    await clinic.admits(dr_li, ben)  # who transferred is free
    await clinic.in_call(dr_okafor, ana)


async def test_only_ones_own_open_visit_is_transferred(
    clinic: Clinic, desk: Desk, other_node: Database, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    assert await said(desk.transfer(dr_li, ana, staff=dr_okafor.id)) == ["no_such_visit"]
    await clinic.in_call(dr_li, ana)
    assert await said(desk.transfer(dr_okafor, ana, profession="PT")) == ["no_such_visit"]
    assert await said(desk.transfer(dr_li, ana, staff=dr_okafor.id, hand_over="x")) == ["line_length"]
    answers = await said(
        desk.transfer(dr_li, ana, staff=dr_okafor.id), desk.transfer(dr_li, ana, staff=dr_okafor.id, node=other_node)
    )
    assert answers == ["done", "done"]
    assert (await clinic.events(ana)).count("send_back") == 1


async def test_a_transfer_and_an_end_at_once_are_one_of_them(
    clinic: Clinic, desk: Desk, other_node: Database, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await said(clinic.ends(dr_li, ana), desk.transfer(dr_li, ana, staff=dr_okafor.id, node=other_node))
    events = await clinic.events(ana)
    assert events.count("end") + events.count("send_back") == 1


async def test_who_does_not_come_is_a_no_show_after_the_slot(
    clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist
) -> None:
    early, late = await booked(clinic, dr_li, 10), await booked(clinic, dr_li, -10)
    assert await said(desk.act("no_show", dr_li, early)) == ["not_possible_now"]
    for one in (late, ana):
        await desk.act("no_show", dr_li, one)
        await desk.act("no_show", dr_li, one)
        row = await clinic.row(one)
        assert (row["state"], row["end_reason"]) == ("no_show", "no_show")
        assert row["ended_at"] is not None
        assert (await clinic.events(one)).count("miss") == 1


async def test_staff_end_a_visit_that_waits(clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist) -> None:
    await desk.act("close_waiting", dr_li, ana)
    await desk.act("close_waiting", dr_li, ana)
    row = await clinic.row(ana)
    assert (row["state"], row["end_reason"]) == ("cancelled", "staff")
    assert await said(desk.act("close_waiting", dr_li, await booked(clinic, dr_li, -5))) == ["not_possible_now"]


async def test_who_is_away_stays_when_staff_say_so(clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist) -> None:
    async with clinic.db.write() as tx:
        await visits.update_row(tx, ana.visit, "away_asked", Actor("system", "system"), asked_at=tx.now)
    await desk.act("stay", dr_li, ana)
    await desk.act("stay", dr_li, ana)
    assert (await clinic.row(ana))["asked_at"] is None
    assert (await clinic.events(ana)).count("kept") == 1
    await clinic.assert_waiting(ana, place=1)


async def test_each_act_and_an_admission_at_once_are_one_after_the_other(
    clinic: Clinic, desk: Desk, other_node: Database, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    for name in ("no_show", "close_waiting"):
        one = await clinic.fills_form(ANA)
        await clinic.arrives(one)
        answers = await said(clinic.admits(dr_li, one), desk.act(name, dr_okafor, one, node=other_node))
        assert answers == ["done", "not_possible_now"]
        if (await clinic.row(one))["state"] == "admitted":
            await clinic.ends(dr_li, one)


async def test_who_may_act(clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist, dr_okafor: Therapist) -> None:
    async def may(who: Therapist) -> bool:
        async with clinic.db.read() as conn:
            row = await visits.by_id(conn, ana.visit)
            assert row is not None
            return await actions.may_act(conn, row, who.id, await clinic.db.now())

    assert await may(dr_li), "the pool"
    await desk.act("reassign", dr_li, ana, staff=dr_okafor.id)
    assert (await may(dr_li), await may(dr_okafor)) == (False, True)
    await clinic.in_call(dr_okafor, ana)
    assert (await may(dr_li), await may(dr_okafor)) == (False, True)


async def test_what_is_over_is_theirs_who_had_it_and_a_while_theirs_whom_it_was_for(
    clinic: Clinic, desk: Desk, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    async def may(who: Therapist, one: Patient, hours: float = 0) -> bool:
        async with clinic.db.read() as conn:
            row, now = await visits.by_id(conn, one.visit), await clinic.db.now(conn)
            assert row is not None
            return await actions.may_act(conn, row, who.id, now + timedelta(hours=hours))

    await desk.act("close_waiting", dr_okafor, ana)  # out of the pool: nobody had it
    assert (await may(dr_li, ana), await may(dr_okafor, ana)) == (False, False)
    missed = await booked(clinic, dr_li, -10)
    await desk.act("no_show", dr_li, missed)
    assert (await may(dr_li, missed), await may(dr_li, missed, 13), await may(dr_okafor, missed)) == (
        True,
        False,
        False,
    )
    await clinic.leaves(ben)
    assert not await may(dr_li, ben)
    cy = await clinic.fills_form(ANA)
    await clinic.arrives(cy)
    await clinic.in_call(dr_li, cy)
    await clinic.ends(dr_li, cy)
    assert (await may(dr_li, cy, 24 * 90), await may(dr_okafor, cy)) == (True, False)
    async with clinic.db.read() as conn:
        row = await visits.by_id(conn, ana.visit)
        assert row is not None
        closed = [await actions.has_closed(conn, row, who.id, State.CANCELLED) for who in (dr_okafor, dr_li)]
    assert closed == [True, False], "the same press twice is the same as once"


async def test_after_the_last_patient_the_therapist_is_off_duty(
    clinic: Clinic, desk: Desk, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    for who in (dr_li, dr_okafor):
        await raw(clinic.db, "UPDATE staff SET duty = 'last' WHERE id = :id", id=who.id)
    await clinic.in_call(dr_li, ana)
    await clinic.in_call(dr_okafor, ben)
    await clinic.ends(dr_li, ana)
    await clinic.passes(ben, 3600)
    await clinic.sweeps()  # the other visit ends by time
    async with clinic.db.read() as conn:
        rows = (await conn.execute(select(staff_table))).mappings().all()
    assert [(row["on_duty_since"], row["duty"]) for row in rows] == [(None, "on")] * 2


async def test_a_person_error_changes_nothing(clinic: Clinic, desk: Desk, ana: Patient, dr_li: Therapist) -> None:
    before = await clinic.row(ana)
    with pytest.raises(PersonError):
        await desk.first(dr_li, ana, "x")
    assert await clinic.row(ana) == before
