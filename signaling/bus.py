"""Redis or Valkey between the processes: what moves, never what must not be lost.

Every method says what happens when Redis is away; none raises for that. Whoever hears by the bus reconciles
when `on_connect` calls, because pub/sub loses what is published meanwhile.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

Handler = Callable[[bytes], Awaitable[None]]
Connected = Callable[[], Awaitable[None]]

INBOX = 10_000  # messages that wait for one slow handler; more are lost, as by pub/sub itself
COMMAND_TIMEOUT = 2.0  # s
HEARTBEAT = 5.0  # s of silence before the reader asks whether Redis still lives; twice that and it is away
BACKOFF_FIRST, BACKOFF_MOST = 0.05, 1.0  # s; with full jitter
TOMBSTONE_LIFE = 120  # s that a dropped call's last entry stays for relays that missed the message
GRACE = 60  # s that an entry outlives its call in Redis
MAX_TABLE = 20_000

_log = structlog.get_logger(__name__)


class _Inbox:
    """One handler of one channel: its own task, so that a slow one makes nobody else wait."""

    def __init__(self, channel: str, handler: Handler) -> None:
        self._channel, self._handler = channel, handler
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(INBOX)

    def put(self, payload: bytes) -> None:
        try:
            self._queue.put_nowait(payload)
        except asyncio.QueueFull:
            _log.warning("bus.inbox_full", channel=self._channel)

    async def run(self) -> None:
        while True:
            payload = await self._queue.get()
            try:
                await self._handler(payload)
            except Exception:
                _log.exception("bus.handler_failed", channel=self._channel)


class Bus:
    """`url`: `redis://`, `rediss://` or `unix://`; `prefix` stands before every key and channel."""

    def __init__(self, url: str, *, prefix: str = "tm:") -> None:
        self._prefix = prefix
        # socket_timeout=None for the reader: redis-py's default of 5 s would break every quiet subscription.
        self._reader = _client(url, None)
        self._client = _client(url, COMMAND_TIMEOUT)
        self._inboxes: dict[str, list[_Inbox]] = {}
        self._on_connect: list[Connected] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False
        self._connected = False
        self._hangs = False  # a command got no answer: no other waits for one until a ping has had one
        self._tried = asyncio.Event()  # the first attempt has ended, well or not
        self._greet = asyncio.Event()
        self._pubsub: PubSub | None = None

    @property
    def connected(self) -> bool:
        """Whether Redis was there when last heard of."""
        return self._connected and not self._hangs

    async def start(self) -> None:
        """Connect and keep connected. Returns after the first attempt; Redis may be away."""
        self._running = True
        self._own(self._greeter())
        self._own(self._read())
        for inboxes in self._inboxes.values():
            for inbox in inboxes:
                self._own(inbox.run())
        try:
            await asyncio.wait_for(self._tried.wait(), COMMAND_TIMEOUT)
        except TimeoutError:
            _log.warning("bus.slow_start")

    async def close(self) -> None:
        """Stop hearing and let go of the connections. Nothing that waits in an inbox is handled any more."""
        self._running = self._connected = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _quietly(self._client.aclose())
        await _quietly(self._reader.aclose())

    def subscribe(self, channel: str, handler: Handler) -> None:
        """Hear a channel, before or after `start`. Each handler gets its messages in order, by itself.

        While Redis is away nothing is heard, and what was published then is lost.
        """
        inbox = _Inbox(channel, handler)
        known = channel in self._inboxes
        self._inboxes.setdefault(channel, []).append(inbox)
        if self._running:
            self._own(inbox.run())
            if self._pubsub is not None and not known:
                self._own(self._also(self._pubsub, channel))

    def on_connect(self, handler: Connected) -> None:
        """Called after every connect and reconnect, once the subscriptions stand."""
        self._on_connect.append(handler)
        if self.connected:
            self._greet.set()

    async def publish(self, channel: str, payload: bytes) -> bool:
        """False: Redis is away, nobody has heard it."""
        return await self._do(lambda: self._client.publish(self._prefix + channel, payload)) is not None

    async def put_call(self, call_key: str, blob: bytes, expires: float) -> bool:
        """Put an entry into the table and tell the relays. False: Redis is away, neither was done."""
        life = max(1, int(expires - time.time()) + GRACE)
        pipe = self._client.pipeline(transaction=True)
        pipe.set(self._call(call_key), blob, ex=life)
        pipe.zadd(self._prefix + "calls", {call_key: time.time() + life})
        pipe.publish(self._prefix + "calls", blob)
        return await self._do(pipe.execute) is not None

    async def drop_call(self, call_key: str, blob: bytes) -> bool:
        """Take an entry out of the table and publish `blob`, the same call with an end that has passed.

        The tombstone can be read by `gone` for two minutes. False: Redis is away, neither was done.
        """
        until = time.time() + TOMBSTONE_LIFE
        pipe = self._client.pipeline(transaction=True)
        pipe.delete(self._call(call_key))
        pipe.zrem(self._prefix + "calls", call_key)
        pipe.set(self._gone(call_key), blob, ex=TOMBSTONE_LIFE)
        pipe.zadd(self._prefix + "gone", {call_key: until})
        pipe.publish(self._prefix + "calls", blob)
        return await self._do(pipe.execute) is not None

    async def calls(self) -> list[bytes] | None:
        """The whole table, one sealed entry a call. None: Redis is away."""
        return await self._table("calls", self._call)

    async def gone(self) -> list[bytes] | None:
        """The tombstones of the last two minutes. None: Redis is away."""
        return await self._table("gone", self._gone)

    async def put_hints(self, relay: str, hints: Mapping[str, tuple[bytes, float]]) -> bool:
        """Keep a relay's hints, call key -> (blob, end of the call). False: Redis is away, nothing was kept."""
        pipe = self._client.pipeline(transaction=False)
        for key, (blob, expires) in hints.items():
            pipe.set(self._hint(relay, key), blob, ex=max(1, int(expires - time.time()) + GRACE))
        return await self._do(pipe.execute) is not None

    async def hints(self, relay: str, keys: Sequence[str]) -> list[bytes | None]:
        """What `put_hints` has kept for these calls, None where nothing; empty when Redis is away."""
        names = [self._hint(relay, key) for key in keys]
        return (await self._do(lambda: self._client.mget(names)) if names else None) or []

    async def _table(self, index: str, key: Callable[[str], str]) -> list[bytes] | None:
        """An index beside the entries, because a scan would walk all of a shared Redis."""
        name = self._prefix + index
        pipe = self._client.pipeline(transaction=True)
        pipe.zremrangebyscore(name, "-inf", time.time())
        pipe.zrange(name, 0, MAX_TABLE - 1)
        found = await self._do(pipe.execute)
        if found is None:
            return None
        keys = [key(member.decode()) for member in found[1]]
        if not keys:
            return []
        blobs = await self._do(lambda: self._client.mget(keys))
        return None if blobs is None else [blob for blob in blobs if blob is not None]

    def _call(self, key: str) -> str:
        return f"{self._prefix}call:{key}"

    def _hint(self, relay: str, key: str) -> str:
        return f"{self._prefix}hint:{relay}:{key}"

    def _gone(self, key: str) -> str:
        return f"{self._prefix}gone:{key}"

    async def _do(self, command: Callable[[], Awaitable[Any]]) -> Any:
        """The command's answer, never None; None when Redis is away.

        Tried twice, as a connection from before a restart of Redis fails only when it is used.
        """
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                for last in (False, True):
                    if not self.connected:
                        return None
                    try:
                        return await _not_deaf(command())
                    except (RedisError, OSError) as error:
                        if last:
                            _log.warning("bus.command_failed", error=type(error).__name__)
        except TimeoutError:
            _log.warning("bus.command_failed", error="TimeoutError")
            if not self._hangs:
                self._hangs = True
                self._own(self._until_it_answers())
        return None

    async def _until_it_answers(self) -> None:
        """Redis hangs: its connections stand, nothing comes back. Whoever hears by the bus reconciles afterwards."""
        while self._hangs:
            await asyncio.sleep(BACKOFF_MOST)
            try:
                async with asyncio.timeout(COMMAND_TIMEOUT):
                    await self._client.ping()
            except (RedisError, OSError, TimeoutError):
                continue
            self._hangs = False
            self._greet.set()

    def _own(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("bus.task_failed", error=repr(error))

    async def _also(self, pubsub: PubSub, channel: str) -> None:
        try:
            await pubsub.subscribe(self._prefix + channel)
        except (RedisError, OSError) as error:
            # The reader meets the same broken connection and subscribes to everything anew.
            _log.info("bus.late_subscription", error=type(error).__name__)

    async def _greeter(self) -> None:
        while True:
            await self._greet.wait()
            self._greet.clear()
            for handler in list(self._on_connect):
                try:
                    await handler()
                except Exception:
                    _log.exception("bus.on_connect_failed")

    async def _read(self) -> None:
        """Owns the subscription: reads it, and builds it again when it breaks."""
        delay = BACKOFF_FIRST
        while True:
            try:
                async with self._reader.pubsub() as pubsub:
                    await asyncio.wait_for(self._subscribe(pubsub), COMMAND_TIMEOUT)
                    delay = BACKOFF_FIRST
                    await self._hear(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                if self._connected or not self._tried.is_set():
                    _log.warning("bus.away", error=type(error).__name__)
            finally:
                self._pubsub, self._connected = None, False
                self._tried.set()
            await asyncio.sleep(random.uniform(0.2, 1) * delay)
            delay = min(BACKOFF_MOST, delay * 2)

    async def _subscribe(self, pubsub: PubSub) -> None:
        # One channel of our own: there is a subscription (and a heartbeat) even when nobody subscribes.
        channels = {self._prefix + "alive", *(self._prefix + channel for channel in self._inboxes)}
        await pubsub.subscribe(*channels)
        await self._client.connection_pool.disconnect(inuse_connections=False)
        waiting = len(channels)
        while waiting:
            message = await pubsub.get_message(timeout=COMMAND_TIMEOUT)
            if message is None:
                continue
            if message["type"] == "subscribe":
                waiting -= 1
            else:
                self._deliver(message)
        late = {self._prefix + channel for channel in self._inboxes} - channels
        if late:
            await pubsub.subscribe(*late)
        self._pubsub, self._connected = pubsub, True
        self._tried.set()
        self._greet.set()
        _log.info("bus.connected")

    async def _hear(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=HEARTBEAT)
            if message is not None:
                asked = False
                self._deliver(message)
            elif asked:
                raise RedisTimeout("no answer to a ping")
            else:
                await pubsub.ping()
                asked = True

    def _deliver(self, message: dict[str, Any]) -> None:
        if message["type"] == "message":
            channel = message["channel"].decode().removeprefix(self._prefix)
            for inbox in self._inboxes.get(channel, ()):
                inbox.put(message["data"])


def _client(url: str, timeout: float | None) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        protocol=3,
        socket_timeout=timeout,
        socket_connect_timeout=COMMAND_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        max_connections=32,
        timeout=COMMAND_TIMEOUT,
    )
    return Redis.from_pool(pool)


async def _not_deaf(command: Awaitable[Any]) -> Any:
    """redis-py sends under `asyncio.wait_for`, which up to Python 3.11 may drop a cancellation: repeat it."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await command
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


async def _quietly(closing: Awaitable[Any]) -> None:
    try:
        await closing
    except (RedisError, OSError) as error:
        _log.info("bus.close", error=type(error).__name__)
