"""Staff sign in and out, and choose their language."""

from __future__ import annotations

import re

import aiohttp_session
import structlog
from aiohttp import web

from server.i18n import LANGUAGES, N_, translator
from server.ids import digest
from server.people.passwords import verify
from server.people.sessions import realm_of
from server.people.store import count_try, forget_tries, set_duty, staff_by_username
from server.web import (
    DATABASE,
    HUB,
    LANGUAGE_COOKIE,
    ROLES_OF_REALM,
    SETTINGS,
    client_address,
    page,
    see_other,
    signed_in,
)

E_SIGN_IN = N_("The user name or the password is not right. Check both and try again")
#: a path of ours: browsers take "//" and "/\\" for another host, and drop tabs and line ends before they look
_LOCAL = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")
E_TRIES = N_("There were too many tries. Wait 15 minutes, or ask your administrator")
log = structlog.get_logger("people")


async def sign_in(request: web.Request) -> web.StreamResponse:
    if await signed_in(request):
        raise see_other(f"/{realm_of(request)}")
    return _sign_in_page(request, "", {})


def _sign_in_page(request: web.Request, username: str, errors: dict[str, str], status: int = 200) -> web.Response:
    return page(request, "people/sign_in.html", {"form": {"username": username}, "errors": errors}, status=status)


async def send_sign_in(request: web.Request) -> web.StreamResponse:
    db, realm, t = request.app[DATABASE], realm_of(request), translator(request["lang"])
    sent = await request.post()
    username, password = str(sent.get("username", "")).strip(), str(sent.get("password", ""))
    tried = db.cipher.blind_index(f"{username} from {client_address(request)}", "sign_in_try")
    async with db.write() as tx:
        allowed = await count_try(tx, tried)
    if not allowed:
        return _sign_in_page(request, username, {"username": t(E_TRIES)}, status=429)
    async with db.read() as conn:
        row = await staff_by_username(conn, username)
    known = row["password"] if row and row["role"] in ROLES_OF_REALM[realm] else None
    if not await verify(password[:1024], known) or row is None:
        log.warning("sign-in refused", realm=realm)
        return _sign_in_page(request, username, {"username": t(E_SIGN_IN)}, status=403)
    if row["demo"] and not request.app[SETTINGS].development:
        return _sign_in_page(request, username, {"username": t(E_SIGN_IN)}, status=403)
    async with db.write() as tx:
        await forget_tries(tx, tried)
    session = await aiohttp_session.get_session(request)
    session.clear()
    session["staff"] = row["id"]
    session["rotate"] = True
    raise see_other(f"/{realm}")


async def sign_out(request: web.Request) -> web.StreamResponse:
    """The session's row is gone, and the therapist is off duty: nobody waits for an empty chair."""
    staff = await signed_in(request)
    if staff and staff.on_duty_since:
        async with request.app[DATABASE].write() as tx:
            await set_duty(tx, staff.id, False)
    session = await aiohttp_session.get_session(request)
    if session.identity:
        request.app[HUB].revoke(digest(str(session.identity)))  # other nodes' pages ask every few seconds
    session.invalidate()
    raise see_other(f"/{realm_of(request)}/sign-in")


async def choose_language(request: web.Request) -> web.StreamResponse:
    sent = await request.post()
    lang, target = str(sent.get("lang", "")), str(sent.get("next", "/"))
    answer = see_other(target if _LOCAL.fullmatch(target) else "/")
    if lang in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, lang, max_age=365 * 86400, path="/", secure=True, httponly=True, samesite="Lax"
        )
    raise answer
