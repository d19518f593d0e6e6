"""What has changed reaches everybody, also when the first telling failed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from server.config import Settings
from server.live import Changes
from server.migrate import migrate
from server.visit.store import create_walk_in
from signaling.bus import Bus
from tests.people import ANA
from tests.rig.wait import until
from tests.stores import open_database
from tests.valkey import TestValkey


async def test_a_change_that_nobody_could_be_told_is_told_again(
    empty_database_url: str, valkey_server: TestValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that restarts in the middle of a telling must not swallow an end, an admission or a line of the chat."""
    await migrate(empty_database_url)
    db = open_database(empty_database_url)
    told: list[Mapping[tuple[str, str], int]] = []
    failing = True

    async def on_change(changed: Mapping[tuple[str, str], int]) -> None:
        if failing:
            raise ConnectionError("the database restarts")
        told.append(dict(changed))

    changes = Changes(db, Bus(valkey_server.url), Settings(), on_change)
    db.on_commit = changes.on_commit
    running = asyncio.create_task(changes.run())
    visit, _ = await create_walk_in(db, ANA)
    await until(lambda: not changes._pending, what="the first telling has failed")
    failing = False
    await until(lambda: any(("visit", visit) in changed for changed in told), seconds=10, what="it is told again")
    running.cancel()
    await db.close()
