"""A web node's side of the connection checks: which processes there are, and one conversation a check."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Protocol

import structlog

from signaling.check_post import (
    Answered,
    Ask,
    CheckEvent,
    Failed,
    ForgedPost,
    Here,
    Look,
    Measured,
    Queued,
    Stop,
    seal_post,
    unseal_post,
)

GONE = 3.5  # s without a process's sign of life: it is gone
FIND = 0.7  # s to hear of one, when none is known
PATIENCE = 300.0  # s that a check waits for its turn
ANSWERED = 15.0  # s from the answer to the result, at most: a check takes ten, and Redis may lose a message

_log = structlog.get_logger(__name__)


class PostBus(Protocol):
    async def publish(self, channel: str, payload: bytes) -> bool: ...


class Checks:
    """Give `on_post` what comes by channel "checked"."""

    def __init__(self, bus: PostBus, secret: bytes) -> None:
        self._bus, self._secret = bus, secret
        self._processes: dict[str, tuple[float, float]] = {}  # when heard, how full: 1 is all slots taken
        self._events: dict[str, asyncio.Queue[CheckEvent]] = {}
        self._some = asyncio.Event()

    async def on_post(self, blob: bytes) -> None:
        try:
            post = unseal_post(blob, self._secret)
        except ForgedPost:
            _log.warning("checks.forged_post")
            return
        match post:
            case Here():
                self._processes[post.process] = (time.monotonic(), post.load / max(1, post.most))
                self._some.set()
            case Queued() | Answered() | Measured() | Failed():
                if (waiting := self._events.get(post.check)) is not None:
                    waiting.put_nowait(post)

    async def run(self, visit: str, udp: str, tcp: str) -> AsyncGenerator[CheckEvent, None]:
        """Everything that is said of one check; `Measured` or `Failed` is the last. Close it to stop the check."""
        process = await self._choose()
        if process is None:
            yield Failed(check="", reason="unavailable")
            return
        name = secrets.token_urlsafe(16)
        events = self._events[name] = asyncio.Queue()
        ended, ends = False, float("inf")
        try:
            ask = Ask(process=process, check=name, visit=visit, udp=udp, tcp=tcp, until=time.time() + PATIENCE)
            sent = await self._bus.publish("check", seal_post(ask, self._secret))
            while not ended:
                try:
                    async with asyncio.timeout(GONE / 2):
                        event = await events.get() if sent else Failed(check=name, reason="unavailable")
                except TimeoutError:
                    if self._lives(process) and time.monotonic() < ends:
                        continue
                    event = Failed(check=name, reason="unavailable")
                if isinstance(event, Answered):
                    ends = min(ends, time.monotonic() + ANSWERED)
                ended = isinstance(event, Measured | Failed)
                yield event
        finally:
            del self._events[name]
            if not ended:
                await self._bus.publish("check", seal_post(Stop(check=name), self._secret))

    async def _choose(self) -> str | None:
        """The process with the fewest checks for its size."""
        if not (alive := self._alive()):
            self._some.clear()
            if await self._bus.publish("check", seal_post(Look(), self._secret)):
                try:
                    async with asyncio.timeout(FIND):
                        await self._some.wait()
                except TimeoutError:
                    return None
            alive = self._alive()
        if not alive:
            return None
        process = min(alive, key=lambda name: (self._processes[name][1], random.random()))
        heard, full = self._processes[process]
        self._processes[process] = (heard, full + 0.1)  # until it says how full it is itself
        return process

    def _alive(self) -> list[str]:
        for process in list(self._processes):
            if not self._lives(process):
                del self._processes[process]
        return list(self._processes)

    def _lives(self, process: str) -> bool:
        return time.monotonic() - self._processes.get(process, (-1e9, 0))[0] < GONE
