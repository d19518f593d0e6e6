"""What can be done in a call besides talking: a shared screen, the framing guide, a small window, the keys."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.conftest import RunApp
from tests.pages.call import REMOTE, control, in_call, open_relay_calls
from tests.rig.browsers import PHONE, Crew, Person
from tests.rig.senses import axe, hears, screenshot, sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("beside the call", 2)]

ON_ITS_SIDE: ViewportSize = {"width": 844, "height": 390}

#: Parts of the call that are cut off by the window, or lie over each other.
COLLISIONS = """() => {
  const parts = [".call-clock", ".call-link", "[data-self]", ".safety summary", ".call-chip", ".call-line", ".control", ".call-notices p"];
  const seen = parts.flatMap((part) => [...document.querySelectorAll(`[data-call] ${part}`)].filter((one) => one.checkVisibility()));
  const boxes = seen.map((one) => ({ what: one.className + " " + one.textContent.trim().slice(0, 20), one, box: one.getBoundingClientRect() }));
  const cut = boxes.filter(({ box }) => box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1);
  const over = boxes.flatMap((a, at) => boxes.slice(at + 1).filter((b) => !a.one.contains(b.one)
    && Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1
    && Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 1).map((b) => `${a.what} over ${b.what}`));
  return [...cut.map(({ what }) => `cut off: ${what}`), ...over];
}"""
#: what the browser's own "Stop sharing" does to the track
BROWSER_STOPS = """() => {
  const [screen] = document.querySelector("#self-video").srcObject.getVideoTracks();
  screen.stop();
  screen.dispatchEvent(new Event("ended"));
}"""

#: Remembers whether the camera's track is ever switched on.
WATCH_CAMERA = """() => {
  const [camera] = document.querySelector("#self-video").srcObject.getVideoTracks();
  const { get, set } = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "enabled");
  window.cameraWasOn = get.call(camera);
  Object.defineProperty(camera, "enabled", { get: () => get.call(camera), set(on) { window.cameraWasOn ||= on; set.call(camera, on); } });
}"""


async def more(person: Person, name: str, *, exact: bool = False) -> None:
    await control(person, "More")
    await person.page.get_by_role("dialog", name="More for this call").get_by_role("button", name=name, exact=exact).click()


async def test_screen_guide_and_keys(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    ana, li = visit.patient, visit.therapist
    calls = open_relay_calls(app)

    # Chromium's fake screen is green. It takes the camera's place, whole and not mirrored, and words say what it is.
    await more(li, "Share your screen")
    await sees(ana.page, REMOTE, "green")
    await expect(ana.page.get_by_text("Dr. Mei Li shares a screen")).to_be_visible()
    assert await style(ana.page, REMOTE, "object-fit") == "contain"
    assert await style(ana.page, REMOTE, "transform") == "none"
    await expect(li.page.get_by_text("The patient sees your screen.")).to_be_visible()
    await screenshot(li, "sharing-desk", full=False)
    await fits(ana, "sharing-patient")
    await hears(ana.page, REMOTE, 440)
    await li.page.get_by_role("button", name="Stop sharing").click()
    await sees(ana.page, REMOTE, "red")
    await expect(ana.page.get_by_text("shares a screen")).to_be_hidden()
    # again, with the camera off: it stays off all the time, and is off afterwards
    await control(li, "Camera off")
    await li.page.evaluate(WATCH_CAMERA)
    await more(li, "Share your screen")
    await sees(ana.page, REMOTE, "green")
    await li.page.evaluate(BROWSER_STOPS)
    await expect(li.page.locator("[data-share-line]")).to_be_hidden()
    await expect(ana.page.get_by_text("Your therapist's camera is off")).to_be_visible()
    assert not await li.page.evaluate("window.cameraWasOn"), "the camera was sent for a moment"
    await control(li, "Camera on")
    await sees(ana.page, REMOTE, "red")
    assert open_relay_calls(app) == calls, "nothing was negotiated"

    await more(li, "Whole body")
    await expect(
        ana.page.locator("[data-guide-line]").get_by_text("Step back until your feet are in the picture.")
    ).to_be_visible()
    await expect(ana.page.locator("svg[data-guide-of=body]")).to_be_visible()
    await fits(ana, "guide-patient")
    await screenshot(li, "guide-desk", full=False)
    assert not await axe(ana.page)
    await more(li, "Hand", exact=True)
    await expect(ana.page.locator("[data-guide-line]").get_by_text("Hold your hand before the camera")).to_be_visible()
    await li.page.get_by_role("button", name="Take the guide away").click()
    await expect(ana.page.locator("[data-guide-line]")).to_be_hidden()

    await keys(ana, li)


async def fits(person: Person, name: str) -> None:
    """On a phone held upright and on its side: clock and controls are in the window, and nothing lies on another thing."""
    for size in (PHONE, ON_ITS_SIDE):
        await person.page.set_viewport_size(size)
        await screenshot(person, f"{name}-{size['width']}", full=False)
        found = await person.page.evaluate(COLLISIONS)
        assert not found, f"{name}, {size['width']} px: {found}"
    await person.page.set_viewport_size(PHONE)


async def keys(ana: Person, li: Person) -> None:
    muted = ana.page.locator("[data-peer-muted]")
    await li.page.keyboard.press("m")
    await expect(muted).to_be_visible()
    await li.page.keyboard.press("Control+m")
    await li.page.locator("#note [name=B1]").press_sequentially("mmm")  # typing is no command
    await expect(muted).to_be_visible()
    await li.page.locator("#note [name=B1]").evaluate("field => field.blur()")
    await li.page.keyboard.press("m")
    await expect(muted).to_be_hidden()
    await li.page.keyboard.press("o")
    dialog = li.page.get_by_role("dialog", name="More for this call")
    await expect(dialog).to_be_visible()
    await screenshot(li, "more-desk", full=False)
    assert not await axe(li.page)
    await dialog.get_by_label("Single keys control the call").uncheck()
    await dialog.get_by_label("as in a mirror").uncheck()
    assert await style(li.page, "#self-video", "transform") == "none"
    await dialog.get_by_role("button", name="Close").click()
    await li.page.keyboard.press("v")
    await li.page.keyboard.press("m")
    await expect(li.page.locator("[data-self-muted]")).to_be_hidden()
    await li.page.reload()
    await expect(li.page.locator("[data-call]")).to_have_attribute("data-media-state", "connected")
    await expect(li.page.locator("[data-call]")).to_have_attribute("data-mirror", "no")
    await li.page.keyboard.press("m")
    await expect(li.page.locator("[data-self-muted]")).to_be_hidden()
    await control(li, "More")
    await li.page.get_by_role("dialog").get_by_role("button", name="Picture in a small window").click()
    await until(
        lambda: li.page.evaluate("document.pictureInPictureElement?.id === 'remote-video'"), what="the small window"
    )


async def style(page: Page, selector: str, name: str) -> str:
    return str(
        await page.evaluate(
            "([s, n]) => getComputedStyle(document.querySelector(s)).getPropertyValue(n)", [selector, name]
        )
    )
