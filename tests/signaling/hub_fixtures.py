"""The nodes and visits of the hub's tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from signaling.bus import Bus
from tests.signaling.hub_rig import SECRET, Node, QuietBus, node
from tests.signaling.memory_visits import MemoryVisits
from tests.valkey import TestValkey, valkey


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def visits() -> MemoryVisits:
    visits = MemoryVisits(SECRET)
    visits.wait("v1")
    visits.wait("v2")
    return visits


@pytest.fixture
async def one(stack: AsyncExitStack, visits: MemoryVisits) -> Node:
    return await node(stack, visits, QuietBus())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestValkey]:
    with valkey(tmp_path) as running:
        yield running


@pytest.fixture
async def bus(server: TestValkey) -> AsyncIterator[Bus]:
    bus = Bus(server.url)
    await bus.start()
    yield bus
    await bus.close()
