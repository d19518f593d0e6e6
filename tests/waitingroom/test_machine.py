"""A day in the waiting room, driven at random against a list on paper, on a real store, with two nodes and a real bus.

Patients fill the form, come by slot or without, are away and come back on the other node, leave. Staff put first, hand
over, admit the next one (both at once), send back, end. Nodes die and start, hear nothing for a while, time passes.
After every step: no one is lost, no one is there twice, both nodes show the order that the paper says, and nobody who
stayed has somebody new ahead without a reason that the record tells.
"""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select, text, update

from server import live
from server.audit import Actor, access
from server.config import Settings
from server.consultation import store as consultation
from server.errors import PersonError
from server.ids import new_id
from server.people.duty import set_duty_state
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, Event, State
from server.visit.tables import visit
from server.waitingroom import actions, nobody
from server.waitingroom.queue import Therapist, next_for
from server.waitingroom.store import away
from tests.people import ANA, Patient, hire
from tests.valkey import valkey
from tests.waitingroom.always_so import AlwaysSo
from tests.waitingroom.queue_model import (
    CONFIRM,
    GRACE,
    LENGTH,
    MOST,
    SLOTS,
    STEPS,
    Ahead,
    Doctor,
    Guest,
    Node,
    some,
)

LONG = bool(os.environ.get("TEST_LONG"))
NODE = st.integers(0, 1)
WHO = st.integers(0, 2)
FORM = st.sampled_from([ANA, replace(ANA, language="fr"), replace(ANA, language="other"), replace(ANA, language="fr", interpreter=True)])  # fmt: skip
FOR = st.sampled_from([(None, None), (None, "PT"), (None, "OT"), (0, None), (1, None), (2, None)])
ADMIN = Actor("staff", "admin")
#: seconds that pass at once after an act
THEN = st.sampled_from([0, 50, 50, 100])
HOW = ["send back", "end", "hand over", "hand over"]
STAFF_DO = ["put first", "not first", "reassign", "close", "no-show", "stay"]


