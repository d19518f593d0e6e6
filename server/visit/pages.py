"""What the patient's pages share: which visits this browser may open, and the question for the date of birth."""

from __future__ import annotations

from datetime import datetime, timedelta

import aiohttp_session
from aiohttp import web
from sqlalchemy import RowMapping

from server.errors import PersonError
from server.visit import store
from server.visit.states import OVER
from server.web import DATABASE, SETTINGS, page

MOST_VISITS = 20  # in one browser's session


async def remember(request: web.Request, visit_id: str) -> None:
    """This browser may open the visit from now on; the token is a new one."""
    session = await aiohttp_session.get_session(request)
    known = [known for known in session.get("visits", []) if known != visit_id]
    session["visits"] = [*known, visit_id][-MOST_VISITS:]
    session["rotate"] = True
    session.changed()


async def visit_of(request: web.Request) -> RowMapping:
    """The visit that the address names, for a browser that has proved itself. Raises PersonError otherwise."""
    async with request.app[DATABASE].read() as conn:
        row = await store.by_address(conn, request.match_info["address"])
    if row is None or not await knows(request, row["id"]):
        raise PersonError("no_such_visit")
    return row


async def knows(request: web.Request, visit_id: str) -> bool:
    session = await aiohttp_session.get_session(request)
    return visit_id in session.get("visits", [])


def proof_page(
    request: web.Request, row: RowMapping | None, form: dict[str, str], errors: dict[str, str], status: int = 200
) -> web.Response:
    """The same page for a visit that does not exist: an address cannot be probed."""
    limit = request.app[SETTINGS].proof_tries
    left = limit - row["proof_tries"] if row else limit - (status == 403)
    values = {
        "address": request.match_info["address"],
        "form": form,
        "errors": errors,
        "tries_left": left,
        "locked": left <= 0,
    }
    return page(request, "visit/proof.html", values, status=429 if left <= 0 else status)


def readable(row: RowMapping, now: datetime, days: int) -> bool:
    """Whether the address still shows what came of the visit."""
    return row["state"] not in OVER or row["ended_at"] is None or now - row["ended_at"] <= timedelta(days=days)
