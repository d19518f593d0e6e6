"""Fixtures of the store tests: the record on SQLite and on PostgreSQL, and how its time passes.

Use them by name: ``from tests.stores import db as db``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from server.config import Settings
from server.crypto import FieldCipher
from server.db import Database

DATA_KEY = b"d" * 32
INDEX_KEY = b"i" * 32
#: every instant of a visit's row that its course depends on
INSTANTS = (
    "created_at", "arrived_at", "admitted_at", "confirmed_at", "started_at", "ends_at", "wrap_ends_at", "ended_at",
    "lost_since", "patient_seen_at", "therapist_seen_at",
)  # fmt: skip


def cipher() -> FieldCipher:
    return FieldCipher({"k1": DATA_KEY}, INDEX_KEY)


def open_database(url: str) -> Database:
    """One process's view of the store; two of them are two nodes."""
    return Database(url, cipher())


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    node = open_database(database_url)
    yield node
    await node.close()


@pytest_asyncio.fixture
async def other_node(database_url: str) -> AsyncIterator[Database]:
    """A second web process on the same store."""
    node = open_database(database_url)
    yield node
    await node.close()


@pytest.fixture
def settings() -> Settings:
    """The clinic's settings as they are delivered: 20 minutes, 2 minutes of wrap-up."""
    return Settings(secret=base64.b64encode(b"s" * 32).decode())


async def shift(db: Database, visit_id: str, seconds: float, *columns: str) -> None:
    """Let ``seconds`` pass for one visit: its instants (or only ``columns``) move back by raw SQL."""
    for column in columns or INSTANTS:
        assert column in INSTANTS
        if db.sqlite:
            earlier = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-' || :s || ' seconds') || '000'"
        else:
            earlier = f"{column} - make_interval(secs => :s)"
        async with db.write() as tx:
            await tx.conn.execute(
                text(f"UPDATE visit SET {column} = {earlier} WHERE id = :id AND {column} IS NOT NULL"),
                {"s": seconds, "id": visit_id},
            )


async def raw(db: Database, statement: str, **values: object) -> None:
    """One statement past all of our code, as an intruder with the database's password would send it.

    ``:name`` stands for a value.
    """
    assert set(re.findall(r"(?<![:\d]):(\w+)", statement)) == set(values)
    async with db.write() as tx:
        await tx.conn.execute(text(statement), values)
