"""The relay's UDP sockets: datagrams in bursts from the kernel and back to it, and the pace under load."""

import contextlib
import secrets
import socket
import time
from collections.abc import Iterator

import pytest

from signaling.bus import Bus
from signaling.calls import Leg
from signaling.relay_burst import SLOTS, Burst, Name, usable
from signaling.relay_server import RelayServer
from signaling.relay_udp import LOADED, LONGEST_PERIOD, PERIOD, BurstSocket, Pace
from tests.signaling.relay_lab import binding, success
from tests.signaling.relay_rig import LEGS, new_call, put, relay, settings, until
from tests.valkey import TestValkey

LOOPBACKS = [pytest.param("127.0.0.1", id="ipv4"), pytest.param("::1", id="ipv6")]
linux = pytest.mark.skipif(not usable, reason="recvmmsg and sendmmsg are Linux's")


def bound(ip: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((ip, 0))
    made.settimeout(5)
    return made


@linux
@pytest.mark.parametrize("ip", LOOPBACKS)
def test_a_burst_comes_and_goes_as_it_was(ip: str) -> None:
    with bound(ip) as ours, bound(ip) as one, bound(ip) as two:
        burst = Burst(ours)
        assert burst.receive() == 0
        sent = [b"\x80one", b"", b"\xff" * 5000, b"\x90last"]
        for data in sent:
            one.sendto(data, ours.getsockname())
        name, to = Name(one.getsockname()), Name(two.getsockname())
        assert burst.receive() == len(sent)
        heads = list(burst.heads(len(sent)))
        assert [size for _, size, _ in heads] == [4, 0, 2049, 5]
        assert [first for _, size, first in heads if size] == [0x80, 0xFF, 0x90]
        assert {key for key, _, _ in heads} == {name.key}
        assert burst.address(3) == one.getsockname()
        assert [burst.datagram(slot, heads[slot][1]) for slot in (0, 1, 3)] == [sent[0], b"", sent[3]]
        assert burst.send([3, 0], [5, 4], [to.at, name.at]) == []
        assert two.recv(100) == sent[3]
        assert one.recv(100) == sent[0]


@linux
def test_one_that_cannot_be_sent_takes_no_other_with_it() -> None:
    with bound("127.0.0.1") as ours, bound("127.0.0.1") as one:
        burst = Burst(ours)
        for data in (b"\x80a", b"\x80b", b"\x80c"):
            one.sendto(data, ours.getsockname())
        assert burst.receive() == 3
        there, nowhere = Name(one.getsockname()), Name(("127.0.0.1", 0))
        errors = burst.send([0, 1, 2], [2] * 3, [there.at, nowhere.at, there.at])
        assert len(errors) == 1
        assert [one.recv(100), one.recv(100)] == [b"\x80a", b"\x80c"]


async def prove(process: RelayServer, one: socket.socket, own: Leg, peer: Leg) -> None:
    """The browser's check, and its answer to the challenge."""
    server = one.getpeername()
    verified = process.counters["verified"]
    one.send(binding(own, peer))
    challenges = []

    def challenged() -> bool:
        one.setblocking(False)
        try:
            challenges.append(one.recv(2048))
        except BlockingIOError:
            return False
        return True

    await until(challenged)
    one.send(success(challenges[-1], own, server[:2]))
    await until(lambda: process.counters["verified"] == verified + 1)


async def came(one: socket.socket, count: int) -> list[bytes]:
    """Media alone, in the order of its coming."""
    found: list[bytes] = []

    def look() -> bool:
        found.extend(data for data in waiting(one) if data[0] > 3)
        return len(found) >= count

    await until(look)
    return found


def waiting(one: socket.socket) -> Iterator[bytes]:
    """What has come so far."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield one.recv(4096)


@pytest.fixture(params=["bursts", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "one by one":
        monkeypatch.setattr("signaling.relay_udp.usable", False)
    elif not usable:
        pytest.skip("recvmmsg and sendmmsg are Linux's")
    return str(request.param)


@pytest.mark.parametrize("far", LOOPBACKS)
@pytest.mark.parametrize("loaded", [False, True])
async def test_media_goes_both_ways_byte_for_byte(
    way: str, far: str, loaded: bool, server: TestValkey, bus: Bus
) -> None:
    a, b = LEGS
    async with relay(settings(server, publish=("127.0.0.1", "::1"), tcp=False)) as process:
        ports = {address.ip: address.port for address in process.addresses}
        await put(bus, new_call(a, b))
        await until(lambda: process.relay.table.calls)
        with bound("127.0.0.1") as one, bound(far) as two:
            one.connect(("127.0.0.1", ports["127.0.0.1"]))
            two.connect((far, ports[far]))
            await prove(process, one, a, b)
            await prove(process, two, b, a)
            process._udp._pace.loaded = loaded
            sent = [bytes([0x80 | number % 2]) + secrets.token_bytes(1 + 13 * number) for number in range(SLOTS + 20)]
            for source, target in ((one, two), (two, one)):
                for data in sent:
                    source.send(data)
                assert await came(target, len(sent)) == sent
        assert process.counters["send_full"] == process.counters["send_failed"] == 0


async def test_an_address_loses_its_way_with_its_call(way: str, server: TestValkey, bus: Bus) -> None:
    a, b = LEGS
    async with relay(settings(server, tcp=False)) as process:
        port = process.addresses[0].port
        call = new_call(a, b)
        await put(bus, call)
        await until(lambda: process.relay.table.calls)
        with bound("127.0.0.1") as one, bound("127.0.0.1") as two:
            for end, own, peer in ((one, a, b), (two, b, a)):
                end.connect(("127.0.0.1", port))
                await prove(process, end, own, peer)
            one.send(b"\x80 while it lasts")
            assert await came(two, 1) == [b"\x80 while it lasts"]
            forwarded = process.counters["forwarded"]
            process.relay.drop(call.key, process._loop.time())
            one.send(b"\x80 after the end")
            await until(lambda: process.counters["unlearned"] == 1)
            assert process.counters["forwarded"] == forwarded
            assert all(data[0] < 4 for data in waiting(two))


@linux
async def test_addresses_of_calls_that_are_over_are_forgotten(
    server: TestValkey, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.relay_udp.NAMES", 2)
    a, b = LEGS
    async with relay(settings(server, tcp=False)) as process:
        one_socket = process._udp._sockets[0]
        assert isinstance(one_socket, BurstSocket)
        one_socket._tidy_at = 2
        for _ in range(8):
            call = new_call(a, b)
            await put(bus, call)
            await until(lambda: process.relay.table.calls)
            with bound("127.0.0.1") as one, bound("127.0.0.1") as two:
                for end, own, peer in ((one, a, b), (two, b, a)):
                    end.connect(("127.0.0.1", process.addresses[0].port))
                    await prove(process, end, own, peer)
                one.send(b"\x80 there")
                assert await came(two, 1) == [b"\x80 there"]
            process.relay.drop(call.key, process._loop.time())
        assert len(one_socket._names) <= 6
        assert len(one_socket._known) <= 6


async def test_too_long_and_too_much_is_dropped(way: str, server: TestValkey, bus: Bus) -> None:
    a, b = LEGS
    async with relay(settings(server, tcp=False)) as process:
        await put(bus, new_call(a, b))
        await until(lambda: process.relay.table.calls)
        with bound("127.0.0.1") as one, bound("127.0.0.1") as two:
            for end, own, peer in ((one, a, b), (two, b, a)):
                end.connect(("127.0.0.1", process.addresses[0].port))
                await prove(process, end, own, peer)
            one.send(b"\x80 first")
            for size in (2049, 9000):
                one.send(b"\x80" * size)
            one.send(b"\x80 last")
            assert await came(two, 2) == [b"\x80 first", b"\x80 last"]
            assert process.counters["too_long"] == 2


@pytest.mark.parametrize("rates", [(LOADED * 2, LOADED // 2), (LOADED // 2, LOADED * 2), (LOADED * 2, 0)])
def test_the_pace_follows_the_load(rates: tuple[int, int]) -> None:
    pace = Pace()
    now = 100.0
    pace.took(0, now)
    for rate in rates:
        for _ in range(20):
            now += 0.01
            pace.took(rate // 100, now)
        assert pace.loaded is (rate > LOADED)


@pytest.mark.parametrize(
    ("rate", "period"), [(LOADED * 2, LONGEST_PERIOD), (12_800, 0.000625), (32_000, PERIOD), (200_000, PERIOD)]
)
def test_the_fewer_come_the_longer_it_gathers(rate: int, period: float) -> None:
    pace = Pace()
    for step in range(20):
        pace.took(rate // 100, 100 + step / 100)
    assert pace.period == pytest.approx(period, rel=0.01)


def test_a_packet_waits_for_one_period_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    pace = Pace()
    pace.sleep()  # the last drain was long ago
    assert slept == []
    for _ in range(50):
        pace.sleep()
    assert max(slept) <= PERIOD
