"""The indicator on a network that loses packets: what it says on every page that shows it, and what the pages do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.faults.conftest import RunService
from tests.faults.network import Home, home
from tests.faults.test_network import call_from_home
from tests.pages.call import query
from tests.pages.roles import sign_in
from tests.rig.browsers import Crew, Person
from tests.rig.senses import axe, screenshot
from tests.rig.wait import until

pytestmark = pytest.mark.browser

#: statistics without any address, as the unit tests of the indicator have them (tests/js/stats)
KEPT = (
    "id", "type", "kind", "packetsReceived", "packetsLost", "bytesReceived", "packetsSent", "bytesSent", "jitter",
    "totalFreezesDuration", "currentRoundTripTime", "roundTripTime", "availableOutgoingBitrate", "responsesReceived",
    "qualityLimitationReason", "selectedCandidatePairId", "fractionLost",
)  # fmt: skip
LINKS = """
globalThis.links = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) { super(...options); globalThis.links.push(this); }
};"""
#: null until the statistics are two seconds younger than the last that were kept: the page looks as often.
RECORD = """async ([kept, apart]) => {
  const all = [...(await links.at(-1).getStats()).values()];
  const at = Math.max(...all.map(one => one.timestamp));
  if (at < (globalThis.keptAt ?? -Infinity) + apart) return null;
  globalThis.keptAt = at;
  const wanted = all.filter(one => /^(inbound-rtp|outbound-rtp|remote-inbound-rtp|transport)$/.test(one.type) || one.nominated);
  return wanted.map(one => Object.fromEntries(kept.filter(name => name in one).map(name => [name, one[name]])));
}"""
SENT = """async () => {
  for (const one of (await links.at(-1).getStats()).values())
    if (one.type === "outbound-rtp" && one.kind === "video") return [one.frameWidth ?? 0, one.targetBitrate ?? 0, one.active];
}"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Home]:
    with home(tmp_path) as made:
        yield made


async def record(page: Page, name: str, readings: int = 8) -> None:
    """Keep what the browser says for the unit tests, with RECORD_STATS set to a folder."""
    if folder := os.environ.get("RECORD_STATS"):
        seen: list[Any] = []
        for _ in range(readings):
            seen.append(await until(lambda: page.evaluate(RECORD, [KEPT, 2000]), what="later statistics"))
        text = "[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in seen) + "\n]\n"
        Path(folder, f"{name}.json").write_text(text)  # noqa: ASYNC240 (a few kB, and only while recording)


async def quality_is(page: Page, state: str, *, seconds: float) -> None:
    await expect(page.locator("[data-call]")).to_have_attribute("data-quality", state, timeout=seconds * 1000)


@pytest.mark.long
async def test_the_indicator_turns_weak_and_back(
    run_service: RunService, people: Crew, network: Home, tmp_path: Path
) -> None:
    async def watched(person: Person) -> None:
        await person.context.add_init_script(LINKS)

    people.prepare = watched
    service, visit = await call_from_home(run_service, people, network, tmp_path)
    admin = await people("admin", secure=False)
    await sign_in(admin, service.url, "admin", "admin")
    patient, therapist = visit.both
    wall = admin.page.locator('[data-list="sessions"] [data-cell="quality"]')
    for page in visit.both:
        await quality_is(page, "good", seconds=30)
    await expect(patient.locator("[data-link]")).to_have_text("good, via the clinic")
    await expect(therapist.locator("[data-link]")).to_have_text("good, relayed")
    await expect(wall).to_have_text("good")
    await record(patient, "good")
    whole = (await patient.evaluate(SENT))[0]

    network.lose(0.2)
    for page in visit.both:
        await quality_is(page, "weak", seconds=20)
    await expect(patient.get_by_text("Picture weak: switch to sound only")).to_be_visible()
    await expect(therapist.get_by_text("The patient's connection is weak")).to_be_visible()
    await expect(wall).to_have_text("weak")
    await screenshot(visit.patient, "weak-390", full=False)
    await screenshot(visit.therapist, "weak-1280", full=False)
    await screenshot(admin, "weak-wall", full=False)
    assert await axe(patient) == []
    await record(patient, "loss")

    async def smaller() -> bool:
        width, bitrate, _ = await patient.evaluate(SENT)
        return bool(0 < width < whole and bitrate <= 300_000)

    await until(smaller, seconds=30, what="a smaller picture")
    await visit.both_hear()

    network.lose(1)
    visit.patient.expect_problem("WebSocket|ERR_|Failed to load")
    await asyncio.gather(quality_lost(patient), quality_lost(therapist))
    await record(patient, "nothing", 4)
    network.lose(0)
    for page in visit.both:
        await quality_is(page, "good", seconds=60)

    async def whole_again() -> bool:
        return bool((await patient.evaluate(SENT))[0] == whole)

    await until(whole_again, seconds=90, every=1, what="the whole picture")
    states = {row["state"] for row in query(service, "SELECT state FROM quality_sample")}
    assert {"good", "weak"} <= states
    rows = query(service, "SELECT * FROM quality_sample")
    assert max(row["loss_in"] for row in rows) >= 10
    assert "203.0.113" not in json.dumps(rows)


async def quality_lost(page: Page) -> None:
    """The line is said to be lost: by the statistics, or because the connection is."""
    await expect(page.locator("[data-link]")).to_have_text(re.compile("lost|reconnecting"), timeout=30_000)
