"""The kinds of process: web, relay and check."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import resource
import signal
import ssl
from typing import TYPE_CHECKING

from server.config import Settings
from server.supervisor import cannot_listen

if TYPE_CHECKING:
    from server.relay_record import RelayRecord

#: what the system says of an address that cannot be listened on
_NO_LISTENING = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}
#: a check gives way to the calls on a machine that is busy
CHECK_NICE = 5


def run_web(settings: Settings) -> None:
    from aiohttp import web

    from server.app import make_app

    context = None
    if settings.tls_cert and settings.tls_key:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    app = make_app(settings)
    _many_sockets()
    # with ten thousand pages a look at every object stops the process for a third of a second; what an admission leaves
    # (everybody's new place) is gone with the next one, and need not grow old first
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # a request that cannot be parsed is logged with its whole path, which may be a visit's address
    logging.getLogger("aiohttp.server").addFilter(_without_the_request)
    # our own request log: aiohttp's would write every visit's address
    try:
        web.run_app(
            app,
            host=settings.host,
            port=settings.port,
            ssl_context=context,
            access_log=None,
            print=None,
            shutdown_timeout=2,
        )
    except OSError as error:
        if error.errno not in _NO_LISTENING:
            raise
        raise cannot_listen(error, settings.host, settings.port, "the web server", "TM_PORT") from None


def _many_sockets() -> None:
    """Each waiting page is an open file, and many systems begin with a limit of 1024."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _without_the_request(record: logging.LogRecord) -> bool:
    record.msg, record.args, record.exc_info, record.exc_text = "a request could not be handled", None, None, None
    return True


def run_relay(settings: Settings) -> None:
    asyncio.run(_relay(settings))


async def _relay(settings: Settings) -> None:
    from signaling.relay_server import RelaySettings, serve

    opened: asyncio.Task[RelayRecord] | None = None

    # Only when Redis is away: a relay that was killed has its calls back before the record's modules are loaded.
    def record() -> asyncio.Task[RelayRecord]:
        nonlocal opened
        if opened is None or (opened.done() and opened.exception()):
            opened = asyncio.create_task(asyncio.to_thread(_open_record, settings))
        return opened

    async def from_sql() -> list[bytes]:
        return await (await record()).calls()

    async def to_sql(blob: bytes) -> None:
        await (await record()).report(blob)

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
        index=settings.relay_index,
        tcp_port=settings.relay_tcp_port,
        proxies=frozenset(filter(None, settings.relay_proxies.split(","))),
    )
    try:
        await serve(relay, fallback_calls=from_sql, fallback_report=to_sql)
    except asyncio.CancelledError:
        pass
    except OSError as error:
        if error.errno not in _NO_LISTENING:
            raise
        host = settings.relay_publish or "this machine"
        raise cannot_listen(error, host, settings.relay_port, "the relay", "TM_RELAY_PORT") from None
    finally:
        if opened is not None:
            with contextlib.suppress(Exception):
                await (await opened).close()


def run_check(settings: Settings) -> None:
    with contextlib.suppress(OSError):
        os.nice(CHECK_NICE)
    asyncio.run(_check(settings))


async def _check(settings: Settings) -> None:
    from signaling.check_server import CheckSettings, serve

    task = asyncio.current_task()
    assert task
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serve(CheckSettings(settings.relay_key, settings.bus_url, settings.check_at_once))


def _open_record(settings: Settings) -> RelayRecord:
    from server.relay_record import RelayRecord

    return RelayRecord(settings)
