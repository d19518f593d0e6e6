"""Who is the same person: two identifiers, one link, and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import pytest_asyncio

from server.audit import Access, Actor
from server.db import Database
from server.ids import new_id
from server.people import links
from server.people.links import Identity
from server.visit import store as visits
from tests.consultation.races import said
from tests.people import ANA, BEN, Therapist, hire
from tests.stores import other_node as other_node

KNOWN = Identity(ANA.name, ANA.dob)


@pytest_asyncio.fixture
async def dr_li(db: Database) -> Therapist:
    async with db.write() as tx:
        return await hire(tx, "Dr. Mei Li")


async def record(db: Database, name: str = ANA.name) -> str:
    """A patient record of a walk-in; its id."""
    visit_id, _ = await visits.create_walk_in(db, replace(ANA, name=name))
    async with db.read() as conn:
        row = await visits.by_id(conn, visit_id)
    assert row is not None
    return str(row["patient_id"])


async def link(db: Database, who: Therapist, a: str, b: str, identity: Identity = KNOWN) -> None:
    async with db.write() as tx:
        await links.link(db, tx, Actor("staff", who.id), a, b, identity)


async def person(db: Database, one: str) -> set[str]:
    async with db.read() as conn:
        return await links.person(conn, one)


async def test_two_identifiers_make_one_person(db: Database, dr_li: Therapist) -> None:
    a, b = await record(db), await record(db)
    assert await person(db, a) == {a}
    await link(db, dr_li, a, b)
    await link(db, dr_li, a, b)
    await link(db, dr_li, b, a)
    assert await person(db, a) == await person(db, b) == {a, b}


@pytest.mark.parametrize(
    ("identity", "answer"),
    [
        (Identity("ANA pereira", ANA.dob), "done"),
        (Identity(ANA.name, date(1961, 3, 28)), "not_enough"),
        (Identity("Ana Silva", ANA.dob), "not_enough"),
        (Identity("", None, same_phone=True), "not_enough"),
        (Identity("Ana Silva", ANA.dob, same_phone=True), "done"),
        (Identity(ANA.name, None, same_phone=True), "done"),
    ],
)
async def test_one_identifier_is_not_enough(db: Database, dr_li: Therapist, identity: Identity, answer: str) -> None:
    a, b = await record(db), await record(db)
    assert await said(link(db, dr_li, a, b, identity)) == [answer]
    assert (await person(db, a) == {a, b}) == (answer == "done")


async def test_a_strangers_record_is_not_linked_whatever_is_typed(db: Database, dr_li: Therapist) -> None:
    mine = await record(db)
    visit_id, _ = await visits.create_walk_in(db, BEN)
    async with db.read() as conn:
        row = await visits.by_id(conn, visit_id)
    assert row is not None
    stranger = str(row["patient_id"])
    for typed in (Identity(BEN.name, BEN.dob), Identity(BEN.name, BEN.dob, same_phone=True)):
        assert await said(link(db, dr_li, mine, stranger, typed)) == ["not_enough"]
    assert await person(db, mine) == {mine}
    async with db.read() as conn:
        assert await links.search(conn, Access(db.cipher), mine, Identity(BEN.name, BEN.dob)) == []


@pytest.mark.parametrize("out", range(4))
async def test_the_others_stay_one_person_whoever_is_taken_out(db: Database, dr_li: Therapist, out: int) -> None:
    ids = [await record(db) for _ in range(4)]
    for a, b in ((1, 0), (2, 0), (3, 2)):
        await link(db, dr_li, ids[a], ids[b])
    async with db.write() as tx:
        assert await links.unlink(db, tx, Actor("staff", dr_li.id), ids[out])
    others = set(ids) - {ids[out]}
    assert await person(db, ids[out]) == {ids[out]}
    assert [await person(db, one) for one in sorted(others)] == [others] * 3


async def test_every_record_finds_every_other_and_undoing_takes_one_out(db: Database, dr_li: Therapist) -> None:
    a, b, c, d = [await record(db) for _ in range(4)]
    await link(db, dr_li, b, c)
    await link(db, dr_li, a, b)
    await link(db, dr_li, a, d)
    assert await person(db, c) == {a, b, c, d}
    async with db.write() as tx:
        assert await links.unlink(db, tx, Actor("staff", dr_li.id), a)
    assert [await person(db, one) for one in (a, b, d)] == [{a}, {b, c, d}, {b, c, d}]
    async with db.write() as tx:
        assert not await links.unlink(db, tx, Actor("staff", dr_li.id), a)


async def test_a_search_is_exact_and_shows_nobody_who_is_linked(db: Database, dr_li: Therapist) -> None:
    a, b, c = await record(db), await record(db), await record(db, "Ana Pereira-Silva")
    door = Access(db.cipher)
    async with db.read() as conn:
        assert await links.search(conn, door, a, KNOWN) == [b]
        assert await links.search(conn, door, a, Identity("Ana Pereira-Silva", ANA.dob)) == [c]
        assert await links.search(conn, door, a, Identity("Ana", ANA.dob)) == []
        assert await links.search(conn, door, a, Identity(ANA.name, None)) == []
    await link(db, dr_li, a, b)
    async with db.read() as conn:
        assert await links.search(conn, door, a, KNOWN) == []


async def test_two_nodes_link_at_once(db: Database, other_node: Database, dr_li: Therapist) -> None:
    a, b = await record(db), await record(db)
    await said(link(db, dr_li, a, b), link(other_node, dr_li, a, b))
    assert await person(db, a) == {a, b}
    assert await said(link(db, dr_li, a, new_id())) == ["no_such_visit"]
