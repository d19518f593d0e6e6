"""Fixtures of the faults: the service in parts, and people whose pages are watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.faults import Bench, observed
from tests.faults.service import Service
from tests.rig.browsers import Crew
from tests.valkey import TestValkey

RunService = Callable[..., Awaitable[Service]]


@pytest_asyncio.fixture
async def run_service(tmp_path: Path, valkey_server: TestValkey) -> AsyncIterator[RunService]:
    """``service = await run_service(relays=2)``: stopped afterwards. Other keywords are settings."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> Service:
            service = Service(tmp_path / "var", valkey_server, **options)  # type: ignore[arg-type]
            stack.push_async_callback(service.close)
            return await service.up()

        yield start


@pytest.fixture
def bench(people: Crew) -> Bench:
    return observed(people)
