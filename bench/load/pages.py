"""Many pages in one process: WebSocket clients that do what a browser's page does, and no more.

A page says hello, answers pings, says ``ping`` every 20 s, confirms an admission; what it hears is kept with the time
(CLOCK_MONOTONIC, as every process of the machine reads it).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
from collections.abc import Callable
from time import monotonic
from typing import Any

PING_S = 20.0  # as page-socket.js says it
CONFIRM_S = 0.3
_MASK = b"\0\0\0\0"  # RFC 6455 asks for a random one; it hides nothing from our own server


def frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + _MASK + payload
    assert size < 65536
    return bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big") + _MASK + payload


def text(**message: Any) -> bytes:
    return frame(1, json.dumps(message, separators=(",", ":")).encode())


PING = text(type="ping")


class Client(asyncio.Protocol):
    """One page. ``heard``: called with the page, the instant and each text frame, as bytes."""

    __slots__ = ("_buffer", "_up", "closed", "data", "heard", "instance", "key", "opened", "peer", "place", "transport")

    def __init__(self, heard: Callable[[Client, float, bytes], None]) -> None:
        self.heard = heard
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._up = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: int | None = None
        self.instance = secrets.token_urlsafe(16)
        self.place: int | None = None
        self.peer = ""
        self.key = ""
        self.data: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = self.closed or 1006
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("refused"))

    def send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        now = monotonic()
        if self._buffer:
            data = self._buffer + data
        if not self._up:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                if not self.opened.done():
                    self.opened.set_exception(ConnectionError(data[:60].decode(errors="replace")))
                return
            self._up = True
            self.opened.set_result(None)
            data = data[end + 4 :]
        at, size = 0, len(data)
        while size - at >= 2:
            head, length = at + 2, data[at + 1]
            if length == 126:
                head += 2
                length = int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                head += 8
                length = int.from_bytes(data[at + 2 : at + 10], "big")
            if size < head + length:
                break
            opcode, payload = data[at] & 15, data[head : head + length]
            at = head + length
            if opcode == 1:
                self.heard(self, now, payload)
            elif opcode == 9:
                self.send(frame(10, payload))
            elif opcode == 8:
                self.closed = int.from_bytes(payload[:2], "big") if payload else 1005
                self.send(frame(8, payload[:2]))
        self._buffer = data[at:]


async def connect(
    port: int, path: str, cookie: str, heard: Callable[[Client, float, bytes], None], *, hello: bool = True
) -> Client:
    """Open a page's WebSocket as its browser does, and say hello."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(heard), "127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1", f"Host: localhost:{port}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Origin: http://localhost:{port}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
        "Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-CA,en;q=0.9", "Cache-Control: no-cache",
        f"Cookie: {cookie}; __Host-csrf={secrets.token_urlsafe(32)}",
    ]  # fmt: skip
    client.send(("\r\n".join(lines) + "\r\n\r\n").encode())
    await client.opened
    if hello:
        client.send(text(type="hello", instance=client.instance, fresh=True))
    return client


async def keep_saying_ping(clients: list[Client]) -> None:
    """Every page every 20 s, evenly: they were not opened at the same moment."""
    while True:
        began = monotonic()
        some = list(clients)
        for number, client in enumerate(some):
            due = began + PING_S * number / max(1, len(some))
            if due > monotonic() + 0.005:
                await asyncio.sleep(due - monotonic())
            client.send(PING)
        await asyncio.sleep(max(0.0, began + PING_S - monotonic()))
