"""The patient loads the page again in mid-call."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import expect

from tests.faults.conftest import RunService
from tests.faults.faults import DECODED, WATCH_DECODED, Bench
from tests.pages.call import REMOTE, control, course, in_call
from tests.rig.browsers import Crew
from tests.rig.senses import audio_level, frames_watched, page_stalled
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("faults", 3)]


async def test_the_patients_page_is_loaded_again(run_service: RunService, people: Crew, bench: Bench) -> None:
    service = await run_service()
    visit = await in_call(people, service)
    await control(visit.patient, "Mute")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    before = visit.row()
    await bench.begin(visit)
    await visit.therapist.page.evaluate(WATCH_DECODED)
    begun = time.time()
    await visit.patient.page.reload(wait_until="commit")
    first = await until(
        lambda: visit.patient.page.evaluate("globalThis.firstFrame ?? null"), what="the patient's first picture"
    )
    patients = first / 1000 - begun
    # The therapist's, by what was decoded: a change of the stream counts as a frame shown, and a colour would not do,
    # for the old page's last picture has it as well.
    page = visit.therapist.page

    async def decodes_anew() -> bool:
        decoded = await page.evaluate(DECODED)
        return bool(decoded["fresh"] >= 30)

    await until(decodes_anew, seconds=15, every=0.2, what="the therapist's page decodes on a second connection")
    await visit.both_see()
    therapists = (await page.evaluate(DECODED))["gap"] / 1000
    _, shown = await frames_watched(page, REMOTE)
    stalled = await page_stalled(page, REMOTE)
    print(
        f"FAULT patient's page reloaded: ana {patients:.2f} s; li {therapists:.2f} s without a decoded frame,"
        f" {shown / 1000:.2f} s without a new one shown, page stalled {stalled / 1000:.2f} s"
    )
    assert patients < 5
    assert therapists < 5
    assert shown < 5000
    await expect(visit.patient.page.locator("[data-call]")).to_have_attribute("data-muted", "true")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    assert await audio_level(visit.therapist.page, REMOTE) < 0.01, "the microphone was muted"
    assert course(visit.row()) == course(before)
