"""What every page shares: headers, language, the CSRF token, who may, errors, templates.

The middlewares run in the order of :data:`MIDDLEWARES`; each one is small and knows one thing.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import aiohttp_session
import jinja2
import structlog
from aiohttp import web
from markupsafe import Markup

from server import formats
from server.config import Settings
from server.db import Database
from server.errors import WORDS, PersonError
from server.i18n import HTML_LANG, LANGUAGES, Translator, negotiate, translator
from server.people.sessions import SqlStorage, realm_of
from server.people.store import Staff, staff_by_id
from signaling.hub import Hub

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
DATABASE: web.AppKey[Database] = web.AppKey("database", Database)
SESSIONS: web.AppKey[SqlStorage] = web.AppKey("sessions", SqlStorage)
HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)

WEBCLIENT = Path(__file__).parent.parent / "webclient"
CSRF_COOKIE = "__Host-csrf"
LANGUAGE_COOKIE = "__Host-language"
ROLES_OF_REALM = {"desk": ("therapist",), "admin": ("admin", "front_desk")}

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Server": "web",  # not which program in which version
    # The visit's address is in the URL and must not leave; "no-referrer" would make our own forms say `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}

log = structlog.get_logger("web")


@web.middleware
async def log_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: the route's name, never its address (a visit's address is a secret)."""
    began = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        route = request.match_info.route.name or "unknown"
        if route not in ("static", "healthz"):
            log.info(
                "request",
                route=route,
                method=request.method,
                status=status,
                ms=round((time.perf_counter() - began) * 1000),
            )
    return response


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        _add_headers(request, answer)
        raise
    if not response.prepared:
        _add_headers(request, response)
    return response


def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.secure or request.app[SETTINGS].behind_proxy:
        response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


@web.middleware
async def choose_language(request: web.Request, handler: Handler) -> web.StreamResponse:
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    request["lang"] = chosen if chosen in LANGUAGES else negotiate(request.headers.get("Accept-Language", ""))
    return await handler(request)


@web.middleware
async def friendly_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong, the person reads what happened and what to do, in their language."""
    try:
        return await handler(request)
    except PersonError as error:
        return error_page(request, error.code)
    except web.HTTPNotFound:
        return error_page(request, "not_found")
    except web.HTTPMethodNotAllowed:
        return error_page(request, "not_found")
    except web.HTTPRequestEntityTooLarge:
        return error_page(request, "too_large")
    except (web.HTTPException, ConnectionResetError):
        raise
    except Exception as error:  # the last line: log it for us, say it to them
        # the type and the place, not the message: a message may quote what a person typed
        log.error(
            "handler failed",
            route=request.match_info.route.name,
            error=type(error).__name__,
            exc_info=request.app[SETTINGS].development,
        )
        return error_page(request, "broken")


def error_page(request: web.Request, code: str) -> web.Response:
    status, title, text = WORDS[code]
    t = translator(request["lang"])
    if wants_json(request):
        return web.json_response({"error": code, "title": t(title), "text": t(text)}, status=status)
    context = {"title": t(title), "text": t(text), "status": status, "code": code}
    return page(request, "errors.html", context, status=status)


def client_address(request: web.Request) -> str:
    """Where the request comes from: the last hop that our own proxy has written down, or the connection's other end."""
    forwarded = request.headers.get("X-Forwarded-For", "") if request.app[SETTINGS].behind_proxy else ""
    return forwarded.split(",")[-1].strip() or request.remote or ""


