"""What every answer tells the browser to keep to."""

from __future__ import annotations

import re

import pytest

from server.routes import ROUTES
from tests.pages.conftest import MakeSite
from tests.pages.test_csrf import path_of
from tests.pages.visitors import Answer, Member, Site

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
DIRECTIVES = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'", "form-action": "'self'",
    "base-uri": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip


async def every_page(site: Site, li: Member) -> dict[str, Answer]:
    """Every GET route as somebody who may, with a visit that runs, and the errors."""
    await site.hire("priya", "admin")
    await li.post("/admin/sign-in", {"username": "priya", "password": "alder street tests"})
    path, visit = await site.waits(li)
    await li.post(f"/desk/visits/{visit}/admission")
    address = path.rsplit("/", 1)[-1]
    pages = {
        route.path: await li.get(path_of(route.path, visit, address))
        for route in ROUTES
        if route.method == "GET" and not route.path.endswith("/live")
    }
    stranger = site.visitor()
    return pages | {
        "proof": await stranger.get(path),
        "sign in": await stranger.get("/desk/sign-in"),
        "to sign in": await stranger.get("/desk"),
        "no page": await li.get("/nowhere"),
        "no token": await li.send("POST", "/language"),
        "errors": await li.post("/join"),
        "no socket": await li.get("/desk/live"),
        "too large": await li.post("/join", {"name": "x" * 600_000}),
    }


async def test_every_answer_has_the_headers(site: Site, li: Member) -> None:
    for name, answer in (await every_page(site, li)).items():
        for header, value in WANTED.items():
            assert answer.headers.get(header) == value, (name, header)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy.items() >= DIRECTIVES.items(), name
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "*" not in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Python" not in answer.headers.get("Server", ""), name


async def test_no_page_needs_what_the_policy_forbids(site: Site, li: Member) -> None:
    for name, answer in (await every_page(site, li)).items():
        tags = re.findall(r"<[a-zA-Z][^>]*>", re.sub(r"<!--.*?-->", "", answer.text, flags=re.S))
        for tag in tags:
            assert not re.search(r"\sstyle\s*=", tag), (name, tag)
            assert not re.search(r"\son[a-z]+\s*=", tag), (name, tag)
            assert "javascript:" not in tag, (name, tag)
            if tag.startswith("<script"):
                assert 'src="/static/' in tag, (name, tag)
        assert "<style" not in answer.text
        elsewhere = re.findall(r'(?:src|href|action)="(https?:[^"]*|//[^"]*)"', answer.text)
        assert elsewhere == [], f"{name} loads from or leads elsewhere"


async def test_static_files_have_the_headers_too(site: Site) -> None:
    for path, kind in (("/static/js/main.js", "javascript"), ("/static/css/base.css", "text/css")):
        answer = await site.visitor().get(path)
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert kind in answer.headers["Content-Type"]


async def test_behind_tls_browsers_stay_with_it(make_site: MakeSite) -> None:
    site = await make_site(behind_proxy=True)
    assert "max-age=" in (await site.visitor().get("/")).headers["Strict-Transport-Security"]


async def test_no_address_leads_the_browser_elsewhere(site: Site, li: Member) -> None:
    ana = site.visitor()
    for target in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "%2f%2fevil.example",
        "/\n/evil",
    ):
        answer = await ana.post("/language", {"lang": "fr", "next": target})
        assert answer.status == 303, target
        location = answer.location
        assert location.startswith("/"), target
        assert not re.match(r"/[\s\\/]", location), (target, location)
