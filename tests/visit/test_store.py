"""The visit's row: created, found by its address, changed one step at a time or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from server.audit import Actor, access
from server.db import Change, Database
from server.errors import IllegalTransition, PersonError
from server.ids import digest, new_id
from server.visit import store
from server.visit.states import Event, State
from server.visit.tables import visit
from tests.people import ANA, BEN, Clinic, Patient, Therapist
from tests.stores import raw


async def test_a_walk_in_is_kept_and_found_by_its_address_alone(clinic: Clinic) -> None:
    ana = await clinic.fills_form(ANA)
    row = await clinic.row(ana)
    assert (row["state"], row["version"], row["arrived_at"]) == ("checking", 1, None)
    assert (row["consent_version"], row["consent_at"]) == ("2026-11", row["created_at"])
    assert row["address_hash"] == digest(ana.address)
    assert ana.address not in str(dict(row)), "the store does not hold the address"
    async with clinic.db.read() as conn:
        found = await store.by_address(conn, ana.address)
        assert found is not None
        assert found["id"] == ana.visit
        swapped = ana.address.swapcase()
        for wrong in (
            new_id(),
            "",
            "x",
            ana.visit,
            swapped,
            f"{ana.address} ",
            ana.address[:-1],
            "x" * 9000,
            "' OR 1=1",
        ):
            assert await store.by_address(conn, wrong) is None


async def test_what_was_told_opens_for_an_audited_reader(clinic: Clinic, dr_li: Therapist) -> None:
    ana = await clinic.fills_form(ANA)
    async with clinic.db.write() as tx:
        [row] = await store.with_people(tx.conn, visit.c.id == ana.visit)
        door = await access(clinic.db, tx, dr_li.actor, "read", "visit", ana.visit, subject=row["patient_id"])
        told = store.particulars(door, row)
    assert (told.name, told.dob, told.reason, told.phone) == (ANA.name, ANA.dob, ANA.reason, ANA.phone)
    assert (told.location, told.emergency) == (ANA.location, ANA.emergency)


async def test_a_walk_in_that_fails_leaves_nothing(clinic: Clinic) -> None:
    with pytest.raises(AttributeError):
        await clinic.fills_form(replace(ANA, phone=7))  # type: ignore[arg-type]
    async with clinic.db.read() as conn:
        for table in ("visit", "patient", "audit_entry"):
            assert await conn.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_a_step_changes_state_version_and_timeline_and_is_told(clinic: Clinic) -> None:
    ana = await clinic.fills_form(ANA)
    heard: list[Change] = []

    async def hear(changes: list[Change]) -> None:
        heard.extend(changes)

    clinic.db.on_commit = hear
    async with clinic.db.write() as tx:
        row = await store.change(tx, ana.visit, Event.ARRIVE, ana.actor, detail={"by": "button"}, arrived_at=tx.now)
    assert (row["state"], row["version"], row["arrived_at"]) == ("waiting", 2, row["changed_at"])
    last = (await clinic.timeline(ana))[-1]
    assert (last["event"], last["state"], last["version"], last["at"]) == ("arrive", "waiting", 2, row["changed_at"])
    assert (last["actor_kind"], last["detail"]) == ("patient", '{"by": "button"}')
    assert heard == [Change("visit", ana.visit, 2)]


@pytest.mark.parametrize(
    "event", [Event.CONFIRM, Event.END, Event.NOT_CONFIRMED, Event.SEND_BACK, Event.CLOSE_INCOMPLETE]
)
async def test_an_illegal_step_raises_and_changes_nothing(clinic: Clinic, ana: Patient, event: Event) -> None:
    before, events = await clinic.row(ana), await clinic.events(ana)
    with pytest.raises(IllegalTransition):
        await clinic.step(ana, event, ended_at=await clinic.db.now())
    assert await clinic.row(ana) == before
    assert await clinic.events(ana) == events


async def test_a_condition_that_does_not_hold_changes_nothing(clinic: Clinic, ana: Patient) -> None:
    before, events = await clinic.row(ana), await clinic.events(ana)
    for act in (store.change, store.update_row):
        async with clinic.db.write() as tx:
            with pytest.raises(PersonError, match="not_possible_now"):
                await act(tx, ana.visit, Event.LEAVE, ana.actor, conditions=[visit.c.held])
    assert await clinic.row(ana) == before
    assert await clinic.events(ana) == events


async def test_a_change_of_a_field_keeps_the_state(clinic: Clinic, ana: Patient) -> None:
    async with clinic.db.write() as tx:
        row = await store.update_row(tx, ana.visit, "proof_failed", ana.actor, proof_tries=1)
    assert (row["state"], row["proof_tries"]) == ("waiting", 1)
    assert (await clinic.events(ana))[-1] == "proof_failed"


async def test_nobodys_visit_cannot_be_changed(clinic: Clinic) -> None:
    async with clinic.db.write() as tx:
        for act in (store.change, store.update_row):
            with pytest.raises(PersonError, match="no_such_visit"):
                await act(tx, new_id(), Event.LEAVE, Actor("patient", "x"))


async def test_of_many_steps_at_once_exactly_one_happens(clinic: Clinic, other_node: Database, ana: Patient) -> None:
    async def leave(node: Database) -> str:
        try:
            async with node.write() as tx:
                await store.change(tx, ana.visit, Event.LEAVE, ana.actor, ended_at=tx.now)
        except PersonError as error:
            return error.code
        return "done"

    answers = await asyncio.gather(*(leave(node) for _ in range(5) for node in (clinic.db, other_node)))
    assert sorted(answers) == ["done"] + ["not_possible_now"] * 9
    assert (await clinic.events(ana)).count("leave") == 1


async def test_ten_changes_at_once_are_ten_versions(clinic: Clinic, other_node: Database, ana: Patient) -> None:
    async def one(node: Database) -> None:
        async with node.write() as tx:
            row = await store.by_id(tx.conn, ana.visit, lock=True)
            assert row is not None
            await store.update_row(tx, ana.visit, "proof_failed", ana.actor, proof_tries=row["proof_tries"] + 1)

    start = (await clinic.row(ana))["version"]
    await asyncio.gather(*(one(node) for _ in range(5) for node in (clinic.db, other_node)))
    row = await clinic.row(ana)
    assert (row["version"], row["proof_tries"]) == (start + 10, 10)


async def test_a_therapist_has_one_open_visit_whatever_the_code_does(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    with pytest.raises(IntegrityError):
        await raw(
            clinic.db,
            "UPDATE visit SET state = 'in_session', therapist_id = :li WHERE id = :ben",
            li=dr_li.id,
            ben=ben.visit,
        )
    await clinic.assert_waiting(ben, place=1)


async def test_visits_come_oldest_arrival_first_and_who_checks_last(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    early = await clinic.fills_form(BEN)
    await clinic.passes(early, 3600)
    await clinic.in_call(dr_li, ana)
    async with clinic.db.read() as conn:
        rows = await store.with_people(conn)
        waiting = await store.with_people(conn, visit.c.state == State.WAITING)
    assert [row["id"] for row in rows] == [ana.visit, ben.visit, early.visit]
    assert [row["therapist_name"] for row in rows] == ["Dr. Mei Li", None, None]
    assert [row["id"] for row in waiting] == [ben.visit]


async def test_times_are_the_databases(clinic: Clinic, ana: Patient) -> None:
    row, now = await clinic.row(ana), await clinic.db.now()
    assert timedelta(0) <= now - row["changed_at"] < timedelta(seconds=5)
    async with clinic.db.read() as conn:
        changed = await conn.scalar(select(visit.c.id).where(visit.c.changed_at > now - timedelta(seconds=10)))
    assert changed == ana.visit
