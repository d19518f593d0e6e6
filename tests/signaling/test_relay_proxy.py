"""The relay's TCP behind a proxy: who is behind it, and the port that browsers are told."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.bus import Bus
from signaling.relay_proxy import NotProxied, proxied
from tests.signaling.relay_lab import binding, success
from tests.signaling.relay_rig import LEGS, new_call, put, relay, settings, until
from tests.signaling.test_relay_sockets import frame, read_frame
from tests.valkey import TestValkey

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


def header(ip: str, port: int, *, command: int = 0x21, family: int = 0, extra: bytes = b"") -> bytes:
    """As HAProxy's `send-proxy-v2` writes it, for a connection from ip:port to port 443."""
    kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
    address = socket.inet_pton(kind, ip)
    body = address + address + port.to_bytes(2, "big") + (443).to_bytes(2, "big") + extra
    family = family or (0x21 if ":" in ip else 0x11)
    return SIGNATURE + bytes([command, family]) + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize("extra", [b"", b"\x03\x00\x04abcd"])
@pytest.mark.parametrize("ip", ["203.0.113.9", "2001:db8::9"])
def test_who_is_behind_the_proxy(ip: str, extra: bytes) -> None:
    whole = header(ip, 4711, extra=extra)
    assert proxied(whole + b"\x00\x64\x00\x01") == (len(whole), (ip, 4711))
    assert all(proxied(whole[:cut]) is None for cut in range(len(whole)))


def test_a_proxy_that_speaks_for_itself() -> None:
    assert proxied(SIGNATURE + b"\x20\x00\x00\x00") == (16, None)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x64\x00\x01",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        header("203.0.113.9", 1, command=0x22),
        header("203.0.113.9", 1, family=0x12),  # UDP
        header("203.0.113.9", 1, family=0x21),  # too short for IPv6
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(NotProxied):
        proxied(data)


@given(st.binary(max_size=80).map(lambda tail: SIGNATURE + tail) | st.binary(max_size=80))
def test_whatever_comes_is_a_header_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotProxied):
        said = proxied(data)
        assert said is None or said[0] <= len(data)


async def test_the_bound_of_an_address_is_each_persons_not_the_proxys(
    server: TestValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.relay_sockets.CONNECTIONS_PER_IP", 2)
    async with relay(settings(server, proxies=frozenset({"127.0.0.1"}))) as process:
        writers = []
        for ip in ("203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.3"):
            _, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
            writer.write(header(ip, 4711))
            writers.append(writer)
        await until(lambda: process.counters["tcp_refused"] == 1 and process.counters["connections"] == 4)
        for writer in writers:
            writer.close()


async def test_a_proxy_must_say_who_comes(server: TestValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.relay_sockets.FIRST_CHECK", 0.2)
    async with relay(settings(server, proxies=frozenset({"127.0.0.1"}))) as process:
        for said in (b"\x00\x64\x00\x01", b""):  # no header; nothing at all
            reader, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
            writer.write(said)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
        assert process.counters["tcp_garbage"] == 1
        assert process.counters["tcp_accepted"] == 0


async def test_nobody_else_may_say_who_comes(server: TestValkey) -> None:
    async with relay(settings(server, proxies=frozenset({"192.0.2.1"}))) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.addresses[1].port)
        writer.write(header("203.0.113.1", 4711))
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        assert process.counters["tcp_garbage"] == 1
        writer.close()


async def test_browsers_are_told_the_proxys_port(server: TestValkey, bus: Bus) -> None:
    """And they must have been asked there: a challenge that was answered at another port proves nothing."""
    a, b = LEGS
    async with relay(settings(server, tcp_port=443, proxies=frozenset({"127.0.0.1"}))) as process:
        told = {address.transport: address.port for address in process.addresses}
        listening = told["udp"]
        assert told["tcp"] == 443
        await put(bus, new_call(a, b))
        await until(lambda: process.relay.table.calls)
        for port, verified in ((listening, 0), (443, 1)):
            reader, writer = await asyncio.open_connection("127.0.0.1", listening)
            writer.write(header("203.0.113.1", 4711)[:9])
            await writer.drain()
            writer.write(header("203.0.113.1", 4711)[9:])
            await frame(writer, binding(a, b))
            await frame(writer, success(await read_frame(reader), a, ("127.0.0.1", port)))
            await until(lambda: process.counters["challenge_failed"] + process.counters["verified"] == 1 + verified)  # noqa: B023
            assert process.counters["verified"] == verified
            writer.close()
