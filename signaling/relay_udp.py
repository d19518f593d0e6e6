"""The relay's UDP sockets: drained in bursts, and under load only every half to three quarters of a millisecond.

A packet that comes alone costs more for its wake-up than for its way: so when there are many, the process
sleeps until some have come, and takes them in one go.
"""

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from signaling.relay_burst import SLOTS, Burst, Key, Name, usable
from signaling.relay_frames import LONGEST
from signaling.relay_leg import Address, Datagram, Path, Source
from signaling.relay_sockets import Receive, SocketCounters

BURSTS = 4  # of SLOTS datagrams, a wake-up; then others have their turn
PERIOD = 0.0005  # s from one drain to the next under load
LONGEST_PERIOD = 0.00075  # s while a PERIOD brings too few; the longest that a packet waits
ENOUGH = 8  # datagrams that make a wake-up worth its price
ROUNDS = 4  # such drains in a row; then all else has its turn (TCP and timers so wait 3 ms at most)
LOADED = 5000  # datagrams a second; some 15 calls
LOOK = 0.05  # s over which the load is counted
SHORTEST = 0.00005  # s; a shorter sleep costs more than it brings
NAMES = 1024  # addresses remembered before the first look for those that are gone

# First bytes of DTLS, SRTP and SRTCP (RFC 7983), which the core forwards by their address alone.
_MEDIA = bytes(19 < first < 64 or 127 < first < 192 for first in range(256))


class Core(Protocol):
    """What the sockets need of the relay to forward media without a copy."""

    @property
    def routes(self) -> Mapping[Source, Path]: ...

    def media(self, path: Path, size: int, now: float) -> Path | None: ...


class Pace:
    """How loaded the UDP sockets of this process are, all together."""

    def __init__(self) -> None:
        self.loaded = False
        self.period = PERIOD
        self._count, self._since, self._drained_at = 0, 0.0, 0.0

    def sleep(self) -> None:
        """Until one period after the last drain, and never longer than that."""
        left = self._drained_at + self.period - time.monotonic()
        if left > SHORTEST:
            time.sleep(min(left, self.period))
        self._drained_at = time.monotonic()

    def took(self, count: int, now: float) -> bool:
        """Count what a drain brought; whether there is load."""
        self._count += count
        if now - self._since >= LOOK:
            rate = self._count / (now - self._since)
            self.loaded = rate >= LOADED
            if self.loaded:
                self.period = min(LONGEST_PERIOD, max(PERIOD, ENOUGH / rate))
            self._count, self._since = 0, now
        return self.loaded


