"""The connection check at the end of real lines that are bad, each in its own way. Real Chromium, a namespace, two taps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from server.lan import lan_certificate
from tests.browser.test_connection_check import last_check
from tests.faults.network import alone, run
from tests.pages.call import on_duty
from tests.pages.roles import join
from tests.rig.browsers import PHONE, Crew, chromium
from tests.rig.processes import App
from tests.rig.senses import screenshot
from tests.rig.slow_link import SERVER, SPACE, Line, SlowLink, Way, missing, slow_link
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.long]

FAR = Line.both(delay=310)
#: a line, and what the check may say of it; (verdict, trouble) where it is sure
LINES: dict[str, tuple[Line, dict[str, Any]]] = {
    "good": (Line.both(delay=25), {"verdict": "good", "start_mode": "video", "trouble": None}),
    "a slow uplink": (Line(up=Way(25, kbit=500), down=Way(25)), {"verdict": "bad", "trouble": "slow_up"}),
    "a slow downlink": (Line(up=Way(25), down=Way(25, kbit=500)), {"verdict": "bad", "trouble": "slow_down"}),
    "hardly a line": (Line.both(delay=40, kbit=150), {"verdict": "bad", "start_mode": "audio"}),
    "lossy": (Line.both(delay=25, loss=15), {"verdict": "bad", "trouble": "lossy"}),
    "far": (FAR, {"verdict": "bad", "trouble": "far", "start_mode": "low_video"}),
}


def drop(*what: str) -> None:
    """The patient's computer sends no such packets any more."""
    run("ip", "netns", "exec", SPACE, "iptables", "-A", "OUTPUT", *what, "-j", "DROP")


async def newer(app: App, address: str, before: dict[str, Any]) -> dict[str, Any]:
    """The next check's row."""
    await until(lambda: last_check(app, address).get("seq", 0) > before["seq"], seconds=30, what="another check")
    return last_check(app, address)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[SlowLink]:
    if reason := missing():
        pytest.skip(reason)
    with alone(), slow_link(tmp_path, chromium()) as made:
        yield made


@pytest_asyncio.fixture
async def app(link: SlowLink, tmp_path: Path) -> AsyncIterator[App]:
    """As `make run` starts it, at the near end of the line."""
    cert, key = lan_certificate(tmp_path, [SERVER])
    made = App(tmp_path / "var", "dev", host="0.0.0.0", tls_cert=cert, tls_key=key, relay_publish=SERVER)
    made.url = f"https://{SERVER}:{made.port}"
    try:
        await made.up()
        await made.wait_for_line(r"check\.ready")
        yield made
    finally:
        await made.stop()


async def test_the_verdict_follows_the_line(link: SlowLink, app: App, people: Crew) -> None:
    await on_duty(people, app, secure=False)
    ana = await people("ana", size=PHONE, program=link.program, secure=False)
    address = await join(ana, app.url)
    check = ana.page.locator("[data-module=connection-check]")
    again = check.get_by_role("button", name="Check again")
    found = await newer(app, address, {"seq": 0})
    for name, (line, expected) in LINES.items():
        for attempt in (1, 2):  # chance: a lossy line may lose less than its share
            link.be(line)
            await expect(again).not_to_have_attribute("aria-disabled", "true")
            await again.click()
            found = await newer(app, address, found)
            print("LINE", name, found)
            if {key: found[key] for key in expected} == expected or attempt == 2:
                break
        assert {key: found[key] for key in expected} == expected, name
        await expect(check).to_have_attribute("data-state", found["verdict"])

    # UDP goes nowhere: TCP takes its place, and the page says so
    link.be(Line.both(delay=25))
    drop("-p", "udp")
    await again.click()
    found = await newer(app, address, found)
    print("LINE udp blocked", found)
    assert (found["udp"], found["tcp"], found["verdict"], found["trouble"]) == (0, 1, "fair", "udp_blocked")
    assert found["start_mode"] == "low_video"
    assert found["kbps_up"] > 1100
    await expect(check.get_by_text("only by a detour")).to_be_visible()
    await screenshot(ana, "connection-check-tcp")

    # nothing goes to the relay, TCP neither
    drop("-p", "tcp", "--dport", str(app.relay_port))
    await again.click()
    found = await newer(app, address, found)
    assert (found["udp"], found["tcp"], found["start_mode"], found["trouble"]) == (0, 0, "phone", "nothing_works")
    await expect(check.get_by_text("This network lets no video through.")).to_be_visible()
    await screenshot(ana, "connection-check-nothing")
    await ana.page.get_by_role("button", name="I’m ready").click()
    await expect(ana.page.locator("#visit")).to_have_attribute("data-view", "waiting")
