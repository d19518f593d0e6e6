"""Every form is ours, or it is refused: token and Origin."""

from __future__ import annotations

import pytest

from server.ids import new_id
from server.routes import ROUTES
from tests.pages.visitors import Member, Site, Visitor

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

POSTS = [route for route in ROUTES if route.method == "POST"]


def path_of(route: str, visit: str, address: str) -> str:
    return route.replace("{visit}", visit).replace("{guest}", visit).replace("{other}", visit).replace("{address}", address)


async def refused(who: Visitor, path: str, form: dict[str, str], headers: dict[str, str]) -> bool:
    answer = await who.send("POST", path, form, {"Accept": "application/json", **headers})
    return answer.status == 403 and answer.json()["error"] == "form_expired"


async def test_no_form_works_without_its_token_or_from_elsewhere(site: Site, li: Member) -> None:
    """By somebody who may: a patient with their visit, the therapist and the admin, all in one browser."""
    await site.hire("priya", "admin")
    await li.post("/admin/sign-in", {"username": "priya", "password": "alder street tests"})
    path, visit = await site.waits(li)
    await li.post(f"/desk/visits/{visit}/admission")
    before = (
        await site.by_id(visit),
        await site.count("visit"),
        await site.count("note"),
        await site.count("web_session"),
    )
    token, own = await li.token(), li.origin
    port = str(li.url.port)
    attacks: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {"Origin": own}),
        ({"csrf": ""}, {"Origin": own}),
        ({"csrf": token[:-1] + ("A" if token[-1] != "A" else "B")}, {"Origin": own}),
        ({"csrf": token}, {"Origin": "https://evil.example"}),
        ({"csrf": token}, {"Origin": "null"}),
        ({"csrf": token}, {"Origin": own.replace(port, str(int(port) - 1))}),
        ({"csrf": token}, {"Origin": own.replace("127.0.0.1", "127.0.0.1.evil.example")}),
        ({"csrf": token}, {"Origin": ""}),
        ({"csrf": token}, {"Origin": "http://["}),
        ({"csrf": token}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": token}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://evil.example", "X-CSRF-Token": token}),
    ]
    address = path.rsplit("/", 1)[-1]
    passed = [
        (route.path, number)
        for route in POSTS
        for number, (form, headers) in enumerate(attacks)
        if not await refused(li, path_of(route.path, visit, address), form, headers)
    ]
    assert passed == []
    after = (
        await site.by_id(visit),
        await site.count("visit"),
        await site.count("note"),
        await site.count("web_session"),
    )
    assert after == before


async def test_the_token_of_somebody_else_is_worth_nothing(site: Site) -> None:
    ana, ben = site.visitor(), site.visitor()
    assert await refused(ana, "/language", {"csrf": await ben.token(), "lang": "fr"}, {"Origin": ana.origin})


async def test_a_token_in_the_address_is_not_one(site: Site) -> None:
    ana = site.visitor()
    assert await refused(ana, f"/language?csrf={await ana.token()}", {"lang": "fr"}, {"Origin": ana.origin})


async def test_json_is_no_way_around(site: Site) -> None:
    ana = site.visitor()
    token = await ana.token()
    headers = {"Origin": ana.origin, "Content-Type": "text/plain", "Accept": "application/json"}
    answer = await ana.send("POST", "/language", f"csrf={token}&lang=fr", headers)
    assert answer.status == 403


async def test_a_page_that_has_stayed_open_is_told_so_kindly(site: Site, li: Member) -> None:
    ana = site.visitor()
    answer = await ana.send("POST", "/join", {"name": "Ana"}, {"Origin": ana.origin})
    assert answer.status == 403
    assert "Nothing was saved" in answer.words


async def test_getting_a_page_changes_nothing(site: Site, li: Member) -> None:
    """A link in a mail, a preview, a crawler: none of them may press a button."""
    path, visit = await site.waits(site.visitor())
    before = await site.by_id(visit)
    for route in POSTS:
        await li.get(path_of(route.path, visit, path.rsplit("/", 1)[-1]))
    assert await site.by_id(visit) == before
    assert (await li.get("/desk")).status == 200


async def test_the_tokens_cookie_is_locked_to_this_host(site: Site) -> None:
    answer = await site.visitor().get("/")
    (cookie,) = answer.headers.getall("Set-Cookie")
    assert cookie.startswith("__Host-csrf=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {
        part.strip().casefold() for part in cookie.split(";")[1:]
    }


async def test_a_short_token_of_ones_own_is_replaced(site: Site) -> None:
    ana = site.visitor()
    ana.set_cookie("__Host-csrf", "x")
    assert await refused(ana, "/language", {"csrf": "x", "lang": "fr"}, {"Origin": ana.origin})
    assert new_id() != ana.cookie("__Host-csrf")
