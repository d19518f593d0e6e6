"""The relay's sockets and published addresses, over loopback."""

import asyncio
import contextlib
import secrets
import socket

import pytest

from signaling.bus import Bus
from signaling.relay_addresses import Published, own_addresses, parse_published
from signaling.relay_server import serve
from tests.signaling.relay_lab import binding, success
from tests.signaling.relay_rig import (
    LEGS,
    new_call,
    put,
    relay,
    settings,
    udp,
    until,
)
from tests.valkey import TestValkey


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
