"""The connection check of a patient's page."""

from __future__ import annotations

from aiohttp import web

from server.check import serve_check
from server.visit.pages import visit_of


async def check(request: web.Request) -> web.StreamResponse:
    """Its WebSocket, beside the page's own."""
    return await serve_check(request, await visit_of(request))
