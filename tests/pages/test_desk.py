"""The therapist's desk over HTTP: who stands on it, what can be done about them, duty."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from server.booking.tables import appointment
from server.ids import new_id
from server.people.tables import staff
from server.visit import store as visits
from server.visit.tables import visit
from server.waitingroom.tables import alert
from tests.pages.conftest import MakeSite
from tests.pages.visitors import Member, Site, Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
JSON = {"Accept": "application/json"}


async def queue_of(who: Member) -> dict[str, Any]:
    """What the desk of this therapist is told when it opens."""
    page = await who.socket("/desk/live")
    data = (await page.hear("snapshot", kind="queue"))["data"]
    await page.close()
    return dict(data)


async def waits(site: Site, **changed: str) -> tuple[Visitor, str]:
    """A patient whose page is open: (the visitor, the visit's id)."""
    who = site.visitor()
    path, visit_id = await site.waits(who, **changed)
    await who.socket(f"{path}/live")
    return who, visit_id


async def test_a_patient_for_one_therapist_is_on_that_desk_alone(site: Site, li: Member, okafor: Member) -> None:
    _, one = await waits(site, name="Quincy Adams")
    assert "Quincy" in (await okafor.get("/desk")).text
    answer = await li.post(f"/desk/visits/{one}/assign", {"to": okafor.id})
    assert (answer.status, answer.location) == (303, "/desk")
    assert "Quincy" not in (await li.get("/desk")).text
    assert [row["visit"] for row in (await queue_of(li))["waiting"]] == []
    assert (await queue_of(okafor))["waiting"][0]["own"] is True
    assert (await li.post(f"/desk/visits/{one}/assign", {"to": okafor.id})).status == 303, "the same press twice"
    for act in ("first", "not-first", "no-show", "close", "stay", "seen", "message", "admission"):
        answer = await li.post(f"/desk/visits/{one}/{act}", {"reason": "because", "text": "hello"})
        assert answer.status == 404, act
    for page in ("acts", "earlier"):
        assert (await li.get(f"/desk/visits/{one}/{page}")).status == 404
    read = [row for row in await site.audit() if row["actor"] == li.id and row["record_id"] == one]
    assert not read, "what is not shown is not read"


async def test_each_act_is_a_plain_form_and_says_what_is_wrong(site: Site, li: Member) -> None:
    _, one = await waits(site)
    page = (await li.get(f"/desk/visits/{one}/acts")).text
    for act in ("first", "assign", "message", "no-show", "close"):
        assert f'action="/desk/visits/{one}/{act}"' in page
    assert (await li.post(f"/desk/visits/{one}/first", {"reason": "x"})).status == 422
    assert (await li.post(f"/desk/visits/{one}/assign", {"to": "nobody"})).status == 422
    refused = await li.send(
        "POST", f"/desk/visits/{one}/first", {"csrf": await li.token(), "reason": ""}, {"Origin": li.origin, **JSON}
    )
    assert (refused.status, refused.json()["error"]) == (422, "line_length")
    assert (await li.post(f"/desk/visits/{one}/first", {"reason": "Chest pain"})).status == 303
    assert (await li.post(f"/desk/visits/{one}/message", {"text": "Two minutes more", "id": new_id()})).status == 303
    (row,) = (await queue_of(li))["waiting"]
    assert (row["first"], row["first_reason"]) == (True, "Chest pain")
    assert [(said["side"], said["text"]) for said in row["messages"]] == [("staff", "Two minutes more")]
    desk = await li.get("/desk")
    assert "Put first: Chest pain" in desk.words
    assert "Two minutes more" in desk.words
    assert (await li.post(f"/desk/visits/{one}/close")).status == 303
    assert (await li.post(f"/desk/visits/{one}/close")).status == 303
    assert (await site.by_id(one))["state"] == "cancelled"


async def test_a_visit_is_handed_over_with_a_line(site: Site, li: Member, okafor: Member) -> None:
    _, one = await waits(site)
    await li.post(f"/desk/visits/{one}/admission")
    assert f'action="/desk/visits/{one}/transfer"' in (await li.get(f"/desk/visits/{one}/acts")).text
    refused = await li.post(f"/desk/visits/{one}/transfer", {"to": okafor.id, "hand_over": ""})
    assert refused.status == 422
    sent = {"to": okafor.id, "hand_over": "Numb fingers, please look"}
    assert (await li.post(f"/desk/visits/{one}/transfer", sent)).location == "/desk"
    assert (await li.post(f"/desk/visits/{one}/transfer", sent)).location == "/desk", "twice is once"
    assert "Handed over: Numb fingers, please look" in (await okafor.get("/desk")).words
    await okafor.post(f"/desk/visits/{one}/admission")
    assert "Numb fingers, please look" in (await okafor.get("/desk")).words, "in the call too"
    assert (await li.get(f"/desk/visits/{one}")).status == 404


async def test_sending_back_twice_is_once(site: Site, li: Member) -> None:
    _, one = await waits(site)
    await li.post(f"/desk/visits/{one}/admission")
    for _ in range(2):
        sent = {"csrf": await li.token()}
        answer = await li.send("POST", f"/desk/visits/{one}/return", sent, {"Origin": li.origin, **JSON})
        assert (answer.status, answer.json()) == (200, {"state": "waiting"})
    assert (await li.post(f"/desk/visits/{one}/return")).location == "/desk"
    async with site.db.read() as conn:
        events = [event["event"] for event in await visits.timeline(conn, one)]
    assert events.count("send_back") == 1


async def test_admit_next_passes_over_who_is_away_and_says_so(site: Site, li: Member) -> None:
    gone = site.visitor()
    _, first = await site.waits(gone, name="Gone Away")
    _, second = await waits(site, name="Here Now")
    async with site.db.write() as tx:
        long_ago = tx.now - timedelta(minutes=5)
        await tx.conn.execute(
            update(visit).where(visit.c.id == first).values(patient_seen_at=long_ago, patient_node=None)
        )
    data = await queue_of(li)
    assert data["next"] == {"visit": second, "name": "Here Now", "passed": ["Gone Away"]}
    words = (await li.get("/desk")).words
    assert "Admit next: Here" in words
    assert "Passed over while away: Gone Away" in words
    assert (await li.post("/desk/admission")).location == f"/desk/visits/{second}"
    assert (await queue_of(li))["next"] is None, "in a visit nobody is next"
    await li.post(f"/desk/visits/{second}/end")
    assert (await li.post("/desk/admission")).status == 409


async def test_another_language_stands_apart(site: Site, li: Member) -> None:
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).values(languages="en", version=2, changed_at=tx.now))
    _, french = await waits(site, language="fr")
    _, english = await waits(site)
    data = await queue_of(li)
    assert {row["visit"]: row["group"] for row in data["waiting"]} == {french: "other", english: "yours"}
    assert data["next"]["visit"] == english
    assert "Others you may take" in (await li.get("/desk")).words


