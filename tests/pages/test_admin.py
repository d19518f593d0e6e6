"""The office's wall: who waits, who is in a visit, who is on duty; and what the office can do from it."""

from __future__ import annotations

from tests.pages.visitors import DOB, Member, Site


async def test_the_wall_shows_who_waits_and_who_is_in_a_visit(site: Site, li: Member, priya: Member) -> None:
    await site.waits(site.visitor())
    _, second = await site.waits(site.visitor(), name="Benoît Roy")
    await li.post(f"/desk/visits/{second}/admission")
    words = (await priya.get("/admin")).words
    for text in ("Ana Pereira", "Benoît Roy", "Dr. Li"):
        assert text in words


async def test_the_wall_follows_by_itself(site: Site, li: Member, priya: Member) -> None:
    wall = await priya.socket("/admin/live")
    await wall.hear("snapshot")
    _, visit = await site.waits(site.visitor(), name="Benoît Roy")
    while "Benoît Roy" not in str(await wall.hear("snapshot")):
        pass
    await li.post(f"/desk/visits/{visit}/admission")
    while "admitted" not in str(await wall.hear("snapshot")):
        pass


async def test_the_wall_says_nothing_of_a_reason(site: Site, li: Member, priya: Member) -> None:
    """Who runs the queue needs names and times, not complaints."""
    await site.waits(site.visitor(), reason="quincunx")
    assert "quincunx" not in (await priya.get("/admin")).text
    wall = await priya.socket("/admin/live")
    assert "quincunx" not in str(await wall.hear("snapshot"))


async def test_who_goes_off_duty_is_seen_to(site: Site, li: Member, priya: Member) -> None:
    wall = await priya.socket("/admin/live")
    before = await wall.hear("snapshot")
    await li.post("/desk/duty", {"on": "no"})
    assert (await wall.hear("snapshot"))["data"] != before["data"]


async def test_the_office_unlocks_an_address_and_it_is_in_the_timeline(site: Site, li: Member, priya: Member) -> None:
    path, visit = await site.waits(site.visitor())
    for _ in range(site.settings.proof_tries):
        await site.visitor().post(f"{path}/proof", {**DOB, "dob_day": "1"})
    assert (await site.visitor().post(f"{path}/proof", DOB)).status == 429
    assert f"/admin/visits/{visit}/unlock" in (await priya.get("/admin")).text
    assert (await priya.post(f"/admin/visits/{visit}/unlock")).location == "/admin"
    assert (await site.by_id(visit))["proof_tries"] == 0
    assert f"/admin/visits/{visit}/unlock" not in (await priya.get("/admin")).text


async def test_unlocking_what_is_not_there_says_so(priya: Member) -> None:
    for visit in ("AAAAAAAAAAAAAAAAAAAAAA", "x", "'%20OR%201=1"):
        assert (await priya.post(f"/admin/visits/{visit}/unlock")).status == 404


async def test_the_front_desk_sees_the_wall_and_no_note(site: Site, li: Member) -> None:
    dana = await site.member("dana", "front_desk")
    _, visit = await site.waits(site.visitor())
    await li.post(f"/desk/visits/{visit}/admission")
    assert (await dana.get("/admin")).status == 200
    assert (await dana.get(f"/desk/visits/{visit}/note")).status in (303, 403)
