"""The WebSocket shell around one page: one reader, one inbox, one writer, a clock."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from signaling.bucket import Bucket
from signaling.hub import SUPERSEDED, Hub
from signaling.messages import (
    MAX_MESSAGE,
    Clock,
    Hello,
    PageMessage,
    Ping,
    Pong,
    ProtocolError,
    ServerMessage,
    Snapshot,
    dump,
    parse,
)
from signaling.pages import Page, Who, iso

BAD_MESSAGE, REVOKED, FORBIDDEN, NO_HELLO, TOO_SLOW, FLOOD = 4400, 4401, 4403, 4408, 4410, 4429

HELLO_SECONDS = 10.0
HEARTBEAT_SECONDS = 20.0  # WebSocket pings: browsers answer them even for a page in the background
RATE, BURST = 40.0, 300.0  # messages a second; an admission with all its candidates is under 60
BYTES_RATE, BYTES_BURST = 64 * 1024.0, 512 * 1024.0
MOST_WAITING, MOST_BYTES = 256, 1024 * 1024
SEND_SECONDS = 10.0
CLOSE_SECONDS = 2.0
ALLOWED_EVERY = 15.0  # s between looks at whether the web session still stands

_log = structlog.get_logger(__name__)

Allowed = Callable[[], Awaitable[bool]]

__all__ = ["FORBIDDEN", "SUPERSEDED", "Outgoing", "PageConnection", "origin_allowed", "upgrade"]


def origin_allowed(request: web.Request, origins: Collection[str] = ()) -> bool:
    """Whether the page that opens this WebSocket is ours (browsers always send Origin; RFC 6455 §10.2).

    `origins`: the service's own, as "https://host[:port]"; none: the request's own host, for development.
    """
    origin = request.headers.get("Origin")
    own = origins or {f"{scheme}://{request.host}" for scheme in ("http", "https")}
    return origin is not None and origin in own


async def upgrade(request: web.Request) -> web.WebSocketResponse:
    """The prepared WebSocket. Check Origin and the session first."""
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, max_msg_size=MAX_MESSAGE, compress=False)
    await ws.prepare(request)
    return ws


class Outgoing:
    """What waits for the writer. Bounded; the newest of a key replaces what waits under the same key."""

    def __init__(self, most: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        self._queue: deque[list[str | None]] = deque()  # [text, key]; replaced in place
        self._bytes = 0
        self._most, self._most_bytes = most, most_bytes
        self._some = asyncio.Event()
        self._ended = False

    def put(self, text: str, key: str | None = None) -> bool:
        """False: the page does not read, and this was not queued."""
        waiting = next((entry for entry in self._queue if key is not None and entry[1] == key), None)
        if self._ended:
            return True  # the connection closes: nobody waits for this any more
        if waiting is not None:
            self._bytes += len(text) - len(waiting[0] or "")
            waiting[0] = text
        elif len(self._queue) >= self._most or self._bytes + len(text) > self._most_bytes:
            return False
        else:
            self._queue.append([text, key])
            self._bytes += len(text)
        self._some.set()
        return self._bytes <= self._most_bytes

    def end(self) -> None:
        """Nothing more comes; what waits still goes out."""
        self._ended = True
        self._some.set()

    async def get(self) -> str | None:
        """The next text; None after the end."""
        while not self._queue:
            if self._ended:
                return None
            self._some.clear()
            await self._some.wait()
        text = self._queue.popleft()[0] or ""
        self._bytes -= len(text)
        return text

    def __len__(self) -> int:
        return len(self._queue)


class PageConnection(Page):
    """One page's connection. `allowed` is asked every 15 s: False closes it (the session was revoked)."""

    def __init__(self, hub: Hub, who: Who, allowed: Allowed | None = None) -> None:
        super().__init__(who)
        self._hub, self._allowed = hub, allowed
        self._outgoing = Outgoing()
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        now = time.monotonic()
        self._messages, self._bytes = Bucket(RATE, BURST, now), Bucket(BYTES_RATE, BYTES_BURST, now)

    def send(self, message: ServerMessage) -> None:
        key: str | None = None
        if isinstance(message, Snapshot):
            key = f"snapshot {message.kind}"
        elif isinstance(message, Clock):
            key = "clock"
        if not self._outgoing.put(dump(message), key):
            self.close(TOO_SLOW)

    def close(self, code: int) -> None:
        if not self._closing.done():
            self._closing.set_result(code)

    async def run(self, ws: web.WebSocketResponse) -> web.WebSocketResponse:
        """Until either side closes. Returns `ws`, for the view."""
        reader = asyncio.create_task(self._read(ws))
        writer = asyncio.create_task(self._write(ws))
        watch = asyncio.create_task(self._watch())
        tasks = [reader, writer, watch]
        waited: list[asyncio.Future[Any]] = [*tasks, self._closing]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            failed = any(task.done() and task.exception() is not None for task in tasks)
            code = self._closing.result() if self._closing.done() else WSCloseCode.OK
            self._outgoing.end()
            if not failed and code != TOO_SLOW:
                # What was queued before (superseded, refused) still goes out.
                await asyncio.wait([writer], timeout=CLOSE_SECONDS)
            if not ws.closed:
                with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await ws.close(code=WSCloseCode.INTERNAL_ERROR if failed else code)
        finally:
            # Nothing is awaited before the page is gone: this may itself have been cancelled.
            for task in tasks:
                task.cancel()
            self._hub.gone(self)
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    _log.error("page.failed", error=repr(result))
        return ws

    async def _read(self, ws: web.WebSocketResponse) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                first = await self._next(ws)
        except TimeoutError:
            return self.close(NO_HELLO)
        if first is None:
            return None
        if not isinstance(first, Hello):
            return self.close(BAD_MESSAGE)
        await self._hub.hello(self, first)
        while (message := await self._next(ws)) is not None and not self._closing.done():
            if isinstance(message, Ping):
                self.send(Pong(server_now=iso(self._hub.now())))
            else:
                await self._hub.handle(self, message)
            # A reader with many frames in its buffer never waits: the others, and our own writer, come first.
            await asyncio.sleep(0)
        return None

    async def _next(self, ws: web.WebSocketResponse) -> PageMessage | None:
        """The next message, or None when there will be none."""
        frame = await ws.receive()
        if frame.type is not WSMsgType.TEXT:
            if frame.type is WSMsgType.BINARY:
                self.close(BAD_MESSAGE)
            return None
        now = time.monotonic()
        if not self._messages.take(now) or not self._bytes.take(now, len(frame.data)):
            self.close(FLOOD)
            return None
        try:
            return parse(frame.data)
        except ProtocolError as error:
            _log.info("page.bad_message", code=error.code, role=self.who.role)
            self.close(BAD_MESSAGE)
            return None

    async def _write(self, ws: web.WebSocketResponse) -> None:
        while (text := await self._outgoing.get()) is not None:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await ws.send_str(text)
            except TimeoutError:
                return self.close(TOO_SLOW)
            except ConnectionError:
                return None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(ALLOWED_EVERY)
            if self._allowed is not None and not await self._allowed():
                return self.close(REVOKED)
