"""The WebSocket shell around one page.

A page that only waits costs one task, its reader, which is the request's own: what is said to it goes out at once while
its connection takes it; only for one that is behind there is a queue and a writer. One heart beats for all connections.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Collection, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

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
    snapshot_text,
)
from signaling.pages import Page, Who, iso

BAD_MESSAGE, REVOKED, FORBIDDEN, NO_HELLO, TOO_SLOW, FLOOD = 4400, 4401, 4403, 4408, 4410, 4429

HELLO_SECONDS = 10.0
#: a WebSocket's ping after so long without a word: browsers answer it even for a page in the background. Pages say
#: `ping` themselves every 20 s, so it is asked only of those whose timers stand still
HEARTBEAT_SECONDS = 25.0
ANSWER_SECONDS = 10.0
RATE, BURST = 40.0, 300.0  # messages a second; an admission with all its candidates is under 60
BYTES_RATE, BYTES_BURST = 64 * 1024.0, 512 * 1024.0
MOST_WAITING, MOST_BYTES = 256, 1024 * 1024
SEND_SECONDS = 10.0
BEAT_SECONDS = 2.0
CLOSE_SECONDS = 2.0

_log = structlog.get_logger(__name__)

__all__ = ["FORBIDDEN", "SUPERSEDED", "Outgoing", "PageConnection", "origin_allowed", "upgrade"]


def origin_allowed(request: web.Request, origins: Collection[str] = ()) -> bool:
    """Whether the page that opens this WebSocket is ours (browsers always send Origin; RFC 6455 §10.2).

    `origins`: the service's own, as "https://host[:port]"; none: the request's own host, for development.
    """
    origin = request.headers.get("Origin")
    own = origins or {f"{scheme}://{request.host}" for scheme in ("http", "https")}
    return origin is not None and origin in own


class PageSocket(web.WebSocketResponse):
    """A WebSocket with its transport, which says whether something still waits to be sent."""

    transport: asyncio.Transport | None = None


async def upgrade(request: web.Request) -> PageSocket:
    """The prepared WebSocket. Check Origin and the session first."""
    ws = PageSocket(max_msg_size=MAX_MESSAGE, compress=False, autoping=False)
    await ws.prepare(request)
    ws.transport = request.transport
    return ws


class Outgoing:
    """What waits for the writer. Bounded; the newest of a key replaces what waits under the same key."""

    def __init__(self, most: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        self._queue: deque[list[str | None]] = deque()  # [text, key]; replaced in place
        self._bytes = 0
        self._most, self._most_bytes = most, most_bytes
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
        return self._bytes <= self._most_bytes

    def end(self) -> None:
        """Nothing more comes; what waits still goes out."""
        self._ended = True

    def take(self) -> str | None:
        """The next text; None: nothing waits."""
        if not self._queue:
            return None
        text = self._queue.popleft()[0] or ""
        self._bytes -= len(text)
        return text

    def __len__(self) -> int:
        return len(self._queue)


class Heart:
    """Asks the silent connections of this process whether they are there, and ends those that do not answer."""

    def __init__(self) -> None:
        self._connections: set[PageConnection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: "PageConnection") -> None:
        self._connections.add(one)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)

    def discard(self, one: "PageConnection") -> None:
        self._connections.discard(one)
        if not self._connections and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        now = time.monotonic()
        for one in list(self._connections):
            one.beat(now)
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)


_HEARTS: WeakKeyDictionary[asyncio.AbstractEventLoop, Heart] = WeakKeyDictionary()


class PageConnection(Page):
    """One page's connection."""

    __slots__ = (
        "_alive", "_asked", "_bytes", "_code", "_ending", "_heard", "_hub", "_messages", "_outgoing", "_reader",
        "_writer", "_ws",
    )  # fmt: skip

    def __init__(self, hub: Hub, who: Who) -> None:
        super().__init__(who)
        self._hub = hub
        self._ws: PageSocket | None = None
        self._reader: asyncio.Task[object] | None = None
        self._outgoing: Outgoing | None = None  # while the connection does not take what is sent
        self._writer: asyncio.Task[None] | None = None
        self._code: int | None = None  # with which we end it
        self._ending: asyncio.Task[None] | None = None
        self._alive = True
        now = self._heard = time.monotonic()
        self._asked = 0.0  # when it was asked for a sign of life, until it gives one
        self._messages, self._bytes = Bucket(RATE, BURST, now), Bucket(BYTES_RATE, BYTES_BURST, now)

    def send(self, message: ServerMessage) -> None:
        key: str | None = None
        if isinstance(message, Snapshot):
            key = f"snapshot {message.kind}"
        elif isinstance(message, Clock):
            key = "clock"
        self._put(dump(message), key)

    def show(self, kind: str, version: int, data: str) -> None:
        self._put(snapshot_text(kind, version, data), f"snapshot {kind}")

    def close(self, code: int) -> None:
        if self._code is None:
            self._code = code
            if self._ws is not None:
                self._ending = asyncio.get_running_loop().create_task(self._end(self._ws, code))

    def _put(self, text: str, key: str | None) -> None:
        if self._code is not None:
            return  # nobody waits for this any more
        if self._outgoing is None:
            if self._at_once(text):
                return
            self._outgoing = Outgoing()
        if not self._outgoing.put(text, key):
            self.close(TOO_SLOW)
        elif self._writer is None and self._ws is not None:
            self._writer = asyncio.get_running_loop().create_task(self._write(self._ws, self._outgoing))

    def _at_once(self, text: str) -> bool:
        """Without a task, while nothing waits to be sent. False: something does."""
        ws = self._ws
        if ws is None or ws.transport is None or ws.transport.get_write_buffer_size():
            return False
        _step(ws.send_str(text))
        return True

    async def run(self, ws: PageSocket) -> PageSocket:
        """Until either side closes. Returns `ws`, for the view."""
        loop = asyncio.get_running_loop()
        self._ws, self._reader = ws, asyncio.current_task()
        heart = _HEARTS.setdefault(loop, Heart())
        heart.add(self)
        try:
            await self._read(ws)
            self.close(WSCloseCode.OK)
        except asyncio.CancelledError:
            if self._ending is None or not self._ending.done():
                raise  # the process stops, not this page
        except Exception as error:
            _log.error("page.failed", error=repr(error))
            self.close(WSCloseCode.INTERNAL_ERROR)
        finally:
            heart.discard(self)
            self._alive = False
            # Nothing is awaited before the page is gone: this may itself have been cancelled.
            self._hub.gone(self)
        if self._ending is not None:
            await self._ending
        return ws

    async def _end(self, ws: PageSocket, code: int) -> None:
        """What was queued before (superseded, refused) still goes out."""
        if self._outgoing is not None:
            self._outgoing.end()
        if self._writer is not None:
            if code != TOO_SLOW:
                await asyncio.wait([self._writer], timeout=CLOSE_SECONDS)
            self._writer.cancel()
        if not ws.closed:
            with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await ws.close(code=code)
        if self._reader is not None and self._alive:
            self._reader.cancel()  # it waits for an answer that this page needs no longer

    async def _read(self, ws: PageSocket) -> None:
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
        while self._code is None and (message := await self._next(ws)) is not None:
            if isinstance(message, Ping):
                self.send(Pong(server_now=iso(self._hub.now())))
            else:
                await self._hub.handle(self, message)
            # A reader with many frames in its buffer never waits: the others, and our own writer, come first.
            await asyncio.sleep(0)
        return None

    async def _next(self, ws: PageSocket) -> PageMessage | None:
        """The next message, or None when there will be none."""
        while True:
            frame = await ws.receive()
            now = self._heard = time.monotonic()
            self._asked = 0.0
            if frame.type is WSMsgType.PING:
                await ws.pong(frame.data)
            elif frame.type is not WSMsgType.PONG:
                break
            if not self._messages.take(now):
                self.close(FLOOD)
                return None
        if frame.type is not WSMsgType.TEXT:
            if frame.type is WSMsgType.BINARY:
                self.close(BAD_MESSAGE)
            return None
        if not self._messages.take(now) or not self._bytes.take(now, len(frame.data)):
            self.close(FLOOD)
            return None
        try:
            return parse(frame.data)
        except ProtocolError as error:
            _log.info("page.bad_message", code=error.code, role=self.who.role)
            self.close(BAD_MESSAGE)
            return None

    async def _write(self, ws: PageSocket, outgoing: Outgoing) -> None:
        """Until nothing waits any more."""
        while (text := outgoing.take()) is not None:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await ws.send_str(text)
            except TimeoutError:
                return self.close(TOO_SLOW)
            except (ConnectionError, RuntimeError):
                return None
        self._outgoing = self._writer = None
        return None

    def beat(self, now: float) -> None:
        """Ask a silent page for a sign of life; end one that has given none."""
        ws = self._ws
        if ws is None or ws.transport is None or self._code is not None:
            return
        if self._asked:
            if now - self._asked > ANSWER_SECONDS:
                ws.transport.abort()
        elif now - self._heard > HEARTBEAT_SECONDS:
            self._asked = now
            if not ws.transport.get_write_buffer_size():
                _step(ws.ping())


def _step(sending: Coroutine[Any, Any, None]) -> None:
    """Run a sending that needs not wait, without a task."""
    try:
        sending.send(None)
    except StopIteration:
        pass
    except (ConnectionError, RuntimeError):
        pass  # it is closing: the reader hears of it
    else:
        sending.close()  # written; it would only wait until the peer has read
