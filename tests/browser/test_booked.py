"""A booking by phone, in real browsers: the front desk's form, the link, the booked patient's page, the waiting room."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.conftest import RunApp
from tests.pages.roles import sign_in
from tests.rig.browsers import Crew

pytestmark = [pytest.mark.browser, pytest.mark.sample("dashboards", 3)]


async def test_booked_by_phone_and_come_on_the_day(run_app: RunApp, people: Crew) -> None:
    # a slot is never more than an hour away: the page takes the patient in at once
    app = await run_app(clinic_hours="mon-sun 00:00-23:30", demo_day=1)
    rosa = await people("rosa")
    await sign_in(rosa, app.url, "admin", "reception")
    page = rosa.page
    await page.goto(f"{app.url}/admin/appointments")
    await expect(page.locator(".day-row").first).to_be_visible()  # the seeded day

    await page.get_by_role("link", name="Book an appointment").click()
    await page.locator("[name=name]").fill("Clara Nguyen")
    await expect(page.locator("[data-module-started=slot-chooser]")).to_be_visible()
    before = await page.locator("[name=slot]").first.get_attribute("value")
    await page.locator("#day").fill(await page.locator("#day").get_attribute("max") or "")
    await expect(page.locator("[name=slot]").first).not_to_have_attribute("value", before or "")
    await expect(page.locator("[name=name]")).to_have_value("Clara Nguyen")  # other times, without loading the page
    await page.get_by_role("link", name="All appointments").click()
    await page.get_by_role("link", name="Book an appointment").click()
    await page.locator("[name=name]").fill("Clara Nguyen")
    await page.locator("#who").select_option(label="Dr. Mei Li (physiotherapist)")
    await expect(page.locator("[data-slots]")).not_to_have_attribute("aria-busy", "true")
    for name, value in {
        "dob_day": "27", "dob_month": "3", "dob_year": "1961", "phone": "416 555 0177", "email": "clara@example.ca",
        "reason": "Pain in my knee",
    }.items():  # fmt: skip
        await page.locator(f"[name={name}]").fill(value)
    await page.locator("[name=slot]").first.check(force=True)
    await page.locator("[name=reason]").press("Tab")
    await page.locator("[name=name]").press("Enter")  # books; it does not only show other times
    link = page.locator("[data-visit-link]")
    await expect(link).to_have_value(re.compile(r"/v/[\w-]{22}$"))
    address = await link.input_value()
    await page.reload()
    await expect(link).to_have_count(0)

    ana = await people("ana")
    mobile = ana.page
    await mobile.goto(f"{app.url}/mail")
    await expect(mobile.locator("[data-mail]").first).to_contain_text(address)
    await mobile.goto(address)
    for part, value in (("day", "27"), ("month", "3"), ("year", "1961")):
        await mobile.locator(f"[name=dob_{part}]").fill(value)
    await mobile.keyboard.press("Enter")
    await expect(mobile.locator("#booked")).to_have_attribute("data-when", re.compile("open|late"))
    await expect(mobile.locator(".whose")).to_contain_text("Clara Nguyen")
    await expect(mobile.locator(".whose")).to_contain_text("Dr. Mei Li")
    await mobile.locator("[name=street]").fill("12 Alder Street")
    await mobile.locator("[name=city]").fill("Toronto")
    await mobile.locator("[name=emergency_none]").check()
    await mobile.locator("[name=consent]").check()
    await mobile.get_by_role("button", name="Go on to the camera check").click()
    root = mobile.locator("#visit")
    await expect(root).to_have_attribute("data-view", "checking")
    await expect(mobile.locator(".whose")).to_contain_text("Clara Nguyen")
    await expect(root).to_have_attribute("data-camera", "on")
    await mobile.locator("[data-ready-button]").click()
    await expect(root).to_have_attribute("data-view", "waiting")
    await mobile.reload()
    await expect(root).to_have_attribute("data-view", "waiting")  # the place is kept

    await page.goto(f"{app.url}/admin/appointments")
    row = page.locator(".day-row", has_text="Clara Nguyen")
    if await row.count():  # tomorrow's page, shortly before midnight
        await expect(row).to_contain_text("in the waiting room")
