"""A direct call has no relay that could end it: one honest page is enough."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.conftest import RunApp
from tests.pages.call import Visit, admit, arrive, end_visit, on_duty, queue_rows
from tests.rig.browsers import Crew
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.long]

#: A patient's page that does not hear the end: it goes on sending and showing as if nothing had been said.
DEAF = """{
  const Real = WebSocket;
  globalThis.links = [];
  const Peer = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Peer {
    constructor(...args) { super(...args); globalThis.links.push(this); }
    close() {}
  };
  globalThis.WebSocket = class extends Real {
    addEventListener(type, listener, options) {
      if (type !== "message") return super.addEventListener(type, listener, options);
      super.addEventListener(type, (event) => {
        const { type } = JSON.parse(event.data);
        if (type !== "ended" && type !== "snapshot") listener(event);
      }, options);
    }
  };
}"""
BYTES = """async () => {
  let bytes = 0;
  for (const link of globalThis.links)
    for (const one of (await link.getStats()).values()) if (one.type === "inbound-rtp") bytes += one.bytesReceived;
  return bytes;
}"""


async def test_one_honest_page_ends_a_direct_call(run_app: RunApp, people: Crew) -> None:
    app = await run_app(call_policy="direct+relay")
    li = await on_duty(people, app, flags=("--allow-loopback-in-peer-connection",))
    ana, address = await arrive(people, app, flags=("--allow-loopback-in-peer-connection",))
    await ana.context.add_init_script(DEAF)
    await ana.page.reload()
    await expect(queue_rows(li)).to_have_count(1)
    visit = Visit(app, ana, li, address)
    await admit(li)
    await expect(li.page.locator("[data-call]")).to_have_attribute("data-path", "direct")
    await until(lambda: ana.page.evaluate(BYTES), what="the therapist's picture comes")
    await end_visit(li)
    await expect(visit.therapist.page.locator("[data-over-part]")).to_be_visible()
    last = -1

    async def silent() -> bool:
        nonlocal last
        before, last = last, await ana.page.evaluate(BYTES)
        return bool(before == last)

    await until(silent, seconds=10, every=1.0, what="nothing more comes to a page that did not hear of the end")
