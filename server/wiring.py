"""A web node's moving parts: the bus, the hub, what hears changes, and the tasks that time alone drives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from server.check import CHECKS, OPEN
from server.consultation.call import Consultations
from server.consultation.store import sweep
from server.db import Change
from server.gather import Gather
from server.health import HEALTH
from server.ids import new_id
from server.live import Changes
from server.mail_sender import Sender
from server.pages import PAGES, ROOM, Pages
from server.patient.waiting_views import PACE
from server.rights import cut_off
from server.waitingroom import absent, alerts
from server.waitingroom.intake import Pace
from server.waitingroom.nobody import mark as mark_nobody
from server.waitingroom.presence import Presence
from server.waitingroom.room import Room
from server.web import DATABASE, HUB, SESSIONS, SETTINGS
from signaling.bus import Bus
from signaling.check_client import Checks
from signaling.hub import Hub
from signaling.switch import Rules

SWEEP_S = 0.5
ALERT_S = 1.0
ABSENT_S = 5.0
DESKS_S = 30.0
REFRESH_S = 15.0
LOOK_S = 1.0
MAILBOX_S = 0.5
SKEW_S = 5.0
PRESENCE_S = 0.5
COMPARE_S = 60.0
RIGHTS_S = 15.0
#: who waits is told that nobody is left so soon after the last one has gone, and so late where no event has come
NOBODY_S, LEFT_S = 0.05, 5.0
log = structlog.get_logger("wiring")


def wire(app: web.Application) -> None:
    """Make a node's parts and tell them of each other; they start with the application."""
    settings, db = app[SETTINGS], app[DATABASE]
    bus = Bus(settings.bus_url)
    node = new_id()
    room, presence = Room(db, settings), Presence(db, settings, node)
    pages = Pages(db, settings, room, presence)
    nobody_soon = Gather(NOBODY_S, lambda: mark_nobody(db), trace=settings.development)

    async def on_change(changed: Mapping[tuple[str, str], int]) -> None:
        if any(table == "staff" for table, _ in changed):  # the last one may have left
            nobody_soon.wake()
        await pages.on_change(changed)

    changes = Changes(db, bus, settings, on_change, node)
    consultations = Consultations(db, settings, node)
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
    app[HUB], app[PAGES], app[ROOM] = hub, pages, room
    pages.hub = hub

    async def on_commit(committed: list[Change]) -> None:
        # a page that is loaded after its own act shows it
        visits = [one.id for one in committed if one.table == "visit"]
        room.changed(visits, staff=any(one.table == "staff" for one in committed))
        await changes.on_commit(committed)

    db.on_commit = on_commit
    bus.subscribe("changes", changes.on_bus)
    app[CHECKS], app[OPEN] = Checks(bus, settings.relay_key), {}
    app[PACE] = Pace()
    bus.subscribe("checked", app[CHECKS].on_post)
    bus.on_connect(pages.refresh)
    hub.start()

    async def letters() -> None:
        for channel, payload in await consultations.letters():
            await hub.on_letter(channel, payload)

    async def tell_therapists() -> None:
        await alerts.sweep(db, settings, (await room.line()).order)

    async def desks() -> None:
        there = {page.who.staff for page in hub.pages() if page.who.role == "therapist" and page.who.staff}
        await absent.desks(db, settings, there)

    steps: list[tuple[float, Callable[[], Awaitable[None]]]] = [
        (SWEEP_S, lambda: sweep(db, settings)),
        (ALERT_S, tell_therapists),
        (ABSENT_S, lambda: absent.sweep(db, settings)),
        (DESKS_S, desks),
        (presence.every_s, presence.beat),
        (PRESENCE_S, presence.flush),
        (COMPARE_S, pages.compare),
        (RIGHTS_S, lambda: cut_off(hub, app[SESSIONS])),
        (REFRESH_S, pages.refresh),
        (LOOK_S, pages.look),
        (LEFT_S, lambda: mark_nobody(db)),
        (SKEW_S, lambda: app[HEALTH].look(db)),
        (MAILBOX_S, letters),
        (60, consultations.empty_mailbox),
    ]

    async def run(app: web.Application) -> AsyncIterator[None]:
        await bus.start()
        with contextlib.suppress(Exception):  # a database that restarts: the next beat is soon
            await presence.beat()
        parts = (changes.run, changes.tell, pages.run, nobody_soon.run, Sender(db, settings).run)
        tasks = [asyncio.create_task(part()) for part in parts]
        tasks += [asyncio.create_task(_every(seconds, step)) for seconds, step in steps]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.close()
        with contextlib.suppress(Exception):  # then the others find that this node is gone
            await presence.leave()
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
