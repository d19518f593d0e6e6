"""The relay's sockets: what all have in common, and ICE-TCP (RFC 6544) with the frames of RFC 4571.

They know nothing of calls: each gives its datagrams to one function and sends what it is given.
"""

import asyncio
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields

from signaling.relay_frames import Frames, NotFrames, framed
from signaling.relay_leg import Source
from signaling.relay_proxy import NotProxied, proxied

Receive = Callable[[bytes, Source], None]

BUFFER = 4 << 20  # bytes asked of the kernel; it gives what it may
QUEUED = 64 << 10  # bytes that may wait for a slow reader; then whole frames are dropped
FIRST_CHECK = 5.0  # s a connection has for its first valid check
CONNECTIONS = 2000
CONNECTIONS_PER_IP = 64  # a clinic's people share one address


@dataclass(slots=True)
class SocketCounters:
    """Sockets' own refusals."""

    send_full: int = 0  # the socket's buffer was full: the datagram is lost, as on any network
    send_failed: int = 0
    receive_failed: int = 0
    tcp_accepted: int = 0
    tcp_refused: int = 0  # too many, in all or from one address
    tcp_silent: int = 0  # closed: no valid check in time
    tcp_garbage: int = 0  # closed: no RFC 4571 frames, or a proxy's connection without its header
    tcp_slow: int = 0  # frames dropped for a slow reader

    def as_dict(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Connection(asyncio.Protocol):
    """One ICE-TCP connection: a source with one address."""

    def __init__(self, listener: "TcpListener", number: int) -> None:
        self._listener, self.number = listener, number
        self.source: Source = (number, ("", 0))
        self.opened_at = asyncio.get_running_loop().time()
        self._frames = Frames()
        self._start = bytearray()  # the proxy's header, until it is whole
        self._transport: asyncio.Transport | None = None
        self._header: asyncio.TimerHandle | None = None  # its end: the proxy must have said who comes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.source = (self.number, transport.get_extra_info("peername") or ("", 0))
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.source[1][0] in self._listener.proxies:
            self._header = asyncio.get_running_loop().call_later(FIRST_CHECK, self.abort)
        elif not self._listener.admit(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            if self._header is not None:
                data = self._behind_proxy(data)
            for frame in self._frames.feed(data):
                self._listener.receive(frame, self.source)
        except (NotFrames, NotProxied):
            self._listener.counters.tcp_garbage += 1
            self.abort()

    def _behind_proxy(self, data: bytes) -> bytes:
        """Read the proxy's header; what follows it is the browser's. Raises NotProxied."""
        self._start += data
        found = proxied(self._start)
        if found is None:
            return b""
        end, address = found
        rest, self._start = bytes(self._start[end:]), bytearray()
        assert self._header is not None
        self._header.cancel()
        self._header = None
        if address is not None:
            self.source = (self.number, address)
        if not self._listener.admit(self):
            self.abort()
            return b""
        return rest

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._header is not None:
            self._header.cancel()
        self._listener.lost(self)

    def send(self, data: bytes) -> None:
        """Send one frame whole, or drop it whole when the reader is slow."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() + len(data) + 2 > QUEUED:
            self._listener.counters.tcp_slow += 1
            return
        self._transport.write(framed(data))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class TcpListener:
    """Accepts on one published address. `opened` and `closed` are told of every connection."""

    def __init__(
        self,
        connections: dict[int, Connection],
        next_number: Callable[[], int],
        receive: Receive,
        opened: Callable[[Connection], None],
        closed: Callable[[Connection], None],
        counters: SocketCounters,
        *,
        proxies: Collection[str] = (),
    ) -> None:
        self._connections, self._next_number, self.receive = connections, next_number, receive
        self._opened, self._closed, self.counters, self.proxies = opened, closed, counters, proxies
        self._server: asyncio.Server | None = None

    async def listen(self, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self, self._next_number()), sock=bound)

    def admit(self, connection: Connection) -> bool:
        ip = connection.source[1][0]
        same = sum(1 for other in self._connections.values() if other.source[1][0] == ip)
        if len(self._connections) >= CONNECTIONS or same >= CONNECTIONS_PER_IP:
            self.counters.tcp_refused += 1
            return False
        self.counters.tcp_accepted += 1
        self._connections[connection.number] = connection
        self._opened(connection)
        return True

    def lost(self, connection: Connection) -> None:
        if self._connections.pop(connection.number, None) is not None:
            self._closed(connection)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


def bind(kind: socket.SocketKind, ip: str, port: int) -> socket.socket:
    """A bound, non-blocking socket; IPv6 ones take IPv6 alone. Raises OSError when the port is taken.

    Never SO_REUSEPORT: both legs of a call must meet in one process.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart finds TIME_WAIT
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        bound.bind((ip, port))
    except OSError:
        bound.close()
        raise
    return bound
