"""A third person in the call: comes by a link, sees and hears both, and neither coming nor going touches the two."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.conftest import RunApp
from tests.pages.call import Visit, attached, end_visit, in_call, is_over, open_relay_calls, query
from tests.pages.keys import Keys
from tests.rig.browsers import Crew, Person
from tests.rig.senses import hears, screenshot, sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("beside the call", 2)]
GUEST = ".guest-tile[data-role=guest] video"
THE_PATIENT, THE_THERAPIST = ".guest-tile[data-role=patient] video", ".guest-tile[data-role=therapist] video"


async def invite(visit: Visit, kind: str = "Interpreter") -> str:
    """The therapist makes a link through the call's own controls; the dialog stays open."""
    page = visit.therapist.page
    await page.get_by_role("group", name="Controls of the call").get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Invite someone").click()
    dialog = page.get_by_role("dialog", name="Others in this call")
    await dialog.get_by_label(kind).check()
    await dialog.get_by_role("button", name="Make a link").click()
    return await dialog.get_by_label("Link").input_value()


async def close_dialog(visit: Visit) -> None:
    dialog = visit.therapist.page.get_by_role("dialog", name="Others in this call")
    await dialog.get_by_role("button", name="Close").click()


async def comes(people: Crew, address: str, name: str = "ivo", colour: str = "green") -> Person:
    guest = await people(name, colour=colour, tone=440)
    await guest.page.goto(address)
    await guest.page.get_by_role("button", name="Join with camera").click()
    return guest


async def comes_by_keyboard(people: Crew, address: str) -> Person:
    guest = await people("ivo", colour="green", tone=440)
    await guest.page.goto(address)
    await guest.page.bring_to_front()
    keys = Keys(guest)
    await keys.to('[data-action="join"]')
    await keys.press("Enter")
    return guest


async def sees_both(guest: Page) -> None:
    await sees(guest, THE_PATIENT, "blue")
    await sees(guest, THE_THERAPIST, "red")


async def test_an_interpreter_comes_and_goes(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    before = open_relay_calls(app)
    address = await invite(visit)
    await screenshot(visit.therapist, "guests-dialog")
    await close_dialog(visit)
    await visit.watch()
    ivo = await comes_by_keyboard(people, address)
    await sees_both(ivo.page)
    await hears(ivo.page, THE_PATIENT, 660)
    await hears(ivo.page, THE_THERAPIST, 440)
    for page in visit.both:
        await sees(page, GUEST, "green")
        await hears(page, GUEST, 440)
        await expect(page.locator("[data-guest-name]")).to_have_text("Interpreter")
    await screenshot(ivo, "guest-call")
    for person in (visit.patient, visit.therapist):
        await screenshot(person, "call-with-guest")
    await visit.both_see()
    assert len(open_relay_calls(app)) == 3
    keys = Keys(ivo)
    await keys.to('[data-action="mute"]')
    await keys.press("Enter")
    await expect(visit.patient.page.locator("[data-guest-state]")).to_have_text("muted")

    # a reload comes back by itself, still muted; the two notice nothing of it
    await ivo.page.reload()
    await sees_both(ivo.page)
    await sees(visit.patient.page, GUEST, "green")
    await expect(visit.patient.page.locator("[data-guest-state]")).to_have_text("muted")

    # leaves, and comes back by the same link
    await keys.to('[data-action="leave"]')
    await keys.press("Enter")
    await expect(visit.patient.page.locator(".guest-tile")).to_have_count(0)
    await until(lambda: open_relay_calls(app) == before, what="only the two's relay call stands")
    await keys.to('[data-action="return"]')
    await keys.press("Enter")
    await sees_both(ivo.page)

    # the therapist ends their part
    page = visit.therapist.page
    await page.get_by_role("group", name="Controls of the call").get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Invite someone").click()
    await page.get_by_role("button", name="End their part").click()
    await expect(ivo.page.get_by_role("heading", name="This invitation is over")).to_be_visible()
    await close_dialog(visit)
    await expect(visit.patient.page.locator(".guest-tile")).to_have_count(0)
    await until(lambda: open_relay_calls(app) == before, what="nothing of the guest is relayed")
    await visit.both_see()
    await visit.assert_steady()
    await ivo.page.goto(address)
    await expect(ivo.page.get_by_role("heading", name="This invitation is over")).to_be_visible()
    events = [
        row["event"] for row in query(app, "SELECT event FROM visit_event WHERE event LIKE 'guest%' ORDER BY seq")
    ]
    assert events[0] == "guest_invited"
    assert events[-1] == "guest_ended"
    assert set(events) == {"guest_invited", "guest_joined", "guest_left", "guest_ended"}
    await end_visit(visit.therapist)
    await is_over(visit)


@pytest.mark.long
async def test_a_guest_is_there_only_while_the_visit_is(run_app: RunApp, people: Crew) -> None:
    """And the page behind the link names nobody but the therapist."""
    app = await run_app()
    visit = await in_call(people, app)
    address = await invite(visit, "Family or carer")
    await close_dialog(visit)
    cleo = await people("cleo", colour="green", tone=440)
    await cleo.page.goto(address)
    words = await cleo.page.locator("body").inner_text()
    assert "family or carer" in words
    assert "Ana" not in words
    assert "Pereira" not in words
    await cleo.page.get_by_role("button", name="Join with sound only").click()
    await attached(cleo, "#guest")
    await sees_both(cleo.page)
    await end_visit(visit.therapist)
    await expect(cleo.page.get_by_role("heading", name="This invitation is over")).to_be_visible()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_four_at_once_with_small_pictures(run_app: RunApp, people: Crew) -> None:
    """A trial: each of the four sends three pictures of a third of the height."""

    async def watched(person: Person) -> None:
        await person.context.add_init_script(LINKS)

    people.prepare = watched
    app = await run_app()
    visit = await in_call(people, app)
    addresses = []
    for kind in ("Interpreter", "Second therapist"):
        addresses.append(await invite(visit, kind))
        await close_dialog(visit)
    ivo, cleo = [await comes(people, address, name) for address, name in zip(addresses, ("ivo", "cleo"), strict=True)]
    for guest in (ivo, cleo):
        await sees_both(guest.page)
        await sees(guest.page, GUEST, "green")
    for page in visit.both:
        await expect(page.locator(".guest-tile[data-media-state=connected]")).to_have_count(2)
        await sees(page, ".guest-tile:nth-child(1) video", "green")
        await sees(page, ".guest-tile:nth-child(2) video", "green")
    await visit.both_see()
    assert len(open_relay_calls(app)) == 6
    for person in (visit.patient, visit.therapist, ivo, cleo):
        await sends_small(person)


async def sends_small(person: Person) -> None:
    what = f"{person.name} sends three small pictures"
    await until(lambda: person.page.evaluate(SMALL), seconds=20, what=what)


LINKS = """{
  const Real = RTCPeerConnection;
  globalThis.links = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) { super(...args); globalThis.links.push(this); }
  };
}"""
#: Whether each of the three connections sends a picture of at most 80 lines (the camera has 240).
SMALL = """async () => {
  const heights = [];
  for (const link of globalThis.links.filter((one) => one.connectionState === "connected")) {
    for (const one of (await link.getStats()).values()) {
      if (one.type === "outbound-rtp" && one.kind === "video" && one.frameHeight) heights.push(one.frameHeight);
    }
  }
  return heights.length === 3 && heights.every((height) => height <= 80);
}"""
