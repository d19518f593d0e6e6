"""Presence and rights of open pages, through real sockets."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from server.ids import digest
from server.people.tables import web_session
from server.rights import cut_off
from server.web import HUB, SESSIONS
from tests.pages.conftest import MakeSite
from tests.pages.visitors import Member, Site
from tests.rig.wait import until

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_an_open_page_is_presence_and_a_closed_one_is_not(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    row = await site.by_id(visit)
    assert row["patient_node"] is not None
    await socket.close()

    async def gone() -> bool:
        return (await site.by_id(visit))["patient_node"] is None

    await until(gone, what="the page's end is written down")
    again = await ana.socket(f"{path}/live")
    assert (await site.by_id(visit))["patient_node"] == row["patient_node"]
    assert (await again.hear("snapshot", kind="visit"))["data"]["place"] == 1


async def test_an_absence_is_seen_by_who_looks_without_an_event(make_site: MakeSite) -> None:
    site = await make_site(away_seconds=1)
    li = await site.member("li")
    ana = site.visitor()
    path, _ = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    desk = await li.socket("/desk/live")
    first = await desk.hear("snapshot", kind="queue")
    assert first["data"]["waiting"][0]["away_since"] is None
    await socket.close()
    while (await desk.hear("snapshot", kind="queue"))["data"]["waiting"][0]["away_since"] is None:
        pass


async def test_whose_session_is_over_is_cut_off_and_nobody_else(site: Site, li: Member, okafor: Member) -> None:
    ana, ben = site.visitor(), site.visitor()
    sockets = []
    for who in (ana, ben):
        path, _ = await site.waits(who)
        sockets.append(await who.socket(f"{path}/live"))
    desks = [await member.socket("/desk/live") for member in (li, okafor)]
    async with site.db.write() as tx:
        for who, realm in ((ana, "visit"), (li, "desk")):
            key = digest(who.cookie(f"__Host-{realm}") or "")
            await tx.conn.execute(delete(web_session).where(web_session.c.key == key))
    await cut_off(site.app[HUB], site.app[SESSIONS])
    assert await sockets[0].closed() == 4401
    assert await desks[0].closed() == 4401
    for stays in (sockets[1], desks[1]):
        await stays.say({"type": "ping"})
        await stays.hear("pong")
