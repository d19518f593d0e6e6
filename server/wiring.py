"""A web node's moving parts: the bus, the hub, what hears changes, and the tasks that time alone drives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web

from server.consultation.call import Consultations
from server.consultation.store import sweep
from server.live import Changes
from server.pages import Pages
from server.web import DATABASE, HUB, SETTINGS
from signaling.bus import Bus
from signaling.hub import Hub

SWEEP_S = 0.5
REFRESH_S = 15.0
MAILBOX_S = 0.5
log = structlog.get_logger("wiring")


async def live_parts(app: web.Application) -> AsyncIterator[None]:
    settings, db = app[SETTINGS], app[DATABASE]
    bus = Bus(settings.bus_url)
    changes: Changes
    pages: Pages

    async def on_change(changed: frozenset[tuple[str, str]]) -> None:
        await pages.on_change(changed)

    changes = Changes(db, bus, settings, on_change)
    consultations = Consultations(db, settings, changes.node)
    hub = Hub(
        bus=bus, visits=consultations, store=consultations, mailbox=consultations, secret=settings.relay_key,
        turn_hosts=frozenset(host.strip() for host in settings.turn_hosts.split(",") if host.strip()),
    )  # fmt: skip
    app[HUB] = hub
    pages = Pages(app)
    hub.on_attach = pages.on_attach
    db.on_commit = changes.on_commit
    bus.subscribe("changes", changes.on_bus)
    bus.on_connect(pages.refresh)
    await bus.start()
    await hub.start()

    async def letters() -> None:
        for channel, payload in await consultations.letters():
            await hub.on_signal(channel, payload)

    tasks = [
        asyncio.create_task(changes.run(), name="changes"),
        asyncio.create_task(_every(SWEEP_S, lambda: sweep(db, settings)), name="sweep"),
        asyncio.create_task(_every(settings.away_seconds / 2, pages.seen), name="presence"),
        asyncio.create_task(_every(REFRESH_S, pages.refresh), name="refresh"),
        asyncio.create_task(_every(MAILBOX_S, letters), name="mailbox"),
        asyncio.create_task(_every(60, consultations.empty_mailbox), name="mailbox cleaner"),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await hub.close()
    await bus.close()


async def _every(seconds: float, step: Callable[[], Awaitable[None]]) -> None:
    """A failed step (a database that restarts) is logged; the next one comes all the same."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except Exception as error:
            log.error("step failed", step=getattr(step, "__name__", "step"), error=type(error).__name__)
