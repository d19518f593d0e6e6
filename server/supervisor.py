"""Runs the service's processes side by side, as siblings: none dies with another.

Each child is a session of its own (a Ctrl-C in the terminal reaches only the supervisor, which then stops
them in order), is started again when it ends, and is killed by the kernel when the supervisor is
(``die_with_parent.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import SettingsError

BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before the first, second, ... start after an end
STEADY_SECONDS = 10.0  # a child that ran this long starts again without a wait
READY_SECONDS = 30.0
STOP_SECONDS = 5.0  # from TERM to KILL
_WRAPPER = str(Path(__file__).with_name("die_with_parent.py"))


class ChildFailed(Exception):
    """A child was never ready: it ended before, or took too long. Starting it again would not help."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process to run.

    ``env`` is added to the supervisor's own environment. ``ready`` is asked every 50 ms until it says True
    (an OSError counts as "not yet"); the next child in the list is started only then. Without it a child is
    ready once started.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class _Life:
    """One life of a child, from its start to its end."""

    process: asyncio.subprocess.Process
    output: asyncio.Task[None]

    @property
    def over(self) -> bool:
        return self.process.returncode is not None


class Supervisor:
    """Owns ``children``: starts them in their order, stops them in the opposite one."""

    def __init__(self, children: Sequence[Child], *, say: Callable[[str], None] | None = None) -> None:
        if len({child.name for child in children}) != len(children):
            raise ValueError("two children have the same name")
        self._children = list(children)
        self._lives: dict[str, _Life] = {}
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._width = max((len(child.name) for child in children), default=0)
        self._say = say or _to_stdout

    def pid(self, name: str) -> int | None:
        """Process id of a child, None while it is down."""
        life = self._lives.get(name)
        return life.process.pid if life and not life.over else None

    def stop(self) -> None:
        """Ask for the end; asked twice, the children are killed at once."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until SIGINT, SIGTERM, SIGHUP or :meth:`stop`; call ``started`` once all children are ready.

        Raises :class:`ChildFailed` when one does not come up the first time; the others are stopped before.
        Must be awaited on the main thread: signals arrive there, and children end with the thread that
        started them.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the supervisor runs on the main thread only")
        loop = asyncio.get_running_loop()
        signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to outlive the terminal
            signals.append(signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        tasks = [asyncio.create_task(_set(self._stop), name="stop")]
        try:
            for child in self._children:
                await self._bring_up(child)
                if self._stop.is_set():
                    return
                tasks.append(asyncio.create_task(self._keep(child), name=f"keeper of {child.name}"))
            if started:
                started()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a keeper ends by itself only with an error
        finally:
            await _cancel(tasks)
            for child in reversed(self._children):
                await self._end(child)
            for number in signals:
                loop.remove_signal_handler(number)

    async def _bring_up(self, child: Child) -> None:
        """Start a child for the first time and wait until it is ready."""
        life = await self._start(child)
        ready, ended, stop = waits = [
            asyncio.create_task(_ready(child)),
            asyncio.create_task(_returncode(life)),
            asyncio.create_task(_set(self._stop)),
        ]
        done, _ = await asyncio.wait(waits, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(waits)
        if ended in done:
            await self._bury(life)
            raise ChildFailed(f"{child.name} {_how(life)} before it was ready")
        if not done:
            raise ChildFailed(f"{child.name} was not ready after {READY_SECONDS:.0f} s")
        if ready in done and stop not in done:
            ready.result()

    async def _keep(self, child: Child) -> None:
        """Start the child again whenever it ends."""
        ends = 0
        life = self._lives[child.name]
        while True:
            since = time.monotonic()
            await life.process.wait()
            await self._bury(life)
            ends = 1 if time.monotonic() - since > STEADY_SECONDS else ends + 1
            pause = BACK_OFF[min(ends, len(BACK_OFF)) - 1]
            self._line(child, f"{_how(life)}; it is started again in {pause:.1f} s")
            await asyncio.sleep(pause)
            life = await self._start(child)

    async def _start(self, child: Child) -> _Life:
        process = await asyncio.create_subprocess_exec(
            *guarded(child.argv),
            env={**os.environ, **child.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout
        output = asyncio.create_task(self._show(child, process.stdout), name=f"output of {child.name}")
        life = self._lives[child.name] = _Life(process, output)
        return life

    async def _end(self, child: Child) -> None:
        """TERM to the child; KILL when it takes too long."""
        life = self._lives.get(child.name)
        if life is None or life.over:
            return
        with contextlib.suppress(ProcessLookupError):
            life.process.terminate()
        waits = [asyncio.create_task(_returncode(life)), asyncio.create_task(_set(self._hurry))]
        await asyncio.wait(waits, timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await _cancel(waits)
        if not life.over:
            self._line(child, "did not stop in time and is killed")
        await self._bury(life)

    async def _bury(self, life: _Life) -> None:
        """Kill what is left of the child and of whatever it had started itself, and show its last lines."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(life.process.pid, signal.SIGKILL)
        await life.process.wait()
        # Not for ever: a process that left the group may still hold the output.
        await asyncio.wait([life.output], timeout=0.5)
        await _cancel([life.output])

    async def _show(self, child: Child, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > 65536:  # no line is that long: show it in pieces rather than keep it
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._line(child, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._line(child, rest.decode(errors="replace"))

    def _line(self, child: Child, text: str) -> None:
        self._say(f"{child.name:<{self._width}} | {text}")


def guarded(argv: Sequence[str]) -> list[str]:
    """``argv`` so that the kernel kills it with SIGKILL when this process (and the calling thread) ends."""
    return [sys.executable, "-IS", _WRAPPER, "KILL", str(os.getpid()), *argv]


def ensure_free(host: str, port: int, what: str, setting: str, *, udp: bool = False) -> None:
    """Check that ``port`` (0: any) of ``host`` can be listened on.

    Raises :class:`SettingsError`: one sentence with ``what`` needs it and the ``setting`` that moves it.
    """
    if port == 0:
        return
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as probe:
            if not udp:
                # A connection that has just closed is no obstacle.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            if not udp:
                probe.listen(1)
    except OSError as error:
        raise cannot_listen(error, host, port, what, setting, udp=udp) from None


def cannot_listen(
    error: OSError, host: str, port: int, what: str, setting: str, *, udp: bool = False
) -> SettingsError:
    """What :func:`ensure_free` says of an error in listening."""
    place = f"{'UDP ' if udp else ''}port {port} of {host}"
    if isinstance(error, PermissionError):
        problem = f"{what} may not use {place} (under 1024 that is a right of its own): set {setting}"
    elif isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        problem = f"{what} cannot listen on {host}: it is not an address of this machine"
    else:
        problem = f"{what} needs {place}, which another program has: stop it, or set {setting} to another"
    return SettingsError([problem[0].upper() + problem[1:]])


async def _ready(child: Child) -> None:
    while child.ready is not None:
        with contextlib.suppress(OSError):
            if await child.ready():
                return
        await asyncio.sleep(0.05)


async def _returncode(life: _Life) -> None:
    await life.process.wait()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _how(life: _Life) -> str:
    code = life.process.returncode
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _to_stdout(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)