async def test_an_alert_rings_until_seen_and_an_offer_says_why(site: Site, li: Member, okafor: Member) -> None:
    _, one = await waits(site)
    page = await li.socket("/desk/live")
    while not any(row["rings"] for row in (await page.hear("snapshot", kind="queue"))["data"]["waiting"]):
        pass
    await li.post(f"/desk/visits/{one}/seen")
    while (row := (await page.hear("snapshot", kind="queue"))["data"]["waiting"][0])["rings"]:
        pass
    assert row["seen_by"] == "Dr. Li"
    await li.post(f"/desk/visits/{one}/assign", {"to": li.id})
    async with site.db.write() as tx:
        await tx.conn.execute(alert.delete())
        await tx.conn.execute(insert(alert).values(visit_id=one, raised_at=tx.now, level=2, next_at=None))
    (offer,) = (await queue_of(okafor))["waiting"]
    assert (offer["group"], offer["not_answered"]) == ("offered", "Dr. Li")
    assert "because Dr. Li does not answer" in (await okafor.get("/desk")).words
    assert (await okafor.post(f"/desk/visits/{one}/admission")).status == 303


async def test_the_day_shows_ones_own_booked_visits(site: Site, li: Member, okafor: Member) -> None:
    _, one = await site.waits(site.visitor(), name="Paula Booked")
    async with site.db.write() as tx:
        at = tx.now - timedelta(seconds=1)
        await tx.conn.execute(update(visit).where(visit.c.id == one).values(due_at=at, for_staff=li.id, state="booked"))
        await tx.conn.execute(
            insert(appointment).values(
                id=new_id(), visit_id=one, therapist_id=li.id, starts_at=at, ends_at=at + timedelta(minutes=20),
                booked_at=tx.now,
            )
        )  # fmt: skip
    (slot,) = (await queue_of(li))["today"]
    assert (slot["name"], slot["state"]) == ("Paula Booked", "late")
    assert (await queue_of(okafor))["today"] == []
    assert "Paula" not in (await okafor.get("/desk")).text
    assert "not here yet" in (await li.get("/desk")).words
    assert "Mark as no-show" in (await li.get(f"/desk/visits/{one}/acts")).words
    await li.post(f"/desk/visits/{one}/no-show")
    assert (await queue_of(li))["today"][0]["state"] == "missed"


