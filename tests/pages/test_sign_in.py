"""How staff sign in and out, and what a session is worth."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from server.ids import digest
from server.people.store import TRY_LIMIT
from server.people.tables import staff, web_session
from tests.pages.visitors import PASSWORD, Answer, Member, Site, Visitor
from tests.rig.wait import until

REVOKED = 4401


async def tries(who: Visitor, username: str, password: str = "wrong password", realm: str = "desk") -> Answer:
    return await who.post(f"/{realm}/sign-in", {"username": username, "password": password})


@pytest.mark.parametrize("realm", ["desk", "admin"])
async def test_a_wrong_password_and_an_unknown_name_look_the_same(site: Site, realm: str) -> None:
    await site.hire("li")
    await site.hire("priya", "admin")
    who = site.visitor()
    answers = [
        await tries(who, name, realm=realm) for name in ("li", "nobody", "priya", "LI", "li' OR '1'='1", "\u202eli")
    ]
    words = {re.sub(r'value="[^"]*"', "", answer.words) for answer in answers}
    assert {answer.status for answer in answers} == {403}
    assert len(words) == 1


async def test_a_right_password_opens_only_its_own_realm(site: Site) -> None:
    await site.hire("li")
    await site.hire("priya", "admin")
    await site.hire("dana", "front_desk")
    for name, realm, status in (
        ("li", "admin", 403), ("priya", "desk", 403), ("dana", "desk", 403), ("li", "desk", 303), ("priya", "admin", 303), ("dana", "admin", 303),
    ):  # fmt: skip
        assert (await tries(site.visitor(), name, PASSWORD, realm)).status == status, (name, realm)


async def test_tries_are_limited_for_each_name(site: Site) -> None:
    await site.hire("li")
    await site.hire("okafor")
    who = site.visitor()
    for _ in range(TRY_LIMIT):
        assert (await tries(who, "li")).status == 403
    refused = await tries(who, "li", PASSWORD)
    assert refused.status == 429
    assert "Wait 15 minutes" in refused.words
    assert (await tries(who, "Li ", PASSWORD)).status == 429, "the same name in other letters"
    assert (await tries(who, "okafor", PASSWORD)).status == 303
    for _ in range(TRY_LIMIT + 1):
        unknown = await tries(who, "nobody")
    assert unknown.status == 429, "a name that does not exist is limited as well"


async def test_a_very_long_password_costs_no_more(site: Site) -> None:
    await site.hire("li")
    assert (await tries(site.visitor(), "li", "x" * 100_000)).status == 403
    assert (await tries(site.visitor(), "x" * 100_000, "x")).status == 403


async def test_signing_in_makes_a_new_session(site: Site) -> None:
    await site.hire("li")
    who = site.visitor()
    who.set_cookie("__Host-desk", "planted-planted-planted-planted-planted-pla")
    assert (await tries(who, "li", PASSWORD)).status == 303
    first = who.cookie("__Host-desk")
    assert first is not None
    assert not first.startswith("planted")
    assert (await tries(who, "li", PASSWORD)).status == 303
    assert who.cookie("__Host-desk") != first
    old = site.visitor()
    old.set_cookie("__Host-desk", first)
    assert (await old.get("/desk")).status == 303, "the one before is worth nothing"


async def test_the_cookie_is_for_this_host_and_for_no_script(site: Site) -> None:
    await site.hire("li")
    answer = await tries(site.visitor(), "li", PASSWORD)
    (cookie,) = [line for line in answer.headers.getall("Set-Cookie") if line.startswith("__Host-desk=")]
    parts = {part.strip().casefold() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


async def test_the_store_knows_no_token(site: Site, li: Member) -> None:
    token = li.cookie("__Host-desk")
    assert token is not None
    async with site.db.read() as conn:
        rows = (await conn.execute(select(web_session))).mappings().all()
    assert token not in repr(rows)
    assert digest(token) in [row["key"] for row in rows]


async def test_signing_out_ends_the_session_and_cuts_its_open_pages_off(site: Site, li: Member) -> None:
    token = li.cookie("__Host-desk")
    assert token is not None
    socket = await li.socket("/desk/live")
    assert (await li.post("/desk/sign-out")).location == "/desk/sign-in"
    assert await socket.closed(seconds=5) == REVOKED
    thief = site.visitor()
    thief.set_cookie("__Host-desk", token)
    assert (await thief.get("/desk")).status == 303
    with pytest.raises(Exception, match="403"):
        await thief.socket("/desk/live")


async def test_signing_out_leaves_the_others_alone(site: Site, li: Member, okafor: Member) -> None:
    socket = await okafor.socket("/desk/live")
    await li.post("/desk/sign-out")
    await socket.say({"type": "ping"})
    await socket.hear("pong")
    assert (await okafor.get("/desk")).status == 200


async def test_who_signs_out_is_off_duty(site: Site, li: Member) -> None:
    await li.post("/desk/sign-out")
    assert 'href="/join"' not in (await site.visitor().get("/")).text


async def test_an_account_that_is_closed_is_out_at_its_next_step(site: Site, li: Member) -> None:
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == li.id).values(active=False))
    assert (await li.get("/desk")).status == 303
    assert (await li.post("/desk/duty", {"on": "yes"})).status == 403


async def test_a_role_that_changed_counts_at_once(site: Site, li: Member) -> None:
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == li.id).values(role="front_desk"))
    assert (await li.get("/desk")).status in (303, 403)


async def test_a_session_ends_by_itself(site: Site, li: Member) -> None:
    async with site.db.write() as tx:
        await tx.conn.execute(update(web_session).values(expires_at=tx.now))
    assert (await li.get("/desk")).status == 303


async def test_one_browser_is_patient_therapist_and_admin_at_once(site: Site) -> None:
    for name, role in (("li", "therapist"), ("priya", "admin")):
        await site.hire(name, role)
    who = site.visitor()
    assert (await tries(who, "li", PASSWORD, "desk")).status == 303
    assert (await tries(who, "priya", PASSWORD, "admin")).status == 303
    path, _ = await site.waits(who)
    statuses = [(await who.get(page)).status for page in ("/desk", "/admin", path)]
    assert statuses == [200, 200, 200]
    await who.post("/desk/sign-out")
    assert (await who.get("/desk")).status == 303
    assert (await who.get("/admin")).status == 200
    assert "You are in the waiting room" in (await who.get(path)).words


async def test_a_token_of_one_realm_is_none_in_another(site: Site, li: Member) -> None:
    token = li.cookie("__Host-desk")
    assert token is not None
    who = site.visitor()
    who.set_cookie("__Host-admin", token)
    who.set_cookie("__Host-visit", token)
    assert (await who.get("/admin")).status == 303


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 5000, "é", "../../etc", '{"staff": "x"}'])
async def test_a_made_up_token_is_nobodys(site: Site, value: str) -> None:
    who = site.visitor()
    answer = await who.send("GET", "/desk", headers={"Cookie": f"__Host-desk={value}".encode().decode("latin-1")})
    assert answer.status in (303, 400)


async def test_who_is_signed_in_needs_no_second_form(site: Site, li: Member) -> None:
    assert (await li.get("/desk/sign-in")).location == "/desk"
    await until(lambda: li.cookie("__Host-desk"), what="still signed in")
