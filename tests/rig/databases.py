"""Real databases, a fresh one for each test: SQLite files, and a private PostgreSQL cluster of the test run.

The schema is migrated once a run into a template; each test gets a copy of it (a file copied, a database
cloned).
"""

from __future__ import annotations

import asyncio
import getpass
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from server.supervisor import guarded

HOW_TO_INSTALL = (
    "The tests run on PostgreSQL too, and its server programs are not installed: run `make test`, which"
    " installs them where it may (Debian: apt-get install postgresql), or set PG_BIN to initdb's folder."
)
#: For a run that is thrown away: what makes a crash safe only costs time.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")


class PostgresMissing(Exception):
    """There is no PostgreSQL server here; the text says what to do."""


def postgres_programs() -> Path:
    """Folder of initdb and postgres: PG_BIN, else Debian's newest. Raises :class:`PostgresMissing`."""
    folders = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresMissing(HOW_TO_INSTALL)


class Cluster:
    """A PostgreSQL cluster on a unix socket in a folder of its own; root runs it as the user ``postgres``."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8",
                  "--locale=C.UTF-8", "--pgdata", str(self.folder / "data"))  # fmt: skip
        settings = [word for setting in FAST for word in ("-c", setting)]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder),
                   "-c", "listen_addresses=", *settings]  # fmt: skip
        # A change of user clears the wish to end with the parent: setpriv makes it again.
        prefix = [*self._as_postgres(), "--pdeathsig", "QUIT"] if os.geteuid() == 0 else []
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*prefix, *command] if prefix else guarded(command), stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + 30
        while self._run("pg_isready", "--quiet", "--host", str(self.folder), check=False) != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: at once, the data is thrown away
            self._process.wait(20)

    def create(self, template: str | None = None) -> str:
        """A new database (a copy of ``template``), by name."""
        name = f"test_{next(self._numbers)}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        return name

    def drop(self, name: str) -> None:
        self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        self._run("psql", "--quiet", "--no-psqlrc", "--host", str(self.folder), "--username", "postgres",
                  "--set", "ON_ERROR_STOP=1", "--command", statement, "postgres")  # fmt: skip

    def _as_postgres(self) -> list[str]:
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]

    def _run(self, program: str, *args: str, check: bool = True) -> int:
        prefix = self._as_postgres() if os.geteuid() == 0 else []
        command = [*prefix, str(self._programs / program), *args]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.returncode


@contextmanager
def postgres_cluster() -> Iterator[Cluster]:
    """A running cluster, gone afterwards. Raises :class:`PostgresMissing`."""
    programs = postgres_programs()
    if os.geteuid() == 0 and not _user_exists("postgres"):
        raise PostgresMissing(HOW_TO_INSTALL)
    # Not pytest's own folder: another user must be able to enter it, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="tm-pg-"))
    cluster = Cluster(folder, programs)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def migrated(url: str) -> None:
    """Bring an empty database to the newest revision (in a thread: the caller may have a loop of its own)."""
    from server.migrate import migrate

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(url)).result()


def sqlite_url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def copy_sqlite(template: Path, target: Path) -> Path:
    """Copy a closed SQLite database (its log is folded in when the last connection closes)."""
    assert not template.with_name(template.name + "-wal").exists(), "the template is still open"
    shutil.copyfile(template, target)
    return target


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def describe() -> str:
    """For pytest's header: what the store tests run on."""
    try:
        place = str(postgres_programs())
    except PostgresMissing:
        place = "missing"
    return f"stores: SQLite and PostgreSQL ({place}), as {getpass.getuser()}, Python {sys.version.split()[0]}"
