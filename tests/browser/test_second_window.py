"""A second window of the same person, two therapists at once, and what a waiting page hears of a call: nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Page, WebSocket, expect

from tests.conftest import RunApp
from tests.pages.call import (
    REMOTE,
    admit,
    arrive,
    attached,
    clocks_agree,
    course,
    desk,
    end_visit,
    in_call,
    on_duty,
    query,
    queue_rows,
)
from tests.pages.note import fill_note, is_saved, typed
from tests.pages.roles import get_ready, join
from tests.rig.browsers import PHONE, Crew
from tests.rig.senses import screenshot, sees

pytestmark = [pytest.mark.browser, pytest.mark.sample("windows", 2)]


async def test_the_newest_window_has_the_visit_and_the_older_can_take_it_back(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    first = visit.patient.page
    second = await visit.patient.new_page()
    await second.goto(visit.address)
    await sees(second, REMOTE, "red")
    await sees(visit.therapist.page, REMOTE, "blue")
    await expect(first.locator("#visit")).to_have_attribute("data-view", "superseded")
    await expect(first.get_by_role("heading", name="Your visit is open in another window")).to_be_visible()
    assert await first.evaluate("document.querySelector('#self-video').srcObject?.active ?? false") is False
    await screenshot(visit.patient, "second-window-older")

    await first.get_by_role("button", name="Use this window instead").click()
    await sees(first, REMOTE, "red")
    await sees(visit.therapist.page, REMOTE, "blue")
    await expect(second.locator("#visit")).to_have_attribute("data-view", "superseded")
    row = visit.row()
    assert row["state"] == "in_session"
    await clocks_agree(visit)

    # the therapist's second window the same: the newest has the call, the older says so
    desk_1 = visit.therapist.page
    desk_2 = await visit.therapist.new_page()
    await desk_2.goto(f"{app.url}/desk")
    await sees(desk_2, REMOTE, "blue")
    await sees(first, REMOTE, "red")
    older = desk_1.get_by_role("dialog", name="Open in another window")
    await expect(older).to_be_visible()
    await desk_1.keyboard.press("Escape")
    await expect(older).to_be_visible()
    assert await desk_1.evaluate("document.querySelector('#self-video').srcObject?.active ?? false") is False
    await screenshot(visit.therapist, "second-window-desk", full=False)
    await older.get_by_role("button", name="Use this window instead").click()
    await visit.both_see()
    await expect(desk_2.get_by_role("dialog", name="Open in another window")).to_be_visible()
    assert visit.row()["started_at"] == row["started_at"]


async def test_a_second_window_in_the_waiting_room_keeps_the_place(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    li = await on_duty(people, app)
    ana, address = await arrive(people, app)
    second = await ana.new_page()
    await second.goto(address)
    await expect(second.locator("[data-waiting]")).to_have_attribute("data-place", "1")
    await expect(ana.page.locator("#visit")).to_have_attribute("data-view", "superseded")
    await expect(queue_rows(li)).to_have_count(1)
    await admit(li)
    await sees(second, REMOTE, "red")
    await sees(li.page, REMOTE, "blue")
    await expect(ana.page.locator("#visit")).to_have_attribute("data-view", "superseded")


async def test_two_therapists_admit_at_once(run_app: RunApp, people: Crew) -> None:
    """One gets the patient, the other a clear sentence, and the queue without her."""
    app = await run_app()
    li = await on_duty(people, app, "li")
    okafor = await on_duty(people, app, "okafor", colour="green", tone=440)
    ana, _ = await arrive(people, app)
    for therapist in (li, okafor):
        await expect(queue_rows(therapist)).to_have_count(1)
    await asyncio.gather(admit(li), admit(okafor))
    await expect(ana.page.locator("#visit")).to_have_attribute("data-visit-state", "in_session")
    [row] = query(app, "SELECT username FROM visit JOIN staff ON staff.id = therapist_id")
    winner, loser, colour = (li, okafor, "red") if row["username"] == "li" else (okafor, li, "green")
    await sees(winner.page, REMOTE, "blue")
    await sees(ana.page, REMOTE, colour)
    sentence = loser.page.get_by_role("alert").filter(has_text="Another therapist has just admitted this patient")
    await expect(sentence).to_be_visible()
    await expect(desk(loser)).to_have_attribute("data-view", "queue")
    await expect(queue_rows(loser)).to_have_count(0)
    await screenshot(loser, "second-window-taken")
    # and the loser is free for the next one
    ben, _ = await arrive(people, app, name="Ben Kowalski", colour="blue", tone=660)
    await admit(loser, "Ben")
    await sees(loser.page, REMOTE, "blue")
    await sees(ben.page, REMOTE, "green" if colour == "red" else "red")
    await expect(sentence).to_be_hidden()


async def test_a_therapists_reload_keeps_everything(run_app: RunApp, people: Crew) -> None:
    """In the call: the visit, its clock, the note as typed. After it: the note that waits for its signature."""
    app = await run_app()
    visit = await in_call(people, app)
    page = visit.therapist.page
    before = visit.row()
    await fill_note(page, {"B4": "Carry my grandson", "D4": "no", "F5": "1"})
    await is_saved(page)
    written = await typed(page)
    await page.reload()
    await attached(visit.therapist, "#desk")
    await visit.both_see()
    await clocks_agree(visit)
    assert await typed(page) == written
    await expect(page.locator(".patient-name")).to_have_text("Ana Pereira")
    await expect(page.locator(".patient-facts")).to_contain_text("12 Alder Street")
    assert course(visit.row()) == course(before)

    await end_visit(visit.therapist)
    await expect(page.locator("[data-over-part]")).to_be_visible()
    await page.reload()
    await expect(page.locator("[data-over-part]")).to_be_visible()
    assert await typed(page) == written
    await page.goto(f"{app.url}/desk")
    await page.get_by_role("link", name="Ana Pereira").click()
    assert await typed(page) == written


class Ear:
    """Every frame that a page's WebSockets receive."""

    def __init__(self, page: Page) -> None:
        self.texts: list[str] = []
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: self.texts.append(str(payload)))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]


