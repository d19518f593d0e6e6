"""One browser's end of a call, over UDP or ICE-TCP, IPv4 or IPv6, through real sockets."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from signaling.calls import Leg
from signaling.relay_frames import Frames, framed
from signaling.relay_server import RelayServer
from tests.signaling.relay_lab import binding, success

Kind = Literal["udp4", "udp6", "tcp4", "tcp6"]
KINDS: tuple[Kind, ...] = ("udp4", "udp6", "tcp4", "tcp6")
HOSTS = {"4": "127.0.0.1", "6": "::1"}


class End:
    """`rng`: over TCP, what is sent together is cut where it says, whatever the frames."""

    def __init__(self, kind: Kind, own: Leg, peer: Leg, rng: random.Random) -> None:
        self.kind, self.own, self.peer, self._rng = kind, own, peer, rng
        family = socket.AF_INET6 if kind.endswith("6") else socket.AF_INET
        self.is_tcp = kind.startswith("tcp")
        self.socket = socket.socket(family, socket.SOCK_STREAM if self.is_tcp else socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._frames, self._ready = Frames(), list[bytes]()
        self.server = ("", 0)

    async def connect(self, process: RelayServer) -> None:
        host, transport = HOSTS[self.kind[-1]], "tcp" if self.is_tcp else "udp"
        self.server = next((a.ip, a.port) for a in process.addresses if (a.ip, a.transport) == (host, transport))
        await asyncio.get_running_loop().sock_connect(self.socket, self.server)

    async def prove(self, process: RelayServer) -> None:
        """The browser's check, and its answer to the challenge."""
        verified = process.counters["verified"]
        await self.send([binding(self.own, self.peer)])
        while process.counters["verified"] == verified:
            with contextlib.suppress(TimeoutError):
                for data in await self.receive(0.05):
                    if data[:2] == b"\0\1":  # the challenge, or the other's check: a browser answers both
                        await self.send([success(data, self.own, self.server)])

    async def send(self, datagrams: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        if not self.is_tcp:
            for data in datagrams:
                await loop.sock_sendall(self.socket, data)
            return
        stream = b"".join(map(framed, datagrams))
        while stream:
            cut = self._rng.choice((1, 2, 3, 700, len(stream)))
            await loop.sock_sendall(self.socket, stream[:cut])
            stream = stream[cut:]
            if self._rng.random() < 0.3:
                await asyncio.sleep(0)

    async def receive(self, seconds: float = 5) -> list[bytes]:
        """What has come next: a datagram, or the frames that a piece of the stream completes. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        data = await asyncio.wait_for(loop.sock_recv(self.socket, 65536), seconds)
        return list(self._frames.feed(data)) if self.is_tcp else [data]

    async def media(self, count: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < count:
            found += [data for data in await self.receive() if data[0] > 3]
        return found


@asynccontextmanager
async def ends(
    process: RelayServer, kinds: tuple[Kind, Kind], legs: tuple[Leg, Leg], seed: int = 1
) -> AsyncIterator[tuple[End, End]]:
    """Both ends, verified."""
    rng = random.Random(seed)
    pair = End(kinds[0], legs[0], legs[1], rng), End(kinds[1], legs[1], legs[0], rng)
    try:
        for end in pair:
            await end.connect(process)
            await asyncio.wait_for(end.prove(process), 5)
        yield pair
    finally:
        for end in pair:
            end.socket.close()
