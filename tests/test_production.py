"""Production says no, in sentences, to what is only for a first look."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.crypto import FieldCipher
from server.db import Database
from server.seed import DEMO_PASSWORD, seed
from tests.pages.conftest import MakeSite, make_site  # noqa: F401 (the fixture)
from tests.pages.visitors import PASSWORD
from tests.rig.databases import migrated, sqlite_url
from tests.rig.processes import ROOT, free_port
from tests.valkey import TestValkey

SOUND = {
    "mode": "production",
    "secret": base64.b64encode(os.urandom(32)).decode(),
    "data_keys": "k1:" + base64.b64encode(os.urandom(32)).decode(),
    "index_key": base64.b64encode(os.urandom(32)).decode(),
    "public_url": "https://visit.example.ca",
    "behind_proxy": "1",
}


def server(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """``python -m server …`` as an operator types it, with only these settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("TM_")}
    env |= {f"TM_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture
def stores(database_url: str, valkey_server: TestValkey, tmp_path: Path) -> dict[str, str]:
    port = str(free_port())
    return {
        **SOUND,
        "database_url": database_url,
        "redis_url": valkey_server.url,
        "port": port,
        "var": str(tmp_path / "var"),
    }


def assert_says(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    """It ended at once, with these sentences and no traceback."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    for text in texts:
        assert text in done.stderr, done.stderr


@pytest.mark.parametrize("verb", ["web", "relay", "migrate"])
def test_nothing_starts_without_its_secrets(verb: str, tmp_path: Path) -> None:
    done = server(verb, mode="production", var=str(tmp_path))
    assert_says(done, "TM_SECRET", "TM_DATA_KEYS", "TM_INDEX_KEY", "TM_DATABASE_URL", "TM_REDIS_URL", "plain HTTP")
    assert list(tmp_path.iterdir()) == [], "and nothing was made up in their place"


def test_plain_http_is_refused(stores: dict[str, str]) -> None:
    assert_says(server("web", **stores | {"public_url": "http://visit.example.ca"}), "plain HTTP", "TM_PUBLIC_URL")
    assert_says(server("web", **stores | {"behind_proxy": "0"}), "plain HTTP", "TM_TLS_CERT")


def test_dev_and_seed_are_for_development(stores: dict[str, str]) -> None:
    assert_says(server("dev", **stores), "development")
    assert_says(server("seed", **stores), "production")


def test_a_store_with_demo_accounts_is_refused(stores: dict[str, str], database_url: str) -> None:
    async def fill() -> None:
        db = Database(database_url, FieldCipher.from_settings(SOUND["data_keys"], SOUND["index_key"]))
        await seed(db)
        await db.close()

    asyncio.run(fill())
    assert_says(server("web", **stores), "demo accounts", "remove-demo")


async def test_a_demo_password_opens_nothing_in_production(make_site: MakeSite) -> None:  # noqa: F811
    site = await make_site(mode="production", public_url="https://visit.example.ca", behind_proxy=True)
    await seed(site.db)
    await site.hire("chen")
    who = site.visitor()
    origin = {"Origin": who.origin.replace("http://", "https://")}
    refused = await who.post("/desk/sign-in", {"username": "li", "password": DEMO_PASSWORD}, origin)
    assert refused.status == 403
    assert (await who.post("/desk/sign-in", {"username": "chen", "password": PASSWORD}, origin)).status == 303
    assert (await who.get("/design")).status == 404, "a page for developers"
    assert "Strict-Transport-Security" in (await who.get("/")).headers


@pytest.fixture
def no_database(valkey_server: TestValkey, tmp_path: Path) -> dict[str, str]:
    return {**SOUND, "redis_url": valkey_server.url, "port": str(free_port()), "var": str(tmp_path / "var")}


@pytest.mark.parametrize("verb", ["web", "migrate"])
def test_a_database_that_is_not_there_is_one_clear_sentence(no_database: dict[str, str], verb: str) -> None:
    done = server(verb, **no_database, database_url="postgresql+asyncpg://clinic:quincunx@127.0.0.1:1/clinic")
    assert_says(done, "TM_DATABASE_URL", "does not answer")
    assert "quincunx" not in done.stderr, "nor does it show the password"


def test_a_database_without_tables_asks_for_migrate(no_database: dict[str, str], empty_database_url: str) -> None:
    assert_says(server("web", **no_database, database_url=empty_database_url), "python -m server migrate")


@pytest.mark.parametrize("verb, setting", [("web", "port"), ("relay", "relay_port")])
def test_a_port_in_use_is_one_clear_sentence(
    no_database: dict[str, str], tmp_path: Path, verb: str, setting: str
) -> None:
    migrated(url := sqlite_url(tmp_path / "clinic.sqlite3"))
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = str(other.getsockname()[1])
        done = server(verb, **no_database | {setting: port}, database_url=url)
        assert_says(done, f"needs port {port}", f"TM_{setting.upper()}")


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("secret", "short", "TM_SECRET"),
        ("secret", base64.b64encode(b"x" * 31).decode(), "too short"),
        ("data_keys", "k1:" + base64.b64encode(b"x" * 16).decode(), "TM_DATA_KEYS"),
        ("port", "http", "TM_PORT"),
        ("visit_seconds", "0", "TM_VISIT_SECONDS"),
        ("clinic_zone", "Toronto", "TM_CLINIC_ZONE"),
        ("database_url", "mysql://x", "TM_DATABASE_URL"),
        ("call_policy", "anything", "TM_CALL_POLICY"),
        ("visit_second", "30", "no such setting"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(tmp_path: Path, name: str, value: str, says: str) -> None:
    done = server(
        "web",
        **{
            **SOUND,
            "database_url": "sqlite+aiosqlite:////nowhere/x",
            "redis_url": "unix:///nowhere",
            "var": str(tmp_path),
            name: value,
        },
    )
    assert_says(done, says)
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(line) < 300
    assert value not in line or name not in ("secret", "data_keys"), "a secret is not shown"
