"""The relay's process over loopback: real ICE agents, real sockets, a real Valkey."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aioice
import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from signaling.bus import Bus
from signaling.calls import Leg, RelayAck, RelayAddress, RelayCall, RelayVerified, seal, unseal_report
from signaling.relay_addresses import Published, own_addresses, parse_published
from signaling.relay_server import RelayServer, RelaySettings, serve
from tests.signaling.relay_lab import binding, success
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


async def until(true: Callable[[], object], seconds: float = 5) -> None:
    """Wait for what the process under test does by itself."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_two_aiortc_peers_open_a_data_channel(server: TestValkey, bus: Bus, machine_ip: str) -> None:
    reports = Reports(bus)
    async with relay(settings(server, publish=(machine_ip,))):
        configuration = RTCConfiguration(iceServers=[])
        one, two = RTCPeerConnection(configuration), RTCPeerConnection(configuration)
        opened, heard = asyncio.Event(), asyncio.Event()
        channel = one.createDataChannel("check")
        channel.on("open", opened.set)

        @two.on("datachannel")
        def arrived(far: RTCDataChannel) -> None:
            far.on("message", lambda _: heard.set())

        def bare(description: RTCSessionDescription) -> RTCSessionDescription:
            lines = description.sdp.splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates"))]
            return RTCSessionDescription("".join(kept), description.type)

        async def give(peer: RTCPeerConnection, ufrag: str) -> None:
            assert isinstance(ack, RelayAck)
            line = udp(ack).candidate_line(ufrag).removeprefix("candidate:")
            candidate = candidate_from_sdp(line)
            candidate.sdpMid = "0"
            await peer.addIceCandidate(candidate)
            await peer.addIceCandidate(None)

        await one.setLocalDescription(await one.createOffer())
        await two.setRemoteDescription(bare(one.localDescription))
        await two.setLocalDescription(await two.createAnswer())
        legs = []
        for peer in (one, two):
            ice = peer.sctp.transport.transport.iceGatherer.getLocalParameters()  # type: ignore[union-attr]
            legs.append(Leg(str(ice.usernameFragment), str(ice.password)))
        await put(bus, new_call(*legs))
        ack = await reports.next()
        assert isinstance(ack, RelayAck)
        await one.setRemoteDescription(bare(two.localDescription))
        await asyncio.gather(give(one, legs[1].ufrag), give(two, legs[0].ufrag))
        await asyncio.wait_for(opened.wait(), 10)
        channel.send("through the relay alone")
        await asyncio.wait_for(heard.wait(), 5)
        await one.close()
        await two.close()


# The table


LEGS = (Leg("therapist1", "t" * 22), Leg("patient1", "p" * 22))


async def test_a_repeated_put_is_acknowledged_again_and_reconciling_is_silent(
    server: TestValkey, bus: Bus
) -> None:
    reports = Reports(bus)
    call = new_call(*LEGS)
    async with relay(settings(server)) as process:
        await put(bus, call)
        first = await reports.next()
        await process.reconcile()
        await put(bus, call)
        assert await reports.next() == first
        later = replace(call, version=2, expires=call.expires + 60)
        await put(bus, later)
        moved = await reports.next()
        assert isinstance(moved, RelayAck)
        assert moved.version == 2
        await put(bus, call)  # an older version is no news
        await put(bus, later)
        assert await reports.next() == moved
        assert reports.empty


async def test_the_table_is_read_at_start(server: TestValkey, bus: Bus) -> None:
    reports = Reports(bus)
    first = new_call(*LEGS)
    second = replace(first, generation=1, a=Leg("restart1", "t" * 22), b=Leg("restart2", "p" * 22))
    for call in (second, first):
        await put(bus, call)
    async with relay(settings(server)) as process:
        assert set(process.relay.table.calls) == {first.key, second.key}
        keys = [(await reports.next()).key for _ in range(2)]
        assert keys == [first.key, second.key]


async def test_a_message_that_was_lost_is_found_in_the_table(server: TestValkey, bus: Bus) -> None:
    call = new_call(*LEGS)
    async with relay(settings(server)) as process:
        process.bus._inboxes.clear()  # it hears nothing
        await put(bus, call)
        await until(lambda: call.key in process.relay.table.calls)
        tombstone = replace(call, version=2, expires=time.time() - 1)
        await bus.drop_call(call.key, seal(tombstone, SECRET))
        await until(lambda: not process.relay.table.calls)


async def test_a_lost_table_closes_no_call(server: TestValkey, bus: Bus) -> None:
    async with relay(settings(server)) as process:
        await put(bus, new_call(*LEGS))
        await until(lambda: process.relay.table.calls)
        await bus._client.flushall()
        await process.reconcile()
        assert process.relay.table.calls


