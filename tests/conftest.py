"""Fixtures for every test. What they are made of stands in tests/rig."""

from __future__ import annotations

import os
import random
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.rig import databases
from tests.rig.browsers import BrowserMissing, Crew, chromium, crew, make_media
from tests.rig.processes import App
from tests.valkey import TestValkey, valkey

LONG = bool(os.environ.get("TEST_LONG"))
ROOT = Path(__file__).parent.parent


def _seed() -> str:
    """What the samples are drawn with: another one for each commit, the same one on every machine."""
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "0"  # not a clone: an unpacked archive


SEED = os.environ.get("TEST_SEED") or _seed()


def pytest_report_header() -> list[str]:
    return [databases.describe(), "" if LONG else f"samples drawn with TEST_SEED={SEED}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The full counts belong to `make test-long` alone; there, each may take an hour."""
    groups: dict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("long"):
            only = pytest.mark.skip(reason="only in make test-long")
            item.add_marker(pytest.mark.timeout(3600) if LONG else only)
        elif (sample := item.get_closest_marker("sample")) and not LONG:
            groups[sample.args].append(item)
        elif item.nodeid.startswith("tests/pages/") and "postgresql" in item.nodeid and not LONG:
            groups["pages on PostgreSQL", 60].append(item)  # their stores are tested on both elsewhere
    if SEED == "all":
        return
    for (group, count), members in groups.items():
        drawn = random.Random(f"{SEED} {group}").sample(members, min(count, len(members)))
        for item in members:
            if item not in drawn:
                reason = f"not drawn with TEST_SEED={SEED}; all of `{group}` run in make test-long"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether this is `make test-long`: run full counts instead of a sample."""
    return LONG


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Cluster]:
    """The run's PostgreSQL cluster. Without PostgreSQL a test fails: half a test of the stores is none."""
    try:
        manager = databases.postgres_cluster()
        cluster = manager.__enter__()
    except databases.PostgresMissing as error:
        pytest.fail(str(error), pytrace=False)
    yield cluster
    manager.__exit__(None, None, None)


@pytest.fixture(scope="session")
def _postgres_template(postgres: databases.Cluster) -> str:
    name = postgres.create()
    databases.migrated(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "clinic.sqlite3"
    databases.migrated(databases.sqlite_url(path))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLAlchemy URL of a migrated, empty database of this test's own; the test runs on both kinds."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_template")
        yield databases.sqlite_url(databases.copy_sqlite(template, tmp_path / "clinic.sqlite3"))
        return
    cluster: databases.Cluster = request.getfixturevalue("postgres")
    name = cluster.create(request.getfixturevalue("_postgres_template"))
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """As ``database_url``, without the schema: for tests of the migrations."""
    if request.param == "sqlite":
        yield databases.sqlite_url(tmp_path / "empty.sqlite3")
        return
    cluster: databases.Cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def valkey_server(tmp_path: Path) -> Iterator[TestValkey]:
    """A running Valkey of this test's own: ``.url``, ``.kill()``, ``.start()``."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with valkey(folder) as server:
        yield server


RunApp = Callable[..., Awaitable[App]]


@pytest_asyncio.fixture
async def run_app(tmp_path: Path) -> AsyncIterator[RunApp]:
    """``app = await run_app(visit_seconds=30)``: the whole service as real processes, stopped afterwards.

    Keywords are settings, as in server/config.py; ``verb="web"`` starts another process than ``dev``.
    """
    async with AsyncExitStack() as stack:
        count = 0

        async def start(verb: str = "dev", **settings: object) -> App:
            nonlocal count
            count += 1
            app = App(tmp_path / f"var{count}", verb, **settings)
            stack.push_async_callback(app.stop)
            return await app.up()

        yield start


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the fake cameras' pictures and the fake microphones' tones."""
    return make_media(tmp_path_factory.mktemp("media"))


@pytest_asyncio.fixture
async def people(media: Path, tmp_path: Path) -> AsyncIterator[Crew]:
    """``ana = await people("ana", colour="red", tone=440)``: a person with a browser, camera and microphone.

    Afterwards nobody's console may have shown an error, nor a page have broken its content policy.
    """
    try:
        program = chromium()
    except BrowserMissing as error:
        pytest.fail(str(error), pytrace=False)
    async with crew(program, media, tmp_path) as made:
        yield made
    made.assert_no_problems()
