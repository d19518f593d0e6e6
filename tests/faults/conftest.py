"""Fixtures of the faults: the service in parts, and people whose pages are watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.faults import Bench, observed
from tests.faults.internet import Home, Nat, internet
from tests.faults.service import Service
from tests.rig.browsers import Crew
from tests.valkey import TestValkey

RunService = Callable[..., Awaitable[Service]]
MakeInternet = Callable[[Nat, Nat], tuple[Home, Home]]


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


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[MakeInternet]:
    """``ana, li = homes("keeping", "symmetric")``: taken away afterwards.

    A test asks for it first, so that its browsers are closed before their networks go.
    """
    with ExitStack() as stack:
        yield lambda ana, li: stack.enter_context(internet(tmp_path, ana, li))
