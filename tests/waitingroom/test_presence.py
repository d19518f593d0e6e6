"""Whose page is open: a node's lease, not a sign of life of each patient."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from server.consultation import store as consultation
from server.db import Database
from server.waitingroom.presence import Presence
from server.waitingroom.store import away
from server.waitingroom.tables import node
from tests.people import Clinic, Patient
from tests.stores import raw, shift

A, B = "node-a", "node-b"


class Node:
    """One web process's presence: which pages it has open."""

    def __init__(self, clinic: Clinic, name: str) -> None:
        self.clinic, self.name, self.pages = clinic, name, dict[str, str]()
        self.presence = Presence(clinic.db, clinic.settings, name)
        self.presence.here = lambda: set(self.pages)

    async def opens(self, patient: Patient, page: str, *, fresh: bool = True) -> None:
        async with self.clinic.db.write() as tx:
            assert await consultation.attach_page(tx, patient.visit, "patient", page, fresh=fresh, node=self.name)
        self.pages[patient.visit] = page
        self.presence.opened(patient.visit)

    async def closes(self, patient: Patient, page: str) -> None:
        if self.pages.get(patient.visit) == page:
            del self.pages[patient.visit]
        self.presence.closed(patient.visit, page)
        await self.presence.flush()


@pytest.fixture
def first(clinic: Clinic) -> Node:
    return Node(clinic, A)


@pytest.fixture
def second(clinic: Clinic) -> Node:
    return Node(clinic, B)


async def away_now(clinic: Clinic) -> dict[str, datetime]:
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        return await away(conn, now, timedelta(seconds=clinic.settings.away_seconds))


async def silent(clinic: Clinic, name: str, seconds: float) -> None:
    """The node gave its last sign of life so long ago."""
    at = await clinic.db.now() - timedelta(seconds=seconds)
    async with clinic.db.write() as tx:
        await tx.conn.execute(node.update().where(node.c.id == name).values(seen_at=at))


async def test_who_waits_with_an_open_page_is_present_and_nothing_is_written(
    clinic: Clinic, ana: Patient, first: Node
) -> None:
    await first.presence.beat()
    await first.opens(ana, "p1")
    before = await clinic.row(ana)
    await shift(clinic.db, ana.visit, 3600, "patient_seen_at")
    await first.presence.beat()
    assert await away_now(clinic) == {}
    assert (await clinic.row(ana))["version"] == before["version"]


async def test_a_page_that_closes_is_away_after_a_while(clinic: Clinic, ana: Patient, first: Node) -> None:
    await first.presence.beat()
    await first.opens(ana, "p1")
    await first.closes(ana, "p1")
    row = await clinic.row(ana)
    assert row["patient_node"] is None
    assert await away_now(clinic) == {}, "a reload takes a moment"
    await shift(clinic.db, ana.visit, clinic.settings.away_seconds + 5, "patient_seen_at")
    assert await away_now(clinic) == {ana.visit: (await clinic.row(ana))["patient_seen_at"]}


async def test_a_reload_is_no_absence(clinic: Clinic, ana: Patient, first: Node) -> None:
    """The new page says hello before the old connection's end is noticed, or while that is being written."""
    await first.presence.beat()
    await first.opens(ana, "p1")
    await first.opens(ana, "p2")
    await first.closes(ana, "p1")
    assert (await clinic.row(ana))["patient_node"] == A
    first.presence.closed(ana.visit, "p2")  # the same page, reconnected: its old connection ends late
    await first.presence.flush()
    assert (await clinic.row(ana))["patient_node"] == A


async def test_a_new_page_whose_hello_is_on_its_way_is_not_closed_with_the_old_one(
    clinic: Clinic, ana: Patient, first: Node
) -> None:
    """The record names the new page already; the node's list of open pages does not yet."""
    await first.presence.beat()
    await first.opens(ana, "p1")
    async with clinic.db.write() as tx:
        await consultation.attach_page(tx, ana.visit, "patient", "p2", fresh=True, node=A)
    await first.closes(ana, "p1")
    assert (await clinic.row(ana))["patient_node"] == A


async def test_a_page_that_moves_to_another_node_stays_present(
    clinic: Clinic, ana: Patient, first: Node, second: Node
) -> None:
    await first.presence.beat()
    await second.presence.beat()
    await first.opens(ana, "p1")
    await second.opens(ana, "p1", fresh=False)  # the same page came back, elsewhere
    await first.closes(ana, "p1")
    assert (await clinic.row(ana))["patient_node"] == B


async def test_a_node_that_dies_leaves_its_patients_away_since_its_last_sign(
    clinic: Clinic, ana: Patient, ben: Patient, first: Node, second: Node
) -> None:
    await first.presence.beat()
    await second.presence.beat()
    await first.opens(ana, "p1")
    await second.opens(ben, "p2")
    for patient in (ana, ben):
        await shift(clinic.db, patient.visit, 3600, "patient_seen_at")
    await silent(clinic, A, clinic.settings.away_seconds + 3)
    async with clinic.db.read() as conn:
        last = await conn.scalar(select(node.c.seen_at).where(node.c.id == A))
    assert await away_now(clinic) == {ana.visit: last}
    await silent(clinic, A, 3600)  # and the others tidy up
    async with clinic.db.read() as conn:
        last = await conn.scalar(select(node.c.seen_at).where(node.c.id == A))
    await second.presence.beat()
    assert await away_now(clinic) == {ana.visit: last}
    row = await clinic.row(ana)
    assert (row["patient_node"], row["patient_seen_at"]) == (None, last)
    async with clinic.db.read() as conn:
        assert list((await conn.execute(select(node.c.id))).scalars()) == [B]
    await second.opens(ana, "p1", fresh=False)
    assert await away_now(clinic) == {}, "the page came back at the other node"


async def test_a_node_that_was_only_slow_names_its_pages_again(
    clinic: Clinic, ana: Patient, first: Node, second: Node
) -> None:
    """Its database was away for minutes; the others took its lease."""
    await first.presence.beat()
    await first.opens(ana, "p1")
    await silent(clinic, A, 3600)
    await second.presence.beat()
    assert (await clinic.row(ana))["patient_node"] is None
    await first.presence.beat()
    assert (await clinic.row(ana))["patient_node"] == A
    assert await away_now(clinic) == {}


async def test_a_node_that_stops_says_so(clinic: Clinic, ana: Patient, first: Node) -> None:
    await first.presence.beat()
    await first.opens(ana, "p1")
    await first.presence.leave()
    row = await clinic.row(ana)
    assert row["patient_node"] is None
    assert row["patient_seen_at"] is not None
    async with clinic.db.read() as conn:
        assert not (await conn.execute(select(node.c.id))).all()


async def test_what_could_not_be_written_is_written_later(clinic: Clinic, ana: Patient, first: Node) -> None:
    await first.presence.beat()
    await first.opens(ana, "p1")
    del first.pages[ana.visit]
    first.presence.closed(ana.visit, "p1")
    real, clinic.db.write = clinic.db.write, None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        await first.presence.flush()
    clinic.db.write = real  # type: ignore[method-assign]
    await first.presence.flush()
    assert (await clinic.row(ana))["patient_node"] is None


async def test_who_left_or_is_in_a_call_is_not_away(db: Database, clinic: Clinic, ana: Patient, ben: Patient) -> None:
    for patient in (ana, ben):
        await shift(clinic.db, patient.visit, 3600, "patient_seen_at")
    await clinic.leaves(ana)
    await raw(db, "UPDATE visit SET state = 'in_session' WHERE id = :id", id=ben.visit)
    assert await away_now(clinic) == {}