async def test_a_waiting_page_hears_nothing_of_a_call(run_app: RunApp, people: Crew) -> None:
    """Not of another's call, nor of the page that will admit her, until she is admitted; and no other's name."""
    app = await run_app()
    visit = await in_call(people, app)
    ben = await people("ben", colour="green", tone=440, size=PHONE)
    ear = Ear(ben.page)
    await join(ben, app.url, name="Ben Kowalski")
    await get_ready(ben)
    tremblay = await on_duty(people, app, "tremblay", colour="red")
    await expect(queue_rows(tremblay)).to_have_count(1)
    # much goes on meanwhile: a reload is a whole new negotiation of the other call
    await visit.patient.page.reload()
    await visit.both_see()
    await ben.page.reload()
    await attached(ben, "#visit")
    await end_visit(visit.therapist)
    await expect(visit.patient.page.locator("#visit")).to_have_attribute("data-view", "over")

    checks = {"check_answer", "check_result"}  # of the connection check: this page's own, with the server
    assert {message["type"] for message in ear.messages} <= {"welcome", "snapshot", "pong", *checks}
    allowed = {"state", "place", "wait_min", "wait_max", "on_duty", "therapist_name", "end_reason", "after"}
    allowed |= {"kind", "headline", "line", "late", "due_at", "due_in", "because", "nobody", "back", "staff_know"}
    allowed |= {"for_name"}  # of whose queue it is: nobody's here
    for message in ear.messages:
        if message["type"] == "snapshot":
            assert message["kind"] in ("visit", "waiting")
            assert set(message["data"]) <= allowed
            assert message["data"]["therapist_name"] is None
            assert message["data"]["for_name"] is None
    pages = [row[side] for row in query(app, "SELECT * FROM visit") for side in ("therapist_page", "patient_page")]
    own = {message["instance"] for message in ear.messages if message["type"] == "welcome"}
    heard = "\n".join(text for text in ear.texts if json.loads(text)["type"] not in checks)
    others = [page for page in pages if page and page not in own]
    for secret in ("Ana", "Mei Li", "Dr. ", "Tremblay", "candidate", "ufrag", *others):
        assert secret not in heard

    ear.texts.clear()
    await admit(tremblay, "Ben")
    await sees(ben.page, REMOTE, "red")
    assert "call" in {message["type"] for message in ear.messages}
