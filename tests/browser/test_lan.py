"""`dev --lan`: a phone on the same network, here a browser in a network namespace of its own, has a call over HTTPS."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.pages.roles import get_ready, go_on_duty, join, sign_in
from tests.rig.browsers import PHONE, Crew, chromium
from tests.rig.processes import App
from tests.rig.senses import hears, sees

HOST, PHONE_IP, SPACE = "10.77.0.1", "10.77.0.2", "tmphone"

pytestmark = pytest.mark.browser


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def phone_browser(tmp_path: Path) -> Iterator[str]:
    """A program that runs Chromium on another host of the same network."""
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces: run as root, or in a container, to include this")
    subprocess.run(["ip", "netns", "del", SPACE], capture_output=True)
    ip("netns", "add", SPACE)
    ip("link", "add", "tmlan0", "type", "veth", "peer", "name", "eth0", "netns", SPACE)
    ip("addr", "add", f"{HOST}/24", "dev", "tmlan0")
    ip("link", "set", "tmlan0", "up")
    for words in (
        ("addr", "add", f"{PHONE_IP}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        ip("-n", SPACE, *words)
    ip("-n", SPACE, "route", "add", "default", "via", HOST)
    program = tmp_path / "phone-chromium"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {SPACE} {chromium()} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    yield str(program)
    ip("netns", "del", SPACE)


@pytest_asyncio.fixture
async def lan_app(phone_browser: str, tmp_path: Path) -> AsyncIterator[App]:
    app = App(tmp_path / "var", "dev")
    app.argv = [*app.argv, "--lan"]
    app.start()
    await app.wait_for_line("Twenty Minutes is running")
    yield app
    await app.stop()


async def test_a_phone_on_the_same_network_has_a_call(phone_browser: str, lan_app: App, people: Crew) -> None:
    url = f"https://{HOST}:{lan_app.port}"
    li = await people("li", colour="red", tone=440, secure=False)
    ana = await people("ana", colour="blue", tone=660, size=PHONE, secure=False, program=phone_browser)
    await sign_in(li, url, "desk", "li")
    await go_on_duty(li)
    await join(ana, url)
    await get_ready(ana)
    await li.page.locator("[data-visit-row] button").click()
    await asyncio.gather(sees(li.page, "#remote-video", "blue"), sees(ana.page, "#remote-video", "red"))
    await asyncio.gather(hears(li.page, "#remote-video", 660), hears(ana.page, "#remote-video", 440))
    await expect(ana.page.locator("[data-call]")).to_have_attribute("data-path", "relay")
