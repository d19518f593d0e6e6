"""The set-up phase's side of the generator's socket: every leg of every call has an address of its own behind it.

A leg's address is an IP of 127.0.0.0/8 and the socket's port; IP_PKTINFO says and tells which one it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, int]
Heard = Callable[[bytes, Address], None]

IP_PKTINFO = 8  # linux/in.h; the socket module has no name for it in 3.11
SO_RCVBUFFORCE = 33  # asm-generic/socket.h: beyond net.core.rmem_max, for root
BUFFER = 32 << 20
TRIES, WAIT = 40, 0.25  # of a request, and s between two


@dataclass(frozen=True, slots=True)
class Line:
    """What the generator must know of one leg. `peer`: the number of the other leg of its call."""

    own: str
    server: Address
    peer: int
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """One run's: `folder` for files, the server's `core`, and for how long the generator will send."""

    folder: Path
    core: int
    calls: int
    wires: Wires
    seconds: float


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and its connected legs. `script`: the packets, where the generator cannot make them."""

    pid: int
    lines: list[Line]
    script: Path | None = None


def own_ip(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def pinned(core: int, *argv: str) -> list[str]:
    """The command on one core, before whatever else this machine does (where we may ask for that)."""
    return ["nice", "-n", "-15", "taskset", "-c", str(core), *argv]


def text(lines: Iterable[Line]) -> str:
    return "".join(f"{line.own} {line.server[0]} {line.server[1]} {line.channel} {line.peer}\n" for line in lines)


class Wires:
    """`on`: a leg's IP -> who hears what comes for it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self.socket.bind(("", 0))
        self.port: int = self.socket.getsockname()[1]
        self.on: dict[str, Heard] = {}
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._drain)

    def send(self, own: str, data: bytes, to: Address) -> None:
        info = struct.pack("=i4s4s", 0, socket.inet_aton(own), b"\0" * 4)
        self.socket.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, to)

    def release(self) -> None:
        """The generator reads from now on."""
        asyncio.get_running_loop().remove_reader(self.socket.fileno())

    def close(self) -> None:
        self.release()
        self.socket.close()

    def _drain(self) -> None:
        for _ in range(64):
            try:
                data, control, _, source = self.socket.recvmsg(2048, 64)
            except OSError:
                return
            at = socket.inet_ntoa(control[0][2][8:12])
            if at in self.on:
                self.on[at](data, source)


async def insist(send: Callable[[], None], done: asyncio.Event) -> None:
    """Send again and again until it is answered."""
    for _ in range(TRIES):
        send()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                await done.wait()
                return
    raise TimeoutError("a leg got no answer")


async def in_turns(jobs: Sequence[Coroutine[None, None, None]], at_once: int = 50) -> None:
    """Run the set-up of all legs, some at a time."""
    for start in range(0, len(jobs), at_once):
        await asyncio.gather(*jobs[start : start + at_once])
