"""Safety words against a service that swaps the certificates: its page stands in the middle of a call that works."""

from contextlib import AsyncExitStack
from typing import ClassVar

import pytest
from playwright.async_api import Page

from signaling.hub import Who
from tests.browser.signaling_site import PAGE, VISIT, Site, site
from tests.rig.browsers import Crew
from tests.rig.senses import hears, sees
from tests.signaling.memory_visits import MemoryVisits
from tests.signaling.relay_rig import SECRET, relay, settings
from tests.valkey import TestValkey

pytestmark = [pytest.mark.browser, pytest.mark.sample("safety words", 2)]

ANAS_VISIT = "visit-2"
MALLORY = """<!doctype html><meta charset="utf-8"><title>mallory</title><link rel="icon" href="data:,">
<script type="module">
import { newInstance, socketUrl } from "/js/lib/page.js";
import { PageSocket } from "/js/lib/page-socket.js";
import { Call } from "/js/lib/call.js";

// A socket without the talk about safety words: that one goes on to the other leg as it is.
class PassingOn extends EventTarget {
  constructor(socket) {
    super();
    this.socket = socket;
    socket.addEventListener("state", ({ detail }) => this.dispatchEvent(new CustomEvent("state", { detail })));
    socket.addEventListener("message", ({ detail }) => {
      if (detail.type === "safety") this.other.say(detail);
      else this.dispatchEvent(new CustomEvent("message", { detail }));
    });
  }
  say({ run, step, value }) {
    this.socket.send({ type: "safety", to: this.peer, run, step, value }, { keep: true });
  }
  send(message, options) {
    return message.type === "safety" ? false : this.socket.send(message, options);
  }
  setPeers(peers) {
    this.peer = peers[0] ?? this.peer;
    this.socket.setPeers(peers);
  }
  resendNow() {
    this.socket.resendNow();
  }
}

const passesOn = new URLSearchParams(location.search).has("passes-on");
function leg(speaker, role) {
  const own = { url: socketUrl(`/live/${speaker}`), instance: newInstance() };
  const real = new PageSocket(role === "therapist" ? { ...own, visit: "" } : own);
  const socket = passesOn ? new PassingOn(real) : real;
  const call = new Call({ socket, role });
  real.open();
  return { real, socket, call };
}
window.toLi = leg("mallory-as-patient", "patient");
window.toAna = leg("mallory-as-therapist", "therapist");
[toLi.socket.other, toAna.socket.other] = [toAna.socket, toLi.socket];
// What one says and shows is what the other hears and sees. Chromium passes on only a voice that something plays.
const players = [];
function passOn(from, to) {
  from.call.addEventListener("remote", ({ detail }) => {
    to.call.setLocalStream(detail);
    const player = Object.assign(new Audio(), { srcObject: detail, muted: true });
    players.push(player);
    void player.play();
  });
}
passOn(toLi, toAna);
passOn(toAna, toLi);
window.ready = () => toLi.real.state === "open" && toAna.real.state === "open";
</script>"""


class CrookedSite(Site):
    """Li and Ana believe that they are in one visit. They are in two, with Mallory's page in both."""

    pages: ClassVar[dict[str, str]] = {"patient": PAGE, "therapist": PAGE, "mallory": MALLORY}
    speakers: ClassVar[dict[str, Who]] = {
        "therapist": Who("therapist", "t", staff="li"),
        "mallory-as-patient": Who("patient", "m", visit=VISIT),
        "mallory-as-therapist": Who("therapist", "n", staff="mallory"),
        "patient": Who("patient", "p", visit=ANAS_VISIT),
    }


async def swapped_call(
    stack: AsyncExitStack, server: TestValkey, people: Crew, query: str = ""
) -> tuple[Page, Page, Page]:
    """(Li's page, Ana's, Mallory's) in a call in which each sees and hears the other, by way of Mallory."""
    visits = MemoryVisits(SECRET, "relay")
    for visit in (VISIT, ANAS_VISIT):
        visits.wait(visit)
    await stack.enter_async_context(relay(settings(server)))
    house = await stack.enter_async_context(site(visits, server.url, SECRET, CrookedSite))
    li = (await people("dr_li", colour="blue", tone=660)).page
    ana = (await people("ana", colour="red", tone=440)).page
    mallory = (await people("mallory", devices="none")).page
    for page, name in ((li, "therapist?prepare"), (ana, "patient")):
        await page.goto(f"{house.url}/{name}")
        await page.wait_for_function("window.ready && socket.state === 'open'")
    await mallory.goto(f"{house.url}/mallory{query}")
    await mallory.wait_for_function("window.ready?.()")
    await mallory.evaluate(f"toAna.real.send({{ type: 'admit', visit: '{ANAS_VISIT}' }})")
    await li.evaluate(f"socket.send({{ type: 'admit', visit: '{VISIT}' }})")
    await sees(li, "#remote", "red", seconds=30)
    await sees(ana, "#remote", "blue", seconds=30)
    await hears(ana, "#remote", 660)
    return li, ana, mallory


async def numbers(page: Page, call: str = "call") -> list[int]:
    await page.wait_for_function(f"{call}.safety.state.phase === 'words'")
    found: list[int] = await page.evaluate(f"{call}.safety.state.numbers")
    return found


async def test_the_words_differ_when_the_service_swaps_the_certificates(
    stack: AsyncExitStack, valkey_server: TestValkey, people: Crew
) -> None:
    """Mallory talks with each side as an honest page would: the best that anybody in the middle can do."""
    li, ana, mallory = await swapped_call(stack, valkey_server, people)
    lis, anas = await numbers(li), await numbers(ana)
    assert lis == await numbers(mallory, "toLi.call"), "this leg for itself is in order"
    assert anas == await numbers(mallory, "toAna.call")
    assert lis != anas


async def test_passed_on_commitments_do_not_fit_swapped_certificates(
    stack: AsyncExitStack, valkey_server: TestValkey, people: Crew
) -> None:
    li, ana, _ = await swapped_call(stack, valkey_server, people, "?passes-on")
    for page in (ana, li):
        await page.wait_for_function("call.safety.state.phase === 'mismatch'")
        assert await page.evaluate("call.safety.state.numbers") == []
