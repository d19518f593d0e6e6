"""Who has read whose data stands in the record before the page is sent."""

from __future__ import annotations

from server.audit import first_broken
from tests.pages.visitors import DOB, Member, Site


async def entries(site: Site, since: int = 0) -> list[tuple[str, str, str, str]]:
    return [
        (row["actor"], row["action"], row["record"], row["record_id"])
        for row in await site.audit()
        if row["seq"] > since
    ]


async def last(site: Site) -> int:
    rows = await site.audit()
    return int(rows[-1]["seq"]) if rows else 0


async def test_the_queue_leaves_an_entry_for_everybody_it_shows(site: Site, li: Member) -> None:
    _, first = await site.waits(site.visitor())
    _, second = await site.waits(site.visitor(), name="Benoît Roy")
    before = await last(site)
    await li.get("/desk")
    assert sorted(await entries(site, before)) == sorted((li.id, "read", "visit", visit) for visit in (first, second))


async def test_the_wall_is_a_reading_too(site: Site, li: Member, priya: Member) -> None:
    path, visit = await site.waits(site.visitor())
    before = await last(site)
    await priya.get("/admin")
    assert (priya.id, "read", "visit", visit) in await entries(site, before)
    subject = (await site.audit())[-1]["subject"]
    assert subject == (await site.visit(path))["patient_id"]


async def test_the_note_and_the_open_visit_are_readings(site: Site, li: Member) -> None:
    _, visit = await site.waits(site.visitor())
    await li.post(f"/desk/visits/{visit}/admission")
    for page in (f"/desk/visits/{visit}", f"/desk/visits/{visit}/note"):
        before = await last(site)
        await li.get(page)
        assert (li.id, "read", "visit", visit) in await entries(site, before), page


async def test_a_snapshot_over_the_socket_is_a_reading(site: Site, li: Member) -> None:
    socket = await li.socket("/desk/live")
    await socket.hear("snapshot")
    before = await last(site)
    _, visit = await site.waits(site.visitor())
    while True:
        shown = await socket.hear("snapshot", kind="queue")
        if shown["data"]["waiting"]:
            break
    assert shown["data"]["waiting"][0]["visit"] == visit
    assert (li.id, "read", "visit", visit) in await entries(site, before), "before it was shown"


async def test_a_wrong_date_of_birth_is_kept_as_well(site: Site, li: Member) -> None:
    path, visit = await site.waits(site.visitor())
    before = await last(site)
    await site.visitor().post(f"{path}/proof", {**DOB, "dob_day": "1"})
    assert [(action, record, one) for _, action, record, one in await entries(site, before)] == [
        ("prove", "visit", visit)
    ]


async def test_writing_the_note_is_a_change(site: Site, li: Member) -> None:
    _, visit = await site.waits(site.visitor())
    await li.post(f"/desk/visits/{visit}/admission")
    before = await last(site)
    await li.post(f"/desk/visits/{visit}/note", {"B1": "Shoulder", "version": "0"})
    assert (li.id, "change", "note", visit) in await entries(site, before)


async def test_who_is_refused_reads_nothing_and_leaves_no_reading(site: Site, li: Member, okafor: Member) -> None:
    _, visit = await site.waits(site.visitor())
    await li.post(f"/desk/visits/{visit}/admission")
    before = await last(site)
    for path in (f"/desk/visits/{visit}", f"/desk/visits/{visit}/note"):
        assert (await okafor.get(path)).status == 404
    assert await entries(site, before) == []


async def test_the_chain_of_entries_holds(site: Site, li: Member, priya: Member) -> None:
    for name in ("Ana Pereira", "Benoît Roy", "Cato Lindqvist"):
        await site.waits(site.visitor(), name=name)
        await li.get("/desk")
        await priya.get("/admin")
    assert await first_broken(site.db) is None


async def test_no_entry_holds_what_it_protects(site: Site, li: Member) -> None:
    path, _ = await site.waits(site.visitor(), name="Zebediah Quill", reason="quincunx")
    await li.get("/desk")
    text = repr(await site.audit())
    for secret in ("Zebediah", "quincunx", "Alder Street", "+1416", path.rsplit("/", 1)[-1]):
        assert secret not in text
