"""The relay's process over loopback: real ICE agents, real sockets, a real Valkey."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aioice
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from signaling.bus import Bus
from signaling.calls import Leg, RelayAck, RelayAddress, RelayCall, RelayVerified, seal, unseal_report
from signaling.relay_server import RelayServer, RelaySettings, serve
from tests.valkey import TestValkey, valkey

SECRET = b"the relay's and the servers' key"


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
        "port": port, "publish": ("127.0.0.1",), "secret": SECRET, "bus_url": server.url, "relay_id": "relay-1",
    }  # fmt: skip
    return RelaySettings(**(known | changes))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def relay(settings: RelaySettings) -> AsyncIterator[RelayServer]:
    ready: asyncio.Future[RelayServer] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, ready.set_result))
    done, _ = await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        await task
    try:
        yield ready.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


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
    call = new_call(
        Leg(one.local_username, one.local_password), Leg(two.local_username, two.local_password)
    )
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


@pytest.fixture
def machine_ip() -> str:
    """An address of this machine that aioice gathers (it leaves loopback out)."""
    found = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    if not found:
        pytest.skip("this machine has no IPv4 address but loopback")
    return str(found[0])


async def test_two_agents_meet_with_the_relays_candidate_alone(
    server: TestValkey, bus: Bus, machine_ip: str
) -> None:
    reports = Reports(bus)
    async with relay(settings(server, publish=(machine_ip,))) as process:
        one, two, call = agents()
        await put(bus, call)
        ack = await reports.next()
        assert isinstance(ack, RelayAck)
        assert (ack.key, ack.version, ack.relay) == (call.key, 1, "relay-1")
        began = time.monotonic()
        await asyncio.gather(connect(one, udp(ack)), connect(two, udp(ack)))
        took = time.monotonic() - began
        await one.send(b"\x80 from one")
        assert await asyncio.wait_for(two.recv(), 5) == b"\x80 from one"
        await two.send(b"\x80 from two")
        assert await asyncio.wait_for(one.recv(), 5) == b"\x80 from two"
        assert process.counters["verified"] == 2
        assert took < 0.4, "checks waited for a retransmission"
        await one.close()
        await two.close()
