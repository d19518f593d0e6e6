"""The people of the tests, and assertions in the words of the clinic.

``ana`` and ``ben`` are patients, ``dr_li`` and ``dr_okafor`` therapists; :class:`Clinic` is what they do
together, on a real store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import RowMapping, insert

from server.audit import SYSTEM, Actor
from server.config import Settings
from server.consultation import store as consultation
from server.db import Database, Transaction
from server.ids import new_id
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import Event
from server.visit.walk_in import WalkIn
from server.waitingroom.store import queue
from tests.stores import shift

ANA = WalkIn(
    name="Ana Pereira",
    dob=date(1961, 3, 27),
    reason="My shoulder hurts when I lift my arm",
    location={"street": "12 Alder Street", "city": "Toronto", "province": "CA-ON"},
    phone="+14165550123",
    emergency={"name": "Rui Pereira", "phone": "+14165550124"},
    language="en",
    page_language="en",
    interpreter=False,
    consent_version="2026-11",
)
BEN = replace(
    ANA, name="Benoît Roy", dob=date(1950, 11, 2), reason="Je suis tombé", emergency={}, language="fr",
    page_language="fr",
)  # fmt: skip


@dataclass
class Patient:
    """A patient in the record: the visit, and the address that only they have."""

    form: WalkIn
    visit: str
    address: str
    page: str

    @property
    def actor(self) -> Actor:
        return Actor("patient", self.visit)


@dataclass
class Therapist:
    id: str
    name: str
    page: str

    @property
    def actor(self) -> Actor:
        return Actor("staff", self.id)


async def hire(
    tx: Transaction,
    name: str,
    *,
    role: str = "therapist",
    profession: str | None = "PT",
    on_duty: bool = True,
) -> Therapist:
    """A member of staff without a password: nobody signs in here, so nothing needs to be hashed."""
    staff_id = new_id()
    await tx.conn.execute(
        insert(staff).values(
            id=staff_id, username=staff_id.casefold(), name=name, role=role, profession=profession, password="-",
            on_duty_since=tx.now if on_duty else None, changed_at=tx.now,
        )
    )  # fmt: skip
    return Therapist(staff_id, name, new_id())


class Clinic:
    """What patients and therapists do, on one node (``db``) unless another one is named."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self.db, self.settings = db, settings

    async def fills_form(self, form: WalkIn) -> Patient:
        visit_id, address = await visits.create_walk_in(self.db, form)
        return Patient(form, visit_id, address, new_id())

    async def arrives(self, patient: Patient) -> RowMapping:
        """The check is done, "I'm ready" is pressed, the page is open."""
        async with self.db.write() as tx:
            row = await visits.change(
                tx, patient.visit, Event.ARRIVE, patient.actor, arrived_at=tx.now, patient_seen_at=tx.now
            )
        async with self.db.write() as tx:
            await consultation.attach_page(tx, patient.visit, "patient", patient.page, fresh=True)
        return row

    async def leaves(self, patient: Patient) -> RowMapping:
        return await self.step(patient, Event.LEAVE, patient.actor)

    async def admits(self, who: Therapist, patient: Patient, *, node: Database | None = None) -> RowMapping:
        return await consultation.admit(node or self.db, self.settings, patient.visit, who.id, who.page)

    async def confirms(self, patient: Patient, *, node: Database | None = None) -> RowMapping:
        async with (node or self.db).write() as tx:
            return await consultation.confirm(tx, self.settings, patient.visit, patient.page)

    async def media(
        self, who: Patient | Therapist, patient: Patient, state: str, path: str | None = None, *,
        node: Database | None = None,
    ) -> RowMapping | None:  # fmt: skip
        """``who``'s page says how its connection is."""
        role = "patient" if isinstance(who, Patient) else "therapist"
        async with (node or self.db).write() as tx:
            return await consultation.media(tx, self.settings, patient.visit, role, who.page, state, path)

    async def in_call(self, who: Therapist, patient: Patient) -> None:
        """Admitted, confirmed, connected on both sides: the clock runs."""
        await self.admits(who, patient)
        await self.confirms(patient)
        await self.media(who, patient, "connected", "relay")
        await self.media(patient, patient, "connected", "relay")

    async def sends_back(self, who: Therapist, patient: Patient) -> RowMapping:
        async with self.db.write() as tx:
            return await consultation.send_back(tx, patient.visit, who.id)

    async def ends(self, who: Therapist, patient: Patient) -> RowMapping:
        async with self.db.write() as tx:
            return await consultation.end(tx, patient.visit, who.actor, "therapist")

    async def gives_back(self, who: Therapist, patient: Patient, *, node: Database | None = None) -> RowMapping:
        async with (node or self.db).write() as tx:
            return await consultation.give_back(tx, self.settings, patient.visit, who.id)

    async def red_flag(self, patient: Patient, open_: bool) -> None:
        """A red flag of level E is opened or closed in the note."""
        async with self.db.write() as tx:
            await consultation.hold(tx, self.settings, patient.visit, open_)

    async def opens_page(
        self, who: Patient | Therapist, patient: Patient, page: str, *, fresh: bool
    ) -> RowMapping | None:
        role = "patient" if isinstance(who, Patient) else "therapist"
        async with self.db.write() as tx:
            return await consultation.attach_page(tx, patient.visit, role, page, fresh=fresh)

    async def step(self, patient: Patient, event: Event, actor: Actor = SYSTEM, **values: Any) -> RowMapping:
        async with self.db.write() as tx:
            return await visits.change(tx, patient.visit, event, actor, **values)

    async def sweeps(self, *, node: Database | None = None) -> None:
        await consultation.sweep(node or self.db, self.settings)

    async def passes(self, patient: Patient, seconds: float) -> None:
        """``seconds`` pass for this visit."""
        await shift(self.db, patient.visit, seconds)

    async def row(self, patient: Patient) -> RowMapping:
        async with self.db.read() as conn:
            row = await visits.by_id(conn, patient.visit)
        assert row is not None, f"{patient.form.name} is lost"
        return row

    async def events(self, patient: Patient) -> list[str]:
        """The visit's history, as in its timeline."""
        return [row["event"] for row in await self.timeline(patient)]

    async def timeline(self, patient: Patient) -> Sequence[RowMapping]:
        async with self.db.read() as conn:
            return await visits.timeline(conn, patient.visit)

    async def place(self, patient: Patient) -> int | None:
        now = await self.db.now()
        async with self.db.read() as conn:
            line = await queue(conn, now, self.settings.visit_seconds, self.settings.wrap_up_seconds)
        return line.place(patient.visit)

    async def assert_waiting(self, patient: Patient, place: int) -> None:
        row = await self.row(patient)
        assert (row["state"], row["therapist_id"]) == ("waiting", None)
        assert await self.place(patient) == place

    async def assert_admitted(self, patient: Patient, by: Therapist) -> None:
        await self._assert_with(patient, by, "admitted")

    async def assert_in_session(self, patient: Patient, with_: Therapist) -> None:
        await self._assert_with(patient, with_, "in_session")

    async def assert_over(self, patient: Patient, state: str = "ended") -> None:
        row = await self.row(patient)
        assert row["state"] == state
        assert await self.place(patient) is None

    async def _assert_with(self, patient: Patient, who: Therapist, state: str) -> None:
        row = await self.row(patient)
        assert (row["state"], row["therapist_id"]) == (state, who.id)
        assert await self.place(patient) is None


@pytest.fixture
def clinic(db: Database, settings: Settings) -> Clinic:
    return Clinic(db, settings)


@pytest_asyncio.fixture
async def ana(clinic: Clinic) -> Patient:
    """Waits, first of all."""
    patient = await clinic.fills_form(ANA)
    await clinic.arrives(patient)
    await clinic.passes(patient, 60)
    return patient


@pytest_asyncio.fixture
async def ben(clinic: Clinic, ana: Patient) -> Patient:
    """Waits, after ana."""
    patient = await clinic.fills_form(BEN)
    await clinic.arrives(patient)
    return patient


@pytest_asyncio.fixture
async def dr_li(db: Database) -> Therapist:
    async with db.write() as tx:
        return await hire(tx, "Dr. Mei Li")


@pytest_asyncio.fixture
async def dr_okafor(db: Database) -> Therapist:
    async with db.write() as tx:
        return await hire(tx, "Samuel Okafor")