# ---- duty


async def test_duty_is_said_in_words_and_the_last_one_is_asked(site: Site, li: Member) -> None:
    assert (await li.post("/desk/duty", {"duty": "break"})).location == "/desk"
    assert "On a break" in (await li.get("/desk")).words
    assert (await queue_of(li))["next"] is None
    await li.post("/desk/duty", {"duty": "on"})
    await waits(site)
    await waits(site)
    asked = await li.post("/desk/duty", {"duty": "off"})
    assert asked.status == 200
    assert "2 people wait" in asked.words
    assert (await queue_of(li))["duty"] == "on", "nothing has changed yet"
    told = await li.send("POST", "/desk/duty", {"csrf": await li.token(), "duty": "off"}, {"Origin": li.origin, **JSON})
    assert told.json()["left"] == 2
    await li.post("/desk/duty", {"duty": "off", "sure": "yes"})
    assert (await queue_of(li))["duty"] == "off"
    assert (await li.post("/desk/duty", {"duty": "sideways"})).status == 409


async def test_with_somebody_else_on_duty_nobody_is_asked(site: Site, li: Member, okafor: Member) -> None:
    await waits(site)
    assert (await li.post("/desk/duty", {"duty": "off"})).status == 303


async def test_after_the_last_patient_the_desk_is_off_duty(site: Site, li: Member) -> None:
    _, one = await waits(site)
    await li.post("/desk/duty", {"duty": "last"})
    await li.post(f"/desk/visits/{one}/admission")
    await li.post(f"/desk/visits/{one}/end")
    assert (await queue_of(li))["duty"] == "off"


# ---- the office


async def test_the_office_acts_on_all(site: Site, li: Member, priya: Member) -> None:
    _, one = await waits(site)
    await li.post(f"/desk/visits/{one}/assign", {"to": li.id})
    answer = await priya.post(f"/admin/visits/{one}/first", {"reason": "Fell on the way here"})
    assert (answer.status, answer.location) == (303, "/admin")
    assert (await priya.post(f"/admin/visits/{one}/assign", {"to": "PT"})).status == 303
    row = await site.by_id(one)
    assert (row["for_staff"], row["for_profession"], row["priority_at"] is not None) == (None, "PT", True)
    assert (await priya.post(f"/admin/visits/{one}/no-show")).status == 303
    async with site.db.read() as conn:
        actors = [(event["event"], event["actor"]) for event in await visits.timeline(conn, one)]
    assert ("put_first", priya.id) in actors


# ---- earlier visits


async def ended(site: Site, li: Member, **changed: str) -> str:
    _, one = await site.waits(site.visitor(), **changed)
    await li.post(f"/desk/visits/{one}/admission")
    await li.post(f"/desk/visits/{one}/end")
    return one


async def test_earlier_visits_show_only_when_two_identifiers_agree_and_can_be_undone(site: Site, li: Member) -> None:
    before = await ended(site, li)
    _, now = await site.waits(site.visitor(), phone="416 555 0199")
    other = (await site.by_id(before))["patient_id"]
    page = f"/desk/visits/{now}/earlier"
    assert "Dr. Li" not in (await li.get(page)).words.split("Look for a record")[0].replace("Dr. Li Sign out", "")
    who = {"name": "ana pereira ", "dob_day": "27", "dob_month": "3", "dob_year": "1961"}
    found = await li.post(f"{page}/search", who)
    assert f'value="{other}"' in found.text
    assert "another phone" in found.words
    nobody = await li.post(f"{page}/search", who | {"dob_year": "1962"})
    assert other not in nobody.text
    assert (await li.post(f"{page}/search", {"name": "Ana Pereira"})).status == 422
    assert (await li.post(f"{page}/link", who | {"other": other, "dob_year": "1962"})).status == 422, "one alone agrees"
    for _ in range(2):
        assert (await li.post(f"{page}/link", who | {"other": other})).location == page
    assert await site.count("patient_link") == 1
    assert "Note not signed yet" in (await li.get(page)).words
    assert "Note not signed yet" in (await li.get(f"/desk/visits/{now}/acts")).words
    assert (await li.get(f"{page}/{before}/note")).status == 404, "not signed"
    audit = [row["action"] for row in await site.audit() if row["record"] == "patient"]
    assert audit.count("link") >= 2
    await li.post(f"{page}/unlink")
    assert await site.count("patient_link") == 0
    assert "Note not signed yet" not in (await li.get(page)).words


