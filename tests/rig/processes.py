"""Programs as a user starts them: real processes, settings in the environment, killed and started at will."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from server.supervisor import guarded
from tests.rig.wait import until

ROOT = Path(__file__).parent.parent.parent


def free_port(*kinds: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that is free for every kind (default: TCP and UDP)."""
    for _ in range(50):
        with contextlib.ExitStack() as stack:
            port = 0
            try:
                for kind in kinds or (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    probe.bind(("127.0.0.1", port))
                    port = probe.getsockname()[1]
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Program:
    """One process: ``argv`` with ``env`` added to ours (but for our own TM_ settings). It ends with us."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.argv = list(argv)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("TM_")} | dict(env)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll() if self._process else None

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A group of its own: a Ctrl-C at the tests is not for it.
            self._process = subprocess.Popen(
                guarded(self.argv), env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    async def wait_for_line(self, pattern: str, *, seconds: float = 30.0) -> re.Match[str]:
        """Wait until a line of the output matches, and return the match; its end before that is an error."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output(), re.M)
            if match is None:
                self._still_there()
            return match

        match = await until(found, seconds=seconds, what=f"a line like {pattern!r} in {self.log}")
        assert isinstance(match, re.Match)
        return match

    async def wait_for_http(self, url: str, *, status: int = 200, seconds: float = 30.0) -> None:
        """Wait until ``url`` answers with ``status``."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:

            async def answers() -> bool:
                self._still_there()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(url, allow_redirects=False, ssl=False) as response:
                        return response.status == status
                return False

            await until(answers, seconds=seconds, what=f"{status} from {url}")

    async def wait(self, *, seconds: float = 15.0) -> int:
        """The exit code, once it has ended."""
        await until(lambda: self.returncode is not None, seconds=seconds, what=f"the end of {self.argv}")
        assert self.returncode is not None
        return self.returncode

    async def kill9(self) -> None:
        self._signal(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> int:
        self._signal(signal.SIGTERM)
        try:
            return await self.wait()
        except AssertionError:
            await self.kill9()
            raise

    def child(self, *words: str) -> int:
        """Process id of the only descendant whose command line ends with ``words``. Raises LookupError."""
        found = self.children(*words)
        if len(found) != 1:
            raise LookupError(f"{len(found)} processes end with {words}")
        return found[0]

    def children(self, *words: str) -> list[int]:
        """Process ids of all descendants whose command line ends with ``words``."""
        return [pid for pid in descendants(self.pid) if _command(pid)[-len(words) :] == list(words)]

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)

    def _still_there(self) -> None:
        if self.returncode is not None:
            raise RuntimeError(f"{self.argv} ended with {self.returncode}:\n{self.output()[-4000:]}")


def descendants(pid: int) -> list[int]:
    """Process ids below ``pid``, from /proc."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                found += [child, *descendants(child)]
    return found


def _command(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    return []


class App(Program):
    """The service as `make run` starts it, in a folder of its own: ``url`` is its address."""

    def __init__(self, var: Path, verb: str = "dev", **settings: object) -> None:
        self.var = var
        self.port = free_port()
        self.relay_port = free_port()
        env = {"TM_VAR": var, "TM_PORT": self.port, "TM_RELAY_PORT": self.relay_port, "TM_DEMO_DAY": 0}
        env["TM_DEMO_MONTH"] = 0
        env |= {f"TM_{name.upper()}": value for name, value in settings.items()}
        argv = [sys.executable, "-m", "server", verb]
        super().__init__(argv, {key: str(value) for key, value in env.items()}, var.with_suffix(".log"))
        self.url = f"http://localhost:{self.port}"

    async def up(self, *, seconds: float = 40.0) -> App:
        """Start it and wait until it serves."""
        self.start()
        await self.wait_for_http(f"{self.url}/healthz", seconds=seconds)
        return self

    async def kill_web(self) -> None:
        """kill -9 of the web process alone; the supervisor starts it again."""
        await self._kill_child("web")

    async def kill_relay(self) -> None:
        await self._kill_child("relay")

    async def _kill_child(self, verb: str) -> None:
        pid = self.child("-m", "server", verb)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{pid}").exists(), what=f"the end of {verb}")

    async def web_back(self, *, seconds: float = 20.0) -> None:
        await self.wait_for_http(f"{self.url}/healthz", seconds=seconds)


async def closed(*programs: Program) -> None:
    """Stop all at once."""
    await asyncio.gather(*(program.stop() for program in programs))
