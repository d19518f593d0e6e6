"""The main path of each role by the keyboard alone: the focus can always be seen, and no change of the view loses it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import expect

from server.seed import DEMO_PASSWORD
from tests.conftest import RunApp
from tests.pages.call import REMOTE
from tests.pages.keys import Keys
from tests.pages.note import is_saved
from tests.rig.browsers import PHONE, Crew
from tests.rig.senses import sees

pytestmark = pytest.mark.browser


async def test_the_main_path_of_each_role_by_keyboard(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    ana, li, priya = await asyncio.gather(
        people("ana", colour="blue", tone=660, size=PHONE), people("li", colour="red"), people("priya")
    )
    therapist, patient, admin = Keys(li), Keys(ana), Keys(priya)
    await asyncio.gather(begins_work(therapist, app.url), signs_in(admin, app.url, "admin", "admin"))
    await joins(patient, app.url)
    await reads_the_wall(admin)
    await admits(therapist, patient)
    await controls_the_call(therapist, patient)
    await writes_the_note(therapist)
    await ends_the_visit(therapist, patient)


async def signs_in(who: Keys, url: str, realm: str, username: str) -> None:
    await who.page.goto(f"{url}/{realm}")
    await who.write("[name=username]", username)
    await who.write("[name=password]", DEMO_PASSWORD)
    await who.press("Enter")
    await who.page.wait_for_url(f"{url}/{realm}")
    await expect(who.page.locator("#desk, #wall")).to_have_attribute("data-socket", "open")


async def begins_work(therapist: Keys, url: str) -> None:
    await signs_in(therapist, url, "desk", "li")
    await therapist.to("[data-duty] button")
    await therapist.press("Space")
    await expect(therapist.page.locator("#desk")).to_have_attribute("data-on-duty", "yes")
    await therapist.can_see_the_focus("going on duty")


async def joins(patient: Keys, url: str) -> None:
    await patient.page.goto(url)
    await patient.to(".skip-link", most=1)
    await patient.press("Enter")
    await patient.to("[data-join]")
    await patient.press("Enter")
    await patient.page.wait_for_url(f"{url}/join")
    await patient.to("[name=name]")
    await patient.to("a, button", back=True, most=1)
    await patient.write("[name=name]", "Ana Pereira")
    for part, value in (("day", "27"), ("month", "3"), ("year", "1961")):
        await patient.write(f"[name=dob_{part}]", value)
    await patient.write("[name=reason]", "My shoulder hurts")
    await patient.write("[name=street]", "12 Alder Street")
    await patient.write("[name=city]", "Toronto")
    await patient.choose("province", "CA-ON")
    await patient.write("[name=phone]", "416 555 0123")
    await patient.to("[name=emergency_none]")
    await patient.press("Space")
    await patient.choose("language", "en")
    await patient.choose("interpreter", "no")
    await patient.to("[name=consent]")
    await patient.press("Space")
    await patient.to("form[action='/join'] button")
    await patient.press("Enter")
    await patient.page.wait_for_url(re.compile(r"/v/[\w-]{22}$"))
    await expect(patient.page.locator("#visit")).to_have_attribute("data-camera", "on")
    await patient.to("[data-ready-button]")
    await patient.press("Enter")
    await expect(patient.page.locator("#visit")).to_have_attribute("data-view", "waiting")
    await patient.can_see_the_focus("the step into the waiting room")


async def reads_the_wall(admin: Keys) -> None:
    """It shows by itself; the keys reach what it offers, and there is no trap."""
    await expect(admin.page.locator('[data-list="waiting"] [data-row]')).to_contain_text("Ana Pereira")
    await admin.to(".sign-out button")
    await admin.to("[data-module=language] button, form[action='/language'] button")


async def admits(therapist: Keys, patient: Keys) -> None:
    await therapist.to("[data-visit-row] button")
    await therapist.press("Enter")
    await sees(patient.page, REMOTE, "red", seconds=30)
    await sees(therapist.page, REMOTE, "blue")
    await therapist.can_see_the_focus("the admission")
    await patient.can_see_the_focus("the step into the call")


async def controls_the_call(therapist: Keys, patient: Keys) -> None:
    for who, other, key in ((therapist, patient, "Space"), (patient, therapist, "Enter")):
        await who.to("[data-action=mute]")
        await who.press(key)
        await expect(other.page.locator("[data-peer-muted]")).to_be_visible()
        await who.can_see_the_focus("muting")
        await who.press(key)
        await expect(other.page.locator("[data-peer-muted]")).to_be_hidden()
        await who.can_see_the_focus("unmuting")


async def writes_the_note(therapist: Keys) -> None:
    await expect(therapist.page.locator("#note-form")).to_have_attribute("data-module-started", "note")
    await therapist.write("[name=B1]", "Dressing hurts")
    await therapist.to("[name=D1]")
    await therapist.choose("D2", "no")
    await is_saved(therapist.page)
    await therapist.can_see_the_focus("the note was saved")


async def ends_the_visit(therapist: Keys, patient: Keys) -> None:
    await therapist.to("[data-action=ask-end]", back=True, most=200)
    await therapist.press("Enter")
    await expect(therapist.page.get_by_role("dialog")).to_be_visible()
    await therapist.can_see_the_focus("the question before the end")
    await therapist.press("Escape")
    await therapist.can_see_the_focus("Escape")
    assert await therapist.is_at("[data-action=ask-end]"), "the focus goes back to where it was"
    await therapist.press("Enter")
    await therapist.to("dialog .button-danger, dialog [type=submit]", back=True)
    await therapist.press("Enter")
    await expect(visit_page_of(patient)).to_have_attribute("data-view", "over", timeout=20_000)
    await expect(therapist.page.locator("[data-over-part]")).to_be_visible()
    await therapist.can_see_the_focus("the end")
    await patient.can_see_the_focus("the end")


def visit_page_of(patient: Keys) -> Any:
    return patient.page.locator("#visit")
