"""The connection check of a real page through the running product: through its own relay, its own check process."""

from __future__ import annotations

import os
import signal
import sqlite3
from typing import Any

import pytest
from playwright.async_api import expect

from server.ids import digest
from tests.conftest import RunApp
from tests.pages.call import on_duty
from tests.pages.roles import join
from tests.rig.browsers import PHONE, Crew
from tests.rig.processes import App
from tests.rig.senses import screenshot
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("dashboards", 3)]


def last_check(app: App, address: str) -> dict[str, Any]:
    """The newest check of the visit with this address."""
    with sqlite3.connect(app.var / "clinic.sqlite3") as record:
        record.row_factory = sqlite3.Row
        row = record.execute(
            "SELECT c.*, v.check_verdict, v.start_mode AS visit_mode FROM connection_check c"
            " JOIN visit v ON v.id = c.visit_id WHERE v.address_hash = ? ORDER BY c.seq DESC LIMIT 1",
            (digest(address.rsplit("/", 1)[-1]),),
        ).fetchone()
    return dict(row) if row else {}


async def test_the_check_from_the_first_sound_to_a_service_that_dies(run_app: RunApp, people: Crew) -> None:
    """It begins by itself and says what it found; without its process one reads "not measured" and goes in."""
    app = await run_app()
    await app.wait_for_line(r"check\.ready")
    await on_duty(people, app)
    ana = await people("ana", size=PHONE)
    address = await join(ana, app.url)
    page = ana.page
    check = page.locator("[data-module=connection-check]")
    sound = page.locator("[data-module=speaker-check]")
    await expect(check.get_by_text("being checked")).to_be_visible()

    # while it runs: the sound
    await expect(page.get_by_text("We hear you.")).to_be_visible()
    await sound.get_by_role("button", name="Play a sound").click()
    await sound.get_by_role("button", name="No", exact=True).click()
    await expect(sound.get_by_text("Turn the volume up")).to_be_visible()
    await expect(sound.get_by_role("button", name="Play it again")).to_be_focused()

    # the machine of a test may be slow, but it loses nothing, and every way is open
    await until(lambda: last_check(app, address), what="the check's row")
    found = last_check(app, address)
    await expect(check).to_have_attribute("data-state", found["verdict"])
    assert found["check_verdict"] == found["verdict"]
    assert found["visit_mode"] == found["start_mode"]
    assert (found["udp"], found["tcp"]) == (1, 1)
    assert found["loss"] <= 2
    assert found["rtt_ms"] < 150
    assert 700 < found["kbps_up"] <= 1500
    assert 700 < found["kbps_down"] <= 1500
    if found["verdict"] == "good":
        await expect(check.get_by_text("Picture and sound will go through.")).to_be_visible()
        assert found["start_mode"] == "video"
    await screenshot(ana, "connection-check")

    # the process is killed in mid-check, with the next one still to come
    await check.get_by_role("button", name="Check again").click()
    await expect(check).to_have_attribute("data-state", "begun")
    await until(lambda: app.output().count("route=visit_check") == 1, what="the second socket")
    os.kill(app.child("-m", "server", "check"), signal.SIGKILL)
    await expect(check.get_by_text("not measured", exact=True)).to_be_visible()
    await expect(check.get_by_text("you can go in all the same")).to_be_visible()
    assert last_check(app, address)["seq"] == found["seq"]
    await page.get_by_role("button", name="I’m ready").click()
    await expect(page.locator("#visit")).to_have_attribute("data-view", "waiting")