async def test_forged_entries_open_nothing(server: TestValkey, bus: Bus) -> None:
    reports = Reports(bus)
    call = new_call(*LEGS)
    genuine = seal(call, SECRET)
    async with relay(settings(server)) as process:
        for blob in (
            seal(call, b"another secret of 16"),
            genuine[:64] + genuine[64:].replace(b"therapist1", b"therapist2"),
            genuine[65:],
            b"",
            seal(RelayAck(call.key, 1, "relay-1", ()), SECRET),
        ):
            assert await bus.put_call("x", blob, call.expires)
        await until(lambda: process.counters["calls_forged"] >= 5)
        assert not process.relay.table.calls
        assert reports.empty


async def test_the_end_is_kept_to_within_a_second_without_redis(server: TestValkey, bus: Bus) -> None:
    async with relay(settings(server)) as process:
        await put(bus, new_call(*LEGS, expires=time.time() + 1.5))
        await until(lambda: process.relay.table.calls)
        server.kill()
        ends = time.time() + 1.5
        await until(lambda: not process.relay.table.calls)
        assert time.time() < ends + 1
        assert process.counters["calls_expired"] == 1


async def test_verified_addresses_are_told_under_the_direct_policy(
    server: TestValkey, bus: Bus, machine_ip: str
) -> None:
    reports = Reports(bus)
    async with relay(settings(server, publish=(machine_ip,))):
        one, two, call = agents()
        await put(bus, replace(call, direct=True))
        ack = await reports.next()
        assert isinstance(ack, RelayAck)
        await asyncio.gather(connect(one, udp(ack)), connect(two, udp(ack)))
        found = [await reports.next() for _ in range(2)]
        assert {report.leg for report in found if isinstance(report, RelayVerified)} == {"a", "b"}
        assert {report.port for report in found if isinstance(report, RelayVerified)} <= {
            candidate.port for agent in (one, two) for candidate in agent.local_candidates
        }
        await one.close()
        await two.close()


async def test_a_running_call_does_not_notice_that_redis_is_gone(
    server: TestValkey, bus: Bus, machine_ip: str
) -> None:
    async with relay(settings(server, publish=(machine_ip,))) as process:
        one, two, call = agents()
        await put(bus, call)
        await until(lambda: process.relay.table.calls)
        await asyncio.gather(connect(one, udp(process)), connect(two, udp(process)))
        server.kill()
        await until(lambda: not process.bus.connected)
        await one.send(b"\x80 on")
        assert await asyncio.wait_for(two.recv(), 5) == b"\x80 on"
        server.start()
        await until(lambda: process.bus.connected)
        await until(lambda: bus.connected)
        await put(bus, new_call(*LEGS))
        await until(lambda: len(process.relay.table.calls) == 2)
        await one.close()
        await two.close()


async def test_without_redis_calls_come_and_are_reported_another_way(server: TestValkey) -> None:
    server.kill()
    call, told = new_call(*LEGS), asyncio.Queue[bytes]()

    async def calls() -> list[bytes]:
        return [seal(call, SECRET)]

    async with relay(settings(server), fallback_calls=calls, fallback_report=told.put) as process:
        assert call.key in process.relay.table.calls
        ack = unseal_report(await asyncio.wait_for(told.get(), 5), SECRET)
        assert ack.key == call.key
        call = new_call(Leg("therapist2", "t" * 22), LEGS[1])
        await until(lambda: call.key in process.relay.table.calls)


async def test_a_failing_fallback_stops_nothing(server: TestValkey) -> None:
    server.kill()

    async def fails() -> list[bytes]:
        raise RuntimeError("of the test")

    async with relay(settings(server), fallback_calls=fails) as process:
        assert not process.relay.table.calls


# Sockets


async def test_junk_over_udp(server: TestValkey) -> None:
    async with relay(settings(server)) as process:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as eve:
            eve.connect(("127.0.0.1", udp(process).port))
            for size in (0, 1, 20, 1200, 2048, 2049, 9000):
                eve.send(secrets.token_bytes(size))
            eve.send(b"\xff")
        await until(lambda: process.counters["foreign"])
        assert process.counters["empty"] == 1
        assert process.counters["forwarded"] == 0


async def test_a_send_that_fails_is_counted(server: TestValkey) -> None:
    async with relay(settings(server)) as process:
        process._send([(b"x", (0, ("2001:db8::1", 9))), (b"x", (1 << 16, ("127.0.0.1", 9)))])
        process._send([(b"x" * 70_000, (0, ("127.0.0.1", 9)))])
        assert process.counters["send_failed"] == 2


async def frame(writer: asyncio.StreamWriter, data: bytes, cut: int = 1) -> None:
    """One RFC 4571 frame in two pieces."""
    whole = len(data).to_bytes(2, "big") + data
    writer.write(whole[:cut])
    await writer.drain()
    await asyncio.sleep(0)
    writer.write(whole[cut:])


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 5), "big")
    return await asyncio.wait_for(reader.readexactly(length), 5)


