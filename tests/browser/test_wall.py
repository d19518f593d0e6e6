"""The office at its wall: it sees everything by itself, acts by keyboard, follows one visit, looks back at a month."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Page, expect

from server.seed import DEMO_PASSWORD
from tests.conftest import RunApp
from tests.pages.roles import sign_in
from tests.pages.visitors import WALK_IN, Visitor
from tests.rig.browsers import PHONE, Crew
from tests.rig.senses import axe

pytestmark = [pytest.mark.browser, pytest.mark.sample("dashboards", 3)]


async def comes(visitor: Visitor, name: str) -> str:
    """Through the form into the waiting room, over HTTP; the visit's path."""
    path = (await visitor.post("/join", WALK_IN | {"name": name})).location
    assert (await visitor.post(f"{path}/ready", {"devices": "both"})).status == 303
    return path


async def chooses(page: Page, name: str, act: str) -> None:
    """Opens the dialog of a row and goes to a control of it, by keyboard."""
    await page.get_by_role("button", name=f"Act on {name}").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-acts-title]")).to_have_text(name)
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.locator(f"[data-act={act}] :focus, details:has([data-act={act}]) > summary:focus").count():
            return
    raise AssertionError(f"the keyboard does not reach {act}")


async def test_the_office_sees_and_acts(run_app: RunApp, people: Crew) -> None:
    app = await run_app(demo_month=1)
    async with AsyncExitStack() as stack:
        li, ana, ben = (Visitor(f"{app.url}/") for _ in range(3))
        for one in (li, ana, ben):
            stack.push_async_callback(one.close)
        await li.post("/desk/sign-in", {"username": "li", "password": DEMO_PASSWORD})
        await li.post("/desk/duty", {"on": "yes"})
        priya = await people("priya")
        page = priya.page
        await sign_in(priya, app.url, "admin", "admin")
        await expect(page.locator("#wall")).to_have_attribute("data-socket", "open")

        await comes(ana, "Ana Pereira")
        await comes(ben, "Benoît Roy")
        rows = page.locator('[data-list="waiting"] [data-row]')
        await expect(rows).to_have_count(2, timeout=3000)  # by itself
        await expect(rows.nth(1)).to_contain_text("Place 2")
        ids = [await rows.nth(n).get_attribute("data-row") for n in range(2)]

        # put first, by keyboard; the server's own words when it will not have it
        await chooses(page, "Benoît Roy", "admin_first")
        priya.expect_problem("409|422|400")
        await page.keyboard.type("    ")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-acts-error]")).to_be_visible()
        await page.keyboard.type("In great pain")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-acts-dialog]")).to_be_hidden()
        await expect(page.get_by_role("button", name="Act on Benoît Roy")).to_be_focused()
        await expect(rows.nth(1)).to_contain_text("first", timeout=3000)
        await expect(rows.nth(1)).to_contain_text("Place 1")

        # a message, and axe on the open dialog
        await chooses(page, "Ana Pereira", "admin_message")
        await page.keyboard.type("Dr. Li is a few minutes late")
        assert await axe(page) == []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-acts-done]")).to_have_text("Done: Ana Pereira")

        # the visit's own page follows by itself
        await page.goto(f"{app.url}/admin/visits/{ids[1]}")
        lines = page.locator(".timeline [data-event]")
        await expect(lines.filter(has_text="Put first")).to_have_count(1)
        assert (await li.post(f"/desk/visits/{ids[1]}/admission")).status == 303
        await expect(lines.filter(has_text="Admitted")).to_have_count(1, timeout=8000)

        # end the session from the wall
        await page.goto(f"{app.url}/admin")
        sessions = page.locator('[data-list="sessions"] [data-row]')
        await expect(sessions).to_contain_text("Benoît Roy")
        await chooses(page, "Benoît Roy", "admin_end")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(sessions).to_have_count(0, timeout=3000)

        # looking back: every page fits a phone and passes axe, in both schemes
        for path in ("/admin/history", f"/admin/visits/{ids[1]}"):
            await page.goto(f"{app.url}{path}")
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour half way
                assert await axe(page) == [], (path, scheme)
        await page.goto(f"{app.url}/admin/history")
        assert int(await page.locator(".tiles dd").first.inner_text()) > 100
        await page.set_viewport_size(PHONE)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(wide) <= 0
        async with page.expect_download() as found:
            await page.get_by_role("link", name="Download as CSV").last.click()
        assert re.fullmatch(r"history-day-[\d-]+\.csv", (await found.value).suggested_filename)
