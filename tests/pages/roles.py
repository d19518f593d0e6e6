"""What the three kinds of people do on their pages, in the words of the domain, through the pages' own controls.

The controls are found by their names, so the steps work in every language.
"""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from server.seed import DEMO_PASSWORD
from tests.rig.browsers import Person


async def sign_in(person: Person, url: str, realm: str, username: str) -> None:
    page = person.page
    await page.goto(f"{url}/{realm}")
    await page.locator("[name=username]").fill(username)
    await page.locator("[name=password]").fill(DEMO_PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{url}/{realm}")


async def go_on_duty(person: Person) -> None:
    # before its script runs the page sends a plain form, and the camera then waits for a press
    await expect(person.page.locator("#desk")).to_have_attribute("data-socket", "open")
    if await person.page.locator("#desk").get_attribute("data-on-duty") != "yes":
        await person.page.locator("form[action='/desk/duty'] [data-duty-side=off] button[value=on]").click()
    await expect(person.page.locator("#desk")).to_have_attribute("data-on-duty", "yes")


async def fill_join(page: Page, *, name: str = "Ana Pereira", reason: str = "My shoulder hurts when I dress") -> None:
    """The walk-in form, complete but for what a test changes."""
    await page.locator("[name=name]").fill(name)
    for part, value in (("day", "27"), ("month", "3"), ("year", "1961")):
        await page.locator(f"[name=dob_{part}]").fill(value)
    await page.locator("[name=reason]").fill(reason)
    await page.locator("[name=street]").fill("12 Alder Street")
    await page.locator("[name=city]").fill("Toronto")
    await page.locator("[name=province]").select_option("CA-ON")
    await page.locator("[name=phone]").fill("416 555 0123")
    await page.locator("[name=emergency_none]").check()
    await page.locator("[name=language][value=en]").check()
    await page.locator("[name=interpreter][value=no]").check()
    await page.locator("[name=consent]").check()


async def join(person: Person, url: str, *, name: str = "Ana Pereira") -> str:
    """From the home page to the visit's address, which it gives."""
    page = person.page
    await page.goto(url)
    await page.locator("[data-join]").click()
    await fill_join(page, name=name)
    await page.locator("form[action='/join'] button[type=submit]").click()
    await page.wait_for_url(re.compile(r"/v/[\w-]{22}$"))
    return page.url


async def get_ready(person: Person) -> None:
    """Camera and microphone are on; "I'm ready"; the page waits."""
    page = person.page
    root = page.locator("#visit")
    await expect(root).to_have_attribute("data-camera", "on")
    await page.locator("[data-ready-button]").click()
    await expect(root).to_have_attribute("data-view", "waiting")