def wants_json(request: web.BaseRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


@web.middleware
async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Double submit with a ``__Host-`` cookie, and the Origin where the browser sends one."""
    token = request.cookies.get(CSRF_COOKIE, "")
    fresh = len(token) != 43
    request["csrf"] = secrets.token_urlsafe(32) if fresh else token
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        given = request.headers.get("X-CSRF-Token", "")
        if not given and request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
            given = str((await request.post()).get("csrf", ""))
        if fresh or not same_origin(request) or not hmac.compare_digest(given.encode(), token.encode()):
            raise PersonError("form_expired")
    response = await handler(request)
    if fresh and request.get("csrf_used") and not response.prepared:
        response.set_cookie(CSRF_COOKIE, request["csrf"], path="/", secure=True, httponly=True, samesite="Lax")
    return response


def same_origin(request: web.Request) -> bool:
    """Whether a browser says that the request comes from one of our own pages (no Origin: not a browser's POST)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    settings = request.app[SETTINGS]
    schemes = ("https",) if request.secure or settings.behind_proxy else ("http", "https")
    return origin in {f"{scheme}://{request.host}" for scheme in schemes}


def guarded(handler: Handler, who: frozenset[str]) -> Handler:
    """``handler`` for ``who`` alone: "anyone", "visit" (the handler asks for the proof), or staff roles."""

    async def guard(request: web.Request) -> web.StreamResponse:
        if not who & {"anyone", "visit"}:
            found = await signed_in(request)
            if found is None:
                if request.method == "GET" and "Upgrade" not in request.headers and not wants_json(request):
                    raise web.HTTPSeeOther(f"/{realm_of(request)}/sign-in")
                raise PersonError("not_allowed")
            if found.role not in who:
                raise PersonError("not_allowed")
        elif realm_of(request) != "visit":
            await signed_in(request)
        return await handler(request)

    return guard


async def signed_in(request: web.Request) -> Staff | None:
    """The member of staff behind the realm's cookie, asked anew at every request: a right that ended has ended."""
    session = await aiohttp_session.get_session(request)
    staff_id = session.get("staff")
    if not isinstance(staff_id, str):
        return None
    async with request.app[DATABASE].read() as conn:
        found = await staff_by_id(conn, staff_id)
    if found and found.role in ROLES_OF_REALM.get(realm_of(request), ()):
        request["staff"] = found
        return found
    return None


def context(request: web.Request) -> dict[str, Any]:
    """What every template knows."""
    settings, lang = request.app[SETTINGS], request["lang"]
    t = translator(lang)
    return {
        "lang": lang,
        "html_lang": HTML_LANG[lang],
        "_": _gettext(t),
        "gettext": _gettext(t),
        "ngettext": _ngettext(t),
        "csrf_token": _token(request),
        "clinic": clinic(settings, lang),
        "url": lambda name, **params: str(request.app.router[name].url_for(**params)),
        "static": lambda path: f"/static/{path}",
        "path": request.path_qs,
        "realm": realm_of(request),
        "staff": request.get("staff"),
        "development": settings.development,
        "now": datetime.now(UTC),
        "zone": settings.clinic_zone,
        "errors": {},
    }


def clinic(settings: Settings, lang: str) -> dict[str, str]:
    return {
        "name": settings.clinic_name_fr if lang == "fr" else settings.clinic_name,
        "phone": settings.clinic_phone,
        "phone_display": formats.phone(settings.clinic_phone),
    }


def _token(request: web.Request) -> str:
    request["csrf_used"] = True
    return str(request["csrf"])


def _gettext(t: Translator) -> Callable[..., str]:
    def gettext(message: str, /, **params: object) -> str:
        text = t.gettext(message)
        return Markup(text) % params if params else text  # noqa: S704 (catalogue text; params are escaped by Markup)

    return gettext


def _ngettext(t: Translator) -> Callable[..., str]:
    def ngettext(singular: str, plural: str, n: int, /, **params: object) -> str:
        return Markup(t.ngettext(singular, plural, n)) % {"num": n, "n": n, **params}  # noqa: S704

    return ngettext


def page(request: web.Request, template: str, values: dict[str, Any], *, status: int = 200) -> web.Response:
    response = web.Response(text=render(request, template, values), content_type="text/html", status=status)
    response.headers["Content-Language"] = HTML_LANG[request["lang"]]
    return response


def render(request: web.Request, template: str, values: dict[str, Any]) -> str:
    """A fragment as text, with the page's whole context."""
    return aiohttp_jinja2.render_string(template, request, context(request) | values)


def see_other(location: str) -> web.HTTPSeeOther:
    """After a POST: the page to read next (303, so that a reload does not send the form again)."""
    return web.HTTPSeeOther(location)


MIDDLEWARES = (log_requests, security_headers, choose_language)
INNER_MIDDLEWARES = (friendly_errors, csrf)


def setup_templates(app: web.Application) -> None:
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(WEBCLIENT / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters.update(
        time=jinja2.pass_context(lambda c, at: formats.time(at, c["lang"], c["zone"])),
        date=jinja2.pass_context(lambda c, at: formats.date(at, c["lang"], c["zone"])),
        phone=formats.phone,
    )
