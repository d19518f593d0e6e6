"""The WebSocket of a page: whose it is, from the web session and the address; then the call's shell takes over."""

from __future__ import annotations

from typing import Literal

import aiohttp_session
from aiohttp import web

from server.errors import PersonError
from server.ids import digest
from server.pages import PAGES
from server.people.store import Staff
from server.web import HUB, same_origin
from signaling.hub import Who
from signaling.socket import PageConnection, upgrade


async def serve_patient(request: web.Request, visit: str) -> web.StreamResponse:
    """``visit``: the one of the address, for a browser that has proved itself."""
    token = await _token(request)
    who = Who("patient", digest(token), visit=visit)
    return await PageConnection(request.app[HUB], who).run(await upgrade(request))


async def serve_guest(request: web.Request, visit: str, guest: str) -> web.StreamResponse:
    """A third person's page. The link is the right; it is asked at each hello, and the hub tells when it ends."""
    if "Origin" not in request.headers or not same_origin(request):
        raise PersonError("not_allowed")
    who = Who("guest", f"guest {guest}", visit=visit, guest=guest)
    return await PageConnection(request.app[HUB], who).run(await upgrade(request))


async def serve_staff(request: web.Request, role: Literal["therapist", "admin"]) -> web.StreamResponse:
    """A staff page's one WebSocket. The right to be here is asked again while it is open (rights.py)."""
    staff: Staff = request["staff"]
    token = await _token(request)
    request.app[PAGES].speaks(staff.id, request["lang"])
    who = Who(role, digest(token), staff=staff.id)
    return await PageConnection(request.app[HUB], who).run(await upgrade(request))


async def _token(request: web.Request) -> str:
    """The session's token, for a page of ours: browsers always name the Origin of a WebSocket (RFC 6455 §10.2)."""
    if "Origin" not in request.headers or not same_origin(request):
        raise PersonError("not_allowed")
    return str((await aiohttp_session.get_session(request)).identity)