class UdpSocket:
    """One bound UDP socket; never blocks, and outlives every error of a single datagram."""

    def __init__(self, number: int, bound: socket.socket, receive: Receive, counters: SocketCounters) -> None:
        self._number, self._socket, self._receive, self._counters = number, bound, receive, counters

    def drain(self) -> int:
        """Take what has come, up to some bound; how many."""
        number, receive, recvfrom = self._number, self._receive, self._socket.recvfrom
        for count in range(SLOTS):
            try:
                data, address = recvfrom(LONGEST + 1)  # one more, so that a longer one is seen to be too long
            except (BlockingIOError, InterruptedError):
                return count
            except OSError:  # an ICMP error that belongs to an earlier datagram
                self._counters.receive_failed += 1
                continue
            receive(data, (number, address))
        return SLOTS

    def send(self, data: bytes, address: Address) -> None:
        try:
            self._socket.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            self._counters.send_full += 1
        except OSError:  # unreachable, or a firewall says no
            self._counters.send_failed += 1

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class BurstSocket(UdpSocket):
    """The same with few system calls: media goes from slot to slot, all else through `receive`."""

    def __init__(
        self,
        number: int,
        bound: socket.socket,
        receive: Receive,
        counters: SocketCounters,
        core: Core,
        elsewhere: Callable[[list[Datagram]], None],
    ) -> None:
        """`elsewhere` sends what does not leave by this socket."""
        super().__init__(number, bound, receive, counters)
        self._core, self._elsewhere = core, elsewhere
        self._burst = Burst(bound)
        self._known: dict[Key, Path] = {}  # verified once; `Path.verified` says whether it still is
        self._names: dict[Path, Name] = {}
        self._tidy_at = NAMES

    def drain(self) -> int:
        taken = 0
        for _ in range(BURSTS):
            try:
                count = self._burst.receive()
            except OSError:
                self._counters.receive_failed += 1
                continue
            if count:
                self._forward(count)
            taken += count
            if count < SLOTS:
                break
        return taken

    def _forward(self, count: int) -> None:
        burst, known, names, media = self._burst, self._known, self._names, self._core.media
        slots: list[int] = []
        sizes: list[int] = []
        to: list[int] = []
        now = asyncio.get_running_loop().time()
        for slot, (key, size, first) in enumerate(burst.heads(count)):
            path = known.get(key)
            if path is None or not path.verified or not _MEDIA[first] or not size:
                self._rest(slot, size, key)
                continue
            target = media(path, size, now)
            if target is None:
                continue
            name = names.get(target)
            if name is None:
                name = self._learn(target)
                if name is None:  # of another socket, or a TCP connection
                    self._elsewhere([(burst.datagram(slot, size), target.source)])
                    continue
            slots.append(slot)
            sizes.append(size)
            to.append(name.at)
        if slots:
            for error in burst.send(slots, sizes, to):
                if error in (errno.EAGAIN, errno.EINTR):
                    self._counters.send_full += 1
                else:
                    self._counters.send_failed += 1
        if len(names) >= self._tidy_at:  # not before: `to` points into them
            self._tidy()

    def _rest(self, slot: int, size: int, key: Key) -> None:
        source = (self._number, self._burst.address(slot))
        self._receive(self._burst.datagram(slot, size), source)
        path = self._core.routes.get(source)
        if path is not None and self._known.get(key) is not path:
            self._learn(path)

    def _learn(self, path: Path) -> Name | None:
        if path.source[0] != self._number:
            return None
        name = self._names[path] = Name(path.source[1])
        self._known[name.key] = path
        return name

    def _tidy(self) -> None:
        for gone in [path for path in self._names if not path.verified]:
            name = self._names.pop(gone)
            if self._known.get(name.key) is gone:
                del self._known[name.key]
        self._tidy_at = 2 * len(self._names) + NAMES


class UdpSockets:
    """All of a process. `add` takes a bound socket; they are read by the running loop until `close`."""

    def __init__(
        self, receive: Receive, counters: SocketCounters, core: Core, elsewhere: Callable[[list[Datagram]], None]
    ) -> None:
        self._receive, self._counters, self._core, self._elsewhere = receive, counters, core, elsewhere
        self._loop = asyncio.get_running_loop()
        self._sockets: list[UdpSocket] = []
        self._pace = Pace()

    def add(self, bound: socket.socket) -> None:
        """The sockets' numbers are 0, 1, 2 in this order."""
        number = len(self._sockets)
        one = UdpSocket(number, bound, self._receive, self._counters)
        if usable:
            one = BurstSocket(number, bound, self._receive, self._counters, self._core, self._elsewhere)
        self._sockets.append(one)
        self._loop.add_reader(one.fileno(), self._ready, one)

    def send(self, data: bytes, number: int, address: Address) -> None:
        self._sockets[number].send(data, address)

    def close(self) -> None:
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
            one.close()

    def _ready(self, one: UdpSocket) -> None:
        pace = self._pace
        if not pace.loaded:
            pace.took(one.drain(), time.monotonic())
            return
        for _ in range(ROUNDS):
            pace.sleep()
            if not pace.took(sum(each.drain() for each in self._sockets), time.monotonic()):
                return
