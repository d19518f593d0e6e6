"""A call in which something breaks: what both sides saw meanwhile, and whether the pages had to negotiate again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, WebSocket

from tests.pages.call import REMOTE, Visit, instant, now, seconds_left
from tests.rig.browsers import Crew, Person
from tests.rig.senses import frames_watched, page_stalled
from tests.rig.wait import until

#: Lets a test ask which candidate pair is in use, and when a page showed its first frame (ms since 1970).
INSTRUMENTS = """
{
  const Real = RTCPeerConnection;
  globalThis.links = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) { super(...args); globalThis.links.push(this); }
  };
  addEventListener("DOMContentLoaded", () => {
    const first = (now) => { globalThis.firstFrame = performance.timeOrigin + now; };
    document.querySelector("#remote-video")?.requestVideoFrameCallback(first);
  });
}
"""
#: Port of the remote candidate in use; null while there is none.
REMOTE_PORT = """() => {
  const transport = globalThis.links.at(-1)?.getSenders()[0]?.transport;
  return transport?.iceTransport?.getSelectedCandidatePair()?.remote?.port ?? null;
}"""
#: How many packets this page has sent and the other side has not got, by its receiver reports; and those not got here.
LOST = """async () => {
  let lost = 0;
  for (const one of (await globalThis.links.at(-1).getStats()).values()) {
    if (one.type === "inbound-rtp" || one.type === "remote-inbound-rtp") lost += Math.max(0, one.packetsLost ?? 0);
  }
  return lost;
}"""

#: Watches what the page's decoders give, on every connection that it has had: the longest time without a decoded frame.
WATCH_DECODED = """() => {
  const seen = (globalThis.decoded = {
    gap: 0, last: performance.now(), links: new Map(), known: new Set(globalThis.links),
  });
  const look = async () => {
    if (globalThis.decoded !== seen) return;
    for (const link of globalThis.links) {
      let frames = 0;
      for (const one of (await link.getStats()).values()) {
        if (one.type === "inbound-rtp" && one.kind === "video") frames += one.framesDecoded ?? 0;
      }
      const before = seen.links.get(link) ?? 0;
      seen.links.set(link, frames);
      if (frames <= before) continue;
      const now = performance.now();
      seen.gap = Math.max(seen.gap, now - seen.last);
      seen.last = now;
    }
    setTimeout(look, 20);
  };
  void look();
}"""
#: {gap in ms, the present one included; fresh: frames that a connection has decoded which had decoded none before}
DECODED = """() => {
  const { gap, last, known, links } = globalThis.decoded;
  const fresh = [...links].filter(([link]) => !known.has(link)).map(([, frames]) => frames);
  return { gap: Math.max(gap, performance.now() - last), fresh: Math.max(0, ...fresh) };
}"""


class Sent:
    """What pages have sent over their sockets since :meth:`clear`."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def listen(self, page: Page) -> None:
        def opened(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: self.messages.append(json.loads(frame)))

        page.on("websocket", opened)

    def clear(self) -> None:
        self.messages.clear()

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]

    @property
    def descriptions(self) -> int:
        """Offers and answers; one that was sent again, because no receipt came in time, counts once."""
        return len({(one["to"], one["seq"]) for one in self.messages if one["type"] == "description"})


@dataclass
class Bench:
    """The instruments of one test: attach them with :func:`observed` before anybody has a page."""

    sent: Sent = field(default_factory=Sent)

    async def begin(self, visit: Visit) -> None:
        """From now on frames, messages and reloads count."""
        self.sent.clear()
        for page in visit.both:
            await page.evaluate("globalThis.sameDocument = true")
        await visit.watch()

    async def freeze(self, visit: Visit, fault: str, *, most: float, frames: int = 15) -> dict[str, float]:
        """Wait until both pictures move again; say how long either stood still, in s, and hold it against ``most``."""
        found: dict[str, float] = {}
        for person in (visit.patient, visit.therapist):
            # a picture that moves: whatever there was before, it has new frames now
            start, _ = await frames_watched(person.page, REMOTE)

            async def moves(page: Page = person.page, start: int = start) -> bool:
                return (await frames_watched(page, REMOTE))[0] >= start + frames

            await until(moves, seconds=most + 15, what=f"{person.name}'s picture moves after: {fault}")
        for person in (visit.patient, visit.therapist):
            found[person.name] = (await frames_watched(person.page, REMOTE))[1] / 1000
            found[f"{person.name}'s page stalled"] = await page_stalled(person.page, REMOTE) / 1000
        said = ", ".join(f"{name} {value:.2f} s" for name, value in found.items())
        print(f"FAULT {fault}: {said} (aim {most:g} s)")
        worst = max(found[visit.patient.name], found[visit.therapist.name])
        assert worst <= most, said
        return found

    async def same_documents(self, visit: Visit) -> None:
        for page in visit.both:
            assert await page.evaluate("globalThis.sameDocument === true"), "a page was loaded again"


def observed(crew: Crew) -> Bench:
    bench = Bench()

    async def prepare(person: Person) -> None:
        await person.context.add_init_script(INSTRUMENTS)
        bench.sent.listen(person.page)

    crew.prepare = prepare
    return bench


#: A test for a call that has run for three seconds, and (long) for one that has only just begun.
AGES = pytest.mark.parametrize("young", [False, pytest.param(True, marks=pytest.mark.long)], ids=["mid-call", "young"])


async def age(visit: Visit) -> float:
    """s for which the visit's clock has run, as the record says."""
    return (now(visit.app) - instant(visit.row()["started_at"])).total_seconds()


async def mid_call(visit: Visit, *, young: bool = False) -> None:
    """The visit's clock has run for three seconds; a young call's has just begun to."""

    async def running() -> bool:
        return all([0 <= await seconds_left(page) <= 20 * 60 - 3 for page in visit.both])

    if not young:
        await until(running, what="a call of three seconds")


async def remote_ports(visit: Visit) -> list[Any]:
    return await asyncio.gather(*(page.evaluate(REMOTE_PORT) for page in visit.both))
