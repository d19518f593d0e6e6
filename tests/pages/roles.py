"""What the three kinds of people do on their pages, in the words of the domain, through the pages' own controls."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Page, expect

from server.seed import DEMO_PASSWORD
from tests.rig.browsers import Person


@dataclass(frozen=True)
class Words:
    """The labels that the steps below look for, in one language."""

    join: str = "Join now"
    ready: str = "I'm ready"


async def sign_in(person: Person, url: str, realm: str, username: str) -> None:
    page = person.page
    await page.goto(f"{url}/{realm}")
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password").fill(DEMO_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{url}/{realm}")


async def go_on_duty(person: Person) -> None:
    if await person.page.locator("#desk").get_attribute("data-on-duty") != "yes":
        await person.page.get_by_role("button", name="Go on duty").click()
    await expect(person.page.locator("#desk")).to_have_attribute("data-on-duty", "yes")


async def fill_join(page: Page, *, name: str = "Ana Pereira", reason: str = "My shoulder hurts when I dress") -> None:
    """The walk-in form, complete but for what a test changes."""
    await page.get_by_label("Your full name").fill(name)
    for part, value in (("Day", "27"), ("Month", "3"), ("Year", "1961")):
        await page.get_by_label(part, exact=True).fill(value)
    await page.locator("[name=reason]").fill(reason)
    await page.get_by_label("Street and number").fill("12 Alder Street")
    await page.get_by_label("City or town").fill("Toronto")
    await page.locator("[name=province]").select_option("CA-ON")
    await page.get_by_label("Phone number to call you back").fill("416 555 0123")
    await page.locator("[name=emergency_none]").check()
    await page.locator("[name=language][value=en]").check()
    await page.locator("[name=interpreter][value=no]").check()
    await page.locator("[name=consent]").check()


async def join(person: Person, url: str, *, name: str = "Ana Pereira") -> str:
    """From the home page to the visit's address, which it gives."""
    page = person.page
    await page.goto(url)
    await page.get_by_role("link", name="Join now").click()
    await fill_join(page, name=name)
    await page.locator("form[action='/join'] button[type=submit]").click()
    await page.wait_for_url(re.compile(r"/v/[\w-]{22}$"))
    return page.url


async def get_ready(person: Person) -> None:
    """Camera and microphone are on; "I'm ready"; the page waits."""
    page = person.page
    root = page.locator("#visit")
    await expect(root).to_have_attribute("data-camera", "on")
    await page.get_by_role("button", name="I’m ready").click()
    await expect(root).to_have_attribute("data-view", "waiting")
