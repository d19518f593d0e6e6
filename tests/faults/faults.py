"""A call in which something breaks: what both sides saw meanwhile, and whether the pages had to negotiate again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page, WebSocket

from tests.faults.service import Service
from tests.pages.call import REMOTE, Visit, seconds_left
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
#: Port of this page's own socket in use; a peer-reflexive candidate has it as its base.
OWN_PORT = """() => {
  const transport = globalThis.links.at(-1)?.getSenders()[0]?.transport;
  const local = transport?.iceTransport?.getSelectedCandidatePair()?.local;
  return local?.relatedPort || local?.port || null;
}"""
#: How many packets this page has sent and the other side has not got, by its receiver reports; and those not got here.
LOST = """async () => {
  let lost = 0;
  for (const one of (await globalThis.links.at(-1).getStats()).values()) {
    if (one.type === "inbound-rtp" || one.type === "remote-inbound-rtp") lost += Math.max(0, one.packetsLost ?? 0);
  }
  return lost;
}"""


class Sent:
    """What pages have sent over their sockets since :meth:`clear`, by type."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def listen(self, page: Page) -> None:
        def opened(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: self.types.append(json.loads(frame)["type"]))

        page.on("websocket", opened)

    def clear(self) -> None:
        self.types.clear()

    @property
    def descriptions(self) -> int:
        return self.types.count("description")


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


async def mid_call(visit: Visit) -> None:
    """The visit's clock has run for three seconds. In a younger call the same faults last longer: see docs/faults.md."""

    async def running() -> bool:
        return all([0 <= await seconds_left(page) <= 20 * 60 - 3 for page in visit.both])

    await until(running, what="a call of three seconds")


async def way_is_noted(service: Service, visit: Visit) -> bool:
    """Whether a relay has noted the very addresses that both pages use now: no NAT stands between."""
    patient, therapist = await asyncio.gather(*(page.evaluate(OWN_PORT) for page in visit.both))
    hints = await service.hints()
    return therapist in hints["a"] and patient in hints["b"]


async def remote_ports(visit: Visit) -> list[Any]:
    return await asyncio.gather(*(page.evaluate(REMOTE_PORT) for page in visit.both))
