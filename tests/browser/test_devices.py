"""Joining without a camera, without a microphone, without permission; and a mute that outlives a reload."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.conftest import RunApp
from tests.pages.call import (
    REMOTE,
    Visit,
    admit,
    attached,
    clock,
    control,
    desk,
    in_call,
    on_duty,
    queue_rows,
    visit_page,
)
from tests.pages.roles import join
from tests.rig.browsers import PHONE, Crew
from tests.rig.senses import audio_level, hears, screenshot, sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("devices", 2)]


async def test_nobody_has_a_camera_then_the_patient_only_receives(run_app: RunApp, people: Crew) -> None:
    """Without any device one still joins, sees and hears; the other side is told what it does not see."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", devices="none", size=PHONE)
    address = await join(ana, app.url)
    page = ana.page
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await expect(page.get_by_text("We found no camera or no microphone")).to_be_visible()
    await expect(page.get_by_text("open this page on a phone")).to_be_visible()
    await expect(page.get_by_role("button", name="I’m ready")).to_be_hidden()
    await screenshot(ana, "devices-none")
    await page.get_by_role("button", name="Join without camera and microphone").click()
    await expect(visit_page(ana)).to_have_attribute("data-view", "waiting")

    await admit(li)
    visit = Visit(app, ana, li, address)
    await sees(page, REMOTE, "red")
    await hears(page, REMOTE, 440)
    await expect(li.page.get_by_text("The patient's camera is off")).to_be_visible()
    await expect(li.page.locator("[data-peer-muted]")).to_be_visible()
    await expect(clock(li.page)).to_have_attribute("data-phase", "running")
    await screenshot(li, "devices-none-therapist", full=False)
    await screenshot(ana, "devices-none-call", full=False)

    # a press on the button says why it stays off
    await control(ana, "Camera on")
    await expect(page.get_by_text("The camera did not start.")).to_be_visible()
    await expect(page.locator("[data-call]")).to_have_attribute("data-camera-off", "true")
    assert visit.row()["state"] == "in_session"


async def test_permission_denied_then_voice_alone(run_app: RunApp, people: Crew) -> None:
    """The browser says no to both; the person allows the microphone alone and is heard."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", devices="denied", tone=660, size=PHONE)
    await join(ana, app.url)
    page = ana.page
    await page.get_by_role("button", name="Turn on camera and microphone").click()
    await expect(page.get_by_text("The browser was not allowed to use them")).to_be_visible()
    await expect(page.get_by_text("allow camera and microphone, then try again")).to_be_visible()
    await expect(page.get_by_role("button", name="Join without camera and microphone")).to_be_visible()
    await screenshot(ana, "devices-denied")

    await ana.context.grant_permissions(["microphone"], origin=app.url)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator('[data-device="microphone"] [data-device-state]')).to_have_text("works")
    await expect(page.locator('[data-device="camera"] [data-device-state]')).to_have_text("does not work")
    await screenshot(ana, "devices-audio-only")
    await page.get_by_role("button", name="Join without camera").click()
    await expect(visit_page(ana)).to_have_attribute("data-view", "waiting")
    await expect(page.get_by_text("Your microphone is on, your camera is off.")).to_be_visible()

    await admit(li)
    await sees(page, REMOTE, "red")
    await hears(li.page, REMOTE, 660)
    await expect(li.page.get_by_text("The patient's camera is off")).to_be_visible()
    await expect(li.page.locator("[data-peer-muted]")).to_be_hidden()

    # and over a reload it stays voice alone
    await page.reload()
    await hears(li.page, REMOTE, 660)
    await sees(page, REMOTE, "red")


async def test_a_therapist_without_a_camera_is_told_and_can_still_help(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    li = await on_duty(people, app, devices="none")
    await expect(li.page.get_by_text("Camera and microphone do not work.")).to_be_visible()
    await screenshot(li, "devices-none-desk")
    ana = await people("ana", colour="blue", tone=660, size=PHONE)
    await join(ana, app.url)
    await expect(visit_page(ana)).to_have_attribute("data-camera", "on")
    await ana.page.get_by_role("button", name="I’m ready").click()
    await expect(queue_rows(li)).to_have_count(1)
    await admit(li)
    await sees(li.page, REMOTE, "blue")
    await hears(li.page, REMOTE, 660)
    await expect(ana.page.get_by_text("Your therapist's camera is off")).to_be_visible()


async def test_mute_outlives_a_reload_on_both_sides(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    for person, other, root, tone in (
        (visit.patient, visit.therapist, "#visit", 660),
        (visit.therapist, visit.patient, "#desk", 440),
    ):
        await control(person, "Mute")
        await control(person, "Camera off")
        await expect(other.page.locator("[data-peer-muted]")).to_be_visible()
        await person.page.reload()
        await attached(person, root)
        await expect(person.page.locator("[data-self-muted]")).to_be_visible()
        await expect(person.page.locator("[data-call]")).to_have_attribute("data-camera-off", "true")
        await expect(person.page.locator("[data-call]")).to_have_attribute("data-media-state", "connected")
        await expect(other.page.locator("[data-peer-muted]")).to_be_visible()
        await expect(other.page.locator('[data-when="camera-off"]')).to_be_visible()
        assert await audio_level(other.page, REMOTE) < 0.01
        await control(person, "Unmute")
        await control(person, "Camera on")
        await hears(other.page, REMOTE, tone)
    await visit.both_see()
    await expect(desk(visit.therapist)).to_have_attribute("data-visit-state", "in_session")
    await until(lambda: visit.row()["state"] == "in_session")
