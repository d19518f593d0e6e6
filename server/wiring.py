"""A web node's moving parts: the bus, the hub, what hears changes, and the tasks that time alone drives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web

from server.consultation.call import Consultations
from server.consultation.store import sweep
from server.health import HEALTH
from server.live import Changes
from server.pages import PAGES, Pages
from server.web import DATABASE, HUB, SETTINGS
from signaling.bus import Bus
from signaling.hub import Hub
from signaling.switch import Rules

SWEEP_S = 0.5
REFRESH_S = 15.0
MAILBOX_S = 0.5
SKEW_S = 5.0
log = structlog.get_logger("wiring")


def wire(app: web.Application) -> None:
    """Make a node's parts and tell them of each other; they start with the application."""
    settings, db = app[SETTINGS], app[DATABASE]
    bus = Bus(settings.bus_url)
    pages = Pages(db, settings)
    changes = Changes(db, bus, settings, pages.on_change)
    consultations = Consultations(db, settings, changes.node)
    hub = Hub(
        visits=consultations,
        store=consultations,
        bus=bus,
        secret=settings.relay_key,
        mailbox=consultations,
        rules=Rules(turn=settings.turn_addresses),
        turn=settings.turn,
        on_open=pages.on_open,
        on_close=pages.on_close,
    )
    app[HUB], app[PAGES] = hub, pages
    pages.hub = hub
    db.on_commit = changes.on_commit
    bus.subscribe("changes", changes.on_bus)
    bus.on_connect(pages.refresh)
    hub.start()

    async def letters() -> None:
        for channel, payload in await consultations.letters():
            await hub.on_letter(channel, payload)

    steps: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        (SWEEP_S, lambda: sweep(db, settings)),
        (settings.away_seconds / 2, pages.seen),
        (REFRESH_S, pages.refresh),
        (SKEW_S, lambda: app[HEALTH].look(db)),
        (MAILBOX_S, letters),
        (60, consultations.empty_mailbox),
    ]

    async def run(app: web.Application) -> AsyncIterator[None]:
        await bus.start()
        tasks = [asyncio.create_task(part()) for part in (changes.run, changes.tell, pages.run)]
        tasks += [asyncio.create_task(_every(seconds, step)) for seconds, step in steps]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.close()
        await bus.close()

    app.cleanup_ctx.append(run)


async def _every(seconds: float, step: Callable[[], Awaitable[None]]) -> None:
    """A failed step (a database that restarts) is logged; the next one comes all the same."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except Exception as error:
            log.error("step failed", step=getattr(step, "__name__", "step"), error=type(error).__name__)
