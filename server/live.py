"""Keeps every open page of this node right.

An event says only which row changed. Whoever hears it reads SQL and sends the newest snapshot to the pages that show
the row. Events get lost: so every node also reads what has changed every two seconds, always, with Redis or without.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from server.config import Settings
from server.consultation.chat import newest
from server.db import Change, Database
from server.ids import new_id
from server.people.tables import staff
from server.visit.tables import visit
from server.waitingroom import intake, messages
from signaling.bus import Bus

POLL_S = 2.0
MOST_TO_TELL = 10_000  # events that wait for a slow Redis; the other nodes' polls find what is lost
#: rows are read again this long after their change: a transaction may commit after its instant
OVERLAP = timedelta(seconds=10)
TABLES = {"visit": visit, "staff": staff}

Changed = Callable[[Mapping[tuple[str, str], int]], Awaitable[None]]  # (table, row's id) -> its version
log = structlog.get_logger("live")


class Changes:
    """Hears of changed rows (this node's, the bus's, the poll's); tells ``on_change`` once for each version."""

    def __init__(self, db: Database, bus: Bus, settings: Settings, on_change: Changed, node: str = "") -> None:
        self.node = node or new_id()
        self._db, self._bus, self._settings, self._on_change = db, bus, settings, on_change
        self._known: dict[tuple[str, str], int] = {}
        self._pending: dict[tuple[str, str], int] = {}
        self._wake = asyncio.Event()
        self._since: datetime | None = None
        self._to_tell: asyncio.Queue[list[Change]] = asyncio.Queue(MOST_TO_TELL)

    async def on_commit(self, changes: list[Change]) -> None:
        """What this node has just committed. Nobody who commits waits for Redis."""
        self._hear([(change.table, change.id, change.version) for change in changes])
        with contextlib.suppress(asyncio.QueueFull):
            self._to_tell.put_nowait(changes)

    async def tell(self) -> None:
        """Until cancelled: the other nodes hear what this one has committed."""
        while True:
            changes = await self._to_tell.get()
            payload = json.dumps([self.node, [[change.table, change.id, change.version] for change in changes]])
            await self._bus.publish("changes", payload.encode())

    async def on_bus(self, payload: bytes) -> None:
        node, rows = json.loads(payload)
        if node != self.node:
            self._hear([(str(table), str(row_id), int(version)) for table, row_id, version in rows])

    def _hear(self, rows: list[tuple[str, str, int]]) -> None:
        for table, row_id, version in rows:
            if self._known.get((table, row_id), 0) < version:
                self._known[table, row_id] = version
                self._pending[table, row_id] = version
        if self._pending:
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled. A failure (a database that restarts) is logged and the next round tries again."""
        loop = asyncio.get_running_loop()
        polled = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(polled + POLL_S):
                    await self._wake.wait()
            if loop.time() >= polled + POLL_S:
                polled = loop.time()
                await self._guarded(self._poll)
            self._wake.clear()
            if self._pending:
                changed, self._pending = self._pending, {}
                if not await self._guarded(lambda: self._on_change(changed)):  # noqa: B023 (awaited before the next)
                    self._forget(changed)

    def _forget(self, changed: Mapping[tuple[str, str], int]) -> None:
        """Nobody has been told: the poll looks back far enough to find them again."""
        for key, version in changed.items():
            if self._known.get(key) == version:
                del self._known[key]

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> bool:
        try:
            await step()
        except Exception as error:
            log.error("live step failed", error=type(error).__name__, exc_info=self._settings.development)
            return False
        return True

    async def _poll(self) -> None:
        async with self._db.read() as conn:
            now = await self._db.now()
            since = (self._since or now) - OVERLAP
            rows: list[tuple[str, str, int]] = []
            for name, table in TABLES.items():
                found = await conn.execute(select(table.c.id, table.c.version).where(table.c.changed_at > since))
                rows += [(name, row.id, row.version) for row in found]
            rows += [("chat", visit_id, number) for visit_id, number in await newest(conn, since)]
            rows += [("wait_message", visit_id, number) for visit_id, number in await messages.newest(conn, since)]
            rows += [("intake", visit_id, version) for visit_id, version in await intake.newest(conn, since)]
        self._since = now
        self._hear(rows)
        if len(self._known) > 50_000:  # a version that is forgotten is only told once more
            self._known = {(name, row_id): version for name, row_id, version in rows}
