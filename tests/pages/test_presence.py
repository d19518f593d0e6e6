"""Presence and rights of open pages, through real sockets."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest
from sqlalchemy import RowMapping, delete, update

from server.ids import digest
from server.mail import enqueue, outbox
from server.pages import ROOM
from server.people.duty import set_duty_state
from server.people.tables import web_session
from server.rights import cut_off
from server.waitingroom.store import Queue
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


def kinds(snapshot: dict[str, Any]) -> list[str]:
    return [alarm["key"] for alarm in snapshot["data"]["alarms"]]


async def test_staff_see_who_is_away_within_a_second_of_it(make_site: MakeSite) -> None:
    """Nobody tells of it: the time after which somebody counts as away passes by itself."""
    site = await make_site(away_seconds=1)
    li = await site.member("li")
    ana = site.visitor()
    path, _ = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    desk = await li.socket("/desk/live")
    await desk.hear("snapshot", kind="queue")
    await socket.close()
    began = monotonic()
    while (await desk.hear("snapshot", kind="queue"))["data"]["waiting"][0]["away_since"] is None:
        pass
    # half a second until it is written down, one until it counts, one until somebody looks, a quarter to gather
    assert monotonic() - began < 5, "not with the quarter minute's refresh"


async def test_a_letter_that_could_not_be_sent_is_on_the_wall_soon(site: Site) -> None:
    """No event tells of it, and nothing else happens here."""
    priya = await site.member("priya", "admin")
    wall = await priya.socket("/admin/live")
    assert "mail" not in kinds(await wall.hear("snapshot", kind="admin"))
    async with site.db.write() as tx:
        await enqueue(site.db, tx, kind="appointment", about=None, recipient="a@example.ca", subject="s", text="t")
    for state in ("failed", "kept", "failed"):
        async with site.db.write() as tx:
            await tx.conn.execute(update(outbox).values(state=state, next_at=None))
        began = monotonic()
        while ("mail" in kinds(await wall.hear("snapshot", kind="admin"))) != (state == "failed"):
            pass
        assert monotonic() - began < 5, "not with the quarter minute's refresh"


async def test_pages_are_told_after_a_step_that_failed(site: Site, li: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = site.visitor()
    path, _ = await site.waits(ana)
    socket, room = await ana.socket(f"{path}/live"), site.app[ROOM]
    assert (await socket.hear("snapshot", kind="visit"))["data"]["place"] == 1
    read, fails = room.line, [True] * 3

    async def line(*rows: RowMapping) -> Queue:
        if fails:
            fails.pop()
            raise OSError("the database restarts")
        return await read(*rows)

    monkeypatch.setattr(room, "line", line)
    async with site.db.write() as tx:
        await set_duty_state(tx, li.id, "off")
    while (await socket.hear("snapshot", kind="visit"))["data"]["on_duty"]:
        pass
    assert not fails


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
