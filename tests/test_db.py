"""The record's engines: whose clock decides, who writes when, what columns take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import pytest_asyncio
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError

from server.db import Change, Ciphertext, Database, Encrypted, UtcTime
from tests.stores import db as db
from tests.stores import open_database

scratch = Table(
    "scratch",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("count", Integer),
    Column("at", UtcTime),
    Column("secret", Encrypted),
    Column("word", String(8)),
)


@pytest_asyncio.fixture
async def paper(db: Database) -> AsyncIterator[Database]:
    """A database with a table to try things on."""
    async with db.write() as tx:
        await tx.conn.run_sync(scratch.create)
    yield db


async def test_five_writers_that_read_and_then_write_lose_nothing(paper: Database, database_url: str) -> None:
    nodes = [open_database(database_url) for _ in range(5)]
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, count=0))

    async def writer(node: Database) -> None:
        for _ in range(20):
            async with node.write() as tx:
                count = await tx.conn.scalar(select(scratch.c.count).where(scratch.c.id == 1).with_for_update())
                await asyncio.sleep(0)  # the others get their turn between the read and the write
                assert count is not None
                await tx.conn.execute(update(scratch).values(count=count + 1))

    await asyncio.gather(*map(writer, nodes))
    async with paper.read() as conn:
        assert await conn.scalar(select(scratch.c.count)) == 100
    for node in nodes:
        await node.close()


async def test_writers_within_one_process_take_turns_too(paper: Database) -> None:
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, count=0))

    async def writer() -> None:
        async with paper.write() as tx:
            count = await tx.conn.scalar(select(scratch.c.count).with_for_update())
            assert count is not None
            await tx.conn.execute(update(scratch).values(count=count + 1))

    await asyncio.gather(*(writer() for _ in range(30)))
    async with paper.read() as conn:
        assert await conn.scalar(select(scratch.c.count)) == 30


async def test_reading_does_not_wait_for_a_writer(paper: Database) -> None:
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, count=1))
        async with asyncio.timeout(5), paper.read() as conn:
            assert await conn.scalar(select(scratch.c.count)) is None, "nobody sees what is not committed"
    async with paper.read() as conn:
        assert await conn.scalar(select(scratch.c.count)) == 1


async def test_many_readers_at_once_each_get_the_time(db: Database) -> None:
    async def reader() -> None:
        async with db.read() as conn:
            await conn.execute(text("SELECT 1"))
        await db.now()

    async with asyncio.timeout(20):
        await asyncio.gather(*(reader() for _ in range(60)))


async def test_an_error_undoes_the_whole_transaction(paper: Database) -> None:
    async def fails() -> None:
        async with paper.write() as tx:
            await tx.conn.execute(insert(scratch).values(id=1, count=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with paper.read() as conn:
        assert await conn.scalar(select(scratch.c.id)) is None
    async with paper.write() as tx:  # and the next writer is not held up
        await tx.conn.execute(insert(scratch).values(id=1, count=1))


async def test_a_cancelled_writer_frees_the_record(paper: Database) -> None:
    began = asyncio.Event()

    async def writer() -> None:
        async with paper.write() as tx:
            await tx.conn.execute(insert(scratch).values(id=1, count=1))
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(writer())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), paper.write() as tx:
        assert await tx.conn.scalar(select(scratch.c.id)) is None


async def test_changes_are_announced_after_the_commit_and_never_without_one(paper: Database) -> None:
    heard: list[list[Change]] = []

    async def hear(changes: list[Change]) -> None:
        async with paper.read() as conn:  # whoever hears it can read it
            assert await conn.scalar(select(scratch.c.count)) == 1
        heard.append(changes)

    paper.on_commit = hear

    async def fails() -> None:
        async with paper.write() as tx:
            tx.changed("visit", "a", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, count=1))
        tx.changed("visit", "a", 2)
        tx.changed("staff", "b", 7)
    async with paper.write():
        pass
    assert heard == [[Change("visit", "a", 2), Change("staff", "b", 7)]]


async def test_the_clock_is_the_databases(db: Database) -> None:
    now = await db.now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=2)
    async with db.write() as tx:
        assert now <= tx.now <= await db.now()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_writers_instant_is_taken_after_its_turn_has_come(paper: Database) -> None:
    """On SQLite; on PostgreSQL writers of different rows do not wait for each other."""
    instants: list[datetime] = []

    async def writer() -> None:
        async with paper.write() as tx:
            instants.append(tx.now)
            await tx.conn.execute(text("SELECT 1"))

    await asyncio.gather(*(writer() for _ in range(10)))
    assert instants == sorted(instants)


@pytest.mark.parametrize("offset_h", [-5, 0, 13])
async def test_an_instant_comes_back_as_the_same_instant_in_utc(paper: Database, offset_h: int) -> None:
    at = datetime(2026, 3, 8, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=offset_h)))
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, at=at))
        assert await tx.conn.scalar(select(scratch.c.id).where(scratch.c.at == at)) == 1
        assert await tx.conn.scalar(select(scratch.c.id).where(scratch.c.at < at)) is None
        back = await tx.conn.scalar(select(scratch.c.at))
    assert back == at
    assert back is not None
    assert back.tzinfo is UTC


async def test_the_clocks_own_reading_is_kept_exactly(paper: Database) -> None:
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, at=tx.now))
        assert await tx.conn.scalar(select(scratch.c.at)) == tx.now


async def test_an_instant_without_a_zone_is_refused(paper: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with paper.write() as tx:
            await tx.conn.execute(insert(scratch).values(id=1, at=datetime(2026, 3, 8)))  # noqa: DTZ001


async def test_an_encrypted_column_takes_no_clear_text(paper: Database) -> None:
    for wrong in (insert(scratch).values(id=1, secret="Ana"), select(scratch).where(scratch.c.secret == "Ana")):
        with pytest.raises(StatementError, match=r"audit\.Access\.seal"):
            async with paper.write() as tx:
                await tx.conn.execute(wrong)
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, secret=Ciphertext("k1.sealed")))
        value = await tx.conn.scalar(select(scratch.c.secret))
    assert isinstance(value, Ciphertext)


async def test_an_encrypted_column_takes_nothing_as_nothing(paper: Database) -> None:
    async with paper.write() as tx:
        await tx.conn.execute(insert(scratch).values(id=1, secret=None))
        row = (await tx.conn.execute(select(scratch.c.secret, scratch.c.at))).one()
    assert tuple(row) == (None, None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_is_set_up_to_keep_what_it_says(db: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 10000}
    async with db.write() as tx:
        for name, value in wanted.items():
            assert await tx.conn.scalar(text(f"PRAGMA {name}")) == value


async def test_a_visit_without_its_patient_cannot_be_kept(db: Database) -> None:
    with pytest.raises(DBAPIError):
        async with db.write() as tx:
            await tx.conn.execute(
                text(
                    "INSERT INTO web_session (key, realm, staff_id, data, created_at, expires_at)"
                    " VALUES ('k', 'desk', 'nobody', '{}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
                )
            )
