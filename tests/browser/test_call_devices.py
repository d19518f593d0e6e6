"""Devices in mid-call: one is unplugged, another is chosen, a permission goes, a phone call takes both."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.conftest import RunApp
from tests.pages.call import REMOTE, Visit, admit, arrive, attached, control, on_duty, open_relay_calls, visit_page
from tests.pages.roles import get_ready, join
from tests.rig.browsers import PHONE, Crew, Person
from tests.rig.senses import axe, frames_grow, hears, screenshot, sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("devices in the call", 2)]

RIG = Path(__file__).parents[1] / "rig" / "devices.js"
LINE = "[data-device-line]"


async def with_rig(person: Person) -> None:
    await person.context.add_init_script(path=RIG)


async def used(page: Page, kind: str) -> str:
    return str(await page.evaluate("kind => rig.used(kind)", kind))


async def test_a_camera_is_chosen_one_is_unplugged_and_the_phone_rings(run_app: RunApp, people: Crew) -> None:
    """Unplugging is played, for fake devices cannot be taken out; so is an iPhone's call: there the tracks say "live" and are
    dead, also afterwards (tests/rig/devices.js). No Safari runs here."""
    app = await run_app()
    people.prepare = with_rig
    li = await on_duty(people, app)
    ana, _ = await arrive(people, app, devices="several")
    page = ana.page
    await admit(li)
    await frames_grow(li.page, REMOTE)
    first = await used(page, "video")

    await control(ana, "More")
    chooser = page.get_by_label("Camera", exact=True)
    await expect(chooser).to_have_value(first)
    names = await chooser.locator("option").all_text_contents()
    assert len(set(names)) == 3, "each camera by its name"
    await screenshot(ana, "more-phone", full=False)
    await chooser.select_option(index=2)
    await until(lambda: used_is_not(page, first), what="the other camera")
    second = await used(page, "video")
    await page.keyboard.press("Escape")
    await frames_grow(li.page, REMOTE)

    turn = page.get_by_role("button", name="Turn the camera round")
    await control(ana, "More")
    await expect(chooser).to_have_value(second)
    await expect(turn).to_be_hidden()  # a desk has no back
    await page.keyboard.press("Escape")
    await touch(page)
    await control(ana, "More")
    await turn.click()
    await until(lambda: used_is_not(page, second), what="the camera after this one, which is the first")
    assert await used(page, "video") == first
    await frames_grow(li.page, REMOTE)
    await control(ana, "More")
    await chooser.select_option(second)
    await until(lambda: used_is_not(page, first), what="the other camera again")
    await page.keyboard.press("Escape")

    await page.reload()  # the choice is the tab's
    await attached(ana, "#visit")
    await frames_grow(li.page, REMOTE, seconds=20)
    assert await used(page, "video") == second

    await page.evaluate("id => rig.unplug(id)", second)
    await until(lambda: used_is_not(page, second), what="the next camera")
    await expect(page.locator("[data-notices]")).to_contain_text("Another camera is in use now")
    await frames_grow(li.page, REMOTE)
    await hears(li.page, REMOTE, 660)

    calls = open_relay_calls(app)
    await page.evaluate("rig.phoneRings()")
    await expect(li.page.get_by_text("The patient is on the phone")).to_be_visible()
    await screenshot(li, "on-the-phone", full=False)
    await page.evaluate("rig.hangUp()")
    await sees(li.page, REMOTE, "green")  # Chromium's pattern
    await hears(li.page, REMOTE, 660)
    await expect(li.page.get_by_text("The patient is on the phone")).to_be_hidden()
    await expect(page.locator(LINE)).to_be_hidden()
    assert open_relay_calls(app) == calls, "nothing was negotiated"

    await page.evaluate("rig.unplug('all')")
    await expect(page.locator(LINE)).to_contain_text("nobody sees or hears you")
    await expect(li.page.get_by_text("The patient's camera is off")).to_be_visible()
    await sees(page, REMOTE, "red")  # the call goes on
    await screenshot(ana, "unplugged", full=False)
    await page.evaluate("rig.plugIn()")
    await expect(page.locator(LINE)).to_be_hidden()
    await frames_grow(li.page, REMOTE)
    await hears(li.page, REMOTE, 660)


async def touch(page: Page) -> None:
    """The page is on a phone from now on, as far as it can tell."""
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    await session.send("Emulation.setDeviceMetricsOverride", {**PHONE, "deviceScaleFactor": 1, "mobile": True})


async def used_is_not(page: Page, id_: str) -> bool:
    return await used(page, "video") not in ("", id_)


@pytest.mark.long
async def test_the_right_to_the_camera_goes_in_mid_call(run_app: RunApp, people: Crew) -> None:
    """For real: the permission is taken away, Chromium ends both tracks; it is given again, and one press is enough."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", devices="denied", colour="blue", tone=660, size=PHONE)
    page = ana.page
    rights = ["camera", "microphone"]
    await ana.context.grant_permissions(rights, origin=app.url)
    address = await join(ana, app.url)
    await get_ready(ana)
    await admit(li)
    visit = Visit(app, ana, li, address)
    await visit.both_see()
    await ana.context.clear_permissions()
    await expect(page.locator(LINE)).to_contain_text("nobody sees or hears you")
    await expect(page.locator(LINE)).to_contain_text("left of the address")
    await expect(li.page.locator("[data-peer-muted]")).to_be_visible()
    assert not await axe(page)
    await screenshot(ana, "right-gone", full=False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(LINE)).to_contain_text("did not start")
    await ana.context.grant_permissions(rights, origin=app.url)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(LINE)).to_be_hidden()
    await visit.both_see()
    await visit.both_hear()


