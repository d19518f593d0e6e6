"""Third persons: the therapist makes and ends invitations; whoever holds a link gets the page behind it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.consultation import guests
from server.errors import PersonError
from server.people.store import staff_by_id
from server.sockets import serve_guest
from server.visit import store as visits
from server.web import DATABASE, SETTINGS, page, see_other


async def invitations(request: web.Request) -> web.Response:
    """Who takes part in a visit of one's own. The desk shows the part with ``data-guests-page`` in its dialog."""
    return await _invitations(request)


async def invite(request: web.Request) -> web.Response:
    """The link stands in the answer alone: the store keeps a hash of its address."""
    kind = str((await request.post()).get("kind", ""))
    async with request.app[DATABASE].write() as tx:
        _, address = await guests.invite(tx, request.match_info["visit"], request["staff"].id, kind)
    return await _invitations(request, link=f"{_origin(request)}/g/{address}", kind=kind)


def _origin(request: web.Request) -> str:
    return request.app[SETTINGS].public_url.rstrip("/") or str(request.url.origin())


async def end(request: web.Request) -> web.StreamResponse:
    visit = request.match_info["visit"]
    async with request.app[DATABASE].write() as tx:
        await guests.end(tx, visit, request["staff"].id, request.match_info["guest"])
    raise see_other(f"/desk/visits/{visit}/guests")


async def _invitations(request: web.Request, **made: Any) -> web.Response:
    visit = request.match_info["visit"]
    async with request.app[DATABASE].read() as conn:
        row = await visits.by_id(conn, visit)
        if row is None or row["therapist_id"] != request["staff"].id:
            raise PersonError("no_such_visit")
        present = await guests.of_visit(conn, row)
    values = {"visit": visit, "guests": present, "most": guests.MOST, **made}
    return page(request, "guest/invitations.html", values)


async def guest_page(request: web.Request) -> web.Response:
    """GET consumes nothing: a mail scanner may look, and the same link leads back after a reload."""
    async with request.app[DATABASE].read() as conn:
        invitation = await _invitation(request, conn)
        row = await visits.by_id(conn, invitation["visit_id"])
        assert row is not None
        therapist = await staff_by_id(conn, row["therapist_id"]) if row["therapist_id"] else None
    values = {
        "address": request.match_info["address"],
        "kind": invitation["kind"],
        "stands": guests.stands(invitation, row),
        "therapist_name": therapist.name if therapist else None,
    }
    return page(request, "guest/guest.html", values)


async def live(request: web.Request) -> web.StreamResponse:
    """The page's one WebSocket. Whoever holds the link may; whether the invitation stands is asked with each hello."""
    async with request.app[DATABASE].read() as conn:
        invitation = await _invitation(request, conn)
    return await serve_guest(request, invitation["visit_id"], invitation["id"])


async def _invitation(request: web.Request, conn: AsyncConnection) -> RowMapping:
    found = await guests.by_address(conn, request.match_info["address"])
    if found is None:
        raise PersonError("not_invited")
    return found
