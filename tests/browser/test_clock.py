"""The visit's clock on both pages, with short lengths: notices, wrap-up, the end; and what holds or lengthens it."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.conftest import RunApp
from tests.pages.call import (
    REMOTE,
    Visit,
    admit,
    clock,
    clocks_agree,
    end_visit,
    in_call,
    instant,
    is_over,
    notice,
    now,
    seconds_left,
    visit_page,
    waiting_and_ready,
)
from tests.pages.note import form
from tests.rig.browsers import Crew
from tests.rig.processes import App
from tests.rig.senses import frames_grow, screenshot
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("the clock", 1)]

#: Writes down every notice over the picture, with what the clock showed at that moment.
LISTEN = """() => {
    const place = document.querySelector("[data-notices]"), clock = document.querySelector("[data-clock]");
    window.told = [];
    new MutationObserver(() => {
        const line = place.firstElementChild;
        if (line) window.told.push([line.dataset.kind, line.textContent, Number(clock.dataset.seconds)]);
    }).observe(place, { childList: true });
}"""


async def told(page: Page) -> list[tuple[str, str, int]]:
    return [tuple(one) for one in await page.evaluate("window.told")]


async def test_both_are_told_and_the_visit_ends_by_itself(run_app: RunApp, people: Crew) -> None:
    """18 seconds, notices at 12 and 6, a wrap-up of 6; then the end, within a second of what both saw."""
    app = await run_app(visit_seconds=18, notice_seconds="12,6", wrap_up_seconds=6)
    visit = await in_call(people, app)
    for page in visit.both:
        assert await seconds_left(page) > 12, "too late to hear the first notice"
        await page.evaluate(LISTEN)
        await expect(notice(page)).to_have_attribute("aria-atomic", "true")
    await clocks_agree(visit)
    for page in visit.both:
        await expect(notice(page)).to_have_text("12 seconds left", timeout=20_000)
    await expect(clock(visit.patient.page)).to_have_attribute("data-near", "yes")
    for page in visit.both:
        await expect(notice(page)).to_have_text("6 seconds left", timeout=20_000)
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "wrap_up", timeout=20_000)
        await expect(clock(page)).to_contain_text("to say goodbye")
        await expect(notice(page)).to_contain_text("Time to say goodbye")
    heard = [await told(page) for page in visit.both]
    await screenshot(visit.patient, "clock-wrap-up-patient", full=False)
    await screenshot(visit.therapist, "clock-wrap-up-therapist", full=False)
    await is_over(visit)
    for one in heard:
        assert [kind for kind, _, _ in one] == ["soon", "soon", "wrap"]
        # The notice and the number beside it are written in one step.
        assert [seconds for _, _, seconds in one[:2]] == [12, 6]
    row = visit.row()
    assert row["end_reason"] == "time"
    assert instant(row["ends_at"]) - instant(row["started_at"]) == timedelta(seconds=18)
    assert instant(row["wrap_ends_at"]) - instant(row["ends_at"]) == timedelta(seconds=6)
    assert timedelta(0) <= instant(row["ended_at"]) - instant(row["wrap_ends_at"]) < timedelta(seconds=3)
    await expect(visit.patient.page.get_by_role("heading", level=1)).to_have_text("Your visit is over. Thank you.")


def relay(app: App) -> int:
    return app.child("-m", "server", "relay")


async def test_the_clock_starts_without_media_and_lost_time_is_given_back_once(run_app: RunApp, people: Crew) -> None:
    """A relay that stands still: first before anything connects, then in mid-call."""
    app = await run_app(start_grace_seconds=4)
    visit = await waiting_and_ready(people, app)
    os.kill(relay(app), signal.SIGSTOP)
    await admit(visit.therapist)
    await expect(clock(visit.patient.page)).to_have_attribute("data-phase", "before")
    await expect(clock(visit.patient.page)).to_contain_text("The clock starts when you see each other")
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "running", timeout=20_000)
        await expect(page.locator("[data-call]")).not_to_have_attribute("data-media-state", "connected")
    await clocks_agree(visit)
    row = visit.row()
    waited = instant(row["started_at"]) - instant(row["admitted_at"])
    assert timedelta(seconds=4) <= waited < timedelta(seconds=8), "the grace, and one look of the service more"
    assert row["lost_since"] is not None

    os.kill(relay(app), signal.SIGCONT)
    await visit.both_see()
    await until(lambda: visit.row()["lost_since"] is None, what="the loss is over")
    first_loss = visit.row()["lost_ms"]
    assert first_loss > 0

    os.kill(relay(app), signal.SIGSTOP)
    for page in visit.both:
        await expect(page.locator("[data-call]")).to_have_attribute("data-media-state", "reconnecting", timeout=30_000)
        await expect(page.get_by_text("The connection broke off")).to_be_visible()
    await screenshot(visit.patient, "clock-lost-patient", full=False)
    began = instant(visit.row()["lost_since"])
    await until(lambda: now(app) > began + timedelta(seconds=3), every=0.1, what="three seconds of loss")
    give_back = visit.therapist.page.get_by_role("button", name="Give time back")
    os.kill(relay(app), signal.SIGCONT)
    for page in visit.both:
        await expect(page.locator("[data-call]")).to_have_attribute("data-media-state", "connected", timeout=30_000)
        await frames_grow(page, REMOTE, seconds=20)
    await until(lambda: visit.row()["lost_since"] is None, what="the loss is over")
    row = visit.row()
    assert row["lost_ms"] > first_loss
    assert row["lost_ms"] - first_loss <= (instant(row["changed_at"]) - began).total_seconds() * 1000 + 1

    seconds = row["lost_ms"] // 1000
    assert seconds > 0
    await screenshot(visit.therapist, "clock-give-back", full=False)
    await give_back.click()
    for page in visit.both:
        await expect(notice(page)).to_contain_text("Lost time was given back")
    await expect(give_back).to_be_hidden()
    after = visit.row()
    assert instant(after["ends_at"]) - instant(row["ends_at"]) == timedelta(seconds=seconds)
    assert instant(after["wrap_ends_at"]) - instant(row["wrap_ends_at"]) == timedelta(seconds=seconds)
    await clocks_agree(visit)
    await no_second_time(visit, after)
    await end_visit(visit.therapist)
    await is_over(visit)


async def no_second_time(visit: Visit, row: dict[str, Any]) -> None:
    """Not even by the form's own POST."""
    visit.therapist.expect_problem("status of 409")
    status = await visit.therapist.page.evaluate(
        """async () => {
            const form = document.querySelector("[data-give-back]");
            const body = new URLSearchParams(new FormData(form));
            return (await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } })).status;
        }"""
    )
    assert status == 409
    assert visit.row()["ends_at"] == row["ends_at"]


