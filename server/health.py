"""Whether this node can serve: the database answers, and its clock and ours agree."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from server.web import DATABASE

#: more than this off the database's clock, a node would tell people wrong times
MAX_SKEW_S = 2.0


async def healthz(request: web.Request) -> web.StreamResponse:
    try:
        skew = abs((await request.app[DATABASE].now() - datetime.now(UTC)).total_seconds())
    except Exception:  # whatever the driver raises: the answer is the same
        return web.json_response({"ok": False, "why": "database"}, status=503)
    if skew > MAX_SKEW_S:
        return web.json_response({"ok": False, "why": "clock"}, status=503)
    return web.json_response({"ok": True})
