"""The relay's process: its sockets around the core, its call table out of the bus.

Nothing here must survive: a relay that was killed reads the table again, and learns its routes again from the
browsers' next checks.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from signaling.bus import Bus
from signaling.calls import (
    Entry,
    ExpiredEntry,
    ForgedEntry,
    RelayAck,
    RelayAddress,
    RelayCall,
    seal,
    unseal,
)
from signaling.relay import Put, Relay
from signaling.relay_addresses import Published, bind_all, own_addresses, parse_published
from signaling.relay_hints import Hint, hints_of, seal_hints, unseal_hints
from signaling.relay_leg import FIRST_CONNECTION, Datagram, Source
from signaling.relay_sockets import FIRST_CHECK, Connection, SocketCounters, TcpListener
from signaling.relay_udp import UdpSockets

RECONCILE = 2.0  # s between whole readings of the table
RECONCILE_AWAY = 0.5  # s, from the fallback: no message tells of a new call while the bus is away
TCP_SWEEP = 1.0  # s
NOTE_EVERY = 1.0  # s between looks for browsers that have moved
NOTE_SOON = 0.1  # s, after an address has been proved: a relay may die in a young call, too
OUTBOX = 10_000
# Below every candidate of a browser's own (host 126 << 24 and so on, RFC 8445 §5.1.2.1), UDP before TCP,
# and the first relay's before the second's.
PRIORITY_UDP, PRIORITY_TCP, PRIORITY_RELAY = 2000, 1000, 100

_log = structlog.get_logger(__name__)

FallbackCalls = Callable[[], Awaitable[list[bytes]]]
FallbackReport = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """`port`: of every published address that names none, UDP and TCP alike; 0 takes a free one.

    `publish`: "ip", "ip:port", "[ipv6]:port", each with "=bind-ip" or "=bind-ip:port" after it where the
    process sees another address than the world does (cloud NAT, containers). Empty: the machine's own
    addresses, 127.0.0.1 included. `relay_id` tells two relays apart; `index` is 0 for the first, 1 for its
    warm spare. `tcp_port`: what browsers are told for TCP where a proxy in front takes it; 0: the same as UDP's.
    `proxies`: addresses whose TCP connections begin with who is behind them (relay_proxy.py).
    """

    port: int
    publish: tuple[str, ...]
    secret: bytes
    bus_url: str
    relay_id: str
    index: int = 0
    prefix: str = "tm:"
    tcp: bool = True
    tcp_port: int = 0
    proxies: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("the relay's secret is shorter than 16 bytes")


class RelayServer:
    """One relay process. `start` opens the sockets and reads the table, `run` serves until cancelled."""

    def __init__(
        self,
        settings: RelaySettings,
        fallback_calls: FallbackCalls | None = None,
        fallback_report: FallbackReport | None = None,
    ) -> None:
        self.settings = settings
        self._fallback_calls, self._fallback_report = fallback_calls, fallback_report
        self.addresses: tuple[RelayAddress, ...] = ()
        self.socket_counters = SocketCounters()
        self._loop = asyncio.get_running_loop()
        self.relay = Relay(now=self._loop.time())
        self.bus = Bus(settings.bus_url, prefix=settings.prefix)
        self._udp = UdpSockets(self._received, self.socket_counters, self.relay, self._send)
        self._listeners: list[TcpListener] = []
        self._connections: dict[int, Connection] = {}
        self._last_number = FIRST_CONNECTION - 1
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(OUTBOX)
        self._timer: asyncio.TimerHandle | None = None
        self._noted: dict[str, tuple[Hint, ...]] = {}  # call key -> where its browsers were when last written down
        self._settled: set[bytes] = set()  # entries of the last table that need no second look

    @property
    def counters(self) -> dict[str, int]:
        """All counts since the start, with gauges `calls` and `connections`."""
        gauges = {"calls": len(self.relay.table.calls), "connections": len(self._connections)}
        return {**self.relay.counters.as_dict(), **self.socket_counters.as_dict(), **gauges}

    async def start(self) -> None:
        """Raises OSError when a published address cannot be bound."""
        await self._open_sockets()
        self.bus.subscribe("calls", self._told)
        self.bus.on_connect(self.reconcile)
        await self.bus.start()
        await self.reconcile()
        await self._recall()
        self._arm()
        _log.info("relay.ready", relay=self.settings.relay_id, addresses=[a.ip for a in self.addresses])

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reconcile_forever())
            tasks.create_task(self._report_forever())
            tasks.create_task(self._note_forever())
            tasks.create_task(self._sweep_connections())

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._udp.close()
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections.values()):
            connection.abort()
        await self.bus.close()

    # Sockets

    async def _open_sockets(self) -> None:
        wanted = [parse_published(text, self.settings.port) for text in self.settings.publish]
        places = wanted or [Published(ip, self.settings.port, ip, self.settings.port) for ip in own_addresses()]
        places, bound = bind_all(places, self.settings.tcp)
        addresses = []
        for number, (place, (udp, tcp)) in enumerate(zip(places, bound, strict=True)):
            self.relay.published[number] = (place.ip, place.port)
            self._udp.add(udp)
            rank = PRIORITY_RELAY * self.settings.index + number
            addresses.append(RelayAddress(place.ip, place.port, "udp", PRIORITY_UDP - rank))
            if tcp is not None:
                port = self.settings.tcp_port or place.port
                await self._listen(tcp, (place.ip, port))
                addresses.append(RelayAddress(place.ip, port, "tcp", PRIORITY_TCP - rank))
        self.addresses = tuple(addresses)

    async def _listen(self, bound: socket.socket, place: tuple[str, int]) -> None:
        def opened(connection: Connection) -> None:
            self.relay.published[connection.number] = place

        def closed(connection: Connection) -> None:
            self.relay.forget_connection(connection.source)

        listener = TcpListener(
            self._connections, self._next_number, self._received, opened, closed, self.socket_counters,
            proxies=self.settings.proxies,
        )  # fmt: skip
        await listener.listen(bound)
        self._listeners.append(listener)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _received(self, data: bytes, source: Source) -> None:
        sends = self.relay.datagram(data, source, self._loop.time())
        if sends:
            self._send(sends)
        if data and data[0] < 4:  # only checks and their answers change what there is to do later
            self._arm()
            self._take_reports()

    def _send(self, sends: list[Datagram]) -> None:
        for data, (number, address) in sends:
            if number < FIRST_CONNECTION:
                self._udp.send(data, number, address)
            elif (connection := self._connections.get(number)) is not None:
                connection.send(data)

    def _arm(self) -> None:
        wake = self.relay.next_wake
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer.when() <= wake:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(wake, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._send(self.relay.tick(self._loop.time()))
        self._arm()

    async def _sweep_connections(self) -> None:
        while True:
            await asyncio.sleep(TCP_SWEEP)
            now = self._loop.time()
            for number, connection in list(self._connections.items()):
                since = self.relay.connection_checks.get(number, connection.opened_at)
                if connection.source not in self.relay.routes and now - since > FIRST_CHECK:
                    self.socket_counters.tcp_silent += 1
                    connection.abort()

    # The call table

    async def reconcile(self) -> None:
        """Read the whole table. A call that is missing there stays: only its end or a tombstone closes it."""
        blobs = await self.bus.calls()
        if blobs is not None:
            blobs += await self.bus.gone() or []
        elif self._fallback_calls is not None:
            try:
                blobs = await self._fallback_calls()
            except Exception:
                _log.exception("relay.fallback_failed")
        if blobs is None:
            return
        settled: set[bytes] = set()
        fresh: list[tuple[RelayCall, bytes]] = []
        for blob in blobs:
            if blob in self._settled:
                settled.add(blob)
            elif (call := self._read(blob)) is not None:
                fresh.append((call, blob))
        # Generations in their order: an older one that comes after a newer one would be refused.
        for call, blob in sorted(fresh, key=lambda pair: (pair[0].generation, pair[0].version)):
            result = self._put(call)
            if result in (Put.OPENED, Put.MOVED):
                self._acknowledge(call)
            if result.final:
                settled.add(blob)
        self._settled = settled
        self._arm()

    async def _told(self, blob: bytes) -> None:
        """An entry from the bus: acknowledged each time, as whoever sends it twice has missed our answer."""
        call = self._read(blob)
        if call is not None and self._put(call).carried:
            self._acknowledge(call)
        self._arm()

    def _read(self, blob: bytes) -> RelayCall | None:
        try:
            return unseal(blob, self.settings.secret, time.time())
        except ExpiredEntry as expired:
            return expired.call  # a tombstone: the put closes
        except ForgedEntry:
            self.relay.counters.calls_forged += 1
            return None

    def _put(self, call: RelayCall) -> Put:
        result = self.relay.put(call, self._loop.time(), time.time())
        if result in (Put.MALFORMED, Put.CHANGED, Put.TAKEN, Put.FULL):
            _log.warning("relay.call_refused", reason=result.value)
        return result

    async def _reconcile_forever(self) -> None:
        while True:
            away = not self.bus.connected and self._fallback_calls is not None
            await asyncio.sleep(RECONCILE_AWAY if away else RECONCILE)
            await self.reconcile()

    # Hints

    async def _recall(self) -> None:
        """Ask at once where the calls' browsers were before this process was: their next checks may be seconds off."""
        keys, asked = list(self.relay.table.calls), 0
        numbers = {place: number for number, place in self.relay.published.items() if number < FIRST_CONNECTION}
        for key, blob in zip(keys, await self.bus.hints(self.settings.relay_id, keys), strict=False):
            if blob is None:
                continue
            try:
                hints = unseal_hints(blob, self.settings.relay_id, key, self.settings.secret)
            except ForgedEntry:
                self.relay.counters.calls_forged += 1
                continue
            for hint in hints:
                if (number := numbers.get(hint.place)) is not None:
                    asked += 1
                    source = (number, hint.address)
                    self._send(self.relay.hint(key, hint.side, source, hint.controlling, self._loop.time()))
        if keys:
            _log.info("relay.recalled", calls=len(keys), asked=asked)

    async def _note_forever(self) -> None:
        while True:
            verified, due = self.relay.counters.verified, self._loop.time() + NOTE_EVERY
            while self._loop.time() < due:
                await asyncio.sleep(NOTE_SOON)
                if self.relay.counters.verified != verified:
                    break
            noted: dict[str, tuple[Hint, ...]] = {}
            fresh: dict[str, tuple[bytes, float]] = {}
            for key, call in self.relay.table.calls.items():
                hints = hints_of(call, self.relay.published)
                if hints:
                    noted[key] = hints
                    if hints != self._noted.get(key):
                        blob = seal_hints(self.settings.relay_id, key, hints, self.settings.secret)
                        fresh[key] = (blob, call.call.expires)
            if not fresh or await self.bus.put_hints(self.settings.relay_id, fresh):
                self._noted = noted

    # Reports

    def _acknowledge(self, call: RelayCall) -> None:
        self._report(RelayAck(call.key, call.version, self.settings.relay_id, self.addresses))

    def _take_reports(self) -> None:
        if self.relay.reports:
            for report in self.relay.reports:
                self._report(report)
            self.relay.reports.clear()

    def _report(self, entry: Entry) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._outbox.put_nowait(seal(entry, self.settings.secret))

    async def _report_forever(self) -> None:
        while True:
            blob = await self._outbox.get()
            if not await self.bus.publish("relay", blob) and self._fallback_report is not None:
                try:
                    await self._fallback_report(blob)
                except Exception:
                    _log.exception("relay.fallback_failed")


async def serve(
    settings: RelaySettings,
    *,
    ready: Callable[[RelayServer], None] | None = None,
    fallback_calls: FallbackCalls | None = None,
    fallback_report: FallbackReport | None = None,
) -> None:
    """Run a relay until this is cancelled. `ready` is called once it has its sockets and the table.

    `fallback_calls` gives the whole table (sealed entries; tombstones may be among them) while the bus is
    away; `fallback_report` then takes what would go to the channel "relay".
    """
    server = RelayServer(settings, fallback_calls, fallback_report)
    try:
        await server.start()
        if ready is not None:
            ready(server)
        await server.run()
    finally:
        await server.close()
