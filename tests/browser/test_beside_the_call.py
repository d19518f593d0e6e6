"""What goes on beside the call: the chat, the way by phone, sound only; and the indicator on a network that loses packets."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.conftest import RunApp
from tests.pages.call import (
    REMOTE,
    SERVER_AWAY,
    Visit,
    attached,
    control,
    end_visit,
    in_call,
    is_over,
    query,
)
from tests.rig.browsers import Crew, Person
from tests.rig.senses import axe, frames_grow, screenshot
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("beside the call", 2)]


class Wire:
    """A page's WebSocket, to be cut."""

    def __init__(self) -> None:
        self.cut = False
        self.open: list[WebSocketRoute] = []

    async def lay(self, person: Person, url: str) -> None:
        await person.context.route_web_socket(re.compile(url), self._opened)

    async def _opened(self, route: WebSocketRoute) -> None:
        if self.cut:
            return await route.close(code=1001)
        route.connect_to_server()
        self.open.append(route)

    async def break_(self) -> None:
        self.cut = True
        for route in self.open:
            await route.close(code=1001)
        self.open.clear()

    def mend(self) -> None:
        self.cut = False


def lines(page: Page) -> Locator:
    return page.locator("[data-chat-lines] li")


async def write(person: Person, text: str) -> None:
    await person.page.get_by_label("Your message").fill(text)
    await person.page.keyboard.press("Enter")


#: remembers the page's peer connections
LINKS = """
globalThis.links = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) { super(...options); globalThis.links.push(this); }
};"""
PICTURES_SENT = """async () => {
  let packets = 0;
  for (const link of links) for (const one of (await link.getStats()).values())
    if (one.type === "outbound-rtp" && one.kind === "video") packets += one.packetsSent;
  return packets;
}"""


async def assert_good(person: Person, name: str) -> None:
    await screenshot(person, name, full=False)
    assert await axe(person.page) == []


async def test_chat_phone_and_sound_only_in_one_visit(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    wire = Wire()

    async def wired(person: Person) -> None:
        await person.context.add_init_script(LINKS)
        if person.name == "li":
            await wire.lay(person, r"/desk/live$")

    people.prepare = wired
    visit = await in_call(people, app)
    ana, li = visit.patient, visit.therapist
    li.expect_problem(SERVER_AWAY)

    # the patient writes; the therapist's panel is closed: a line over the picture, and a number on the button
    await control(ana, "Chat")
    await expect(ana.page.get_by_label("Your message")).to_be_focused()
    await ana.page.keyboard.type("I cannot hear you")
    await ana.page.keyboard.press("Shift+Enter")
    await ana.page.keyboard.type("<b>at all</b>")
    await ana.page.keyboard.press("Enter")
    await expect(lines(ana.page)).to_have_attribute("data-chat-state", "stored")
    toast = li.page.locator("[data-chat-toast]")
    await expect(toast).to_contain_text("I cannot hear you")
    await expect(li.page.locator("[data-spoken][role=status]")).to_contain_text("I cannot hear you")
    await screenshot(li, "chat-toast-1280", full=False)
    await control(li, "Chat 1 new")
    await expect(toast).to_be_hidden()
    assert await lines(li.page).locator(".chat-text").inner_text() == "I cannot hear you\n<b>at all</b>"
    await expect(li.page.locator("[data-chat-count]")).to_be_hidden()
    await write(li, "One moment, please")
    await expect(lines(ana.page)).to_have_count(2)
    await expect(lines(ana.page).last).to_have_attribute("data-chat-side", "other")
    await assert_good(ana, "chat-390")

    # the therapist's socket is away: what the patient writes now arrives when it is back, and so does her own
    await wire.break_()
    await expect(li.page.locator("#desk")).not_to_have_attribute("data-socket", "open")
    await write(ana, "Are you there?")
    await expect(lines(ana.page).nth(2)).to_have_attribute("data-chat-state", "stored")
    await write(li, "Yes")
    await expect(lines(li.page).last).to_have_attribute("data-chat-state", "sending")
    wire.mend()
    await attached(li, "#desk")
    for page in visit.both:
        await expect(lines(page)).to_have_count(4)
    assert await lines(li.page).evaluate_all("items => items.map(one => one.dataset.chatSide)") == [
        "other", "own", "other", "own",
    ]  # fmt: skip
    assert len(query(app, "SELECT * FROM chat_message")) == 4
    await frames_grow(li.page, REMOTE)

    # a reload shows the whole of it
    await ana.page.reload()
    await visit.both_see()
    await control(ana, "Chat")
    await expect(lines(ana.page)).to_have_count(4)
    await ana.page.keyboard.press("Escape")
    await expect(ana.page.get_by_role("button", name="Chat", exact=True)).to_be_focused()

    # sound only, asked for by the patient: no picture goes out on either side, the voices stay
    await control(ana, "More")
    await ana.page.get_by_role("button", name="Sound only").click()
    await expect(li.page.get_by_text("The patient has asked for sound only.")).to_be_visible()
    await until(lambda: still(visit), seconds=15, what="no picture goes out")
    await visit.both_hear()
    await assert_good(ana, "sound-only-390")
    await ana.page.get_by_role("button", name="Show the pictures again").first.click()
    await visit.both_see()

    # by phone
    await control(li, "More")
    await li.page.get_by_role("button", name="Continue by phone").click()
    await li.page.get_by_role("dialog").get_by_role("button", name="Continue by phone").click()
    await expect(ana.page.locator("[data-phone]")).to_contain_text("The number ends in 0123")
    number = li.page.locator("[data-phone] a")
    await expect(number).to_have_attribute("href", "tel:+14165550123")
    assert await ana.page.evaluate(
        "Array.from(document.querySelector('#self-video').srcObject.getTracks(), t => t.enabled)"
    ) == [False, False]
    await screenshot(ana, "by-phone-390", full=False)
    await assert_good(li, "by-phone-1280")
    await expect(li.page.locator('#note input[name="A1"][value="phone_fallback"]')).to_be_checked()
    assert visit.row()["phone_fallback"] == 1
    await ana.page.get_by_role("button", name="Back to video").click()
    await visit.both_see()
    await visit.both_hear()
    assert visit.row()["lost_since"] is None

    # after the end it stands beside the note, also in a page that is loaded then
    await end_visit(li)
    await is_over(visit)
    for _ in range(2):
        await li.page.get_by_text("What you wrote to each other").click()
        await expect(li.page.locator("[data-conversation] li")).to_have_count(4)
        await screenshot(li, "conversation-1280", full=False)
        await li.page.reload()
    assert await axe(li.page) == []
    await expect(ana.page.get_by_text("cannot hear you")).to_have_count(0)


async def still(visit: Visit) -> bool:
    """Nobody's page sends a picture: no packet of it within half a second."""
    before = [await page.evaluate(PICTURES_SENT) for page in visit.both]
    await visit.patient.page.wait_for_timeout(500)
    return before == [await page.evaluate(PICTURES_SENT) for page in visit.both]
