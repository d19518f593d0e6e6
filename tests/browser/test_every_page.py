"""Every page, in both languages, at two widths, light and dark: axe is clean, nothing sticks out, the language is right.

With SCREENSHOTS set, each is also kept as a picture to look at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from server.seed import DEMO_PASSWORD
from tests.conftest import RunApp
from tests.pages.note import PHYSIOTHERAPY, fill_note, form, is_saved
from tests.pages.roles import fill_join, get_ready, go_on_duty, join, sign_in
from tests.rig.browsers import DESKTOP, PHONE, Crew, Person
from tests.rig.senses import axe, screenshot, sees

pytestmark = pytest.mark.browser
Scheme = Literal["light", "dark"]


class Inspector:
    """Collects what is wrong, so that one run names it all."""

    def __init__(self, lang: str, long: bool) -> None:
        self.lang, self.long = lang, long
        self.found: list[str] = []

    async def __call__(self, person: Person, name: str) -> None:
        page = person.page
        assert await page.locator("html").get_attribute("lang") == f"{self.lang}-CA", name
        await expect(page.locator("h1").first).to_be_attached()
        for size, width in ((PHONE, 390), (DESKTOP, 1280)):
            await page.set_viewport_size(size)
            # where a scrolled page happens to stand, its sticky head covers half of a control: looked at from the top
            await page.evaluate("() => { scrollTo(0, 0); document.querySelector('#note')?.scrollTo(0, 0); }")
            for scheme in self._schemes(width):
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                where = f"{name} {width} {scheme}"
                self.found += [f"{where}: {text}" for text in await axe(page)]
                await screenshot(person, f"{self.lang}-{name}-{width}-{scheme}", full=width == 1280)
            self.found += [f"{name} {width}: {wide}" for wide in await _sticks_out(page)]

    def _schemes(self, width: int) -> Iterable[Scheme]:
        """Colours differ by scheme, places by width: the two languages together look at all four."""
        if self.long:
            return "light", "dark"
        return ("dark",) if (self.lang == "en") == (width == 390) else ("light",)


async def _sticks_out(page: Page) -> list[str]:
    extra: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{extra} px too wide"] if extra > 0 else []


@pytest.mark.sample("every page", 1)
@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.timeout(400)
async def test_every_page(run_app: RunApp, people: Crew, lang: str, long: bool) -> None:
    app = await run_app()
    look = Inspector(lang, long)
    locale = f"{lang}-CA"
    ana = await people("ana", colour="blue", tone=660, locale=locale)
    li = await people("li", colour="red", locale=locale)
    priya = await people("priya", locale=locale)

    await ana.page.goto(app.url)
    await look(ana, "home-closed")
    ana.expect_problem("404|422|429|403")
    await ana.page.goto(f"{app.url}/nowhere")
    await look(ana, "error")
    await ana.page.goto(f"{app.url}/v/AAAAAAAAAAAAAAAAAAAAAA")
    await look(ana, "proof")
    await ana.page.goto(f"{app.url}/design")
    await look(ana, "design")
    await li.page.goto(f"{app.url}/desk/sign-in")
    await look(li, "sign-in")
    await sign_in(li, app.url, "desk", "li")
    await look(li, "desk-off-duty")
    await go_on_duty(li)
    await sign_in(priya, app.url, "admin", "admin")
    await look(priya, "wall-empty")

    await ana.page.goto(app.url)
    await look(ana, "home-open")
    await ana.page.locator("[data-join]").click()
    await look(ana, "join")
    await ana.page.locator("form[action='/join'] button[type=submit]").click()
    await expect(ana.page.locator(".error-summary")).to_be_focused()
    await look(ana, "join-errors")
    await fill_join(ana.page)
    await ana.page.locator("form[action='/join'] button[type=submit]").click()
    await expect(ana.page.locator("#visit")).to_have_attribute("data-camera", "on")
    await look(ana, "checking")
    await get_ready(ana)
    await look(ana, "waiting")
    await expect(li.page.locator("[data-visit-row]")).to_have_count(1)
    await look(li, "desk-queue")
    await look(priya, "wall-waiting")

    await li.page.locator("[data-visit-row] button").click()
    await sees(ana.page, "#remote-video", "red", seconds=30)
    await look(ana, "call")
    await look(li, "desk-visit")
    await look(priya, "wall-session")
    await li.page.locator("[data-action=more]").click()
    await look(li, "desk-more")
    await li.page.locator("[data-action=guests]").click()
    await li.page.locator("[data-guests-place] form button").click()
    link = await li.page.locator("[data-guest-link]").input_value()
    await look(li, "desk-guests")
    await li.page.locator("[data-action=guests-close]").click()
    await priya.page.goto(link)
    await look(priya, "guest")
    await priya.page.locator("[data-action=join-sound]").click()
    await expect(priya.page.locator(".guest-tile")).to_have_count(2)
    await look(priya, "guest-call")
    await expect(ana.page.locator(".guest-tile")).to_have_count(1)
    await look(ana, "call-with-guest")
    await priya.page.locator("[data-action=leave]").click()
    await look(priya, "guest-out")
    await fill_note(li.page, {**PHYSIOTHERAPY, "D4": "yes"})
    await is_saved(li.page)
    await look(li, "note-emergency")
    await fill_note(li.page, {"D4": "no"})
    await is_saved(li.page)
    await li.page.locator("[data-action=ask-end]").click()
    await li.page.locator("[data-end-dialog] form button[type=submit], [data-end-dialog] form button").first.click()
    await expect(ana.page.locator("#visit")).to_have_attribute("data-view", "over", timeout=20_000)
    await look(ana, "ended")
    await priya.page.goto(link)
    await look(priya, "guest-over")
    await look(li, "desk-ended")
    await form(li.page).locator("[value=sign], [data-sign]").first.click()
    await expect(li.page.locator("#note [name=password]")).to_be_visible()
    await look(li, "note-review")
    await li.page.locator("#note [name=password]").fill(DEMO_PASSWORD)
    await li.page.keyboard.press("Enter")
    await expect(li.page.locator("[data-signed]")).to_be_visible()
    await look(li, "note-signed")
    await expect(ana.page.locator(".summary")).to_be_visible(timeout=30_000)
    await look(ana, "summary")

    await join(ana, app.url)
    await get_ready(ana)
    await ana.page.locator("details.leave-line summary").click()
    await ana.page.locator("form[action$='/leave'] button").click()
    await expect(ana.page.locator("#visit")).to_have_attribute("data-view", "over")
    await look(ana, "left")
    assert not look.found, "\n".join(look.found)
