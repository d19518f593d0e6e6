"""Policy "relay": neither page learns the other's address, whatever the other's page says. Both lie here.

Each is at an address of its own, in network namespaces, so that every trace of one at the other is a leak.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Page, WebSocket

from tests.faults.conftest import MakeInternet, RunService
from tests.faults.internet import Home
from tests.faults.paths import call, goes, serve
from tests.pages.call import Visit
from tests.rig.browsers import Crew, Person

pytestmark = [pytest.mark.browser, pytest.mark.sample("faults", 3)]

#: A page that wants to be reached directly: it takes the policy to be another, names its own addresses as candidates of
#: every type and in every disguise, and writes them wherever an SDP has room for an address.
LIAR = """
(([own, ...more]) => {
  const parse = JSON.parse;
  JSON.parse = (...args) => {
    const value = parse(...args);
    if (value?.type === "call") value.policy = "direct+relay";
    return value;
  };
  const lies = (line, ufrag) => {
    const port = line.split(" ")[5] === "9" ? "50000" : line.split(" ")[5];
    const udp = (number, address, rest) => `candidate:${number} 1 udp 2122260223 ${address} ${port} typ ${rest} ufrag ${ufrag}`;
    const every = (address) => [
      udp(1, address, "host"),
      udp(2, address, `srflx raddr ${address} rport ${port}`),
      udp(3, address, `prflx raddr ${address} rport ${port}`),
      udp(4, address, `relay raddr ${address} rport ${port}`),
      udp(5, `::ffff:${address}`, `relay raddr ${address} rport ${port}`),
      udp(6, "6f1ed1a0-5f5e-4f53-8b3c-1d2f3a4b5c6d.local", `host`),
      udp(7, "6f1ed1a0-5f5e-4f53-8b3c-1d2f3a4b5c6d.local", `relay raddr ${address} rport ${port}`),
      udp(8, "0.0.0.0", `relay raddr ${address} rport ${port}`),
      `candidate:9 1 tcp 1518280447 ${address} ${port} typ relay raddr ${address} rport ${port} tcptype passive ufrag ${ufrag}`,
      `candidate:10 1 tcp 1518280447 ${address} 9 typ host tcptype active ufrag ${ufrag}`,
      udp(11, address, `relay raddr 0.0.0.0 rport 0 network-id 1 network-cost 10 x-mine ${address}`),
    ];
    return [line, ...[own, ...more].flatMap(every)];
  };
  const Real = RTCPeerConnection;
  globalThis.links = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...args) { super(...args); globalThis.links.push(this); }
    addEventListener(type, listener, ...rest) {
      if (type !== "icecandidate") return super.addEventListener(type, listener, ...rest);
      let told = false;
      return super.addEventListener(type, (event) => {
        const { candidate } = event;
        if (!candidate?.candidate || told) return listener(event);
        told = true;
        for (const line of lies(candidate.candidate, candidate.usernameFragment)) {
          const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
          listener({ candidate: { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } });
        }
      }, ...rest);
    }
  };
  const lying = (sdp) => sdp
    .replace(/^(o=\\S+ \\S+ \\S+ IN IP4) \\S+/m, `$1 ${own}`)
    .replace(/^s=.*$/m, `s=${own}`)
    .replace(/^c=.*$/gm, `c=IN IP4 ${own}`)
    .replace(/^a=rtcp:.*$/gm, `a=rtcp:50001 IN IP4 ${own}`)
    .replace(/^a=mid:.*$/gm, (mid) => [
      mid,
      `a=candidate:1 1 udp 2122260223 ${own} 50000 typ relay raddr ${own} rport 50000`,
      `a=candidate:2 1 udp 2122260222 ${own} 50000 typ host`,
      `a=remote-candidates:1 ${own} 50000`,
      `a=x-address:${own}`,
    ].join("\\r\\n"));
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const message = parse(data);
    for (const field of ["sdp", "offer"]) if (typeof message[field] === "string") message[field] = lying(message[field]);
    return send.call(this, JSON.stringify(message));
  };
})(%s)
"""
#: All that a page's script can learn of its connection.
LEARNED = """async () => {
  const learned = [];
  for (const link of globalThis.links) {
    const transport = link.getSenders()[0]?.transport?.iceTransport;
    learned.push([...(await link.getStats()).values()].filter(({ type }) => type !== "local-candidate"));
    learned.push(link.remoteDescription?.sdp, transport?.getRemoteCandidates(), transport?.getSelectedCandidatePair()?.remote);
  }
  return JSON.stringify(learned) + document.documentElement.outerHTML;
}"""


class Ear:
    """What a page's sockets have brought and sent."""

    def __init__(self, person: Person) -> None:
        self.received: list[str] = []
        self.sent: list[str] = []
        person.page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.received.append(str(frame)))
        socket.on("framesent", lambda frame: self.sent.append(str(frame)))

    def lied(self, home: Home) -> tuple[int, int]:
        """How many candidates and descriptions with this address it has sent."""
        messages = [json.loads(frame) for frame in self.sent]
        lines = [one["candidate"] for one in messages if one["type"] == "candidate"]
        texts = [one.get("sdp") or one.get("offer") or "" for one in messages]
        return sum(home.public in line for line in lines), sum(f"c=IN IP4 {home.own}" in text for text in texts)


async def learned(page: Page, ear: Ear) -> str:
    return str(await page.evaluate(LEARNED)) + "\n".join(ear.received)


def leaks(text: str, home: Home) -> list[str]:
    """Where in the text one of the home's addresses stands."""
    found = []
    for address in home.addresses:
        at = text.find(address)
        if at >= 0:
            found.append(text[max(0, at - 120) : at + 40])
    return found


async def test_under_relay_neither_page_learns_the_others_address(
    homes: MakeInternet, run_service: RunService, people: Crew, tmp_path: Path
) -> None:
    # nothing would keep two open homes from reaching each other
    ana, li = homes("open", "open")
    ears: dict[str, Ear] = {}

    async def prepare(person: Person) -> None:
        home = ana if person.name == "ana" else li
        await person.context.add_init_script(LIAR % json.dumps([home.own, home.public]))
        ears[person.name] = Ear(person)

    people.prepare = prepare
    service = await serve(run_service, tmp_path, call_policy="relay")
    for home, other in ((ana, li), (li, ana)):
        home.count_to(other)
    visit: Visit = await call(people, service, ana, li)
    await goes(visit, "relay")
    await visit.both_hear()
    for name, home in (("ana", ana), ("li", li)):
        candidates, descriptions = ears[name].lied(home)
        assert candidates >= 10, "nothing was tried"
        assert descriptions >= 1, "nothing was tried"
    texts = await asyncio.gather(learned(visit.patient.page, ears["ana"]), learned(visit.therapist.page, ears["li"]))
    assert all("remote-candidate" in text and '"type":"relay"' in text for text in texts), "nothing was looked at"
    assert leaks(texts[0], li) == [], "the patient's page has learned the therapist's address"
    assert leaks(texts[1], ana) == [], "the therapist's page has learned the patient's address"
    assert (ana.sent_to(), li.sent_to()) == (0, 0), "a browser has sent something to the other's address"