async def test_the_phone_and_one_more_are_enough(site: Site, li: Member) -> None:
    before = await ended(site, li, name="Ana Silva")
    _, now = await site.waits(site.visitor())
    other = (await site.by_id(before))["patient_id"]
    sent = {"name": "Ana Pereira", "dob_day": "27", "dob_month": "3", "dob_year": "1961", "other": other}
    assert (await li.post(f"/desk/visits/{now}/earlier/link", sent)).status == 303
    sent["other"] = "AAAAAAAAAAAAAAAAAAAAAA"
    assert (await li.post(f"/desk/visits/{now}/earlier/link", sent)).status == 404


async def test_three_records_of_one_person_are_one_person(site: Site, li: Member) -> None:
    old = [await ended(site, li) for _ in range(3)]
    _, now = await site.waits(site.visitor())
    who = {"name": "Ana Pereira", "dob_day": "27", "dob_month": "3", "dob_year": "1961"}
    for one in old:
        other = (await site.by_id(one))["patient_id"]
        assert (await li.post(f"/desk/visits/{now}/earlier/link", who | {"other": other})).status == 303
    assert (await li.get(f"/desk/visits/{now}/earlier")).words.count("Note not signed yet") == 3


async def test_the_note_of_somebody_who_is_not_linked_is_not_there(site: Site, li: Member) -> None:
    before = await ended(site, li)
    _, now = await site.waits(site.visitor())
    assert (await li.get(f"/desk/visits/{now}/earlier/{before}/note")).status == 404
    assert (await li.get(f"/desk/visits/{now}/earlier/{now}/note")).status == 404


async def test_the_list_is_cut_and_says_how_many_more(make_site: MakeSite) -> None:
    site = await make_site()
    li = await site.member("li")
    for number in range(27):
        await site.waits(site.visitor(), name=f"Nr {number}")
    data = await queue_of(li)
    assert (len(data["waiting"]), data["more"]) == (25, 2)
    assert "and 2 more" in (await li.get("/desk")).words


async def test_the_next_one_is_shown_however_many_are_ahead(make_site: MakeSite) -> None:
    site = await make_site()
    li = await site.member("li")
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).values(languages="en", version=2, changed_at=tx.now))
    for number in range(26):
        await site.waits(site.visitor(), name=f"Nr {number}", language="fr")
    _, english = await waits(site, name="Quincy Adams")
    data = await queue_of(li)
    assert data["next"]["visit"] == data["waiting"][-1]["visit"] == english
    assert (len(data["waiting"]), data["more"]) == (26, 1)


async def test_the_next_one_pressed_twice_is_one_and_two_therapists_get_two(
    site: Site, li: Member, okafor: Member
) -> None:
    ids = [(await waits(site, name=f"Nr {number}"))[1] for number in range(3)]
    answers = await asyncio.gather(*(who.post("/desk/admission") for who in (li, li, okafor)))
    assert [one.status for one in answers] == [303] * 3
    assert answers[0].location == answers[1].location
    assert {one.location for one in answers} == {f"/desk/visits/{one}" for one in ids[:2]}
    assert (await li.post("/desk/admission")).location == answers[0].location


async def test_who_has_left_is_nobodys_and_the_same_press_twice_is_no_error(
    site: Site, li: Member, okafor: Member
) -> None:
    for act in ("no-show", "close"):
        _, one = await waits(site)
        for _ in range(2):
            assert (await li.post(f"/desk/visits/{one}/{act}")).status == 303
        assert (await okafor.post(f"/desk/visits/{one}/{act}")).status == 404
        for page in ("acts", "earlier"):
            assert (await li.get(f"/desk/visits/{one}/{page}")).status == 404, "it was in the pool, and nobody's"