@pytest.mark.long
async def test_another_program_holds_the_camera(run_app: RunApp, people: Crew) -> None:
    """Joining works by voice; in the call "Camera on" says what to do, and works once the camera is free."""
    app = await run_app()
    people.prepare = with_rig
    li = await on_duty(people, app)
    ana = await people("ana", colour="blue", tone=660, size=PHONE)
    await ana.context.add_init_script("sessionStorage.getItem('free') || rig.hold('video')")
    page = ana.page
    await join(ana, app.url)
    await expect(page.get_by_text("Another program is using it")).to_be_visible()
    await page.get_by_role("button", name="Join without camera", exact=True).click()
    await expect(visit_page(ana)).to_have_attribute("data-view", "waiting")
    await admit(li)
    await hears(li.page, REMOTE, 660)
    await control(ana, "Camera on")
    await expect(page.locator(LINE)).to_contain_text("The camera did not start.")
    await expect(page.locator(LINE)).to_contain_text("Close other video calls")
    await page.evaluate("rig.free()")
    await page.get_by_role("button", name="Try again").click()
    await sees(li.page, REMOTE, "blue")
    await expect(page.locator(LINE)).to_be_hidden()
    # who went in by voice and turned the camera on comes back with it
    await page.evaluate("sessionStorage.setItem('free', 'yes')")
    await page.reload()
    await expect(visit_page(ana)).to_have_attribute("data-camera", "on")
    await sees(li.page, REMOTE, "blue")


@pytest.mark.long
async def test_sound_that_the_browser_holds_back_comes_with_one_press(run_app: RunApp, people: Crew) -> None:
    """A browser with its own autoplay policy, no camera that would make an exception, and a reload in mid-call."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", devices="none", size=PHONE, autoplay=False)
    page = ana.page
    address = await join(ana, app.url)
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await page.get_by_role("button", name="Join without camera and microphone").click()
    await admit(li)
    await sees(page, REMOTE, "red")
    # The press that the page had is forgotten. Whatever Playwright asks of a page counts as a press: until its player has
    # tried to play, only the other side is looked at.
    state = li.page.locator("[data-call]")
    await page.goto("about:blank")
    await expect(state).not_to_have_attribute("data-media-state", "connected", timeout=30_000)
    await page.goto(address, wait_until="commit")
    await expect(state).to_have_attribute("data-media-state", "connected", timeout=30_000)
    button = page.get_by_role("button", name="Press here to hear and see")
    await expect(button).to_be_visible()
    assert await page.evaluate("document.querySelector('#remote-video').paused")
    await screenshot(ana, "press-to-hear", full=False)
    await button.click()
    await expect(button).to_be_hidden()
    playing = "(video => !video.paused && !video.muted && video.volume === 1)(document.querySelector('#remote-video'))"
    await until(lambda: page.evaluate(playing), what="sound")
    await sees(page, REMOTE, "red")
    await hears(page, REMOTE, 440)


INSIDE_AN_APP = """
  const agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/512.0]";
  Object.defineProperty(navigator, "userAgent", { get: () => agent });
  Object.defineProperty(navigator, "mediaDevices", { get: () => undefined });
"""


async def test_a_link_opened_inside_another_app(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    await on_duty(people, app)
    ana = await people("ana", devices="none", size=PHONE)
    page = ana.page
    await ana.context.add_init_script(INSIDE_AN_APP)
    await ana.context.grant_permissions(["clipboard-read", "clipboard-write"])
    address = await join(ana, app.url)
    await expect(page.get_by_role("heading", name="Open this page in your browser")).to_be_visible()
    await expect(page.get_by_text("Copy the link, open Safari, and paste it at the top.")).to_be_visible()
    await expect(page.get_by_text("open Chrome")).to_be_hidden()
    await page.get_by_role("button", name="Copy the link").click()
    await expect(page.get_by_text("The link is copied.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    assert not await axe(page)
    await screenshot(ana, "in-app")
    # and who stays here still comes in
    await page.get_by_role("button", name="Join without camera and microphone").click()
    await expect(visit_page(ana)).to_have_attribute("data-view", "waiting")
