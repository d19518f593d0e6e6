"""The model that a day in the waiting room is held against (test_machine.py): a list on paper, and its few rules.

Written from docs/waiting-room.md, without server/waitingroom/queue.py. Times are seconds since the morning; what
happens at the same second is told apart by a number that only grows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.config import Settings
from server.db import Change, Database
from server.errors import PersonError
from server.live import Changes
from server.visit.states import OPEN, State
from server.waitingroom.presence import Presence
from server.waitingroom.room import Room
from server.waitingroom.store import Queue
from signaling.bus import Bus
from tests.people import Clinic, Patient
from tests.stores import cipher

CONFIRM, GRACE, LENGTH, LATE, AWAY = 120, 60, 1320, 900, 20
#: no sum of the steps comes within 10 s of a threshold, so a slow machine decides nothing
STEPS = st.sampled_from([50, 100, 650, 1350])
#: seconds from now to a slot; 25 s beside every sum of steps, and beside LATE
SLOTS = st.sampled_from([-1225, -425, -25, 75, 425, 1225])
MOST = 8
T = TypeVar("T")
Rule = TypeVar("Rule", bound=Callable[..., Any])
Instant = tuple[float, int]


class Ahead(Database):
    """A database whose clock we move: what reads it cannot tell that from time that has passed."""

    ahead = timedelta(0)

    async def _now(self, conn: AsyncConnection) -> Any:
        return await super()._now(conn) + Ahead.ahead


class Node:
    """A web process as far as the queue knows it: its view of the store, the bus, its memory, its lease."""

    def __init__(self, url: str, settings: Settings, bus_url: str) -> None:
        self.db = Ahead(url, cipher())
        self.settings, self._bus_url = settings, bus_url
        self.clinic = Clinic(self.db, settings)
        self.alive = self.deaf = False
        self.beat_at = 0.0  # on the model's clock
        self.pages: dict[str, str] = {}  # visit -> the page that is open here

    async def start(self) -> None:
        self.bus, self.room = Bus(self._bus_url), Room(self.db, self.settings)
        self.changes = Changes(self.db, self.bus, self.settings, self._on_change)
        self.presence = Presence(self.db, self.settings, self.changes.node)
        self.presence.here = self.pages.keys
        self.db.on_commit = self._on_commit
        self.bus.subscribe("changes", self._on_bus)
        await self.bus.start()
        self.tasks = [asyncio.create_task(step()) for step in (self.changes.run, self.changes.tell)]
        await self.presence.beat()
        self.alive, self.deaf = True, False

    async def die(self) -> None:
        """As by kill -9: nothing is written down."""
        self.alive, self.db.on_commit = False, None
        self.pages.clear()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.bus.close()

    async def close(self) -> None:
        if self.alive:
            await self.die()
        await self.db.close()

    def passes(self, seconds: float) -> None:
        """Its own clock moves with the store's; it looks as server/pages.py does every moment."""
        self.room._made -= seconds
        if self.room.slot_has_come():
            self.room.later()

    async def _on_commit(self, changes: list[Change]) -> None:
        self.room.changed([one.id for one in changes if one.table == "visit"], staff=any(one.table == "staff" for one in changes))  # fmt: skip
        await self.changes.on_commit(changes)

    async def _on_change(self, changed: Mapping[tuple[str, str], int]) -> None:
        visits = [row_id for table, row_id in changed if table == "visit"]
        self.room.changed(visits, staff=any(table == "staff" for table, _ in changed))

    async def _on_bus(self, payload: bytes) -> None:
        if not self.deaf:
            await self.changes.on_bus(payload)

    async def line(self) -> Queue:
        """The queue as this node shows it; one that does not hear looks, as it does now and then."""
        if self.deaf:
            await self.room.compare()
        return await self.room.line()


@dataclass
class Guest:
    """Somebody's line on the paper."""

    patient: Patient
    language: str
    interpreter: bool = False
    state: State = State.CHECKING
    arrived: Instant | None = None
    due: Instant | None = None
    first: Instant | None = None
    staff: str | None = None
    profession: str | None = None
    therapist: str | None = None
    admitted: float = 0
    started: float | None = None
    gone: float | None = None  # since when no page is open
    node: Node | None = None  # where the newest page is

    @property
    def visit(self) -> str:
        return self.patient.visit

    def back(self) -> None:
        self.state, self.therapist, self.started = State.WAITING, None, None


