"""Third persons over HTTP: who may invite, what a link opens and for how long, and what its holder never hears."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import select

from server.consultation.tables import guest
from server.ids import new_id
from server.visit import store as visits
from tests.pages.visitors import Member, Site, Socket
from tests.rig.wait import until


class Invited:
    """A visit in which a therapist is, and what they do about third persons."""

    def __init__(self, site: Site, li: Member, path: str, visit: str) -> None:
        self.site, self.li, self.path, self.visit = site, li, path, visit
        self.guests = f"/desk/visits/{visit}/guests"

    async def admit(self, who: Member | None = None) -> None:
        assert (await (who or self.li).post(f"/desk/visits/{self.visit}/admission")).status == 303

    async def invite(self, kind: str = "interpreter") -> str:
        """The path of the link."""
        answer = await self.li.post(self.guests, {"kind": kind})
        assert answer.status == 200, answer.words
        found = re.search(r'value="[^"]*(/g/[\w-]{22})"', answer.text)
        assert found, answer.words
        return found[1]

    async def comes(self, link: str) -> Socket:
        return await self.site.visitor().socket(f"{link}/live")

    async def nobody_is_here(self) -> bool:
        return "not here yet" in (await self.li.get(self.guests)).words

    async def end_all(self) -> None:
        page = await self.li.get(self.guests)
        for action in re.findall(r'action="([^"]+/end)"', page.text):
            assert (await self.li.post(action)).status == 303


@pytest_asyncio.fixture
async def room(site: Site, li: Member) -> Invited:
    path, visit = await site.waits(site.visitor())
    room = Invited(site, li, path, visit)
    await room.admit()
    return room


async def test_the_link_names_nobody_but_the_therapist(room: Invited) -> None:
    link = await room.invite("carer")
    page = await room.site.visitor().get(link)
    assert page.status == 200
    assert "Dr. Li" in page.words
    assert "family or carer" in page.words
    assert "Pereira" not in page.text
    assert room.visit not in page.text
    assert page.headers["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin")
    async with room.site.db.read() as conn:
        (row,) = (await conn.execute(select(guest))).mappings().all()
    assert link.removeprefix("/g/") not in json.dumps(dict(row), default=str), "the store holds no address"


async def test_a_guest_hears_the_call_and_no_more(room: Invited) -> None:
    ivo = await room.comes(await room.invite())
    call = await ivo.hear("call")
    assert call["role"] == "guest"
    await ivo.hear("clock")
    await ivo.say({"type": "chats", "after": 0})
    assert (await ivo.hear("refused"))["code"] == "wrong_role"
    assert "Pereira" not in json.dumps(ivo.heard)
    assert "snapshot" not in {message["type"] for message in ivo.heard}


@pytest.mark.parametrize("link", [f"/g/{'A' * 22}", "/g/nothing", "/g/%00"])
async def test_a_link_that_was_never_made(site: Site, link: str) -> None:
    page = await site.visitor().get(link)
    assert page.status == 404
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await site.visitor().socket(f"{link}/live")


async def test_only_the_visits_own_therapist_invites(room: Invited, okafor: Member) -> None:
    assert (await okafor.post(room.guests, {"kind": "carer"})).status == 404
    assert (await okafor.get(room.guests)).status == 404
    assert (await room.site.visitor().post(room.guests, {"kind": "carer"})).status == 403
    link = await room.invite()
    async with room.site.db.read() as conn:
        (guest_id,) = (await conn.execute(select(guest.c.id))).scalars()
    assert (await okafor.post(f"{room.guests}/{guest_id}/end")).status == 404
    assert "You are invited" in (await room.site.visitor().get(link)).words


async def test_a_socket_from_another_site_is_refused(room: Invited) -> None:
    link = await room.invite()
    for origin in (None, "https://evil.example"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await room.site.visitor().socket(f"{link}/live", origin=origin)
        assert refused.value.status == 403


async def test_two_may_come_and_no_third(room: Invited) -> None:
    await room.invite()
    await room.invite("therapist")
    answer = await room.li.post(room.guests, {"kind": "carer"})
    assert answer.status == 409
    assert "Take one invitation back" in answer.words
    await room.end_all()
    await room.invite("carer")


@pytest.mark.parametrize("kind", ["", "boss", "interpreter\x00"])
async def test_an_unknown_kind_is_refused(room: Invited, kind: str) -> None:
    assert (await room.li.post(room.guests, {"kind": kind})).status == 409


async def test_nobody_is_invited_to_a_visit_that_does_not_run(room: Invited) -> None:
    assert (await room.li.post(f"/desk/visits/{room.visit}/end")).status == 303
    assert (await room.li.post(room.guests, {"kind": "carer"})).status == 409
    assert (await room.li.post(f"/desk/visits/{new_id()}/guests", {"kind": "carer"})).status == 404


@pytest.mark.parametrize("how", ["taken back", "ended", "sent back and admitted by another"])
async def test_an_invitation_ends(room: Invited, okafor: Member, how: str) -> None:
    """And with it the guest's part, at once."""
    link = await room.invite()
    ivo = await room.comes(link)
    await ivo.hear("call")
    if how == "taken back":
        await room.end_all()
    elif how == "ended":
        assert (await room.li.post(f"/desk/visits/{room.visit}/end")).status == 303
    else:
        assert (await room.li.post(f"/desk/visits/{room.visit}/return")).status == 303
        await room.admit(okafor)
    reason = (await ivo.hear("ended"))["reason"]
    assert (reason == "not_invited") is (how == "taken back")
    heard = len(ivo.heard)
    assert "This invitation is over" in (await room.site.visitor().get(link)).words
    again = await room.comes(link)
    assert (await again.hear("refused"))["code"] == "not_invited"
    assert "call" not in {message["type"] for message in again.heard}
    await ivo.say({"type": "ping"})
    await ivo.hear("pong")
    assert [message["type"] for message in ivo.heard[heard:]] == ["pong"], "not even the clock of the next session"


async def test_an_admission_said_again_sends_nobody_away(room: Invited) -> None:
    """A second press on "Admit" in the page that has admitted already."""
    desk = await room.li.socket("/desk/live", visit=room.visit)
    ivo = await room.comes(await room.invite())
    await ivo.hear("call")
    await desk.say({"type": "admit", "visit": room.visit})
    await desk.hear("call", phase="admitted")
    await ivo.say({"type": "ping"})
    await ivo.hear("pong")
    assert "ended" not in {message["type"] for message in ivo.heard}
    await room.end_all()
    assert (await ivo.hear("ended"))["reason"] == "not_invited"


async def test_the_timeline_says_what_they_were_and_not_who(room: Invited) -> None:
    ivo = await room.comes(await room.invite())
    await ivo.hear("call")
    await ivo.say({"type": "leave"})
    await until(room.nobody_is_here, what="the guest has left")
    await room.end_all()
    async with room.site.db.read() as conn:
        rows = [row for row in await visits.timeline(conn, room.visit) if row["event"].startswith("guest")]
    assert [row["event"] for row in rows] == ["guest_invited", "guest_joined", "guest_left", "guest_ended"]
    assert {json.loads(row["detail"])["kind"] for row in rows} == {"interpreter"}
