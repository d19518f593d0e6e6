"""The record: engines, column types, the database's clock.

SQLite writes go through one connection that begins with ``BEGIN IMMEDIATE``; reads go through a pool of their own. With
a plain BEGIN, two transactions that read and then write refuse each other.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, MetaData, Text, event, text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from server.crypto import FieldCipher

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """The one type for instants: aware in Python, UTC in the store."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Ciphertext(str):
    """A sealed personal value; :class:`server.audit.Access` makes and opens it."""

    __slots__ = ()


class Encrypted(TypeDecorator[Ciphertext]):
    """Column of a personal field. It takes nothing but :class:`Ciphertext`: clear text cannot slip in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and not isinstance(value, Ciphertext):
            raise TypeError("personal data goes in through audit.Access.seal()")
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Ciphertext | None:
        return None if value is None else Ciphertext(value)


@dataclass(frozen=True, slots=True)
class Change:
    """ "Which row changed": all that an event ever says."""

    table: str
    id: str
    version: int


@dataclass(slots=True)
class Transaction:
    """One write transaction: its connection, its instant (the database's clock), the changes to announce."""

    conn: AsyncConnection
    now: datetime
    changes: list[Change] = field(default_factory=list)

    def changed(self, table: str, row_id: str, version: int) -> None:
        self.changes.append(Change(table, row_id, version))


class Database:
    """Both engines of one store. ``on_commit`` hears the changes of each committed transaction."""

    def __init__(self, url: str, cipher: FieldCipher) -> None:
        self.url = url
        self.cipher = cipher
        self.sqlite = url.startswith("sqlite")
        self.on_commit: Callable[[list[Change]], Awaitable[None]] | None = None
        if self.sqlite:
            self._writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=30)
            # no overflow: a connection more is a thread more, and under load it would be made and thrown away each time
            self._reader = create_async_engine(url, pool_size=6, max_overflow=0, pool_timeout=60)
            sqlite_rules(self._writer, "BEGIN IMMEDIATE")
            sqlite_rules(self._reader, "BEGIN")
        else:
            self._writer = self._reader = create_async_engine(
                url, pool_size=20, max_overflow=0, pool_timeout=60, pool_pre_ping=True
            )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A write transaction; announced to ``on_commit`` after it has committed."""
        async with self._writer.begin() as conn:
            tx = Transaction(conn, await self._now(conn))
            yield tx
        if tx.changes and self.on_commit:
            await self.on_commit(tx.changes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Reads that are not of personal data (those leave an audit row: use :meth:`write`)."""
        async with self._reader.connect() as conn:
            yield conn

    async def now(self, conn: AsyncConnection | None = None) -> datetime:
        """The database's clock: the only one that decides. ``conn``: over a connection that is open already."""
        if conn is not None:
            return await self._now(conn)
        async with self.read() as own:
            return await self._now(own)

    async def _now(self, conn: AsyncConnection) -> datetime:
        if self.sqlite:
            value: Any = await conn.scalar(text("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"))
            return datetime.fromisoformat(value)
        value = await conn.scalar(text("SELECT clock_timestamp()"))
        assert isinstance(value, datetime)
        return value.astimezone(UTC)

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


async def _write_ahead(connection: Any) -> None:
    """A new file becomes one with a write-ahead log. Here SQLite does not wait for another connection by itself."""
    async with asyncio.timeout(10):
        while True:
            try:
                await connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.02))
            else:
                return


def sqlite_rules(engine: AsyncEngine, begin: str, *, foreign_keys: bool = True) -> None:
    """What every connection of ours to SQLite keeps to. ``begin``: how its transactions begin."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        # the patience first: the others may have to wait for another process
        cursor.execute("PRAGMA busy_timeout=10000")
        connection.run_async(_write_ahead)
        for pragma in ("synchronous=FULL", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_(connection: Any) -> None:
        connection.exec_driver_sql(begin)