async def test_an_open_emergency_holds_the_visit(run_app: RunApp, people: Crew) -> None:
    """A red flag of level E: the time passes, the wrap-up passes, the call goes on, both pages say so."""
    app = await run_app(visit_seconds=12, wrap_up_seconds=2, notice_seconds="3")
    visit = await in_call(people, app)
    page = visit.therapist.page
    await form(page).locator('label:has([name="D1"][value="yes"])').click()
    await expect(page.locator(".note-emergency-E")).to_be_visible()
    await expect(page.locator(".note-emergency-E")).to_contain_text("12 Alder Street")
    await until(lambda: visit.row()["held"], what="the hold in the record")
    for each in visit.both:
        await expect(clock(each)).to_have_attribute("data-phase", "held", timeout=30_000)
        await expect(clock(each)).to_contain_text("Time is up, the visit stays open")
    await expect(notice(page)).to_contain_text("A red flag of level E is open")
    await expect(notice(visit.patient.page)).to_contain_text("Your therapist is keeping this visit open")
    await screenshot(visit.therapist, "clock-held-therapist", full=False)
    await screenshot(visit.patient, "clock-held-patient", full=False)
    wrap_ends = visit.row()["wrap_ends_at"]

    def passed() -> bool:
        [row] = [visit.row()]
        return bool(now(app) > instant(wrap_ends) + timedelta(seconds=2) and row["state"] == "in_session")

    await until(passed, seconds=30, every=0.2, what="two seconds after the planned end")
    await visit.both_see()
    for each in visit.both:
        await frames_grow(each, REMOTE)
    await end_visit(visit.therapist)
    await is_over(visit)
    await expect(visit_page(visit.patient)).to_have_attribute("data-visit-state", "ended")
    assert visit.row()["end_reason"] == "therapist"
