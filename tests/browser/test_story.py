"""The whole visit in three real browser windows, in both policies, judged by pixels and tones."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from playwright.async_api import expect

from server.lan import own_addresses
from tests.conftest import RunApp
from tests.pages.call import (
    REMOTE,
    SERVER_AWAY,
    Visit,
    admit,
    arrive,
    attached,
    clock,
    clocks_agree,
    control,
    course,
    desk,
    end_visit,
    in_call,
    is_over,
    on_duty,
    queue_rows,
    seconds_left,
    visit_page,
)
from tests.pages.note import BOTH_IN_ORDER, PHYSIOTHERAPY, Answers, fill_note, form, is_saved, review_and_sign, typed
from tests.pages.roles import sign_in
from tests.rig.browsers import Crew, Person
from tests.rig.processes import App
from tests.rig.senses import audio_level, frames_grow, hears, screenshot, sees
from tests.rig.wait import until

pytestmark = pytest.mark.browser

#: Without a network of its own a machine has no address but its loopback, which browsers do not offer each other.
DIRECT = "direct" if own_addresses() else "relay"
PT = "We suggest that you see a physiotherapist (PT)."
PT_THEN_OT = "We suggest that you see a physiotherapist (PT) first."


@pytest.mark.sample("the whole story", 1)
@pytest.mark.parametrize(
    ("policy", "path", "answers", "advice"),
    [("relay", "relay", PHYSIOTHERAPY, PT), ("direct+relay", DIRECT, BOTH_IN_ORDER, PT_THEN_OT)],
    ids=["relay", "direct+relay"],
)
async def test_the_whole_story(
    run_app: RunApp, people: Crew, policy: str, path: str, answers: Answers, advice: str
) -> None:
    """From the home page to the summary. Chromium runs without any network flag, and with its own autoplay policy."""
    app = await run_app(call_policy=policy)
    admin = await people("priya", autoplay=False)
    await sign_in(admin, app.url, "admin", "admin")
    therapist = await on_duty(people, app, autoplay=False)
    patient, address = await arrive(people, app, autoplay=False)
    visit = Visit(app, patient, therapist, address, admin)

    await everybody_sees_who_waits(visit)
    await admit(therapist)
    await visit.both_see()
    await visit.both_hear()
    await admin_sees_the_session(visit, path)
    await clocks_agree(visit)
    await screenshot(patient, f"{policy}-call-patient", full=False)
    await screenshot(therapist, f"{policy}-call-therapist", full=False)
    await screenshot(admin, f"{policy}-call-admin")

    await fill_note(therapist.page, answers)
    await is_saved(therapist.page)
    written = await typed(therapist.page)
    await therapist.page.reload()
    await visit.both_see()
    assert await typed(therapist.page) == written

    await end_visit(therapist)
    await is_over(visit)
    await expect(admin.page.locator('[data-list="sessions"] [data-row]')).to_have_count(0)
    await expect(patient.page.get_by_role("heading", level=1)).to_have_text("Your visit is over. Thank you.")
    await screenshot(therapist, f"{policy}-note")
    body = await form(therapist.page).evaluate("form => new URLSearchParams(new FormData(form)).toString()")
    await review_and_sign(therapist)
    await screenshot(therapist, f"{policy}-signed")
    await the_signed_note_cannot_be_changed(visit, body)

    await reads(patient, advice)
    await screenshot(patient, f"{policy}-summary")
    await patient.page.reload()
    await reads(patient, advice)
    await another_browser_reads_after_the_proof(people, visit, advice)


async def everybody_sees_who_waits(visit: Visit) -> None:
    assert visit.admin
    await expect(visit.patient.page.locator("[data-place-words]")).to_have_text("You are next")
    await expect(visit_page(visit.patient).locator("[data-waiting]")).to_have_attribute("data-place", "1")
    await expect(queue_rows(visit.therapist)).to_have_count(1)
    await expect(queue_rows(visit.therapist)).to_contain_text("Ana Pereira")
    await expect(visit.admin.page.locator('[data-list="waiting"] [data-row]')).to_contain_text("Ana Pereira")


async def admin_sees_the_session(visit: Visit, path: str) -> None:
    assert visit.admin
    row = visit.admin.page.locator('[data-list="sessions"] [data-row]')
    await expect(row).to_contain_text("Ana Pereira")
    await expect(row).to_contain_text("Dr. Mei Li")
    await expect(row.locator('[data-cell="media"]')).to_have_attribute("data-media", "connected")
    await expect(row.locator('[data-cell="media"]')).to_have_attribute("data-path", path)
    await expect(row.locator('[data-cell="clock"]')).to_have_attribute("data-phase", "running")
    await expect(visit.admin.page.locator('[data-list="waiting"] [data-row]')).to_have_count(0)
    await expect(visit.therapist.page.locator("[data-call]")).to_have_attribute("data-path", path)


async def the_signed_note_cannot_be_changed(visit: Visit, body: str) -> None:
    """Not through the page (there is no form), not by the form's own POST, not in the database."""
    page = visit.therapist.page
    await expect(form(page)).to_have_count(0)
    visit.therapist.expect_problem("status of 409")
    post = """async ([url, body]) => {
        const answer = await fetch(url, { method: "POST", body, headers: {
            Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" } });
        return [answer.status, (await answer.json()).error];
    }"""
    changed = body.replace("N1=", "N1=ot&was=")
    assert changed != body
    note = f"/desk/visits/{visit.row()['id']}/note"
    for url in (note, f"{note}/signature"):
        assert await page.evaluate(post, [url, changed]) == [409, "note_signed"]
    with closing(sqlite3.connect(visit.app.var / "clinic.sqlite3", timeout=10)) as connection:
        for change in ("UPDATE note SET document = 'other'", "UPDATE note SET signed_at = NULL", "DELETE FROM note"):
            with pytest.raises(sqlite3.DatabaseError, match="signed note"):
                connection.execute(change)


