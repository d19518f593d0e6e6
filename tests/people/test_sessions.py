"""Web sessions: through a real server, with three realms in one browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp_session
import pytest
import pytest_asyncio
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update

from server.db import Database
from server.ids import digest, new_id
from server.people.sessions import REALMS, SqlStorage, realm_of
from server.people.tables import web_session
from tests.people import hire

Browser = TestClient[web.Request, web.Application]
LIFETIMES = dict.fromkeys(REALMS, timedelta(hours=12))


async def put(request: web.Request) -> web.Response:
    """``?name=value``: into the session; ``rotate`` as a sign-in does."""
    session = await aiohttp_session.get_session(request)
    for name, value in request.query.items():
        session[name] = True if name == "rotate" else value
    return web.Response()


async def show(request: web.Request) -> web.Response:
    return web.json_response(dict(await aiohttp_session.get_session(request)))


async def out(request: web.Request) -> web.Response:
    (await aiohttp_session.get_session(request)).invalidate()
    raise web.HTTPSeeOther("/")


@pytest_asyncio.fixture
async def browser(db: Database) -> AsyncIterator[Browser]:
    app = web.Application(middlewares=[aiohttp_session.session_middleware(SqlStorage(db, LIFETIMES))])
    for start in ("", "/desk", "/admin"):
        app.router.add_get(f"{start}/put", put)
        app.router.add_get(f"{start}/show", show)
        app.router.add_get(f"{start}/out", out)
    # the cookies are Secure; browsers count localhost as such, this client does not
    server = TestServer(app)
    await server.start_server()
    jar = CookieJar(unsafe=True, treat_as_secure_origin=server.make_url("/").origin())
    async with TestClient(server, cookie_jar=jar) as client:
        yield client


async def keys(db: Database) -> set[str]:
    async with db.read() as conn:
        return set((await conn.execute(select(web_session.c.key))).scalars())


async def shown(browser: Browser, realm: str = "", **more: Any) -> dict[str, Any]:
    answer = await browser.get(f"{realm}/show", **more)
    found: dict[str, Any] = await answer.json()
    return found


async def token(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    [cookie] = answer.cookies.values()
    return str(cookie.value)


@pytest.mark.parametrize(
    ("path", "realm"),
    [
        ("/", "visit"),
        ("/v/abc", "visit"),
        ("/desk", "desk"),
        ("/desk/live", "desk"),
        ("/admin", "admin"),
        ("/deskx", "visit"),
    ],
)
def test_the_address_tells_the_realm(path: str, realm: str) -> None:
    from aiohttp.test_utils import make_mocked_request

    assert realm_of(make_mocked_request("GET", path)) == realm


async def test_the_cookie_is_hardened_and_the_store_does_not_hold_it(browser: Browser, db: Database) -> None:
    answer = await browser.get("/desk/put?word=hello")
    [header] = answer.headers.getall("Set-Cookie")
    assert header.startswith("__Host-desk=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert attribute in header
    assert "Domain" not in header, "__Host- cookies have none"
    value = answer.cookies["__Host-desk"].value
    assert len(value) == 43
    assert await keys(db) == {digest(value)}
    assert await shown(browser, "/desk") == {"word": "hello"}


async def test_three_people_in_one_browser_do_not_replace_each_other(browser: Browser) -> None:
    for realm, word in (("", "ana"), ("/desk", "li"), ("/admin", "priya")):
        await browser.get(f"{realm}/put?word={word}")
    assert [(await shown(browser, realm))["word"] for realm in ("", "/desk", "/admin")] == ["ana", "li", "priya"]
    await browser.get("/desk/out", allow_redirects=False)
    assert [await shown(browser, realm) for realm in ("", "/desk", "/admin")] == [
        {"word": "ana"},
        {},
        {"word": "priya"},
    ]


async def test_a_token_is_good_in_its_own_realm_only(browser: Browser) -> None:
    value = await token(browser, "/put?word=ana")
    browser.session.cookie_jar.clear()
    assert await shown(browser, "/desk", cookies={"__Host-desk": value}) == {}
    assert await shown(browser, "/admin", cookies={"__Host-admin": value}) == {}
    assert await shown(browser, cookies={"__Host-visit": value}) == {"word": "ana"}


async def test_a_sign_in_gives_a_new_token_and_the_old_one_dies(browser: Browser, db: Database) -> None:
    async with db.write() as tx:
        dr_li = await hire(tx, "Dr. Mei Li")
    before = await token(browser, "/desk/put?word=hello")
    after = await token(browser, f"/desk/put?staff={dr_li.id}&rotate=1")
    assert before != after
    assert await keys(db) == {digest(after)}
    assert await shown(browser, "/desk") == {"word": "hello", "staff": dr_li.id}
    browser.session.cookie_jar.clear()
    assert await shown(browser, "/desk", cookies={"__Host-desk": before}) == {}


async def test_signing_out_removes_the_row_and_the_cookie(browser: Browser, db: Database) -> None:
    value = await token(browser, "/desk/put?word=hello")
    answer = await browser.get("/desk/out", allow_redirects=False)
    assert answer.status == 303
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert await keys(db) == set()
    assert await shown(browser, "/desk", cookies={"__Host-desk": value}) == {}


async def test_a_chosen_token_is_never_taken_over(browser: Browser, db: Database) -> None:
    """Session fixation: an attacker plants a cookie of their own making."""
    planted = "A" * 43
    answer = await browser.get("/desk/put?word=hello", cookies={"__Host-desk": planted})
    assert answer.cookies["__Host-desk"].value != planted
    assert digest(planted) not in await keys(db)


@pytest.mark.parametrize("value", ["", "x", "x" * 43, "x" * 5000, "é" * 45, "' OR 1=1 --" * 5])
async def test_an_unknown_token_is_an_empty_session(browser: Browser, value: str) -> None:
    assert await shown(browser, cookies={"__Host-visit": value}) == {}


async def test_a_session_that_is_over_is_empty_and_swept_away(browser: Browser, db: Database) -> None:
    await browser.get("/desk/put?word=hello")
    old = await keys(db)
    async with db.write() as tx:
        await tx.conn.execute(update(web_session).values(expires_at=tx.now))
    assert await shown(browser, "/desk") == {}
    await browser.get("/put?word=another")
    assert not old & await keys(db)


async def test_a_change_keeps_the_token_and_the_end(browser: Browser, db: Database) -> None:
    await browser.get("/desk/put?word=hello")
    async with db.read() as conn:
        before = (await conn.execute(select(web_session.c.key, web_session.c.expires_at))).one()
    answer = await browser.get("/desk/put?word=again")
    assert not answer.cookies
    async with db.read() as conn:
        assert (await conn.execute(select(web_session.c.key, web_session.c.expires_at))).one() == before
    assert await shown(browser, "/desk") == {"word": "again"}


async def test_a_page_that_only_looks_makes_no_session(browser: Browser, db: Database) -> None:
    answer = await browser.get("/show")
    assert not answer.cookies
    assert await keys(db) == set()


async def test_reading_a_session_without_a_page(browser: Browser, db: Database) -> None:
    """An open connection asks whether its session still holds."""
    storage = SqlStorage(db, LIFETIMES)
    value = await token(browser, "/desk/put?word=hello")
    assert await storage.read("desk", value) == {"word": "hello"}
    assert await storage.read("admin", value) is None
    assert await storage.read("desk", new_id()) is None
    await browser.get("/desk/out", allow_redirects=False)
    assert await storage.read("desk", value) is None
