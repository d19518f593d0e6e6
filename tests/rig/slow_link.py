"""A patient's computer at the end of a line that is slow, far, lossy or unsteady. Needs root and /dev/net/tun.

The kernels that we test on have no netem, so a program of ours carries every packet between two taps: one in the patient's
network namespace, one on this machine. Run as ``python slow_link.py RULES.json`` it is that program.

patient (10.82.0.2) -- tap -- this program -- tap -- this machine (10.82.0.1)
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

SERVER, PATIENT = "10.82.0.1", "10.82.0.2"
SPACE, DEVICE = "tmchkpat", "tmchktap"
_TUNSETIFF, _TAP_NO_PI = 0x400454CA, 0x1002
_NEWNET = 0x40000000


@dataclass(frozen=True)
class Way:
    """One direction: ms, ms, percent, kbit/s (0: as fast as it goes), ms that fit into the queue before it."""

    delay: float = 0
    jitter: float = 0
    loss: float = 0
    kbit: float = 0
    queue: float = 300


@dataclass(frozen=True)
class Line:
    """``up``: from the patient."""

    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)

    @classmethod
    def both(cls, **way: float) -> Line:
        return cls(Way(**way), Way(**way))


class Pipe:
    def __init__(self, source: int, sink: int, way: Way) -> None:
        self.source, self.sink, self.way = source, sink, way
        self.loop = asyncio.get_running_loop()
        self.free = self.last = 0.0
        self.loop.add_reader(source, self.read)

    def read(self) -> None:
        for _ in range(64):
            try:
                frame = os.read(self.source, 2048)
            except BlockingIOError:
                return
            self.carry(frame)

    def carry(self, frame: bytes) -> None:
        now, way = self.loop.time(), self.way
        at = now
        if random.random() * 100 < way.loss:
            return
        if way.kbit:
            start = max(now, self.free)
            if (start - now) * 1000 > way.queue:
                return
            at = self.free = start + len(frame) * 8 / (way.kbit * 1000)
        at += max(0.0, way.delay + random.uniform(-1, 1) * way.jitter) / 1000
        at = self.last = max(at, self.last + 1e-6)  # nothing overtakes, not even at the same moment
        self.loop.call_at(at, self.write, frame)

    def write(self, frame: bytes) -> None:
        with suppress(OSError):
            os.write(self.sink, frame)


def open_tap(space: str | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    if space is not None:
        other = os.open(f"/run/netns/{space}", os.O_RDONLY)
        assert libc.setns(other, _NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(other)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH14s", DEVICE.encode(), _TAP_NO_PI, b""))
    assert libc.setns(own, _NEWNET) == 0
    os.close(own)
    return tap


async def carry(rules: Path) -> None:
    patient, server = open_tap(SPACE), open_tap(None)
    pipes = [Pipe(patient, server, Way()), Pipe(server, patient, Way())]
    print("ready", flush=True)
    seen = ""
    while True:
        text = rules.read_text()  # noqa: ASYNC240 - a few bytes, of a local file
        if text != seen and text.endswith("\n"):
            seen, line = text, json.loads(text)
            pipes[0].way, pipes[1].way = Way(**line["up"]), Way(**line["down"])
        await asyncio.sleep(0.05)


class SlowLink:
    """``program`` runs Chromium at its far end."""

    def __init__(self, folder: Path, browser: str) -> None:
        self.rules = folder / "line.json"
        script = folder / "chromium-on-a-slow-line"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {SPACE} {browser} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.program = str(script)
        self.be(Line())

    def be(self, line: Line) -> None:
        """From about now on."""
        draft = self.rules.with_suffix(".new")
        draft.write_text(json.dumps(asdict(line)) + "\n")
        draft.rename(self.rules)


def missing() -> str | None:
    """Why it cannot be had here."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK) or shutil.which("ip") is None:
        return "there is no /dev/net/tun, or no ip"
    return None


@contextmanager
def slow_link(folder: Path, browser: str) -> Iterator[SlowLink]:
    made = SlowLink(folder, browser)
    remove()
    _ip("netns", "add", SPACE)
    carrier = subprocess.Popen([sys.executable, __file__, str(made.rules)], stdout=subprocess.PIPE)
    try:
        assert carrier.stdout is not None
        assert carrier.stdout.readline() == b"ready\n"
        _ip("addr", "add", f"{SERVER}/24", "dev", DEVICE)
        _ip("link", "set", DEVICE, "up")
        for words in (
            ("addr", "add", f"{PATIENT}/24", "dev", DEVICE),
            ("link", "set", "lo", "up"),
            ("link", "set", DEVICE, "up"),
            ("route", "add", "default", "via", SERVER),
        ):
            _ip("-n", SPACE, *words)
        yield made
    finally:
        carrier.kill()
        carrier.wait()
        remove()


def remove() -> None:
    subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    asyncio.run(carry(Path(sys.argv[1])))
