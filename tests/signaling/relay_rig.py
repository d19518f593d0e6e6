"""A real relay process over loopback, and what its tests say to it."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aioice
import aioice.ice

from signaling.bus import Bus
from signaling.calls import Leg, RelayAck, RelayAddress, RelayCall, RelayVerified, seal, unseal_report
from signaling.relay_server import RelayServer, RelaySettings, serve
from tests.valkey import TestValkey

SECRET = b"the relay's and the servers' key"
LEGS = (Leg("therapist1", "t" * 22), Leg("patient1", "p" * 22))


class Reports:
    """What relays say on the bus."""

    def __init__(self, bus: Bus) -> None:
        self._queue: asyncio.Queue[RelayAck | RelayVerified] = asyncio.Queue()
        bus.subscribe("relay", self._heard)

    async def _heard(self, blob: bytes) -> None:
        self._queue.put_nowait(unseal_report(blob, SECRET))

    async def next(self) -> RelayAck | RelayVerified:
        return await asyncio.wait_for(self._queue.get(), 5)

    @property
    def empty(self) -> bool:
        return self._queue.empty()


def settings(server: TestValkey, port: int = 0, **changes: object) -> RelaySettings:
    known: dict[str, object] = {
        "port": port, "publish": ("127.0.0.1",), "secret": SECRET, "bus_url": server.url,
        "relay_id": "relay-1",
    }  # fmt: skip
    return RelaySettings(**(known | changes))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def relay(settings: RelaySettings, **fallbacks: Any) -> AsyncIterator[RelayServer]:
    ready: asyncio.Queue[RelayServer] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(settings, ready=ready.put_nowait, **fallbacks))
        yield await asyncio.wait_for(ready.get(), 5)
        task.cancel()


def new_call(a: Leg, b: Leg, **changes: object) -> RelayCall:
    known: dict[str, object] = {
        "visit": secrets.token_urlsafe(6), "offerer": "therapist", "answerer": "patient", "generation": 0,
        "a": a, "b": b, "expires": time.time() + 60, "version": 1, "direct": False,
    }  # fmt: skip
    return RelayCall(**(known | changes))  # type: ignore[arg-type]


async def put(bus: Bus, call: RelayCall) -> None:
    assert await bus.put_call(call.key, seal(call, SECRET), call.expires)


def agents() -> tuple[aioice.Connection, aioice.Connection, RelayCall]:
    """Two ICE agents and the relay call between them."""
    one, two = aioice.Connection(ice_controlling=True), aioice.Connection(ice_controlling=False)
    one.remote_username, one.remote_password = two.local_username, two.local_password
    two.remote_username, two.remote_password = one.local_username, one.local_password
    call = new_call(Leg(one.local_username, one.local_password), Leg(two.local_username, two.local_password))
    return one, two, call


async def connect(agent: aioice.Connection, address: RelayAddress) -> None:
    await agent.gather_candidates()
    line = address.candidate_line(str(agent.remote_username)).removeprefix("candidate:")
    await agent.add_remote_candidate(aioice.Candidate.from_sdp(line))
    await agent.add_remote_candidate(None)
    await asyncio.wait_for(agent.connect(), 10)


def udp(found: RelayAck | RelayServer) -> RelayAddress:
    addresses = found.candidates if isinstance(found, RelayAck) else found.addresses
    return next(address for address in addresses if address.transport == "udp")


async def until(true: Callable[[], object], seconds: float = 5) -> None:
    """Wait for what the process under test does by itself."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
