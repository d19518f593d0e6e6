"""The audit: who saw or changed what, in a chain that shows tampering; and the only door to personal data."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from server.audit import SYSTEM, Access, Actor, access, audit_entry, first_broken
from server.crypto import Undecryptable
from server.db import Database
from server.people.tables import patient
from server.visit.store import by_id, create_walk_in
from server.visit.tables import visit
from tests.people import ANA, BEN
from tests.stores import db as db
from tests.stores import other_node as other_node
from tests.stores import raw

DR_LI = Actor("staff", "li")
UNLOCK = {
    "sqlite": ("DROP TRIGGER audit_locked", "DROP TRIGGER audit_kept"),
    "postgresql": ("ALTER TABLE audit_entry DISABLE TRIGGER USER",),
}


async def read_by(db: Database, actor: Actor, record_id: str) -> None:
    async with db.write() as tx:
        await access(db, tx, actor, "read", "visit", record_id, subject="ana", note="desk")


async def entries(db: Database) -> list[tuple[str, str, str, str]]:
    async with db.read() as conn:
        rows = (await conn.execute(select(audit_entry).order_by(audit_entry.c.seq))).mappings().all()
    return [(row["actor"], row["action"], row["record"], row["record_id"]) for row in rows]


async def unlocked(db: Database) -> None:
    """As an intruder who may change the schema."""
    for statement in UNLOCK["sqlite" if db.sqlite else "postgresql"]:
        await raw(db, statement)


async def test_each_access_leaves_an_entry_in_its_order(db: Database) -> None:
    await read_by(db, DR_LI, "v1")
    await read_by(db, SYSTEM, "v2")
    assert await entries(db) == [("li", "read", "visit", "v1"), ("system", "read", "visit", "v2")]
    assert await first_broken(db) is None


async def test_an_empty_audit_is_whole(db: Database) -> None:
    assert await first_broken(db) is None


async def test_no_commit_no_entry_and_the_chain_goes_on(db: Database) -> None:
    await read_by(db, DR_LI, "v1")
    async with db.write() as tx:
        await access(db, tx, DR_LI, "read", "visit", "v2")
        await tx.conn.rollback()
    await read_by(db, DR_LI, "v3")
    assert [entry[3] for entry in await entries(db)] == ["v1", "v3"]
    assert await first_broken(db) is None


async def test_two_nodes_writing_at_once_make_one_chain(db: Database, other_node: Database) -> None:
    await asyncio.gather(*(read_by(node, DR_LI, f"v{i}") for i in range(15) for node in (db, other_node)))
    assert len(await entries(db)) == 30
    assert await first_broken(db) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'somebody else'",
        "UPDATE audit_entry SET seq = seq + 100",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_entry WHERE seq = (SELECT max(seq) FROM audit_entry)",
    ],
)
async def test_the_database_refuses_to_change_or_remove_an_entry(db: Database, statement: str) -> None:
    await read_by(db, DR_LI, "v1")
    before = await entries(db)
    with pytest.raises(DBAPIError):
        await raw(db, statement)
    assert await entries(db) == before


async def test_the_database_refuses_to_replace_or_empty(db: Database) -> None:
    await read_by(db, DR_LI, "v1")
    columns = "actor_kind, actor, action, record, record_id, previous, hash"
    statements = (
        (
            f"INSERT OR REPLACE INTO audit_entry (seq, at, {columns}) SELECT seq, at, {columns} FROM audit_entry",
            f"REPLACE INTO audit_entry (seq, at, {columns}) SELECT seq, at, {columns} FROM audit_entry",
        )
        if db.sqlite
        else ("TRUNCATE audit_entry",)
    )
    for statement in statements:
        with pytest.raises(DBAPIError):
            await raw(db, statement)
    assert len(await entries(db)) == 1


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_entry SET actor = 'okafor' WHERE record_id = 'v2'",
        "UPDATE audit_entry SET action = 'create' WHERE record_id = 'v2'",
        "UPDATE audit_entry SET record_id = 'v9' WHERE record_id = 'v2'",
        "UPDATE audit_entry SET subject = NULL WHERE record_id = 'v2'",
        "UPDATE audit_entry SET note = 'x' WHERE record_id = 'v2'",
        "UPDATE audit_entry SET at = '2026-01-01 00:00:00' WHERE record_id = 'v2'",
        "UPDATE audit_entry SET previous = hash WHERE record_id = 'v2'",
        "UPDATE audit_entry SET hash = previous WHERE record_id = 'v2'",
    ],
)
async def test_a_changed_entry_is_found(db: Database, tampering: str) -> None:
    for record in ("v1", "v2", "v3"):
        await read_by(db, DR_LI, record)
    await unlocked(db)
    await raw(db, tampering)
    async with db.read() as conn:
        second = (await conn.execute(select(audit_entry.c.seq).order_by(audit_entry.c.seq).offset(1))).scalar()
    assert await first_broken(db) == second


async def test_a_removed_entry_is_found_by_the_next_one(db: Database) -> None:
    for record in ("v1", "v2", "v3"):
        await read_by(db, DR_LI, record)
    await unlocked(db)
    await raw(db, "DELETE FROM audit_entry WHERE record_id = 'v2'")
    async with db.read() as conn:
        last = await conn.scalar(text("SELECT max(seq) FROM audit_entry"))
    assert await first_broken(db) == last


async def test_swapped_entries_are_found(db: Database) -> None:
    for record in ("v1", "v2", "v3"):
        await read_by(db, DR_LI, record)
    await unlocked(db)
    await raw(db, "UPDATE audit_entry SET seq = -1 WHERE record_id = 'v1'")
    await raw(db, "UPDATE audit_entry SET seq = 99 WHERE record_id = 'v2'")
    assert await first_broken(db) is not None


async def test_a_new_walk_in_is_audited_as_the_patients_own_act(db: Database) -> None:
    visit_id, _ = await create_walk_in(db, ANA)
    [(actor, action, record, record_id)] = await entries(db)
    async with db.read() as conn:
        row = await by_id(conn, visit_id)
    assert row is not None
    assert (actor, action, record, record_id) == (row["patient_id"], "create", "visit", visit_id)


async def test_the_store_holds_no_word_of_a_patient_in_clear(db: Database) -> None:
    await create_walk_in(db, ANA)
    told = ("Ana", "Pereira", "1961", "Alder", "shoulder", "4165550123", "4165550124", "Rui")
    async with db.read() as conn:
        tables = ("patient", "visit", "visit_event", "audit_entry")
        kept = [str(row) for name in tables for row in await conn.execute(text(f"SELECT * FROM {name}"))]
    # an id or a ciphertext may hold three letters by chance: look for what a reader would recognise
    assert not [word for word in told if len(word) > 4 for row in kept if word in row]


async def test_a_value_that_was_moved_to_another_patient_does_not_open(db: Database) -> None:
    ana, _ = await create_walk_in(db, ANA)
    ben, _ = await create_walk_in(db, BEN)
    await raw(
        db, "UPDATE visit SET reason = (SELECT reason FROM visit WHERE id = :ana) WHERE id = :ben", ana=ana, ben=ben
    )
    async with db.write() as tx:
        door = await access(db, tx, DR_LI, "read", "visit", ben)
        mine, moved = await by_id(tx.conn, ana), await by_id(tx.conn, ben)
        assert mine is not None
        assert moved is not None
        assert door.open(visit.c.reason, ana, mine["reason"]) == ANA.reason
        with pytest.raises(Undecryptable):
            door.open(visit.c.reason, ben, moved["reason"])


async def test_a_value_that_was_moved_to_another_column_does_not_open(db: Database) -> None:
    ana, _ = await create_walk_in(db, ANA)
    await raw(db, "UPDATE visit SET phone = reason WHERE id = :ana", ana=ana)
    async with db.write() as tx:
        door = await access(db, tx, DR_LI, "read", "visit", ana)
        row = await by_id(tx.conn, ana)
        assert row is not None
        with pytest.raises(Undecryptable):
            door.open(visit.c.phone, ana, row["phone"])


async def test_what_was_not_said_stays_nothing(db: Database) -> None:
    door = Access(db.cipher)
    assert door.seal(patient.c.name, "row", None) is None
    assert door.open(patient.c.name, "row", None) is None


async def test_an_audit_entry_is_written_by_our_code_alone(db: Database) -> None:
    """An entry that was put in past the code breaks the chain."""
    await read_by(db, DR_LI, "v1")
    async with db.write() as tx:
        values = {"actor_kind": "staff", "actor": "x", "action": "read", "record": "visit", "record_id": "v"}
        await tx.conn.execute(insert(audit_entry).values(**values, at=tx.now, previous="0" * 64, hash="0" * 64))
    assert await first_broken(db) is not None
