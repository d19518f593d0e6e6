"""Puts the rooms together: one web process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp_session
from aiohttp import web

from server.config import Settings
from server.crypto import FieldCipher
from server.db import Database
from server.errors import SettingsError
from server.health import HEALTH, Health, refuse_when_skewed
from server.people.sessions import SqlStorage
from server.people.store import demo_accounts
from server.routes import setup_routes
from server.web import DATABASE, INNER_MIDDLEWARES, MIDDLEWARES, SESSIONS, SETTINGS, setup_templates
from server.wiring import wire

MAX_BODY = 512 * 1024  # bytes; a whole note is about 30 KiB


def make_app(settings: Settings) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    app[SETTINGS] = settings
    db = Database(settings.db_url, FieldCipher.from_settings(settings.data_keys, settings.index_key))
    app[DATABASE] = db
    storage = SqlStorage(
        db,
        {
            "visit": timedelta(days=settings.summary_days + 1),
            "desk": timedelta(hours=settings.staff_hours),
            "admin": timedelta(hours=settings.staff_hours),
        },
    )
    app[SESSIONS] = storage
    app[HEALTH] = Health()
    app.middlewares.extend(
        (*MIDDLEWARES, aiohttp_session.session_middleware(storage), *INNER_MIDDLEWARES, refuse_when_skewed)
    )
    setup_templates(app)
    setup_routes(app)
    app.cleanup_ctx.append(_database)
    wire(app)
    return app


async def _database(app: web.Application) -> AsyncIterator[None]:
    db, settings = app[DATABASE], app[SETTINGS]
    if not settings.development:
        async with db.read() as conn:
            if await demo_accounts(conn):
                raise SettingsError(
                    ["production refuses demo accounts: remove them with `python -m server user remove-demo`"]
                )
    yield
    await db.close()
