"""The real web process inside the test: ``make_app`` on a real record and a real Valkey, spoken to over HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web

from server.app import make_app
from server.config import Settings
from tests.pages.visitors import Member, Site
from tests.rig.processes import free_port
from tests.valkey import TestValkey

SECRETS = {
    "secret": base64.b64encode(b"s" * 32).decode(),
    "data_keys": "k1:" + base64.b64encode(b"d" * 32).decode(),
    "index_key": base64.b64encode(b"i" * 32).decode(),
}
MakeSite = Callable[..., Awaitable[Site]]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Site]:
    app = make_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    site = Site(f"http://127.0.0.1:{settings.port}/", app)
    try:
        yield site
    finally:
        await site.close()
        await runner.cleanup()


@pytest_asyncio.fixture
async def make_site(database_url: str, valkey_server: TestValkey, tmp_path: Path) -> AsyncIterator[MakeSite]:
    """``site = await make_site(proof_tries=2)``: keywords are settings."""
    async with AsyncExitStack() as stack:

        async def make(**changed: Any) -> Site:
            own = {"var": tmp_path / "var", "port": free_port(), "database_url": database_url}
            settings = Settings.model_validate({**SECRETS, **own, "redis_url": valkey_server.url, **changed})
            return await stack.enter_async_context(serving(settings))

        yield make


@pytest_asyncio.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site()


@pytest_asyncio.fixture
async def li(site: Site) -> Member:
    """A therapist, on duty."""
    return await site.member("li")


@pytest_asyncio.fixture
async def okafor(site: Site) -> Member:
    """Another therapist, on duty."""
    return await site.member("okafor")


@pytest_asyncio.fixture
async def priya(site: Site) -> Member:
    """The admin."""
    return await site.member("priya", "admin")
