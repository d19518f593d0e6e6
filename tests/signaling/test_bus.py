"""The bus against a real Valkey, killed and started again."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from signaling.bus import Bus
from tests.rig.wait import until
from tests.valkey import TestValkey


class Heard:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def __call__(self, payload: bytes) -> None:
        self.queue.put_nowait(payload)

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.queue.get(), 5)


class Connects:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self) -> None:
        self.queue.put_nowait(None)

    async def next(self) -> None:
        await asyncio.wait_for(self.queue.get(), 5)


async def test_publish_reaches_every_subscriber_of_that_channel_only(bus: Bus, server: TestValkey) -> None:
    one, two, other = Heard(), Heard(), Heard()
    connects = Connects()
    late = Bus(server.url)
    late.subscribe("changes", one)
    late.subscribe("changes", two)
    late.subscribe("signal", other)
    late.on_connect(connects)
    await late.start()
    assert late.connected
    await connects.next()
    assert await bus.publish("changes", b"\x00visit 7\xff")
    assert await one.next() == await two.next() == b"\x00visit 7\xff"
    assert other.queue.empty()
    await late.close()
    assert not late.connected


async def test_subscribe_after_start(bus: Bus) -> None:
    heard = Heard()
    bus.subscribe("relay", heard)
    payload = b""
    for attempt in range(500):  # the subscription is under way: until then pub/sub loses what is published
        await bus.publish("relay", b"%d" % attempt)
        if not heard.queue.empty():
            payload = await heard.next()
            break
    assert payload.isdigit()


async def test_a_failing_or_slow_handler_stops_nobody(bus: Bus, server: TestValkey) -> None:
    heard, never = Heard(), asyncio.Event()

    async def fails(payload: bytes) -> None:
        raise RuntimeError("of the test")

    async def waits(payload: bytes) -> None:
        await never.wait()

    other = Bus(server.url)
    for handler in (fails, waits, heard):
        other.subscribe("changes", handler)
    await other.start()
    for number in (b"1", b"2"):
        await bus.publish("changes", number)
    assert [await heard.next(), await heard.next()] == [b"1", b"2"]
    await other.close()


async def test_calls_are_a_table_and_told(bus: Bus, server: TestValkey) -> None:
    other, heard = Bus(server.url), Heard()
    other.subscribe("calls", heard)
    await other.start()
    expires = time.time() + 600
    assert await bus.put_call("v/a/b/0", b"first", expires)
    assert await bus.put_call("v/a/b/1", b"second", expires)
    assert await bus.put_call("v/a/b/0", b"first again", expires)
    assert [await heard.next() for _ in range(3)] == [b"first", b"second", b"first again"]
    assert sorted(await other.calls() or []) == [b"first again", b"second"]
    assert await bus.drop_call("v/a/b/0", b"tombstone")
    assert await heard.next() == b"tombstone"
    assert await other.calls() == [b"second"]
    assert await other.gone() == [b"tombstone"]
    await other.close()


async def test_the_table_expires_by_itself(bus: Bus) -> None:
    await bus.put_call("v/a/b/0", b"old", time.time() - 10_000)

    async def empty() -> bool:
        return await bus.calls() == []

    await until(empty, what="an empty table")


async def test_away_and_back(bus: Bus, server: TestValkey) -> None:
    heard, connects = Heard(), Connects()
    hearer = Bus(server.url)
    hearer.subscribe("calls", heard)
    hearer.on_connect(connects)
    await hearer.start()
    await connects.next()
    await bus.put_call("v/a/b/0", b"kept", time.time() + 600)
    assert await heard.next() == b"kept"

    server.kill()
    assert not await bus.publish("changes", b"x")
    assert not await bus.put_call("v/a/b/1", b"y", time.time() + 600)
    assert not await bus.drop_call("v/a/b/1", b"y")
    assert await bus.calls() is None
    while bus.connected:  # noqa: ASYNC110 - it learns of the end by its own connection
        await asyncio.sleep(0.01)

    again = Connects()
    bus.on_connect(again)
    server.start()
    await connects.next()
    await again.next()
    assert await bus.calls() == [b"kept"]  # append-only file
    assert await bus.put_call("v/a/b/2", b"after", time.time() + 600)
    assert await heard.next() == b"after"
    await hearer.close()


async def test_starts_without_redis(tmp_path: Path) -> None:
    bus = Bus(f"unix://{tmp_path}/nobody.sock")
    await asyncio.wait_for(bus.start(), 3)
    assert not bus.connected
    assert await bus.calls() is None
    assert not await bus.publish("changes", b"x")
    await bus.close()


async def test_many_commands_at_once(bus: Bus) -> None:
    assert all(await asyncio.gather(*(bus.publish("changes", b"x") for _ in range(300))))


async def pings(server: TestValkey) -> int:
    """How often this Redis has been asked whether it lives."""
    async with Redis.from_url(server.url) as redis:
        stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_ping", {}).get("calls", 0))


async def test_a_quiet_bus_stays_connected(server: TestValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.bus.HEARTBEAT", 0.05)
    bus, connects = Bus(server.url), Connects()
    bus.on_connect(connects)
    await bus.start()
    await connects.next()
    before = await pings(server)

    async def asked() -> bool:
        return await pings(server) >= before + 5

    await until(asked, what="the quiet reader asks whether Redis lives, again and again")
    assert (bus.connected, connects.queue.empty()) == (True, True)
    server.pause()
    await until(lambda: not bus.connected, what="a Redis that does not answer is away")
    assert connects.queue.empty()
    server.resume()
    await connects.next()
    await bus.close()


async def test_a_redis_that_hangs_is_away(bus: Bus, server: TestValkey) -> None:
    server.pause()
    began = time.monotonic()
    assert not await bus.publish("changes", b"x")
    assert time.monotonic() - began < 4
    assert not bus.connected
    began = time.monotonic()
    for _ in range(20):
        assert not await bus.publish("changes", b"x")
    assert time.monotonic() - began < 0.5, "only the first waits for an answer"
    greeted = asyncio.Event()

    async def connected() -> None:
        greeted.set()

    bus.on_connect(connected)
    server.resume()
    await asyncio.wait_for(greeted.wait(), 10)  # what was lost meanwhile is reconciled
    assert await bus.publish("changes", b"x")
