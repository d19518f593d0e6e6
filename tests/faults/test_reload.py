"""The patient loads the page again in mid-call."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import expect

from tests.faults.conftest import RunService
from tests.faults.faults import Bench
from tests.pages.call import REMOTE, control, course, in_call
from tests.rig.browsers import Crew
from tests.rig.senses import audio_level, frames_watched, page_stalled
from tests.rig.wait import until

pytestmark = pytest.mark.browser


async def test_the_patients_page_is_loaded_again(run_service: RunService, people: Crew, bench: Bench) -> None:
    service = await run_service()
    visit = await in_call(people, service)
    await control(visit.patient, "Mute")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    before = visit.row()
    await bench.begin(visit)
    begun = time.time()
    await visit.patient.page.reload(wait_until="commit")
    first = await until(lambda: visit.patient.page.evaluate("globalThis.firstFrame ?? null"), what="the patient's first picture")
    patients = first / 1000 - begun
    # the therapist's, too. A colour would not do: the old page's last frame has it as well
    await until(lambda: bench.sent.descriptions >= 2, what="an offer and an answer for the new page")
    start, _ = await frames_watched(visit.therapist.page, REMOTE)

    async def moves() -> bool:
        return (await frames_watched(visit.therapist.page, REMOTE))[0] >= start + 30

    await until(moves, seconds=15, what="the therapist's picture moves")
    await visit.both_see()
    _, gap = await frames_watched(visit.therapist.page, REMOTE)
    stalled = await page_stalled(visit.therapist.page, REMOTE)
    print(f"FAULT patient's page reloaded: ana {patients:.2f} s, li {gap / 1000:.2f} s, li's page stalled {stalled / 1000:.2f} s")
    assert patients < 5
    assert gap < 5000
    await expect(visit.patient.page.locator("[data-call]")).to_have_attribute("data-muted", "true")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    assert await audio_level(visit.therapist.page, REMOTE) < 0.01, "the microphone was muted"
    assert course(visit.row()) == course(before)
