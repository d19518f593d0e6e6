"""One visit in the office: what happened, and what can be done, on a page that works without a script."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from server.visit.tables import visit as visits
from tests.pages.visitors import Member, Site


async def test_the_page_tells_the_visit_and_reading_it_is_audited(site: Site, li: Member, priya: Member) -> None:
    ana = site.visitor()
    path, visit = await site.waits(ana)
    await ana.get(path)
    await ana.get(path)
    await li.post(f"/desk/visits/{visit}/admission")
    page = await priya.get(f"/admin/visits/{visit}")
    assert page.status == 200
    for text in (
        "Ana Pereira",
        "with Dr. Li",
        "Filled in the form",
        "Link opened",
        "Came to the waiting room",
        "Admitted",
    ):
        assert text in page.words, text
    assert page.text.count('data-event="link_opened"') == 1
    reads = [row for row in await site.audit() if (row["record_id"], row["action"]) == (visit, "read")]
    assert [row["actor"] for row in reads].count(priya.id) == 1
    assert "style=" not in page.text


async def test_what_the_page_fetches_names_nobody_and_costs_nothing_when_nothing_is_new(
    site: Site, li: Member, priya: Member
) -> None:
    _, visit = await site.waits(site.visitor())
    before = len(await site.audit())
    parts = await priya.get(f"/admin/visits/{visit}/events")
    version = parts.text.split('data-version="')[1].split('"')[0]
    assert "Came to the waiting room" in parts.words
    assert "Ana" not in parts.text
    assert (await priya.get(f"/admin/visits/{visit}/events?version={version}")).status == 204
    assert len(await site.audit()) == before
    await li.post(f"/desk/visits/{visit}/admission")
    again = await priya.get(f"/admin/visits/{visit}/events?version={version}")
    assert again.status == 200
    assert "Admitted" in again.words


async def test_a_message_is_on_the_timeline_without_its_words(site: Site, li: Member, priya: Member) -> None:
    _, visit = await site.waits(site.visitor())
    sent = {"text": "Dr. Li is quincunx minutes late", "id": "AAAAAAAAAAAAAAAAAAAAAA"}
    assert (await priya.post(f"/admin/visits/{visit}/message", sent)).location == "/admin"
    assert (await priya.post(f"/admin/visits/{visit}/message", sent)).status == 303  # the same click twice
    parts = await priya.get(f"/admin/visits/{visit}/events")
    assert parts.text.count('data-event="message"') == 1
    assert not any("quincunx" in line for line in parts.text.split('data-event="')[1:])
    for page in (parts, await priya.get(f"/admin/visits/{visit}")):  # who may write may read
        assert "quincunx" in page.text.split('data-event="')[0]
    reads = [row["record"] for row in await site.audit() if row["actor"] == priya.id and row["action"] == "read"]
    assert "wait_message" in reads


async def test_the_acts_fit_the_state(site: Site, li: Member, priya: Member) -> None:
    _, visit = await site.waits(site.visitor())

    async def offered() -> set[str]:
        page = (await priya.get(f"/admin/visits/{visit}")).text
        acts = page.split('class="acts"')[1:] and page.split('class="acts"')[1]
        if not acts:
            return set()
        shown = set()
        for name in ("first", "not-first", "assign", "no-show", "close", "message", "stay", "end"):
            part = acts.split(f'action="/admin/visits/{visit}/{name}"')
            if len(part) > 1:
                near = (part[0].rsplit("<details", 1)[-1] if name in ("no-show", "close", "end") else "") + part[1]
                if " hidden>" not in near.split("</form>")[0]:
                    shown.add(name)
        return shown

    assert await offered() == {"first", "assign", "no-show", "close", "message"}
    assert (await priya.post(f"/admin/visits/{visit}/first", {"reason": "In great pain"})).location == "/admin"
    assert "not-first" in await offered()
    assert "First because: In great pain" in (await priya.get(f"/admin/visits/{visit}")).words
    await li.post(f"/desk/visits/{visit}/admission")
    assert await offered() == {"end"}
    assert (await priya.post(f"/admin/visits/{visit}/end")).location == "/admin"
    assert (await site.by_id(visit))["end_reason"] == "office"
    assert await offered() == set()
    words = (await priya.get(f"/admin/visits/{visit}")).words
    assert "Visit ended by the office Dr. Priya" in words


async def test_what_is_not_there_is_not_found_and_who_waits_is_in_no_session(
    site: Site, li: Member, priya: Member
) -> None:
    for visit in ("AAAAAAAAAAAAAAAAAAAAAA", "x", "'%20OR%201=1"):
        for page in ("", "/events"):
            assert (await priya.get(f"/admin/visits/{visit}{page}")).status == 404
        for act in ("end", "called"):
            assert (await priya.post(f"/admin/visits/{visit}/{act}")).status == 404
    _, visit = await site.waits(site.visitor())
    for act in ("end", "called"):
        answer = await priya.post(f"/admin/visits/{visit}/{act}", headers={"Accept": "application/json"})
        assert answer.status == 409
        assert answer.json()["text"]
    assert (await site.by_id(visit))["state"] == "waiting"


async def test_the_wall_has_what_the_office_needs_and_follows_an_act(site: Site, li: Member, priya: Member) -> None:
    _, first = await site.waits(site.visitor())
    _, second = await site.waits(site.visitor(), name="Benoît Roy", language="fr")
    wall = await priya.socket("/admin/live")
    data: dict[str, Any] = (await wall.hear("snapshot"))["data"]
    assert [(one["name"], one["place"]) for one in data["waiting"]] == [("Ana Pereira", 1), ("Benoît Roy", 2)]
    assert [(one["name"], one["duty"]) for one in data["staff"]] == [("Dr. Li", "on")]
    assert data["alarms"] == []
    await priya.post(f"/admin/visits/{second}/first", {"reason": "In great pain"})
    while [one["place"] for one in data["waiting"]] != [2, 1]:
        data = (await wall.hear("snapshot", seconds=5))["data"]
    assert [one["first"] for one in data["waiting"]] == [False, True]  # the oldest stays on top
    assert "great pain" not in str(data)
    await li.post("/desk/duty", {"on": "no"})
    while not data["alarms"]:
        data = (await wall.hear("snapshot", seconds=5))["data"]
    assert data["alarms"][0]["text"] == "Nobody is on duty, and people are waiting: Benoît Roy, Ana Pereira"
    page = await priya.get("/admin")
    assert "Nobody is on duty, and people are waiting" in page.words
    assert f"/admin/visits/{first}" in page.text


async def test_a_call_that_was_asked_for_stands_on_the_wall_until_it_is_made(
    site: Site, li: Member, priya: Member
) -> None:
    ana = site.visitor()
    path, visit = await site.waits(ana)
    await li.post("/desk/duty", {"on": "no"})
    async with site.db.write() as tx:
        await tx.conn.execute(update(visits).values(nobody_at=tx.now))
    assert (await ana.post(f"{path}/call-back")).status == 303
    page = await priya.get("/admin")
    assert "To be called back: Ana Pereira" in page.words
    assert "(416) 555-0123" in page.words
    assert (await priya.post(f"/admin/visits/{visit}/called")).location == "/admin"
    assert "To be called back" not in (await priya.get("/admin")).words
    assert 'data-event="called_back"' in (await priya.get(f"/admin/visits/{visit}/events")).text
