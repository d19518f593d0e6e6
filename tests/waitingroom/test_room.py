"""The waiting room in a node's memory says what the record says, and reads only what has changed."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from server.config import Settings
from server.db import Change, Database
from server.people.store import set_duty
from server.visit.tables import visit
from server.waitingroom.room import Room
from server.waitingroom.store import queue
from tests.people import ANA, BEN, Clinic, Patient, Therapist


class Heard:
    """A room that hears of every commit of its node, as in server/wiring.py."""

    def __init__(self, clinic: Clinic) -> None:
        self.room = Room(clinic.db, clinic.settings)
        clinic.db.on_commit = self._hear

    async def _hear(self, changes: list[Change]) -> None:
        visits = [one.id for one in changes if one.table == "visit"]
        self.room.changed(visits, staff=any(one.table == "staff" for one in changes))


@pytest.fixture
def heard(clinic: Clinic) -> Heard:
    return Heard(clinic)


async def assert_same(clinic: Clinic, room: Room) -> None:
    """What the room has in memory is what a reader of the whole record finds."""
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        true = await queue(conn, now, clinic.settings.visit_seconds, clinic.settings.wrap_up_seconds)
    line = await room.line()
    assert list(line.order) == list(true.order)
    assert {one.id: one.takes for one in line.therapists} == {one.id: one.takes for one in true.therapists}
    assert line.on_duty == true.on_duty
    for key, standing in true.standing.items():
        ours = line.standing[key]
        assert (ours.place, ours.kind, ours.first, ours.due) == (
            standing.place,
            standing.kind,
            standing.first,
            standing.due,
        )
        assert ours.wait_s == pytest.approx(standing.wait_s, abs=10) or ours.wait_s is standing.wait_s is None


async def test_the_room_follows_every_act(clinic: Clinic, heard: Heard, dr_li: Therapist, dr_okafor: Therapist) -> None:
    """A day of random acts: after each one the memory equals the record."""
    room, chance = heard.room, random.Random(4)
    people: list[Patient] = []
    await assert_same(clinic, room)
    for _ in range(40):
        line = await room.line()
        waiting = [one for one in people if line.place(one.visit)]
        busy = {row["therapist_id"]: one for one in people if (row := await clinic.row(one))["therapist_id"]}
        act = chance.choice(("come", "come", "leave", "admit", "send back", "first", "slot", "duty", "page"))
        if act == "come" or not waiting:
            one = await clinic.fills_form(chance.choice((ANA, BEN)))
            await clinic.arrives(one)
            people.append(one)
        elif act == "leave":
            await clinic.leaves(chance.choice(waiting))
        elif act == "admit":
            free = [who for who in (dr_li, dr_okafor) if who.id not in busy]
            if free:
                await clinic.admits(free[0], waiting[0])
        elif act == "send back" and busy:
            who = next(one for one in (dr_li, dr_okafor) if one.id in busy)
            await clinic.sends_back(who, busy[who.id])
        elif act in ("first", "slot"):
            await changed(clinic, chance.choice(waiting), act, chance.randint(-20, 20))
        elif act == "duty":
            async with clinic.db.write() as tx:
                await set_duty(tx, dr_okafor.id, chance.random() < 0.7)
        elif act == "page":
            one = chance.choice(waiting)
            await clinic.opens_page(one, one, f"page{chance.random()}", fresh=True)
        await assert_same(clinic, room)


async def changed(clinic: Clinic, one: Patient, what: str, minutes: int) -> None:
    async with clinic.db.write() as tx:
        row = await clinic.row(one)
        at = tx.now + timedelta(minutes=minutes)
        values = {"priority_at": at} if what == "first" else {"due_at": at}
        await tx.conn.execute(
            update(visit).where(visit.c.id == one.visit).values(version=row["version"] + 1, changed_at=tx.now, **values)
        )
        tx.changed("visit", one.visit, row["version"] + 1)


async def test_a_page_that_opens_changes_no_line(clinic: Clinic, heard: Heard, ana: Patient, ben: Patient) -> None:
    """Ten thousand come back after a restart: each is an event, and nobody's place is another."""
    before = await heard.room.line()
    await clinic.opens_page(ana, ana, "another page", fresh=True)
    assert await heard.room.line() is before


async def test_an_admission_reads_one_visit(
    clinic: Clinic, heard: Heard, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    room = heard.room
    await room.line()
    await clinic.admits(dr_li, ana)
    read: list[int] = []

    def count(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "visit.arrived_at" in statement:
            read.append(statement.count("IN ("))
            assert "visit.id IN" in statement or "visit.due_at" in statement, "never the whole room"

    event.listen(clinic.db._reader.sync_engine, "before_cursor_execute", count)
    try:
        assert (await room.line()).place(ben.visit) == 1
    finally:
        event.remove(clinic.db._reader.sync_engine, "before_cursor_execute", count)
    assert read


async def test_what_no_event_told_is_found_by_comparing(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    room = Room(clinic.db, clinic.settings)  # hears nothing
    await room.line()
    await clinic.leaves(ana)
    assert (await room.line()).place(ana.visit) == 1, "nobody has said anything"
    assert await room.compare()
    assert (await room.line()).place(ben.visit) == 1
    assert not await room.compare()


async def test_a_reader_who_knows_more_brings_the_room_up_to_date(clinic: Clinic, ana: Patient) -> None:
    """A page that another node has just changed is loaded here before the event comes."""
    room = Room(clinic.db, clinic.settings)
    await room.line()
    late = await clinic.fills_form(BEN)
    await clinic.arrives(late)
    assert (await room.line(await clinic.row(late))).place(late.visit) == 2


async def test_a_slot_that_comes_is_noticed(clinic: Clinic, heard: Heard, ana: Patient, ben: Patient) -> None:
    async with clinic.db.write() as tx:
        soon = tx.now + timedelta(milliseconds=300)
        await tx.conn.execute(update(visit).where(visit.c.id == ben.visit).values(due_at=soon, version=9))
        tx.changed("visit", ben.visit, 9)
    room = heard.room
    assert (await room.line()).place(ben.visit) == 2
    assert room.moves
    while not room.slot_has_come():
        assert room.now() < soon + timedelta(seconds=2)
    room.later()
    assert (await room.line()).place(ben.visit) == 1


async def test_a_failure_forgets_nothing(clinic: Clinic, heard: Heard, ana: Patient, ben: Patient) -> None:
    room = heard.room
    await room.line()
    await clinic.leaves(ana)
    real, clinic.db.read = clinic.db.read, None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        await room.line()
    clinic.db.read = real  # type: ignore[method-assign]
    assert (await room.line()).place(ben.visit) == 1


async def test_an_empty_room(db: Database, settings: Settings) -> None:
    line = await Room(db, settings).line()
    assert (list(line.order), line.on_duty) == ([], 0)