@dataclass
class Doctor:
    id: str
    page: str
    profession: str
    languages: tuple[str, ...]
    duty: str = "on"

    def takes(self, one: Guest) -> bool:
        return one.staff in (None, self.id) and one.profession in (None, self.profession)

    def understands(self, one: Guest) -> bool:
        return one.interpreter or one.language == "other" or one.language in self.languages


def some(*states: State) -> Callable[[Rule], Rule]:
    """Only while somebody is in one of ``states``."""
    so: Callable[[Rule], Rule] = precondition(lambda day: any(one.state in states for one in day.book.values()))
    return so


@dataclass
class Told:
    """What was seen at the last look: rows of who waited, first to last, and when."""

    order: list[str] = field(default_factory=list)
    rows: Mapping[str, RowMapping] = field(default_factory=dict)
    at: Any = None


class Paper(RuleBasedStateMachine):
    """The day's book, what it says of the order and of who may do what, and the means to ask the record the same."""

    nodes: list[Node]
    doctors: list[Doctor]
    loop: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.book: dict[str, Guest] = {}
        self.now = 0.0
        self._count = 0
        self.told = Told()

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(act)

    def attempt(self, *acts: Coroutine[Any, Any, Any]) -> list[str]:
        """All at once; for each its error's code or "done"."""

        async def together() -> list[Any]:
            return await asyncio.gather(*acts, return_exceptions=True)

        said = []
        for result in self.run(together()):
            if isinstance(result, BaseException) and not isinstance(result, PersonError):
                raise result
            said.append(result.code if isinstance(result, PersonError) else "done")
        return said

    def pick(self, data: st.DataObject, *states: State) -> Guest:
        found = [one for one in self.book.values() if one.state in states]
        return found[data.draw(st.integers(0, 59)) % len(found)]

    def living(self, number: int) -> Node:
        """A node that lives; the one that is asked for, if it does."""
        asked = self.nodes[number]
        return asked if asked.alive else next(node for node in self.nodes if node.alive)

    def instant(self) -> Instant:
        self._count += 1
        return self.now, self._count

    def doctor_of(self, one: Guest) -> Doctor:
        return next(who for who in self.doctors if who.id == one.therapist)

    def free(self, who: Doctor) -> bool:
        return not any(one.state in OPEN and one.therapist == who.id for one in self.book.values())

    # ---- the rules of the waiting room, once more

    def order(self) -> list[Guest]:
        waiting = [one for one in self.book.values() if one.state is State.WAITING]
        put_first = [one for one in waiting if one.first]
        rest = [one for one in waiting if not one.first]
        with_slot = [one for one in rest if one.due and one.arrived and one.arrived[0] - one.due[0] <= LATE]
        walk_ins = [one for one in rest if one not in with_slot]
        put_first.sort(key=lambda one: (one.first, one.visit))
        with_slot.sort(key=lambda one: (one.due, one.visit))
        walk_ins.sort(key=lambda one: (one.arrived, one.visit))
        due = [one for one in with_slot if one.due and one.due[0] <= self.now]
        return put_first + due + walk_ins + [one for one in with_slot if one not in due]

    def is_away(self, one: Guest) -> bool:
        return one.gone is not None and self.now - one.gone >= AWAY

    def next_for(self, who: Doctor) -> Guest | None:
        fits = (one for one in self.order() if who.takes(one) and who.understands(one) and not self.is_away(one))
        return next(fits, None)

    def admitted(self, one: Guest, who: Doctor) -> None:
        one.state, one.therapist, one.admitted, one.started = State.ADMITTED, who.id, self.now, None

    def over(self, one: Guest, state: State) -> None:
        if one.therapist and state is State.ENDED and self.doctor_of(one).duty == "last":
            self.doctor_of(one).duty = "off"
        one.state = state
