"""Whether this node can serve: the database answers, and its clock and ours agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from server.db import Database
from server.errors import PersonError
from server.web import DATABASE

#: more than this off the database's clock, a node would tell people wrong times
MAX_SKEW_S = 2.0


@dataclass(slots=True)
class Health:
    """What the last look found. ``skewed``: this node's clock is wrong, and it serves no page until it is right."""

    skewed: bool = False

    async def look(self, db: Database) -> None:
        self.skewed = await skew(db) > MAX_SKEW_S


HEALTH: web.AppKey[Health] = web.AppKey("health", Health)


async def skew(db: Database) -> float:
    """Seconds between the database's clock and ours."""
    return abs((await db.now() - datetime.now(UTC)).total_seconds())


@web.middleware
async def refuse_when_skewed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.app[HEALTH].skewed and request.match_info.route.name != "healthz":
        raise PersonError("unavailable")
    return await handler(request)


async def healthz(request: web.Request) -> web.StreamResponse:
    """For a balancer: 200 and ``{"ok": true}``, or 503 with why."""
    try:
        off = await skew(request.app[DATABASE])
    except Exception:  # whatever the driver raises: the answer is the same
        return web.json_response({"ok": False, "why": "database"}, status=503)
    if off > MAX_SKEW_S:
        return web.json_response({"ok": False, "why": "clock"}, status=503)
    return web.json_response({"ok": True})
