"""The patient's waiting room over HTTP and its WebSocket: a place, a reason, messages, and what to do when nobody is left."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from sqlalchemy import select, update

from server import mail
from server.audit import SYSTEM, access
from server.ids import new_id
from server.patient.snapshot import staff_know
from server.people.duty import Duty, set_duty_state
from server.people.tables import patient, staff
from server.visit.tables import visit, visit_event
from server.waitingroom import messages
from server.waitingroom.tables import wait_message
from tests.pages.conftest import MakeSite
from tests.pages.visitors import Member, Site, Socket, Visitor
from tests.rig.wait import until


async def duty(site: Site, member: Member, state: Duty) -> None:
    async with site.db.write() as tx:
        await set_duty_state(tx, member.id, state)


async def staff_say(site: Site, visit_id: str, member: Member, text: str, id: str | None = None) -> int:
    async with site.db.write() as tx:
        return await messages.say(site.db, tx, visit_id, "staff", member.id, id or new_id(), text)


async def hears(socket: Socket, **wanted: object) -> dict[str, Any]:
    """The next snapshot of the visit in which all of this is so."""
    while True:
        data: dict[str, Any] = (await socket.hear("snapshot", kind="visit"))["data"]
        if all(data[name] == value for name, value in wanted.items()):
            return data


def refresh(text: str) -> str:
    """Where a browser without scripts goes after 15 s."""
    found = re.search(r'http-equiv="refresh" content="15;url=([^"]+)"', text)
    assert found
    return found[1]


async def events(site: Site, visit_id: str) -> list[str]:
    async with site.db.read() as conn:
        query = select(visit_event.c.event).where(visit_event.c.visit_id == visit_id).order_by(visit_event.c.seq)
        return list((await conn.execute(query)).scalars())


async def put_first(site: Site, who: Member, visit_id: str) -> None:
    answer = await who.post(f"/desk/visits/{visit_id}/first", {"reason": "In great pain"})
    assert answer.status == 303, answer.words


async def test_a_number_gets_worse_only_with_its_reason(site: Site, li: Member) -> None:
    ana, ben, cem = site.visitor(), site.visitor(), site.visitor()
    await site.waits(ana)
    path, _ = await site.waits(ben)
    _, urgent = await site.waits(cem)
    page = await ben.get(path)
    assert "You are number 2 in line" in page.words
    assert "Why longer" not in page.words
    socket = await ben.socket(f"{path}/live")
    assert (await hears(socket, state="waiting"))["place"] == 2
    await put_first(site, li, urgent)
    assert (await hears(socket, place=3))["because"] == "urgent"
    # the same without a script, and it goes on saying so
    worse = await ben.get(refresh(page.text))
    assert "You are number 3 in line" in worse.words
    assert "someone who needed help urgently" in worse.words
    assert "someone who needed help urgently" in (await ben.get(refresh(worse.text))).words
    # a page that is loaded anew has been told nothing else before
    assert "Why longer" not in (await ben.get(path)).words


async def test_what_is_said_of_the_therapists_is_true(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    await hears(socket, staff_know="told")
    assert "A therapist has been told that you are here." in (await ana.get(path)).words
    assert (await li.post(f"/desk/visits/{visit_id}/seen")).status == 303
    await hears(socket, staff_know="seen")
    assert "A therapist has seen that you are here." in (await ana.get(path)).words


def test_nothing_is_said_of_the_therapists_before_it_is_so() -> None:
    def know(told: str | None, *, own: str | None = None, by: str | None = None) -> str:
        return staff_know({"told": told, "seen_at": "then" if by else None, "seen_by": by}, own=own)

    assert staff_know(None, own="li") == "kept"
    assert (know(None), know("told"), know(None, by="li")) == ("kept", "told", "seen")
    own = [know(told, own="li") for told in (None, "told", "others", "other")]
    assert own == ["kept", "own_told", "others", "told"]
    assert (know("told", own="li", by="li"), know("others", own="li", by="okafor")) == ("own_seen", "seen")


async def test_messages_come_at_once_and_are_answered_with_one_press(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    await staff_say(site, visit_id, li, "  Please turn your chair to the window  ")
    heard = (await socket.hear("snapshot", kind="messages"))["data"]["messages"]
    assert [(one["number"], one["side"], one["text"], one["name"]) for one in heard] == [
        (1, "staff", "Please turn your chair to the window", "Dr. Li")
    ]
    page = await ana.get(path)
    assert "Please turn your chair to the window" in page.words
    # the plain form, sent twice by a nervous finger
    id = new_id()
    for _ in range(2):
        answer = await ana.post(f"{path}/messages", {"id": id, "text": "I’m here"})
        assert (answer.status, answer.location) == (303, path)
    # the script's
    own = await ana.post(f"{path}/messages", {"id": new_id(), "text": "One moment"}, {"Accept": "application/json"})
    assert own.json() == {"number": 3}
    async with site.db.read() as conn:
        rows = (await conn.execute(select(wait_message).order_by(wait_message.c.number))).mappings().all()
    assert [(row["number"], row["side"]) for row in rows] == [(1, "staff"), (2, "patient"), (3, "patient")]
    assert "chair" not in str(rows)
    assert [entry["actor_kind"] for entry in await site.audit() if entry["record"] == "wait_message"] == [
        "staff", "patient", "patient", "patient",
    ]  # fmt: skip


async def test_what_was_written_while_a_page_was_away_is_there_when_it_is_back(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    await staff_say(site, visit_id, li, "Are you there?")
    socket = await ana.socket(f"{path}/live")
    assert [one["text"] for one in (await socket.hear("snapshot", kind="messages"))["data"]["messages"]] == [
        "Are you there?"
    ]


async def test_a_page_that_was_loaded_in_the_call_has_the_waiting_rooms_parts_too(site: Site, li: Member) -> None:
    """Who is sent back to the waiting room reads, writes and answers there, on the same page."""
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    await staff_say(site, visit_id, li, "One moment please")
    assert (await li.post(f"/desk/visits/{visit_id}/admission")).status == 303
    page = await ana.get(path)
    assert 'data-view="call"' in page.text
    assert "data-message-form" in page.text
    assert "One moment please" in page.words
    assert 'data-step="B1"' in page.text
    assert 'data-zone="America/Toronto"' in page.text


async def test_messages_have_limits(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    assert (await ana.post(f"{path}/messages", {"id": new_id(), "text": " "})).status == 422
    assert (await ana.post(f"{path}/messages", {"id": new_id(), "text": "x" * 501})).status == 422
    assert (await ana.post(f"{path}/messages", {"id": "short", "text": "Hello"})).status == 409
    statuses = [(await ana.post(f"{path}/messages", {"id": new_id(), "text": f"{n}"})).status for n in range(9)]
    assert statuses == [303] * 8 + [429]
    await staff_say(site, visit_id, li, "The clinic is not stopped by that")
    assert (await site.visitor().post(f"{path}/messages", {"id": new_id(), "text": "I am somebody else"})).status == 404
    assert (await ana.post(f"{path}/leave")).status == 303
    assert (await ana.post(f"{path}/messages", {"id": new_id(), "text": "Too late"})).status == 409
    assert await site.count("wait_message") == 9


async def test_when_the_last_therapist_leaves_who_waits_is_told_at_once(site: Site, li: Member, okafor: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    await hears(socket, nobody=False)
    await duty(site, okafor, "off")
    await duty(site, li, "break")
    assert (await hears(socket, line="paused"))["nobody"] is False  # a break is not leaving
    await duty(site, li, "off")
    told = await hears(socket, nobody=True)
    assert (told["line"], told["on_duty"], told["staff_know"]) == ("nobody", False, "kept")
    await until(lambda: _marked(site, visit_id), what="the mark in the record")
    page = await ana.get(path)
    assert "The therapists have gone" in page.words
    assert "your number that ends in 0123" in page.words
    await duty(site, okafor, "on")
    await hears(socket, nobody=False, line="under")
    await until(lambda: _unmarked(site, visit_id), what="the end of the mark")
    assert [name for name in await events(site, visit_id) if name.endswith(("left", "again"))] == [
        "nobody_left", "somebody_again",
    ]  # fmt: skip
    assert re.search(r"<section[^>]* data-nobody-box [^>]* hidden>", (await ana.get(path)).text)


async def test_nobody_who_could_take_this_patient(site: Site, li: Member, okafor: Member) -> None:
    """Somebody is on duty, but for others."""
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == okafor.id).values(languages="fr"))
    ana, anne = site.visitor(), site.visitor()
    path, visit_id = await site.waits(ana)
    _, french = await site.waits(anne, language="fr")
    socket = await ana.socket(f"{path}/live")
    await duty(site, li, "off")
    assert (await hears(socket, nobody=True))["on_duty"] is False
    assert await _marked(site, visit_id)
    assert not await _marked(site, french)
    await duty(site, li, "on")
    await hears(socket, nobody=False)


async def _marked(site: Site, visit_id: str) -> bool:
    return (await site.by_id(visit_id))["nobody_at"] is not None


async def _unmarked(site: Site, visit_id: str) -> bool:
    return (await site.by_id(visit_id))["nobody_at"] is None


async def nobody_left(site: Site, member: Member, who: Visitor) -> tuple[str, str]:
    path, visit_id = await site.waits(who)
    await duty(site, member, "off")
    await until(lambda: _marked(site, visit_id), what="the mark in the record")
    return path, visit_id


async def test_a_call_instead_of_waiting_on(site: Site, li: Member) -> None:
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    assert (await ana.post(f"{path}/call-back")).status == 303  # somebody is on duty: nothing happens
    assert (await site.by_id(visit_id))["state"] == "waiting"
    await duty(site, li, "off")
    await until(lambda: _marked(site, visit_id), what="the mark in the record")
    for _ in range(2):
        assert (await ana.post(f"{path}/call-back")).status == 303
    row = await site.by_id(visit_id)
    assert (row["state"], row["end_reason"], row["call_back_at"] is not None) == ("left", "call_back", True)
    page = await ana.get(path)
    assert "We call you" in page.words
    assert "ends in 0123" in page.words
    assert (await events(site, visit_id)).count("call_back") == 1


async def test_a_double_click_on_ready_and_on_leave(site: Site, li: Member) -> None:
    ana = site.visitor()
    path = await site.joins(ana)
    for act in ("ready", "leave"):
        answers = await asyncio.gather(*(ana.post(f"{path}/{act}", {"devices": "both"}) for _ in range(3)))
        assert [answer.status for answer in answers] == [303] * 3
    found = await events(site, (await site.visit(path))["id"])
    assert (found.count("arrive"), found.count("leave")) == (1, 1)


async def test_a_time_instead_of_waiting_on(make_site: MakeSite) -> None:
    site = await make_site(clinic_hours="mon-sun 00:00-23:59")
    li = await site.member("li")
    ana, ben = site.visitor(), site.visitor()
    path, visit_id = await nobody_left(site, li, ana)
    page = await ana.get(f"{path}/times")
    offered = re.findall(r'name="slot" value="([^"]+)"', page.text)
    assert len(offered) == len(set(offered)) > 10
    assert (await ana.post(f"{path}/times", {})).status == 422
    assert (await ana.post(f"{path}/times", {"slot": f"{li.id} 2026-01-01T10:00:00+00:00"})).status == 409
    async with site.db.write() as tx:  # who was booked before has an address
        row = await site.by_id(visit_id)
        door, c = await access(site.db, tx, SYSTEM, "change", "visit", visit_id), patient.c
        email = door.seal(c.email, row["patient_id"], "ana@example.ca")
        await tx.conn.execute(update(patient).where(c.id == row["patient_id"]).values(email=email))
    for answer in await asyncio.gather(*(ana.post(f"{path}/times", {"slot": offered[3]}) for _ in range(2))):
        assert (answer.status, answer.location) == (303, path)
    letters = [one for _, one in await mail.latest(site.db, 50) if one.kind == "appointment"]
    assert [one.recipient for one in letters] == ["ana@example.ca"]
    assert "another time" in letters[0].text
    row = await site.by_id(visit_id)
    assert (row["state"], row["for_staff"], row["nobody_at"]) == ("booked", li.id, None)
    assert row["due_at"].isoformat() == offered[3].split(" ")[1]
    # somebody else cannot have it
    await duty(site, li, "on")
    other, _ = await nobody_left(site, li, ben)
    taken = await ben.post(f"{other}/times", {"slot": offered[3]})
    assert taken.status == 409
    assert "has just been taken" in taken.words


async def test_an_unanswered_call_is_told(make_site: MakeSite) -> None:
    site = await make_site(confirm_seconds=1)
    li = await site.member("li")
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    assert (await li.post(f"/desk/visits/{visit_id}/admission")).status == 303

    async def back() -> bool:
        return bool((await site.by_id(visit_id))["state"] == "waiting")

    await until(back, what="the place in line, again")
    page = await ana.get(path)
    assert "Your therapist called you in a moment ago, but your page did not answer." in page.words
    assert "You are next" in page.words


async def test_every_end_says_something_else(site: Site, li: Member) -> None:
    ends = {
        "left": ("left", "left", "You left the waiting room"),
        "staff": ("cancelled", "staff", "The clinic has cancelled this visit"),
        "own": ("cancelled", "cancelled_by_patient", "You cancelled your visit"),
        "missed": ("no_show", "no_show", "We missed you"),
        "broke off": ("not_completed", "time", "Your visit could not be completed"),
        "over": ("ended", "time", "Your visit is over"),
        "call": ("left", "call_back", "We call you"),
    }
    ana = site.visitor()
    path, visit_id = await site.waits(ana)
    pages = set()
    for state, reason, words in ends.values():
        async with site.db.write() as tx:
            values = {"state": state, "end_reason": reason, "ended_at": tx.now}
            await tx.conn.execute(update(visit).where(visit.c.id == visit_id).values(**values))
        page = await ana.get(path)
        assert words in page.words
        pages.add(page.words)
    assert len(pages) == len(ends)