async def test_a_call_over_tcp_in_pieces(server: TestValkey, bus: Bus) -> None:
    a, b = LEGS
    async with relay(settings(server)) as process:
        await put(bus, new_call(a, b))
        await until(lambda: process.relay.table.calls)
        tcp = next(address for address in process.addresses if address.transport == "tcp")
        ends = [await asyncio.open_connection(tcp.ip, tcp.port) for _ in range(2)]
        mapped = (tcp.ip, tcp.port)
        for (reader, writer), own, peer in zip(ends, (a, b), (b, a), strict=True):
            await frame(writer, binding(own, peer), cut=7)
            challenge = await read_frame(reader)
            await frame(writer, success(challenge, own, mapped), cut=2)
            await until(lambda: process.counters["verified"] == len(process.relay.routes))
        # Each end then gets the check of the other one that had waited.
        await read_frame(ends[0][0])
        await read_frame(ends[1][0])
        for size in (1, 1200, 2000):
            await frame(ends[0][1], b"\x80" * size, cut=1)
            assert await read_frame(ends[1][0]) == b"\x80" * size
        ends[0][1].close()
        await until(lambda: len(process.relay.routes) == 1)
        ends[1][1].close()
        await until(lambda: process.counters["connections"] == 0)


async def test_tcp_that_speaks_something_else_is_closed(server: TestValkey) -> None:
    async with relay(settings(server)) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        assert process.counters["tcp_garbage"] == 1
        writer.close()


async def test_tcp_without_a_valid_check_is_closed(
    server: TestValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.relay_server.FIRST_CHECK", 0.1)
    async with relay(settings(server)) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
        await frame(writer, binding(*LEGS))
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        assert process.counters["tcp_silent"] == 1
        writer.close()


async def test_connections_from_one_address_are_bounded(
    server: TestValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.relay_sockets.CONNECTIONS_PER_IP", 2)
    async with relay(settings(server)) as process:
        writers = []
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
            writers.append(writer)
        await until(lambda: process.counters["tcp_refused"] == 1)
        assert process.counters["connections"] == 2
        for writer in writers:
            writer.close()


async def test_a_slow_tcp_reader_loses_whole_frames(server: TestValkey, bus: Bus) -> None:
    a, b = LEGS
    async with relay(settings(server)) as process:
        await put(bus, new_call(a, b))
        await until(lambda: process.relay.table.calls)
        port = process.addresses[1].port
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        await frame(writer, binding(a, b))
        await frame(writer, success(await read_frame(reader), a, ("127.0.0.1", port)))
        await until(lambda: process.relay.routes)
        [source] = process.relay.routes
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(20_000):
            process._send([(number.to_bytes(2, "big") * 500, source)])
            if process.counters["tcp_slow"]:
                break
            if number % 50 == 0:
                await asyncio.sleep(0)
        assert process.counters["tcp_slow"]
        sent = number
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        for expected in range(sent):
            assert await read_frame(reader) == expected.to_bytes(2, "big") * 500
        writer.close()


async def test_two_relays_have_two_priorities(server: TestValkey) -> None:
    async with relay(settings(server)) as first, relay(settings(server, index=1, relay_id="2")) as second:
        priorities = [address.priority for process in (first, second) for address in process.addresses]
        assert priorities == [2000, 1000, 1900, 900]


async def test_a_taken_port_is_an_error(server: TestValkey) -> None:
    async with relay(settings(server)) as process:
        port = process.addresses[0].port
        with pytest.raises(OSError, match="in use"):
            await serve(settings(server, port))


async def test_ipv4_and_ipv6_share_a_port_number(server: TestValkey) -> None:
    async with relay(settings(server, publish=("::1", "127.0.0.1"))) as process:
        assert len({address.port for address in process.addresses}) == 1
        assert [(a.ip, a.transport) for a in process.addresses] == [
            ("::1", "udp"), ("::1", "tcp"), ("127.0.0.1", "udp"), ("127.0.0.1", "tcp"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("127.0.0.1", Published("127.0.0.1", 3478, "127.0.0.1", 3478)),
        ("127.0.0.1:99", Published("127.0.0.1", 99, "127.0.0.1", 99)),
        ("[::1]:99", Published("::1", 99, "::1", 99)),
        ("::1", Published("::1", 3478, "::1", 3478)),
        ("203.0.113.5", Published("203.0.113.5", 3478, "0.0.0.0", 3478)),
        ("203.0.113.5:443=10.0.0.5", Published("203.0.113.5", 443, "10.0.0.5", 443)),
        ("203.0.113.5:443=10.0.0.5:8443", Published("203.0.113.5", 443, "10.0.0.5", 8443)),
        ("2001:db8::1", Published("2001:db8::1", 3478, "::", 3478)),
    ],
)
def test_published_addresses(text: str, published: Published) -> None:
    assert parse_published(text, 3478) == published


@pytest.mark.parametrize("text", ["", "example.org", "127.0.0.1:99999", "127.0.0.1:x", "1.2.3"])
def test_published_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_published(text, 3478)


def test_own_addresses_have_loopback_last() -> None:
    assert own_addresses()[-1] == "127.0.0.1"
