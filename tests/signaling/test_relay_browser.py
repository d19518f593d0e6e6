"""The relay with real Chromium: two peer connections that know nothing but the relay's candidate."""

import asyncio
import contextlib
import json
import re
import secrets
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from signaling.bus import Bus
from signaling.calls import Leg, RelayAddress, RelayCall, seal
from tests.signaling.relay_rig import SECRET, relay, settings
from tests.valkey import TestValkey

pytestmark = pytest.mark.browser

OFFER = """async () => {
  window.a = new RTCPeerConnection(); window.b = new RTCPeerConnection();
  window.channel = a.createDataChannel('t');
  window.opened = new Promise(done => channel.onopen = () => done(performance.now()));
  window.heard = [];
  b.ondatachannel = e => { window.far = e.channel; far.onmessage = m => heard.push(m.data); };
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  return [a.localDescription.sdp, b.localDescription.sdp];
}"""
# No candidate of the browser's own is ever given to the other side.
MEET = """async ([forA, forB]) => {
  const began = performance.now();
  await Promise.all([...forA.map(candidate => a.addIceCandidate({candidate, sdpMid: '0'})),
                     ...forB.map(candidate => b.addIceCandidate({candidate, sdpMid: '0'}))]);
  return await opened - began;
}"""
PAIR = """async () => {
  const stats = [...(await a.getStats()).values()];
  const transport = stats.find(s => s.type === 'transport');
  const pair = stats.find(s => s.id === transport.selectedCandidatePairId);
  return stats.find(s => s.id === pair.remoteCandidateId);
}"""
SEND = """async text => {
  channel.send(text);
  for (let n = 0; n < 1000; n++) {
    if (heard.includes(text)) return true;
    await new Promise(done => setTimeout(done, 10));
  }
  return false;
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield await browser.new_page()
        await browser.close()


def credentials(sdp: str) -> Leg:
    ufrag, pwd = (re.search(rf"a=ice-{name}:(\S+)", sdp) for name in ("ufrag", "pwd"))
    assert ufrag
    assert pwd
    return Leg(ufrag[1], pwd[1])


async def new_connection(page: Page) -> tuple[RelayCall, tuple[Leg, Leg]]:
    """Two peer connections that have exchanged descriptions, and the relay call for them."""
    a, b = (credentials(text) for text in await page.evaluate(OFFER))
    visit = secrets.token_urlsafe(6)
    return RelayCall(visit, "therapist", "patient", 0, a, b, time.time() + 60, 1, False), (a, b)


async def open_call(page: Page, bus: Bus, process: Any, kinds: str) -> tuple[float, RelayCall]:
    """Both peer connections through the relay by one transport; how many ms until the channel was open."""
    call, (a, b) = await new_connection(page)
    assert await bus.put_call(call.key, seal(call, SECRET), call.expires)
    async with asyncio.timeout(5):
        while call.key not in process.relay.table.calls:  # noqa: ASYNC110 - the relay is the one under test
            await asyncio.sleep(0.005)
    some: list[RelayAddress] = [address for address in process.addresses if address.transport in kinds]
    lines = [[c.candidate_line(leg.ufrag) for c in some] for leg in (b, a)]
    took = await asyncio.wait_for(page.evaluate(MEET, lines), 15)
    return took, call


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_a_data_channel_opens_through_the_relay_alone(
    server: TestValkey, page: Page, kind: str
) -> None:
    bus = Bus(server.url)
    await bus.start()
    async with relay(settings(server)) as process:
        took, _ = await open_call(page, bus, process, kind)
        pair = await page.evaluate(PAIR)
        print(kind, f"{took:.0f} ms", json.dumps(pair), process.counters)
        assert (pair["protocol"], pair["address"]) == (kind, "127.0.0.1")
        assert await page.evaluate(SEND, "through the relay")
        assert process.counters["challenge_failed"] == 0
        assert took < 1500
    await bus.close()


async def test_all_addresses_at_once_settle_on_udp(server: TestValkey, page: Page) -> None:
    """Every published address of the machine, over both transports, is a candidate for both sides."""
    bus = Bus(server.url)
    await bus.start()
    async with relay(settings(server, publish=())) as process:
        took, _ = await open_call(page, bus, process, "udp tcp")
        pair = await page.evaluate(PAIR)
        print(f"{took:.0f} ms", json.dumps(pair), process.counters)
        assert pair["protocol"] == "udp"
        assert await page.evaluate(SEND, "through one of them")
        assert process.counters["challenge_failed"] == 0
        assert took < 1500
    await bus.close()


RELAY = """
import asyncio, sys
from signaling.relay_server import RelaySettings, serve
port, url, secret = sys.argv[1:]
settings = RelaySettings(int(port), ("127.0.0.1",), secret.encode(), url, "relay-1")
asyncio.run(serve(settings, ready=lambda _: print("ready", flush=True)))
"""


@contextlib.asynccontextmanager
async def relay_process(port: int, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A relay in a process of its own, for kill -9."""
    command = (sys.executable, "-c", RELAY, str(port), url, SECRET.decode())
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        while b"ready" not in await asyncio.wait_for(process.stdout.readline(), 10):
            pass
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_relay_killed_and_started_again_goes_on(server: TestValkey, page: Page) -> None:
    """The page does nothing for it: routes are learned again from the browser's next checks."""
    bus = Bus(server.url)
    await bus.start()
    async with relay(settings(server)) as process:  # finds a free port
        port = process.addresses[0].port
    address = RelayAddress("127.0.0.1", port, "udp", 2000)
    async with relay_process(port, server.url) as first:
        call, legs = await new_connection(page)
        acknowledged = asyncio.Event()

        async def heard(blob: bytes) -> None:
            acknowledged.set()

        bus.subscribe("relay", heard)
        async with asyncio.timeout(5):
            while not acknowledged.is_set():
                assert await bus.put_call(call.key, seal(call, SECRET), call.expires)
                await asyncio.sleep(0.05)
        lines = [[address.candidate_line(leg.ufrag)] for leg in reversed(legs)]
        await asyncio.wait_for(page.evaluate(MEET, lines), 15)
        first.kill()
        await first.wait()
    async with relay_process(port, server.url):
        began = time.monotonic()
        assert await page.evaluate(SEND, "after the restart")
        assert time.monotonic() - began < 5
    await bus.close()