async def reads(patient: Person, advice: str) -> None:
    await expect(patient.page.locator(".summary")).to_contain_text(advice)
    await expect(patient.page.locator(".summary")).to_contain_text("Swing your arm a little each hour.")


async def another_browser_reads_after_the_proof(people: Crew, visit: Visit, advice: str) -> None:
    other = await people("ana's computer")
    other.expect_problem("status of 403")
    await other.page.goto(visit.address)
    await prove(other, "26")
    await expect(other.page.get_by_text("This is not the date of birth that we have").first).to_be_visible()
    await expect(other.page.locator("body")).not_to_contain_text("physiotherapist")
    await prove(other, "27")
    await reads(other, advice)


async def prove(person: Person, day: str) -> None:
    for part, value in (("Day", day), ("Month", "3"), ("Year", "1961")):
        await person.page.get_by_label(part, exact=True).fill(value)
    await person.page.get_by_role("button", name="Open my visit").click()


@pytest.mark.sample("what a call survives", 1)
@pytest.mark.parametrize("policy", ["relay", pytest.param("direct+relay", marks=pytest.mark.long)])
async def test_what_a_call_survives(run_app: RunApp, people: Crew, policy: str) -> None:
    """A reload on either side, kill -9 of the web process; and what one side switches off the other side sees."""
    app = await run_app(call_policy=policy)
    visit = await in_call(people, app)
    before = visit.row()

    for person in (visit.patient, visit.therapist):
        await person.page.reload()
        await visit.both_see()
        await visit.both_hear()
        await clocks_agree(visit)
        assert course(visit.row()) == course(before)

    await mute_and_camera_show_on_the_other_side(visit.patient, visit.therapist, "blue", 660)
    await mute_and_camera_show_on_the_other_side(visit.therapist, visit.patient, "red", 440)
    await a_killed_web_process_does_not_interrupt_the_picture(app, visit)
    await end_visit(visit.therapist)
    await is_over(visit)


async def mute_and_camera_show_on_the_other_side(person: Person, other: Person, colour: str, tone: int) -> None:
    muted = other.page.locator("[data-peer-muted]")
    await control(person, "Mute")
    await expect(muted).to_be_visible()
    await until(lambda: _silent(other), what="silence")
    await control(person, "Unmute")
    await expect(muted).to_be_hidden()
    await hears(other.page, REMOTE, tone)

    off = other.page.locator('[data-when="camera-off"]')
    await control(person, "Camera off")
    await expect(off).to_be_visible()
    await control(person, "Camera on")
    await expect(off).to_be_hidden()
    await sees(other.page, REMOTE, colour)
    await frames_grow(other.page, REMOTE)


async def _silent(person: Person) -> bool:
    return await audio_level(person.page, REMOTE) < 0.01


async def a_killed_web_process_does_not_interrupt_the_picture(app: App, visit: Visit) -> None:
    for person in (visit.patient, visit.therapist):
        person.expect_problem(SERVER_AWAY)
    await visit.watch()
    await app.kill_web()
    for root in (visit_page(visit.patient), desk(visit.therapist)):
        await expect(root).not_to_have_attribute("data-socket", "open")
    await attached(visit.patient, "#visit")
    await attached(visit.therapist, "#desk")
    await visit.assert_steady()
    await clocks_agree(visit)
    assert await seconds_left(visit.patient.page) > 1000
    await expect(clock(visit.patient.page)).to_have_attribute("data-phase", "running")
    # what is said after the restart arrives
    await control(visit.patient, "Mute")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
