"""Fifty connection checks asked for at once, beside a call: are its packets delayed, and are all checks answered?

A relay, a check process and the fifty pages (aiortc clients) run in processes of their own, on real sockets. The call
is two ICE agents that send 100 packets a second each way through the relay; a packet's delay is from its sending to
its coming. First the call alone, then beside the checks.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

import aioice

from server.processes import CHECK_NICE
from signaling.bus import Bus
from signaling.calls import RelayAck
from signaling.check_post import Measured, Queued
from signaling.check_server import CheckSettings, serve
from tests.rig.processes import free_port
from tests.signaling.check_rig import CheckPage, web_node
from tests.signaling.relay_rig import SECRET, Reports, agents, connect, put, udp
from tests.signaling.test_relay_browser import relay_process
from tests.valkey import valkey

PACKETS = 100  # a second, each way: a voice and a small picture
PAGES = 50


class Url:
    """What the rig wants of a Valkey: its address."""

    def __init__(self, url: str) -> None:
        self.url = url


async def pages(url: str, count: int) -> None:
    """The pages' process: all ask at once. Prints what became of them."""
    async with web_node(Url(url)) as checks:  # type: ignore[arg-type]

        async def one(number: int) -> tuple[bool, float, int, int]:
            page, began = CheckPage(), time.monotonic()
            last = await page.run(checks, f"visit-{number}")
            queued = sum(isinstance(event, Queued) for event in page.events)
            kbps = last.numbers.kbps_up or 0 if isinstance(last, Measured) else 0
            return isinstance(last, Measured), time.monotonic() - began, queued, kbps

        found = await asyncio.gather(*(one(number) for number in range(count)))
    waits = sorted(took for _, took, _, _ in found)
    result = {
        "asked": count,
        "measured": sum(measured for measured, _, _, _ in found),
        "first_s": round(waits[0], 1),
        "last_s": round(waits[-1], 1),
        "kbps_up_median": median(kbps for _, _, _, kbps in found),
    }
    print(json.dumps(result), flush=True)


async def check_process(url: str, most: int) -> None:
    os.nice(CHECK_NICE)
    await serve(CheckSettings(SECRET, url, most), ready=lambda _: print("ready", flush=True))


async def talk(one: aioice.Connection, two: aioice.Connection, until: asyncio.Event) -> tuple[list[float], int]:
    """Delays in ms, of both ways, and how many packets were sent."""
    delays: list[float] = []
    sent = 0

    async def send(agent: aioice.Connection) -> None:
        nonlocal sent
        due = time.monotonic()
        while not until.is_set():
            await agent.send(b"\x80" + struct.pack("!d", time.monotonic()) + bytes(900))
            sent += 1
            due += 1 / PACKETS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def receive(agent: aioice.Connection) -> None:
        while True:
            data = await agent.recv()
            delays.append((time.monotonic() - struct.unpack_from("!d", data, 1)[0]) * 1000)

    listening = [asyncio.create_task(receive(agent)) for agent in (one, two)]
    await asyncio.gather(send(one), send(two))
    await asyncio.sleep(0.2)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    return delays, sent


def figures(delays: list[float], sent: int) -> dict[str, float]:
    ordered = sorted(delays)
    return {
        "p50_ms": round(median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "lost_percent": round(max(0.0, 100 - 100 * len(ordered) / sent), 2),
    }


async def measure(url: str, count: int, most: int, alone_s: float) -> dict[str, object]:
    here = Path(__file__)
    async with relay_process(free_port(), url), contextlib.AsyncExitStack() as stack:
        bus = Bus(url)
        await bus.start()
        stack.push_async_callback(bus.close)
        reports = Reports(bus)
        one, two, call = agents()
        await put(bus, call)
        ack = await reports.next()
        assert isinstance(ack, RelayAck)
        await asyncio.gather(connect(one, udp(ack)), connect(two, udp(ack)))
        check = await _child(here, "process", url, str(most))
        stack.push_async_callback(_end, check)
        await _line(check)
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(alone_s, over.set)
        alone = figures(*await talk(one, two, over))
        asking = await _child(here, "pages", url, str(count))
        over = asyncio.Event()

        async def asked() -> dict[str, object]:
            line = await _line(asking)
            over.set()
            found: dict[str, object] = json.loads(line)
            return found

        answer, talked = await asyncio.gather(asked(), talk(one, two, over))
        beside = figures(*talked)
        await asking.wait()
        await asyncio.gather(one.close(), two.close())
        return {"at_once": most, "call_alone": alone, "call_beside": beside, "checks": answer}


async def _child(here: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(here), *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    """Its next line of output that is not a log's."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith((b"{", b"ready")):
            return line
    raise RuntimeError("a process ended before it said anything")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*")
    parser.add_argument("--quick", action="store_true", help="24 checks instead of 50")
    parser.add_argument("--at-once", type=int, default=6)
    args = parser.parse_args()
    match args.part:
        case ["pages", url, count]:
            asyncio.run(pages(url, int(count)))
        case ["process", url, most]:
            asyncio.run(check_process(url, int(most)))
        case _:
            with tempfile.TemporaryDirectory() as folder, valkey(Path(folder)) as server:
                count = 24 if args.quick else PAGES
                print(json.dumps(asyncio.run(measure(server.url, count, args.at_once, 5.0))))


if __name__ == "__main__":
    main()
