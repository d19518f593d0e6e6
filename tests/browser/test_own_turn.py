"""A clinic's own coturn: where the relay cannot be reached, the call goes through it, and nobody's address shows."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from server.lan import own_addresses
from tests.conftest import RunApp
from tests.pages.call import Visit, admit, waiting_and_ready
from tests.rig.browsers import Crew, Person
from tests.rig.coturn import RELAYED, SECRET, Coturn, coturn

pytestmark = [pytest.mark.browser, pytest.mark.long]

ELSEWHERE = "198.18.0.209"
NOBODY = 9  # a port where nothing listens

PAIR = """async () => {
  const stats = [];
  for (const pc of window.connections) stats.push(...(await pc.getStats()).values());
  const used = stats.filter((one) => one.type === "transport" && one.selectedCandidatePairId).at(-1);
  const pair = stats.find((one) => one.id === used.selectedCandidatePairId);
  const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.find((one) => one.id === id));
  return { local: local.candidateType, port: remote.port };
}"""
KEEP = """window.connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...options) { super(...options); window.connections.push(this); }
};"""


async def keep_connections(person: Person) -> None:
    await person.context.add_init_script(KEEP)


async def pair(page: Page) -> dict[str, object]:
    found: dict[str, object] = await page.evaluate(PAIR)
    return found


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """An address of coturn's that no browser has. On loopback browsers see none, so they gather nothing there."""
    if os.geteuid() or not own_addresses():
        pytest.skip("only root may give this machine an address for coturn: run as root, or in a container, with a network")
    address = ("addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
    subprocess.run(["ip", *address], check=True)
    try:
        yield ELSEWHERE
    finally:
        subprocess.run(["ip", "addr", "del", *address[2:]], check=True)


async def test_a_call_goes_through_coturn(run_app: RunApp, people: Crew, tmp_path: Path, elsewhere: str) -> None:
    """Both browsers need it: coturn lets nobody through but the other's relayed address, all that a page learns. The offer
    was made before the admission, without it; so there is an ICE restart, and it comes soon.
    """
    async with Coturn(coturn(), tmp_path, elsewhere) as server:
        # Browsers are told a port where no relay is; the relay itself runs, and acknowledges the call.
        app = await run_app(
            relay_publish=f"127.0.0.1:{NOBODY}=127.0.0.1:0", turn_urls=",".join(server.urls), turn_secret=SECRET
        )
        people.prepare = keep_connections
        visit: Visit = await waiting_and_ready(people, app)
        prepared = "connections.length === 1 && connections[0].iceGatheringState === 'complete'"
        await visit.therapist.page.wait_for_function(prepared)
        assert "ALLOCATE" not in server.log(), "no credentials before the admission"
        began = time.monotonic()
        await admit(visit.therapist)
        await visit.both_see()
        took = time.monotonic() - began
        print(f"pictures {took:.1f} s after the admission")
        assert took < 7, "it waited for the restart of a call that never connects"
        await visit.both_hear()
        for page in visit.both:
            used = await pair(page)
            assert used["local"] == "relay"
            assert used["port"] in RELAYED
            await expect(page.locator("[data-path]").first).to_have_attribute("data-path", "relay")
        assert visit.row()["state"] == "in_session"
