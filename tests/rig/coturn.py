"""A real coturn with expiring credentials, as a clinic would run it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

import pytest

from tests.rig.processes import Program, free_port
from tests.rig.wait import until

SECRET = "what coturn and the clinic's service share"
RELAYED = range(20_000, 20_100)  # its ports towards the other side


def coturn() -> str:
    """The program. Without it a test is skipped; ``make test`` installs it where it may."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("coturn is not installed (Debian: apt-get install coturn)")
    return program


class Coturn:
    """Listens on ``ip``; on loopback it also takes loopback peers, which it refuses elsewhere."""

    def __init__(self, program: str, folder: Path, ip: str = "127.0.0.1") -> None:
        self.ip, self.port = ip, free_port()
        self._log = folder / "coturn.log"
        loopback = ("--allow-loopback-peers",) if ip.startswith("127.") else ()
        argv = [
            *(program, "-n", "--no-cli", "--no-tls", "--no-dtls", *loopback, "--relay-threads", "1", "--verbose"),
            *("--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "clinic.example"),
            *("--listening-ip", ip, "--relay-ip", ip, "--listening-port", str(self.port)),
            *("--min-port", str(RELAYED[0]), "--max-port", str(RELAYED[-1])),
            *("--userdb", str(folder / "turndb"), "--pidfile", str(folder / "coturn.pid")),
            *("--log-file", str(self._log), "--simple-log", "--no-stdout-log"),
        ]
        self._program = Program(argv, {}, folder / "coturn.out")

    @property
    def urls(self) -> tuple[str, ...]:
        return (f"turn:{self.ip}:{self.port}?transport=udp",)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def __aenter__(self) -> Coturn:
        self._program.start()
        await until(lambda: f"{self.ip}:{self.port}" in self.log(), seconds=10, what="coturn's sockets")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._program.stop()
