"""What the wall and the desk say of who waits: how long, how many more, what was written; nothing final with one press."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from server.admin import snapshot
from server.audit import Actor
from server.ids import new_id
from server.visit import store as visits
from tests.pages.visitors import Member, Site


async def test_a_reply_stands_on_the_wall_until_it_is_answered(site: Site, li: Member, priya: Member) -> None:
    ana = site.visitor()
    path, visit = await site.waits(ana)
    wall = await priya.socket("/admin/live")
    await wall.hear("snapshot")
    await ana.post(f"{path}/messages", {"id": new_id(), "text": "I am quincunx"})
    while (await wall.hear("snapshot"))["data"]["waiting"][0]["wrote"] != "I am quincunx":
        pass
    assert "Wrote: I am quincunx" in (await priya.get("/admin")).words
    parts = await priya.get(f"/admin/visits/{visit}/events")
    assert "quincunx" in parts.words, "the visit's open page hears it too"
    reads = [(row["record"], row["actor"]) for row in await site.audit() if row["action"] == "read"]
    assert ("wait_message", priya.id) in reads
    await priya.post(f"/admin/visits/{visit}/message", {"id": new_id(), "text": "Thank you"})
    while (await wall.hear("snapshot"))["data"]["waiting"][0]["wrote"]:
        pass
    assert "quincunx" not in (await priya.get("/admin")).words


async def test_who_is_early_does_not_wait_long(site: Site, li: Member, priya: Member) -> None:
    _, visit = await site.waits(site.visitor())
    async with site.db.write() as tx:
        back, due = tx.now - timedelta(minutes=40), tx.now + timedelta(minutes=10)
        await visits.update_row(
            tx, visit, "proof_unlocked", Actor("staff", priya.id), arrived_at=back, due_at=due, for_staff=li.id
        )
    page = await priya.get("/admin")
    assert 'data-level=""' in page.text
    assert ">early<" in page.text
    assert "longest 40 min" not in page.words
    wall = await priya.socket("/admin/live")
    assert (await wall.hear("snapshot"))["data"]["longest_since"] is None
    async with site.db.write() as tx:
        due = tx.now - timedelta(minutes=20)
        await visits.update_row(tx, visit, "proof_unlocked", Actor("staff", priya.id), due_at=due)
    while not (await wall.hear("snapshot"))["data"]["longest_since"]:
        pass
    page = await priya.get("/admin")
    assert "longest 20 min" in page.words
    assert 'data-level="long"' in page.text


async def test_a_wall_that_shows_not_all_says_how_many_more(
    site: Site, li: Member, priya: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ana", "Ben", "Cleo"):
        await site.waits(site.visitor(), name=name)
    assert re.search(r"data-more hidden", (await priya.get("/admin")).text)
    monkeypatch.setattr(snapshot, "MOST", 1)
    page = await priya.get("/admin")
    assert not re.search(r"data-more hidden", page.text)
    assert "and 2 more" in page.words


async def test_what_cannot_be_taken_back_takes_two_presses(site: Site, li: Member) -> None:
    _, visit = await site.waits(site.visitor())
    text = (await li.get(f"/desk/visits/{visit}/acts")).text
    for act in ("no-show", "close"):
        before = text.split(f'data-act="{act}"')[0]
        assert before.rfind("<details") > before.rfind("</details>"), act
