"""What users of such systems complain of, in the waiting room and of telling the therapist, tried through the controls.

One service, one browser for the patients and one for each of the staff serve the whole file. Each test leaves an empty
waiting room and everybody off duty. Two complaints have their tests elsewhere:

| the complaint | where it is shown |
|---|---|
| who still waits gets the room's keys or media | `test_second_window.py`: `test_a_waiting_page_hears_nothing_of_a_call` (every frame of the socket) |
| two windows of one visit are two entries | `test_second_window.py`: `test_a_second_window_in_the_waiting_room_keeps_the_place` |
| the therapist's reload loses the running call | `test_second_window.py`: `test_a_therapists_reload_keeps_everything` |
| those who wait are lost with the bus or with a node | `test_lost_redis.py`, `waitingroom/test_machine.py` |
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.pages.call import REMOTE, SERVER_AWAY, admit, desk, end_visit, query, queue_rows
from tests.pages.roles import get_ready, go_on_duty, join, sign_in
from tests.rig.browsers import PHONE, Crew, Person, chromium, crew
from tests.rig.processes import App
from tests.rig.senses import sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("what users suffer from", 4), pytest.mark.asyncio(loop_scope="module")]

#: counts the tones that the page really gives to its loudspeaker (two notes each)
EAR = """const start = OscillatorNode.prototype.start;
window.notes = 0;
OscillatorNode.prototype.start = function (...when) { window.notes += 1; return start.apply(this, when); };"""
DAY = 24 * 3600


@dataclass
class House:
    app: App
    crew: Crew
    staff: dict[str, Person] = field(default_factory=dict)
    waiting: list[Person] = field(default_factory=list)
    patients: Person | None = None

    async def therapist(self, username: str = "li") -> Person:
        """At the desk, on duty; signed in once for all tests."""
        person = self.staff.get(username)
        if person is None:
            colour = {"li": "red"}.get(username, "green")
            person = self.staff[username] = await self.crew(username, colour=colour, tone=440)
            person.expect_problem(SERVER_AWAY)
            await person.context.grant_permissions(["notifications", "camera", "microphone"], origin=self.app.url)
            await person.context.add_init_script(EAR)
            await sign_in(person, self.app.url, "desk", username)
        await go_on_duty(person)
        return person

    async def patient(self, name: str, *, wait: bool = True) -> Person:
        """Somebody with a phone, in a session of their own, who waits."""
        if self.patients is None:
            self.patients = await self.crew("the patients", colour="blue", tone=660, size=PHONE)
        context = await self.patients.browser.new_context(viewport=PHONE, locale="en-CA")
        context.set_default_timeout(15_000)
        person = Person(name, self.patients.browser, context, await context.new_page(), self.patients.folder)
        person._listen(person.page)
        person.expect_problem(SERVER_AWAY)
        self.waiting.append(person)
        if wait:
            await self.arrives(person)
        return person

    async def arrives(self, person: Person) -> None:
        await join(person, self.app.url, name=f"{person.name} Pereira")
        await get_ready(person)

    async def tidy(self) -> None:
        """Whoever still waits leaves, whoever is on duty goes off."""
        for person in self.waiting:
            await person.context.close()
        self.waiting.clear()
        over = "UPDATE visit SET state = 'left', version = version + 1, changed_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE state IN ('checking', 'waiting', 'admitted', 'in_session')"
        change(self.app, over)
        for person in self.staff.values():
            await person.page.goto(f"{self.app.url}/desk")
            await expect(queue_rows(person)).to_have_count(0)
            await expect(desk(person)).to_have_attribute("data-socket", "open")
            if await desk(person).get_attribute("data-on-duty") == "yes":
                await person.page.locator("[data-duty-side]:not([hidden]) summary").click()
                await person.page.locator("[data-duty-side]:not([hidden]) button[value=off]").click()
                await expect(desk(person)).to_have_attribute("data-on-duty", "no")


def change(app: App, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(app.var / "clinic.sqlite3", timeout=10)) as connection, connection:
        connection.execute(sql, values)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory, media: Path) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("waiting")
    times = {"mail": 2, "offer": 3, "wall": 4, "again": 60}
    settings: dict[str, object] = {f"alert_{name}_seconds": seconds for name, seconds in times.items()}
    app = App(folder / "var", "dev", away_seconds=2, **settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(app.stop)
        await app.up()
        made = await stack.enter_async_context(crew(chromium(), media, folder))
        yield House(app, made)
        made.assert_no_problems()


@pytest_asyncio.fixture(loop_scope="module")
async def house(home: House) -> AsyncIterator[House]:
    yield home
    await home.tidy()


def row(therapist: Person, name: str) -> Locator:
    return queue_rows(therapist).filter(has_text=name)


def place(person: Person) -> Locator:
    return person.page.locator("[data-waiting]")


async def at_place(person: Person, number: int) -> None:
    await expect(place(person)).to_have_attribute("data-place", str(number))


async def order(therapist: Person, *names: str) -> None:
    await expect(queue_rows(therapist).locator('[data-cell="name"]')).to_have_text(
        [f"{name} Pereira" for name in names]
    )


async def act(therapist: Person, name: str, button: str) -> None:
    """More, about somebody who waits."""
    page = therapist.page
    await row(therapist, name).get_by_role("link", name=f"More about {name}").click()
    sure = page.locator("[data-acts-dialog] details").filter(has=page.locator("button").filter(has_text=button))
    await sure.locator("summary").click()
    await sure.locator("button").filter(has_text=button).click()
    await expect(page.locator("[data-acts-dialog]")).to_be_hidden()


async def headline(person: Person, words: str) -> None:
    await expect(person.page.locator("#visit h1:visible")).to_have_text(words)


async def test_who_waits_is_seen_by_the_therapist_whatever_happens(house: House) -> None:
    """ "I reloaded, and my page looked as before, but they did not see me any more." "After a refresh there were two of
    me, and people who had closed the page long ago stood there for ever." "I refreshed, and my waiting room was empty."
    """
    li = await house.therapist()
    ana = await house.patient("Ana")
    ben = await house.patient("Ben")
    await order(li, "Ana", "Ben")

    await ana.page.reload()
    await at_place(ana, 1)
    await li.page.reload()
    await order(li, "Ana", "Ben")
    await at_place(ben, 2)
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_be_hidden()

    address = ana.page.url
    await ana.page.close()  # the tab
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_be_visible()
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_contain_text("away")
    await expect(row(li, "Ben").locator('[data-cell="away"]')).to_be_hidden()
    await at_place(ben, 2)  # nobody is removed for being away
    ana.page = await ana.new_page()
    await ana.page.goto(address)
    await at_place(ana, 1)
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_be_hidden()
    await order(li, "Ana", "Ben")

    await house.app.kill_web()  # as a server that restarts
    await house.app.web_back()
    for person, root in ((ana, "#visit"), (ben, "#visit"), (li, "#desk")):
        await expect(person.page.locator(root)).to_have_attribute("data-socket", "open", timeout=30_000)
    await order(li, "Ana", "Ben")
    await at_place(ana, 1)
    await at_place(ben, 2)
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_be_hidden()


class Wire:
    """The page's socket, which loses everything from a message on, and then breaks."""

    def __init__(self) -> None:
        self.lose_from = ""
        self.lost: list[str] = []

    async def lay(self, page: Page) -> None:
        await page.route_web_socket(re.compile("/live"), self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        server, broken = socket.connect_to_server(), False

        async def from_server(message: str | bytes) -> None:
            nonlocal broken
            text = str(message)
            if broken:
                return
            if self.lose_from and f'"type":"{self.lose_from}"' in text:
                broken, self.lose_from = True, ""
                self.lost.append(text)
                await server.close()
                await socket.close(code=1001)
                return
            socket.send(message)

        server.on_message(lambda message: from_server(message))


async def test_an_admission_that_is_lost_on_its_way_comes_again(house: House) -> None:
    """ "They said that they had let me in, and I went on looking at the waiting room.\""""
    li = await house.therapist()
    wire = Wire()
    ana = await house.patient("Ana", wait=False)
    await wire.lay(ana.page)
    await house.arrives(ana)
    await order(li, "Ana")
    wire.lose_from = "call"
    await admit(li)
    await until(lambda: wire.lost, what="the admission is lost on its way")
    await sees(ana.page, REMOTE, "red")
    await sees(li.page, REMOTE, "blue")
    await expect(ana.page.locator("#visit")).to_have_attribute("data-visit-state", "in_session")
    await end_visit(li)
    await headline(ana, "Your visit is over. Thank you.")


async def test_every_end_says_what_happened(house: House) -> None:
    """ "The clinic had cancelled, and my page went on saying that I was next." "Refused or timed out: the same page.\""""
    li = await house.therapist()
    closed, missed, leaves = [await house.patient(name) for name in ("Ana", "Ben", "Cleo")]
    await order(li, "Ana", "Ben", "Cleo")
    await act(li, "Ana", "Close this visit")
    await headline(closed, "The clinic has cancelled this visit")
    await expect(closed.page.get_by_role("link", name=re.compile(r"^Call \("))).to_be_visible()
    await act(li, "Ben", "Mark as no-show")
    await headline(missed, "We missed you")
    await at_place(leaves, 1)
    await leaves.page.get_by_text("Leave the waiting room").click()
    await leaves.page.get_by_role("button", name="Yes, leave").click()
    await headline(leaves, "You left the waiting room")
    await order(li)
    for person in (closed, missed, leaves):
        await expect(person.page.get_by_role("link", name=re.compile("Start a new visit|Join again"))).to_be_visible()
        said = await person.page.locator("#visit h1:visible").inner_text()
        await person.page.reload()
        await headline(person, said)


async def test_a_long_wait_does_not_expire(house: House) -> None:
    """ "I waited so long that I was signed out, and with that I had lost my place.\""""
    li = await house.therapist()
    ana = await house.patient("Ana")
    await order(li, "Ana")
    back = f"strftime('%Y-%m-%d %H:%M:%f', {{}}, '-{DAY} seconds') || '000'"
    for table, columns in (("visit", ("created_at", "arrived_at")), ("web_session", ("created_at", "expires_at"))):
        only = "" if table == "visit" else " WHERE realm = 'visit'"
        change(house.app, f"UPDATE {table} SET " + ", ".join(f"{one} = {back.format(one)}" for one in columns) + only)
    change(
        house.app,
        "UPDATE visit SET version = version + 1, changed_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE state = 'waiting'",
    )
    await expect(row(li, "Ana").locator('[data-cell="since"]')).to_contain_text("1440")
    await expect(ana.page.locator("#visit")).to_have_attribute("data-socket", "open")
    await ana.page.reload()
    await at_place(ana, 1)
    await expect(row(li, "Ana").locator('[data-cell="away"]')).to_be_hidden()


async def test_how_long_it_takes_is_told_and_why_it_is_longer(house: House) -> None:
    """ "No idea how long": a walk-in reads a place and a range, a booked patient how late the therapist is; and a number
    that gets worse says why."""
    li = await house.therapist()
    ana = await house.patient("Ana")
    ben = await house.patient("Ben")
    words, wait = "[data-place-words]", "[data-wait-words]"
    await expect(ana.page.locator(words)).to_have_text("You are next")
    await expect(ana.page.locator(wait)).to_have_text("Expected wait: less than 2 minutes")
    await expect(ben.page.locator(words)).to_have_text("You are number 2 in line")
    await expect(ben.page.locator(wait)).to_have_text(re.compile(r"^Expected wait: about \d+ to \d+ minutes$"))

    await row(li, "Ben").get_by_role("link", name="More about Ben").click()
    await li.page.get_by_label("Why").fill("worse pain since this morning")
    await li.page.get_by_role("dialog").get_by_role("button", name="Put first").click()
    await order(li, "Ben", "Ana")
    await expect(ben.page.locator(words)).to_have_text("You are next")
    await expect(ana.page.locator(words)).to_have_text("You are number 2 in line")
    await expect(ana.page.locator("[data-why-words]")).to_have_text(
        "Why longer: someone who needed help urgently was put before you."
    )

    # the slot is written as booking leaves it: ten minutes ago, with Dr. Li
    [booked] = query(house.app, "SELECT id FROM visit WHERE state = 'waiting' ORDER BY arrived_at LIMIT 1")
    slot = "UPDATE visit SET due_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '-10 minutes') || '000', for_staff = (SELECT id FROM staff WHERE username = 'li'), version = version + 1, changed_at = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000' WHERE id = ?"
    change(house.app, slot, booked["id"])
    await expect(ana.page.locator(words)).to_have_text(re.compile(r"^Dr\. Mei Li is running about \d+ minutes late$"))
    said = await ana.page.locator(words).inner_text()
    assert int(re.findall(r"\d+", said)[0]) in (25, 30, 35), "ten minutes already, and one usual visit first"


async def notes(person: Person) -> int:
    return int(await person.page.evaluate("window.notes"))


async def rung(person: Person) -> int:
    return int(await desk(person).get_attribute("data-rung") or "0")


async def test_the_therapist_hears_everybody_until_it_is_seen(house: House) -> None:
    """ "It rings once, and I was in the kitchen." "Only for the first one." "Not while I look at another tab.\""""
    li = await house.therapist()
    await li.page.get_by_role("button", name="Try the sound").click()  # a press, as browsers want before any sound
    await until(lambda: notes(li), what="the tone that was tried")
    before, heard = await rung(li), await notes(li)
    ana = await house.patient("Ana")
    ringing = li.page.locator("[data-ringing]")
    await expect(ringing).to_contain_text("Ana Pereira is waiting for you")
    await expect(ana.page.locator("[data-know-words]")).to_have_text("A therapist has been told that you are here.")
    await expect(li.page).to_have_title(re.compile(r"^🔔 \(1\) "))
    await until(lambda: again(li, before + 2), seconds=20, what="it rings again")
    assert await notes(li) >= heard + 4, "two notes each time, given to the loudspeaker"
    assert int(await desk(li).get_attribute("data-noticed") or "0") >= 1, "and a desktop notification"

    await li.page.get_by_role("button", name="Seen").click()
    await expect(ringing).to_be_hidden()
    await expect(ana.page.locator("[data-know-words]")).to_have_text("A therapist has seen that you are here.")
    await expect(li.page).to_have_title(re.compile(r"^\(1\) "))
    before, noticed = await rung(li), int(await desk(li).get_attribute("data-noticed") or "0")

    other = await li.new_page()  # another tab in front, and the desk in the background
    await other.goto(f"{house.app.url}/")
    await other.bring_to_front()
    await house.patient("Ben")
    await until(lambda: again(li, before + 1), seconds=20, what="it rings for the second one, too")
    assert int(await desk(li).get_attribute("data-noticed") or "0") > noticed
    await other.close()
    await expect(ringing).to_contain_text("Ben Pereira is waiting for you")
    await admit(li, "Ben")
    await expect(ringing).to_be_hidden()
    await end_visit(li)


async def again(person: Person, number: int) -> bool:
    return await rung(person) >= number


async def test_nobody_answers_and_it_goes_further(house: House) -> None:
    """ "She did not hear it, and nobody else knew that I was there." Sound, mail, the others on duty, the wall; and the
    patient is told."""
    li = await house.therapist()
    okafor = await house.therapist("okafor")
    admin = await house.crew("admin")
    await sign_in(admin, house.app.url, "admin", "admin")
    ana = await house.patient("Ana")
    await row(li, "Ana").get_by_role("link", name="More about Ana").click()
    await li.page.get_by_label("Waits for").select_option(label="Dr. Mei Li (you)")
    await li.page.get_by_role("dialog").get_by_role("button", name="Change", exact=True).click()
    await expect(queue_rows(okafor)).to_have_count(0)
    know = ana.page.locator("[data-know-words]")
    await expect(know).to_have_text("Your therapist has been told that you are here.")
    await expect(know).to_have_text("Your therapist has been told that you are here. We have told others, too.")
    offered = okafor.page.locator('[data-group="offered"]')
    await expect(offered).to_contain_text("Ana Pereira")
    await expect(offered).to_contain_text("Dr. Mei Li does not answer")
    await expect(okafor.page.locator("[data-ringing]")).to_be_visible()
    await expect(admin.page.locator('[data-list="alarms"]')).to_contain_text("Ana")
    mail = await admin.new_page()
    await mail.goto(f"{house.app.url}/mail")
    await expect(mail.locator("main")).to_contain_text("li@example.ca")
    await expect(mail.locator("main")).to_contain_text("A patient is waiting for you")
    assert "Pereira" not in await mail.locator("main").inner_text()
    await mail.close()
    await admit(okafor)
    await sees(ana.page, REMOTE, "green")
    await end_visit(okafor)
