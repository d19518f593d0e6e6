"""The migrations give the tables that the code has; many nodes may run them at once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.migrate import SCRIPTS, differences, migrate
from server.tables import metadata
from tests.people import ANA
from tests.stores import open_database

ROOT = Path(__file__).parent.parent


async def tables(url: str) -> set[str]:
    db = open_database(url)
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if db.sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    async with db.read() as conn:
        found = set((await conn.execute(text(catalogue))).scalars())
    await db.close()
    return found


async def test_an_empty_database_gets_what_the_code_has(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    assert await differences(empty_database_url) == []
    assert await tables(empty_database_url) == set(metadata.tables) | {"alembic_version"}


async def test_differences_are_seen(empty_database_url: str) -> None:
    """The test above would notice."""
    assert await differences(empty_database_url) != []


async def test_again_changes_nothing_and_keeps_the_data(empty_database_url: str) -> None:
    from server.visit.store import by_address, create_walk_in

    await migrate(empty_database_url)
    db = open_database(empty_database_url)
    visit_id, address = await create_walk_in(db, ANA)
    await migrate(empty_database_url)
    async with db.read() as conn:
        row = await by_address(conn, address)
    await db.close()
    assert row is not None
    assert row["id"] == visit_id


async def test_two_nodes_that_start_at_once_both_succeed(empty_database_url: str) -> None:
    program = "import asyncio, sys; from server.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"

    async def node() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, empty_database_url, cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, stderr = await process.communicate()
        return process.returncode, stderr.decode()[-2000:]

    assert await asyncio.gather(*(node() for _ in range(3))) == [(0, "")] * 3
    assert await differences(empty_database_url) == []


async def test_two_migrations_in_one_process_at_once_both_succeed(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    assert await differences(empty_database_url) == []


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    """Half of a schema would be worse than none: here, a table of ours is already somebody else's."""
    db = open_database(empty_database_url)
    async with db.write() as tx:
        await tx.conn.execute(text("CREATE TABLE note (theirs INTEGER)"))
    await db.close()
    with pytest.raises(DBAPIError, match="note"):
        await migrate(empty_database_url)
    assert await tables(empty_database_url) == {"note"}


def test_every_revision_follows_the_one_before() -> None:
    names = sorted(path.stem for path in (SCRIPTS / "versions").glob("*.py") if path.stem != "__init__")
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
