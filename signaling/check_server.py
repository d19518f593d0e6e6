"""The check process: takes what web nodes ask for, some at once, the rest in the order in which they came.

It holds nothing that must survive. Web nodes hear every second that it is there; one that is killed is missed, and
its checks end as "not measured".
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from signaling.bus import Bus
from signaling.check import Check, CheckImpossible, Relays
from signaling.check_messages import Way
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
from signaling.sdp import SdpRefused

HERE_EVERY = 1.0  # s
MOST_WAITING = 500
CLOSE_SECONDS = 5.0  # aiortc says goodbye, to a page that may be gone

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """`most`: checks that run at once in this process."""

    secret: bytes
    bus_url: str
    most: int
    prefix: str = "tm:"


class CheckServer:
    """`start`, then `run` until cancelled."""

    def __init__(self, settings: CheckSettings) -> None:
        self.settings = settings
        self.name = secrets.token_urlsafe(12)
        self.bus = Bus(settings.bus_url, prefix=settings.prefix)
        self._relays = Relays(self.bus, settings.secret)
        self._running: dict[str, tuple[Ask, asyncio.Task[None]]] = {}
        self._waiting: dict[str, Ask] = {}  # in their order
        self._tasks: set[asyncio.Task[None]] = set()  # those that run, and those that still close

    @property
    def load(self) -> int:
        return len(self._running) + len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running)

    async def start(self) -> None:
        self.bus.subscribe("check", self.on_post)
        self.bus.subscribe("relay", self._relays.on_report)
        self.bus.on_connect(self._here)
        await self.bus.start()
        _log.info("check.ready", process=self.name, most=self.settings.most)

    async def run(self) -> None:
        while True:
            await self._here()
            await asyncio.sleep(HERE_EVERY)

    async def close(self) -> None:
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.bus.close()

    async def on_post(self, blob: bytes) -> None:
        """What a web node says: channel "check"."""
        try:
            post = unseal_post(blob, self.settings.secret)
        except ForgedPost:
            _log.warning("check.forged_post")
            return
        match post:
            case Look():
                await self._here()
            case Stop():
                await self._stop(post.check)
            case Ask():
                # One check a visit, whichever process has it: the newest counts.
                for other in [*self._waiting.values(), *(ask for ask, _ in self._running.values())]:
                    if other.visit == post.visit and other.check != post.check:
                        await self._stop(other.check)
                        await self._say(Failed(check=other.check, reason="failed"))
                if post.process == self.name:
                    await self._take(post)

    async def _take(self, ask: Ask) -> None:
        if ask.check in self._running or ask.check in self._waiting:
            return
        if len(self._waiting) >= MOST_WAITING:
            await self._say(Failed(check=ask.check, reason="busy"))
            return
        self._waiting[ask.check] = ask
        ahead = max(0, self.load - self.settings.most)
        if ahead:
            await self._say(Queued(check=ask.check, ahead=ahead))
        self._fill()

    async def _stop(self, name: str) -> None:
        if self._waiting.pop(name, None) is not None:
            await self._tell_places()
        elif name in self._running:
            self._running[name][1].cancel()

    def _fill(self) -> None:
        """Start what has its turn."""
        while self._waiting and len(self._running) < self.settings.most:
            name, ask = next(iter(self._waiting.items()))
            del self._waiting[name]
            if ask.until > time.time():
                task = asyncio.create_task(self._run(ask))
                self._running[name] = (ask, task)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _tell_places(self) -> None:
        for ahead, name in enumerate(list(self._waiting), 1):
            await self._say(Queued(check=name, ahead=ahead))

    async def _run(self, ask: Ask) -> None:
        async def tell(way: Way, sdp: str, candidates: tuple[str, ...]) -> None:
            await self._say(Answered(check=ask.check, way=way, sdp=sdp, candidates=candidates))

        check = Check(ask.check, {"udp": ask.udp, "tcp": ask.tcp}, self._relays, tell)
        try:
            await self._say(await self._measure(ask.check, check))
        finally:
            self._running.pop(ask.check, None)
            self._fill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await check.close()
        await self._tell_places()

    async def _measure(self, name: str, check: Check) -> CheckEvent:
        began = time.monotonic()
        said: CheckEvent
        try:
            said = Measured(check=name, numbers=await check.run())
        except SdpRefused as error:
            _log.warning("check.refused_offer", reason=str(error))
            said = Failed(check=name, reason="refused")
        except CheckImpossible as error:
            _log.warning("check.impossible", reason=str(error))
            said = Failed(check=name, reason="unavailable")
        except Exception:
            _log.exception("check.failed")
            said = Failed(check=name, reason="failed")
        _log.info("check.done", result=said.type, seconds=round(time.monotonic() - began, 1))
        return said

    async def _here(self) -> None:
        await self.bus.publish(
            "checked",
            seal_post(Here(process=self.name, load=self.load, most=self.settings.most), self.settings.secret),
        )

    async def _say(self, event: CheckEvent) -> None:
        await self.bus.publish("checked", seal_post(event, self.settings.secret))


async def serve(settings: CheckSettings, *, ready: Callable[[CheckServer], None] | None = None) -> None:
    """Run a check process until this is cancelled."""
    server = CheckServer(settings)
    try:
        await server.start()
        if ready is not None:
            ready(server)
        await server.run()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await server.close()
