"""Legs of every kind, two by two, through real sockets; and what a relay does when it cannot send."""

import asyncio
import ctypes
import errno
import itertools
import os
import random
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from signaling.bus import Bus
from signaling.relay_burst import Burst, Name, usable
from signaling.relay_server import RelayServer
from signaling.relay_sockets import QUEUED, SocketCounters
from signaling.relay_udp import UdpSocket
from tests.signaling.relay_ends import KINDS, End, Kind, ends
from tests.signaling.relay_lab import binding
from tests.signaling.relay_rig import LEGS, new_call, put, relay, settings, until
from tests.valkey import TestValkey

PUBLISH = ("127.0.0.1", "::1")
PAIRS = list(itertools.combinations_with_replacement(KINDS, 2))


def packets(count: int) -> list[bytes]:
    """Media of sizes from a byte to a browser's largest, DTLS and SRTP by turns."""
    return [bytes([(22, 128, 144)[n % 3]]) + secrets.token_bytes(n * 1199 // count) for n in range(count)]


async def opened(process: RelayServer, bus: Bus) -> None:
    await put(bus, new_call(*LEGS))
    await until(lambda: process.relay.table.calls)


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
async def test_any_two_legs(server: TestValkey, bus: Bus, kinds: tuple[Kind, Kind]) -> None:
    """Byte for byte, both ways; TCP cut anywhere, many frames in one piece and one frame in many."""
    async with relay(settings(server, publish=PUBLISH)) as process:
        await opened(process, bus)
        async with ends(process, kinds, LEGS) as (one, two):
            for source, target in ((one, two), (two, one)):
                sent = packets(60)
                await source.send(sent)
                assert await target.media(len(sent)) == sent
        assert process.counters["send_full"] == process.counters["tcp_slow"] == process.counters["tcp_garbage"] == 0


async def test_a_leg_moves_from_udp_to_tcp_and_to_another_family(server: TestValkey, bus: Bus) -> None:
    """One browser, four addresses: whichever it nominates gets the media, the others stay spares."""
    async with relay(settings(server, publish=PUBLISH)) as process:
        await opened(process, bus)
        async with ends(process, ("udp4", "udp6"), LEGS) as (one, two):
            for kind in ("tcp6", "udp6", "tcp4"):
                other = End(kind, *LEGS, random.Random(kind))
                try:
                    await other.connect(process)
                    await asyncio.wait_for(other.prove(process), 5)
                    await other.send([binding(*LEGS, use=True), b"\x80 by " + kind.encode()])
                    assert await two.media(1) == [b"\x80 by " + kind.encode()]
                    await two.send([b"\x90 to " + kind.encode()])
                    assert await other.media(1) == [b"\x90 to " + kind.encode()]
                finally:
                    other.socket.close()
            # The TCP connections have ended; the nominated addresses of before take over when that one is silent.
            await until(lambda: process.counters["connections"] == 0)
            await one.send([binding(*LEGS, use=True), b"\x80 back"])
            assert await two.media(1) == [b"\x80 back"]


async def test_a_reader_that_stands_still_costs_64_kib_and_delays_nobody(server: TestValkey, bus: Bus) -> None:
    """Whole frames are dropped; when it reads again it finds whole frames, and the call goes on."""
    async with relay(settings(server, publish=PUBLISH)) as process:
        await opened(process, bus)
        async with ends(process, ("udp4", "tcp4"), LEGS) as (one, two):
            connection = next(iter(process._connections.values()))
            assert connection._transport is not None
            raw = connection._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            two.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sent = [b"\x80" + n.to_bytes(2, "big") * 500 for n in range(1500)]
            for number, data in enumerate(sent):
                await one.send([data])
                if number % 20 == 19:
                    await asyncio.sleep(0)
                    assert connection._transport.get_write_buffer_size() <= QUEUED
            await until(lambda: process.counters["tcp_slow"] > 100)
            got = await two.media(1)
            while len(got) < len(sent) - process.counters["tcp_slow"]:
                got += await two.media(1)
            assert set(got) <= set(sent)
            assert got == sorted(got)
            await one.send([b"\x90 after all"])
            assert (await two.media(1))[-1] == b"\x90 after all"


async def test_a_first_valid_check_in_time_keeps_the_connection(
    server: TestValkey, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that sends only what is not valid is closed, however much that is."""
    monkeypatch.setattr("signaling.relay_server.FIRST_CHECK", 0.5)
    monkeypatch.setattr("signaling.relay_server.TCP_SWEEP", 0.05)
    async with relay(settings(server, publish=PUBLISH)) as process:
        await opened(process, bus)
        chatter = End("tcp4", *LEGS, random.Random(1))
        await chatter.connect(process)
        async with ends(process, ("tcp4", "tcp6"), LEGS) as (one, two):
            async with asyncio.timeout(5):
                while process.counters["tcp_silent"] == 0:
                    await chatter.send([b"\x80 media", binding(*LEGS, key="x" * 22), b""])
                    await asyncio.sleep(0.02)
            await one.send([b"\x80 still here"])
            assert await two.media(1) == [b"\x80 still here"]
            assert process.counters["tcp_silent"] == 1
        chatter.socket.close()


# A full send buffer


def _isolated(made: list[socket.socket]) -> None:
    """A UDP socket in a network of its own, where everything waits for a neighbour that never answers. In a thread that
    then ends, as a thread's network is its own.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        return
    for words in ("link add tmv0 type veth peer name tmv1", "addr add 10.213.0.1/24 dev tmv0", "link set tmv0 up",
                  "link set tmv1 up"):  # fmt: skip
        subprocess.run(["ip", *words.split()], check=True)
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setblocking(False)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    one.bind(("10.213.0.1", 0))
    made.append(one)


@pytest.fixture
def stuck() -> Iterator[socket.socket]:
    """A socket whose send buffer fills and stays full."""
    if os.geteuid():
        pytest.skip("only root may make a network where a send buffer stays full: run as root, or in a container")
    made: list[socket.socket] = []
    thread = threading.Thread(target=_isolated, args=(made,))
    thread.start()
    thread.join()
    if not made:
        pytest.skip("this root may make no networks (CAP_SYS_ADMIN)")
    yield made[0]
    made[0].close()


def test_a_full_send_buffer_is_counted_and_outlived(stuck: socket.socket) -> None:
    counters = SocketCounters()
    one = UdpSocket(0, stuck, lambda data, source: None, counters)
    for _ in range(50):
        one.send(b"\x80" * 1000, ("10.213.0.2", 5000))
    assert counters.send_full > 20, "the buffer was full"
    assert counters.send_failed == 0
    assert one.drain() == 0, "and it still reads"


def test_a_full_send_buffer_in_a_burst_loses_packets_alone(stuck: socket.socket) -> None:
    if not usable:
        pytest.skip("recvmmsg and sendmmsg are Linux's")
    burst, away = Burst(stuck), Name(("10.213.0.2", 5000))
    errors = burst.send(list(range(50)), [1000] * 50, [away.at] * 50)
    assert len(errors) > 20
    assert set(errors) == {errno.EAGAIN}, "one for each that was lost"