class Day(AlwaysSo):
    """One example is one day with its own patients; therapists and nodes are the same on all days."""

    day = 0
    drawn = 0

    @initialize()
    def morning(self) -> None:
        Day.day += 1

        async def nobody_is_left_from_yesterday() -> None:
            Ahead.ahead = timedelta(0)
            for node in self.nodes:
                if node.alive:
                    await node.die()
            async with self.nodes[0].db.write() as tx:
                await tx.conn.execute(text("DELETE FROM node"))
                await tx.conn.execute(text("UPDATE visit SET state = 'cancelled', patient_node = NULL"))
                for doctor in self.doctors:
                    await set_duty_state(tx, doctor.id, "on")
            for node in self.nodes:
                node.beat_at = 0
                await node.start()

        self.run(nobody_is_left_from_yesterday())
        for doctor in self.doctors:
            doctor.duty = "on"
        for number in range(2):
            self.walks_in(number, ANA)
        early, late = 75, -1225
        self.book_one(self.nodes[0], self.doctors[0], early, None, comes=True)
        self.book_one(self.nodes[1], self.doctors[1], late, None, comes=True)

    # ---- patients

    @precondition(lambda day: len(day.book) < MOST)
    @rule(node=NODE, form=FORM)
    def walks_in(self, node: int, form: Any) -> None:
        at = self.living(node)
        patient = self.run(at.clinic.fills_form(form))
        one = self.book[patient.visit] = Guest(patient, form.language, form.interpreter)
        self.arrive(one, at)

    @precondition(lambda day: len(day.book) < MOST)
    @rule(node=NODE)
    def fills_the_form_only(self, node: int) -> None:
        patient = self.run(self.living(node).clinic.fills_form(ANA))
        self.book[patient.visit] = Guest(patient, "en")

    @precondition(lambda day: len(day.book) < MOST)
    @rule(node=NODE, who=WHO, slot=SLOTS, same=st.booleans(), comes=st.booleans())
    def is_booked(self, node: int, who: int, slot: int, same: bool, comes: bool) -> None:
        """``same``: at the hour of somebody else's slot, with another therapist."""
        other = next((one for one in self.book.values() if one.due), None) if same else None
        self.book_one(self.living(node), self.doctors[who], slot, other, comes=comes)

    def book_one(self, at: Node, doctor: Doctor, slot: int, other: Guest | None, *, comes: bool) -> None:
        patient, address = Patient(ANA, self.own_id(), new_id(), new_id()), new_id()

        async def book() -> None:
            async with at.db.write() as tx:
                due_at: Any = tx.now + timedelta(seconds=slot)
                if other is not None:
                    due_at = await tx.conn.scalar(select(visit.c.due_at).where(visit.c.id == other.visit))
                patient_id = new_id()
                door = await access(at.db, tx, ADMIN, "create", "visit", patient.visit, subject=patient_id)
                await visits.create_booked(
                    tx, door, patient.visit, patient_id, address, ADMIN, name=ANA.name, dob=ANA.dob, email=None,
                    reason=ANA.reason, phone=ANA.phone, language="en", page_language="en", interpreter=False,
                    due_at=due_at, for_staff=doctor.id,
                )  # fmt: skip

        self.run(book())
        due = other.due if other else (self.now + slot, self.instant()[1])
        one = self.book[patient.visit] = Guest(patient, "en", state=State.BOOKED, due=due, staff=doctor.id)
        if comes:
            self.arrive(one, at)

    def own_id(self) -> str:
        """An id that breaks a tie in the same way when the day is played again."""
        self.drawn += 1
        return f"{Day.day:06}{self.drawn * 7919 % 10007:05}{self.drawn:011}"

    @some(State.CHECKING, State.BOOKED)
    @rule(data=st.data(), node=NODE)
    def arrives(self, data: st.DataObject, node: int) -> None:
        self.arrive(self.pick(data, State.CHECKING, State.BOOKED), self.living(node))

    def arrive(self, one: Guest, at: Node) -> None:
        self.run(at.clinic.arrives(one.patient))
        one.state, one.arrived = State.WAITING, self.instant()
        self.open_page(one, at, new=True)

    @some(State.WAITING, State.ADMITTED)
    @rule(data=st.data(), node=NODE, new=st.booleans(), then=THEN)
    def opens_the_page(self, data: st.DataObject, node: int, new: bool, then: int) -> None:
        """After a reload, on another node, after sleep; or once more while another page is still open."""
        one = self.pick(data, State.WAITING, State.ADMITTED)
        self.open_page(one, self.living(node), new=new)
        self.passes(then)

    def open_page(self, one: Guest, at: Node, *, new: bool) -> None:
        """As signaling's hello does. The older page is told to go, and goes."""
        older, page = one.node, one.patient.page
        if new:
            one.patient.page = page = new_id()

        async def hello() -> None:
            async with at.db.write() as tx:
                row = await consultation.attach_page(tx, one.visit, "patient", page, fresh=new, node=at.changes.node)
            assert row is not None
            at.pages[one.visit] = page
            at.presence.opened(one.visit)
            if older is not None and older.alive and older is not at and one.visit in older.pages:
                older.presence.closed(one.visit, older.pages.pop(one.visit))
                await older.presence.flush()

        self.run(hello())
        one.node, one.gone = at, None

    @some(State.WAITING, State.ADMITTED)
    @rule(data=st.data(), then=THEN)
    def goes_away(self, data: st.DataObject, then: int) -> None:
        """The tab is closed, the phone sleeps."""
        one = self.pick(data, State.WAITING, State.ADMITTED)
        node = one.node
        if node is None or not node.alive or one.visit not in node.pages:
            return

        async def goodbye(node: Node) -> None:
            node.presence.closed(one.visit, node.pages.pop(one.visit))
            await node.presence.flush()

        self.run(goodbye(node))
        one.gone = self.now
        self.passes(then)

    @some(State.CHECKING, State.WAITING, State.ADMITTED)
    @rule(data=st.data(), node=NODE)
    def leaves(self, data: st.DataObject, node: int) -> None:
        one = self.pick(data, State.CHECKING, State.WAITING, State.ADMITTED)
        assert self.attempt(self.step(self.living(node), one, Event.LEAVE)) == ["done"]
        self.over(one, State.LEFT)

    async def step(self, at: Node, one: Guest, event: Event) -> None:
        async with at.db.write() as tx:
            await visits.change(tx, one.visit, event, one.patient.actor, ended_at=tx.now)

    @some(State.BOOKED)
    @rule(data=st.data(), node=NODE)
    def cancels(self, data: st.DataObject, node: int) -> None:
        one = self.pick(data, State.BOOKED)
        assert self.attempt(self.step(self.living(node), one, Event.CANCEL)) == ["done"]
        self.over(one, State.CANCELLED)

    # ---- staff, about who waits

    @some(State.WAITING)
    @rule(data=st.data(), act=st.sampled_from(STAFF_DO), node=NODE, for_=FOR)
    def staff_act(self, data: st.DataObject, act: str, node: int, for_: tuple[int | None, str | None]) -> None:
        one = self.pick(data, State.WAITING)
        assert self.attempt(self.act(self.living(node), one, act, for_)) == ["done"]
        match act:
            case "put first":
                one.first = one.first or self.instant()
            case "not first":
                one.first = None
            case "reassign":
                one.staff, one.profession = self.for_(for_)
            case "close":
                self.over(one, State.CANCELLED)
            case "no-show":
                self.over(one, State.NO_SHOW)

    @some(State.ADMITTED, State.IN_SESSION, State.LEFT, State.ENDED)
    @rule(data=st.data(), act=st.sampled_from(STAFF_DO), node=NODE, for_=FOR)
    def staff_act_too_late(self, data: st.DataObject, act: str, node: int, for_: tuple[int | None, str | None]) -> None:
        one = self.pick(data, State.ADMITTED, State.IN_SESSION, State.LEFT, State.ENDED)
        with pytest.raises(PersonError):
            self.run(self.act(self.living(node), one, act, for_))

    @precondition(lambda day: sum(one.state is State.WAITING for one in day.book.values()) >= 2)
    @rule()
    def two_are_put_first_at_once(self) -> None:
        ones = [one for one in self.book.values() if one.state is State.WAITING][-2:]
        acts = [self.act(self.living(n), one, "put first", (None, None)) for n, one in enumerate(ones)]
        assert self.attempt(*acts) == ["done", "done"]
        for one in ones:  # who was first is left to chance: the day, played again, must not depend on it
            if one.first is None:
                assert self.attempt(self.act(self.living(0), one, "not first", (None, None))) == ["done"]

    def for_(self, chosen: tuple[int | None, str | None]) -> tuple[str | None, str | None]:
        number, profession = chosen
        return None if number is None else self.doctors[number].id, profession

    async def act(self, at: Node, one: Guest, act: str, for_: tuple[int | None, str | None]) -> None:
        async with at.db.write() as tx:
            match act:
                case "put first":
                    await actions.put_first(at.db, tx, one.visit, ADMIN, "in more pain than before")
                case "not first":
                    await actions.not_first(tx, one.visit, ADMIN)
                case "reassign":
                    to, profession = self.for_(for_)
                    await actions.reassign(tx, one.visit, ADMIN, staff=to, profession=profession)
                case "close":
                    await actions.close_waiting(tx, one.visit, ADMIN)
                case "no-show":
                    await actions.no_show(tx, one.visit, ADMIN)
                case _:
                    await actions.stay(tx, one.visit, ADMIN)

    @rule(who=WHO, duty=st.sampled_from(["on", "break", "last", "off"]), node=NODE)
    def duty(self, who: int, duty: Any, node: int) -> None:
        self.says(self.doctors[who], duty, self.living(node))

    def says(self, doctor: Doctor, duty: Any, at: Node) -> None:
        async def says() -> None:
            async with at.db.write() as tx:
                await set_duty_state(tx, doctor.id, duty)

        self.run(says())
        doctor.duty = duty

    # ---- admission

    @some(State.WAITING)
    @rule(who=WHO, node=NODE)
    def admits_the_next(self, who: int, node: int) -> None:
        doctor = self.doctors[who]
        if not self.free(doctor):
            return
        wanted = self.next_for(doctor)
        got = self.run(self.next(self.living(node), doctor))
        assert got == (wanted.visit if wanted else None)
        if wanted:
            self.admitted(wanted, doctor)

    @some(State.WAITING)
    @rule(who=WHO, node=NODE)
    def a_visit_begins(self, who: int, node: int) -> None:
        """The usual course in one step."""
        self.admits_the_next(who, node)
        doctor = self.doctors[who]
        mine = [one for one in self.book.values() if one.therapist == doctor.id and one.state is State.ADMITTED]
        for one in mine:
            assert self.attempt(self.living(1 - node).clinic.confirms(one.patient)) == ["done"]
            one.state = State.IN_SESSION

    async def next(self, at: Node, doctor: Doctor) -> str | None:
        """As the desk's one key does: whom the node shows as the next one; if another was faster, the one after."""
        me = Therapist(doctor.id, doctor.profession, frozenset(doctor.languages))
        for _ in range(5):
            line = await at.line()
            async with at.db.read() as conn:
                gone = await away(conn, await at.db.now(), timedelta(seconds=at.settings.away_seconds))
            one = next_for(me, line.order, gone)
            if one is None:
                return None
            try:
                row = await consultation.admit(at.db, at.settings, one.visit, doctor.id, doctor.page)
            except PersonError as error:
                if error.code != "taken":
                    raise
                at.room.changed([one.visit])
                continue
            return str(row["id"])
        raise AssertionError("the node goes on showing somebody who has been taken")

    @some(State.WAITING)
    @rule(first=WHO, second=WHO)
    def two_admit_the_next_at_once(self, first: int, second: int) -> None:
        pair = [self.doctors[first], self.doctors[second]]
        if first == second or not all(self.free(doctor) for doctor in pair):
            return

        async def both() -> list[str | None]:
            return await asyncio.gather(*(self.next(self.living(n), doctor) for n, doctor in enumerate(pair)))

        wanted = [self.next_for(doctor) for doctor in pair]
        got = self.run(both())
        assert got[0] != got[1] or got == [None, None], "nobody is admitted twice"
        if wanted[0] is not wanted[1]:
            assert got == [one.visit if one else None for one in wanted]
        elif wanted[0] is not None:
            assert wanted[0].visit in got, "the one who is next is admitted by one of them"
        for visit_id, doctor in zip(got, pair, strict=True):
            if visit_id:
                self.admitted(self.book[visit_id], doctor)
        self.the_record_says_what_the_paper_says()
        # who won is left to chance: all go back, so that the day, played again, does not depend on it
        for visit_id, doctor in zip(got, pair, strict=True):
            if visit_id:
                assert self.attempt(one_back(self.living(0), self.book[visit_id], doctor)) == ["done"]
                self.book[visit_id].back()

    @some(State.WAITING)
    @rule(data=st.data(), who=WHO, node=NODE)
    def admits_this_one(self, data: st.DataObject, who: int, node: int) -> None:
        one, doctor, at = self.pick(data, State.WAITING), self.doctors[who], self.living(node)
        expected = "busy" if not self.free(doctor) else "done" if doctor.takes(one) else "no_such_visit"
        assert self.attempt(self.admit(at, one, doctor)) == [expected]
        if expected == "done":
            self.admitted(one, doctor)

    async def admit(self, at: Node, one: Guest, doctor: Doctor) -> None:
        await consultation.admit(at.db, at.settings, one.visit, doctor.id, doctor.page)

    @some(State.WAITING)
    @rule(data=st.data(), who=WHO)
    def is_admitted_and_leaves_at_once(self, data: st.DataObject, who: int) -> None:
        one, doctor = self.pick(data, State.WAITING), self.doctors[who]
        if not self.free(doctor) or not doctor.takes(one):
            return
        said = self.attempt(self.admit(self.living(0), one, doctor), self.step(self.living(1), one, Event.LEAVE))
        assert said in (["done", "done"], ["not_possible_now", "done"], ["done", "not_possible_now"])
        state = self.run(self.rows())[one.visit]["state"]
        assert state == (State.ADMITTED if said[1] != "done" else State.LEFT)
        if state == State.ADMITTED:
            self.admitted(one, doctor)
            self.leaves_admitted(one)
        self.over(one, State.LEFT)

    def leaves_admitted(self, one: Guest) -> None:
        assert self.attempt(self.step(self.living(0), one, Event.LEAVE)) == ["done"]

    @some(State.ADMITTED)
    @rule(data=st.data(), node=NODE)
    def confirms(self, data: st.DataObject, node: int) -> None:
        one = self.pick(data, State.ADMITTED)
        assert self.attempt(self.living(node).clinic.confirms(one.patient)) == ["done"]
        one.state = State.IN_SESSION

    @some(*OPEN)
    @rule(data=st.data(), node=NODE, how=st.sampled_from(HOW), for_=FOR, last=st.booleans())
    def a_visit_is_over(
        self, data: st.DataObject, node: int, how: str, for_: tuple[int | None, str | None], last: bool
    ) -> None:
        """``last``: the therapist has said that this is the last patient."""
        one, at = self.pick(data, *OPEN), self.living(node)
        doctor = self.doctor_of(one)
        if last:
            self.says(doctor, "last", at)
        to, profession = self.for_(for_)

        async def act() -> None:
            async with at.db.write() as tx:
                if how == "end":
                    await consultation.end(tx, one.visit, Actor("staff", doctor.id), "therapist")
                elif how == "send back":
                    await consultation.send_back(tx, one.visit, doctor.id)
                else:
                    me = Actor("staff", doctor.id)
                    line = "needs hands, mine are full"
                    await actions.transfer(at.db, tx, one.visit, me, staff=to, profession=profession, hand_over=line)

        nowhere = how == "hand over" and (to == doctor.id or (to, profession) == (None, None))
        assert self.attempt(act()) == ["no_such_colleague" if nowhere else "done"]
        if nowhere:
            return
        if how == "end":
            self.over(one, State.ENDED)
            return
        one.back()
        if how == "hand over":
            one.staff, one.profession = to, profession
            if doctor.duty == "last":
                doctor.duty = "off"

    # ---- time and machines

    @rule(seconds=STEPS, sweeps=st.integers(0, 3))
    def time_passes(self, seconds: int, sweeps: int) -> None:
        """Mostly a sweep follows, as it does all the time."""
        self.passes(seconds)
        if sweeps:
            self.sweep(sweeps)

    def passes(self, seconds: int) -> None:
        """The nodes that live say so."""

        async def pass_() -> None:
            Ahead.ahead += timedelta(seconds=seconds)
            for node in self.nodes:
                if node.alive:
                    node.passes(seconds)
                    await node.presence.beat()

        self.run(pass_())
        self.now += seconds
        for node in self.nodes:
            if node.alive:
                node.beat_at = self.now

    def sweep(self, sweeps: int) -> None:
        at = [self.living(number) for number in range(sweeps)] if sweeps < 3 else [self.living(0), self.living(1)]
        assert set(self.attempt(*(node.clinic.sweeps(node=node.db) for node in at))) == {"done"}
        assert set(self.attempt(*(nobody.mark(node.db) for node in at))) == {"done"}
        for one in self.book.values():
            waited = self.now - one.admitted
            if one.state is State.ADMITTED and waited >= CONFIRM:
                one.back()
            elif one.state is State.IN_SESSION and one.started is None and waited >= GRACE:
                one.started = self.now
            elif one.state is State.IN_SESSION and one.started is not None and self.now - one.started >= LENGTH:
                self.over(one, State.ENDED)

    @precondition(lambda day: all(node.alive for node in day.nodes))
    @rule(number=NODE, orderly=st.booleans(), then=THEN)
    def a_node_stops(self, number: int, orderly: bool, then: int) -> None:
        node = self.nodes[number]
        here = set(node.pages)

        async def stop() -> None:
            if orderly:
                await node.presence.leave()
            await node.die()

        self.run(stop())
        for one in self.book.values():
            if one.visit in here and one.node is node and one.gone is None:
                one.gone = self.now if orderly else node.beat_at
        self.passes(then)

    @precondition(lambda day: not all(node.alive for node in day.nodes))
    @rule()
    def a_node_starts(self) -> None:
        node = next(node for node in self.nodes if not node.alive)
        self.run(node.start())
        node.beat_at = self.now

    @precondition(lambda day: any(node.alive and not node.deaf for node in day.nodes))
    @rule(number=NODE)
    def a_node_loses_the_bus(self, number: int) -> None:
        self.nodes[number].deaf = True

    @precondition(lambda day: any(node.deaf for node in day.nodes))
    @rule()
    def the_bus_is_back(self) -> None:
        for node in self.nodes:
            if node.alive and node.deaf:
                node.deaf = False
                self.run(node.room.compare())


