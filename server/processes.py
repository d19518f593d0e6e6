"""The two kinds of process: web and relay."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl

from aiohttp import web

from server.config import Settings
from server.consultation.store import post, relay_calls
from server.crypto import FieldCipher
from server.db import Database


def run_web(settings: Settings) -> None:
    from server.app import make_app

    context = None
    if settings.tls_cert and settings.tls_key:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    app = make_app(settings)
    # a request that cannot be parsed is logged with its whole path, which may be a visit's address
    logging.getLogger("aiohttp.server").addFilter(_without_the_request)
    # our own request log: aiohttp's would write every visit's address
    web.run_app(
        app,
        host=settings.host,
        port=settings.port,
        ssl_context=context,
        access_log=None,
        print=None,
        shutdown_timeout=2,
    )


def _without_the_request(record: logging.LogRecord) -> bool:
    record.msg, record.args, record.exc_info, record.exc_text = "a request could not be handled", None, None, None
    return True


def run_relay(settings: Settings) -> None:
    asyncio.run(_relay(settings))


async def _relay(settings: Settings) -> None:
    from signaling.relay_server import RelaySettings, serve

    db = Database(settings.db_url, FieldCipher.from_settings(settings.data_keys, settings.index_key))

    async def from_sql() -> list[bytes]:
        return [blob for _, _, blob, _ in await relay_calls(db, ended_too=True)]

    async def to_sql(blob: bytes) -> None:
        await post(db, "relay", "relay", blob)

    task = asyncio.current_task()
    assert task
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    publish = [part.strip() for part in settings.relay_publish.split(",") if part.strip()]
    relay = RelaySettings(
        port=settings.relay_port,
        publish=tuple(publish),
        secret=settings.relay_key,
        bus_url=settings.bus_url,
        relay_id=f"{os.uname().nodename}:{settings.relay_port}",
    )
    try:
        await serve(relay, fallback_calls=from_sql, fallback_report=to_sql)
    except asyncio.CancelledError:
        pass
    finally:
        await db.close()
