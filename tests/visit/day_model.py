"""The model that a day at the clinic is held against (test_machine.py): visits as a receptionist keeps them on paper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition

from server.db import Database
from server.errors import PersonError
from server.visit.states import OPEN, State
from server.visit.walk_in import WalkIn
from tests.people import Clinic, Patient, Therapist

GRACE, CONFIRM, LENGTH, WRAP, MOST_BACK = 60, 120, 1200, 120, 300
#: seconds that pass at once; no sum of them comes within 10 s of a threshold, so a slow machine decides nothing
STEPS = st.sampled_from([50, 100, 650, 1350])
MOST_PATIENTS = 6
T = TypeVar("T")
Rule = TypeVar("Rule", bound=Callable[..., Any])
WHO = st.integers(0, 2)


def some(*states: State) -> Callable[[Rule], Rule]:
    """Only while some visit is in one of ``states`` (default: any)."""
    so: Callable[[Rule], Rule] = precondition(
        lambda day: any(one.state in (states or State) for one in day.book.values())
    )
    return so


@dataclass
class Modelled:
    """A visit as a receptionist would keep it on paper; times in seconds of its own."""

    patient: Patient
    state: State = State.CHECKING
    therapist: str | None = None
    arrived_at: datetime | None = None
    now: float = 0  # how much time has passed for this visit
    admitted: float | None = None
    connected: frozenset[str] = frozenset()
    started: float | None = None
    over: float = 0  # when the wrap-up is over
    held: bool = False
    lost_since: float | None = None
    lost: float = 0
    given_back: bool = False
    versions: int = 1

    def back(self) -> None:
        """To the waiting room, as if nothing had been."""
        kept = {"patient": self.patient, "arrived_at": self.arrived_at, "now": self.now, "versions": self.versions + 1}
        self.__dict__.update(replace(Modelled(**kept), state=State.WAITING).__dict__)  # type: ignore[arg-type]

    def start(self) -> None:
        self.started, self.over = self.now, self.now + LENGTH + WRAP

    def connection(self) -> None:
        """What follows from who is connected."""
        both = len(self.connected) == 2
        if self.started is None:
            if both and self.state is State.IN_SESSION:
                self.start()
        elif both and self.lost_since is not None:
            self.lost, self.lost_since = self.lost + self.now - self.lost_since, None
        elif not both and self.lost_since is None:
            self.lost_since = self.now


class Paper(RuleBasedStateMachine):
    """The day's book, what it says of who may do what, and the means to ask the record the same."""

    clinic: Clinic
    other: Database
    therapists: list[Therapist]
    loop: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.book: dict[str, Modelled] = {}
        self.therapists = [*self.therapists]

    # ---- helpers

    def pick(self, data: st.DataObject, *states: State) -> Modelled:
        """One of the visits, in one of ``states``."""
        found = [one for one in self.book.values() if not states or one.state in states]
        return found[data.draw(st.integers(0, 59)) % len(found)]  # 60: as fair for 1 to 6

    def therapist_of(self, one: Modelled) -> Therapist:
        return next(who for who in self.therapists if who.id == one.therapist)

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

    def alive(self) -> bool:
        return any(one.state in (State.WAITING, *OPEN) for one in self.book.values())

    def open_visit_of(self, who: Therapist) -> Modelled | None:
        return next((one for one in self.book.values() if one.state in OPEN and one.therapist == who.id), None)

    def admitted(self, one: Modelled, who: Therapist) -> None:
        one.state, one.therapist, one.admitted = State.ADMITTED, who.id, one.now
        one.connected = frozenset()
        one.versions += 1

    def may_admit(self, one: Modelled, who: Therapist) -> str:
        mine = self.open_visit_of(who)
        if mine is not None:
            return "done" if mine is one else "busy"
        if one.state is State.WAITING:
            return "done"
        return "taken" if one.state in OPEN else "not_possible_now"

    def in_call(self, one: Modelled, who: Therapist) -> None:
        self.run(self.clinic.in_call(who, one.patient))
        self.admitted(one, who)
        one.state, one.connected, one.versions = State.IN_SESSION, frozenset({"patient", "therapist"}), one.versions + 3
        one.connection()

    def walks_in(self, form: WalkIn) -> Modelled:
        patient = self.run(self.clinic.fills_form(form))
        one = self.book[patient.visit] = Modelled(patient)
        self.ready(one)
        return one

    def ready(self, one: Modelled) -> None:
        row = self.run(self.clinic.arrives(one.patient))
        one.state, one.arrived_at, one.versions = State.WAITING, row["arrived_at"], one.versions + 2
