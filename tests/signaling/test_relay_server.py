"""The relay's process: real ICE agents over loopback, and its call table out of a real Valkey."""

import asyncio
import time
from dataclasses import replace

import aioice
import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from signaling.bus import Bus
from signaling.calls import Leg, RelayAck, RelayVerified, seal, unseal_report
from tests.signaling.relay_rig import (
    LEGS,
    SECRET,
    Reports,
    agents,
    connect,
    new_call,
    put,
    relay,
    settings,
    udp,
    until,
)
from tests.valkey import TestValkey


@pytest.fixture
def machine_ip() -> str:
    """An address of this machine that aioice gathers (it leaves loopback out)."""
    found = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    if not found:
        pytest.skip("aioice leaves loopback out, and this machine has no other IPv4 address: connect it to a network")
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