async def one_back(at: Node, one: Guest, doctor: Doctor) -> None:
    async with at.db.write() as tx:
        await consultation.send_back(tx, one.visit, doctor.id)


@pytest.mark.timeout(3600 if LONG else 180)
def test_a_day_in_the_waiting_room(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_S", 600.0)  # only the bus tells; a node that is deaf has to look
    sqlite = database_url.startswith("sqlite")
    examples = (400 if sqlite else 150) if LONG else (8 if sqlite else 5)
    (tmp_path / "bus").mkdir()
    settings = Settings(secret=base64.b64encode(b"s" * 32).decode())
    with asyncio.Runner() as runner, valkey(tmp_path / "bus") as bus:
        two = [Node(database_url, settings, bus.url) for _ in range(2)]

        async def open_the_clinic() -> list[Doctor]:
            doctors = []
            async with two[0].db.write() as tx:
                for name, profession, languages in (("Li", "PT", "en,fr"), ("Okafor", "OT", "en"), ("Roy", "PT", "fr")):
                    who = await hire(tx, name, profession=profession)
                    await tx.conn.execute(update(staff).where(staff.c.id == who.id).values(languages=languages))
                    doctors.append(Doctor(who.id, who.page, profession, tuple(languages.split(","))))
            return doctors

        class ThisDay(Day):
            nodes = two
            doctors = runner.run(open_the_clinic())
            loop = runner

        try:
            run_machine(
                ThisDay,
                settings=how(
                    max_examples=examples,
                    stateful_step_count=50 if LONG else 30,
                    deadline=None,
                    derandomize=not LONG,
                    database=None,
                    # to shrink a failing day takes minutes
                    phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            Ahead.ahead = timedelta(0)
            for node in two:
                runner.run(node.close())
