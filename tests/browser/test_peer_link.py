"""Two of our peer connections in one real browser page: what does not depend on messages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.rig.browsers import Crew

pytestmark = pytest.mark.browser
JS = Path(__file__).parents[2] / "webclient" / "js"

# Answers an offer; the camera opens `turns` turns of the event loop after the offer began to be applied.
CAMERA_OPENS_WHILE_AN_OFFER_IS_APPLIED = """
async (turns) => {
  const { PeerLink } = await import("/js/lib/peer-link.js");
  const open = async () => (await navigator.mediaDevices.getUserMedia({ audio: true, video: true })).getTracks();
  const [caller, answerer] = [new PeerLink(RTCPeerConnection), new PeerLink(RTCPeerConnection)];
  const theirs = await open();
  const [audio, video] = await open();
  await caller.setTracks(...theirs);
  answerer.attach();
  let heard = 0;
  answerer.addEventListener("track", () => heard++);
  const offer = await caller.offer(0);
  const answering = answerer.answer(offer, 0);
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setTimeout(resolve));
  const attached = answerer.setTracks(audio, video);
  answerer.attach();
  const answer = await answering;
  await attached;
  await caller.accept(answer, 0);
  const senders = answerer.pc.getSenders();
  const result = {
    heard,
    received: answerer.remoteTracks().map((track) => track.kind),
    sent: senders.map((sender) => sender.track?.kind),
    directions: caller.pc.getTransceivers().map((one) => one.currentDirection),
  };
  caller.close();
  answerer.close();
  for (const track of [...theirs, audio, video]) track.stop();
  return result;
}
"""


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><link rel=icon href=data:,>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_static("/js", JS)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_a_camera_that_opens_while_an_offer_is_applied(people: Crew, site: str, turns: int) -> None:
    """A reload meets this: the peer's offer is there before the devices are. Both directions must carry."""
    page = (await people("ana")).page
    await page.goto(site)
    result = await page.evaluate(CAMERA_OPENS_WHILE_AN_OFFER_IS_APPLIED, turns)
    assert result["heard"] >= 2, "the other side's picture and voice went to nobody"
    assert result["received"] == ["audio", "video"]
    assert result["sent"] == ["audio", "video"]
    assert result["directions"] == ["sendrecv", "sendrecv"]


# Two callers of the same page, one after the other, as after a start of the therapist's page that this one has missed.
CERTIFICATES = """
async () => {
  const { PeerLink } = await import("/js/lib/peer-link.js");
  const { readFingerprints, theirFingerprint } = await import("/js/lib/certificates.js");
  const hex = (bytes) => bytes && [...bytes].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");
  const described = ({ sdp }) => /^a=fingerprint:sha-256 (\\S+)/m.exec(sdp)[1];
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const connected = (link) => new Promise((resolve) => {
    const look = () => link.connectionState === "connected" && resolve();
    link.addEventListener("state", look);
    look();
  });
  const answerer = new PeerLink(RTCPeerConnection);
  const before = await readFingerprints(answerer.pc);
  await answerer.setTracks(...stream.getTracks());
  answerer.attach();
  async function called(generation, begins) {
    const caller = new PeerLink(RTCPeerConnection);
    await caller.setTracks(...stream.getTracks());
    await caller.accept(await answerer.answer(await caller.offer(generation), generation), generation);
    const pass = setInterval(() => {
      for (const [from, to] of [[caller, answerer], [answerer, caller]]) {
        for (const { candidate, mid } of from.gathered.splice(0)) void to.addCandidate(candidate, mid);
      }
    }, 20);
    await begins;
    await Promise.all([connected(caller), connected(answerer)]);
    clearInterval(pass);
    const both = { caller: await readFingerprints(caller.pc), answerer: await readFingerprints(answerer.pc) };
    const result = {
      caller: [hex(both.caller.own), hex(both.caller.theirs)],
      answerer: [hex(both.answerer.theirs), hex(both.answerer.own)],
      seen: hex(await theirFingerprint(answerer.pc)),
      described: [described(caller.pc.localDescription), described(answerer.pc.localDescription)],
    };
    caller.close();
    return result;
  }
  const first = await called(0);
  // until the second handshake begins the answerer still counts as connected
  const begins = new Promise((resolve) => answerer.addEventListener("state", resolve, { once: true }));
  const result = { before, first, second: await called(1, begins) };
  answerer.close();
  for (const track of stream.getTracks()) track.stop();
  return result;
}
"""


async def test_both_ends_read_the_certificates_that_they_use(people: Crew, site: str) -> None:
    """As the browsers themselves describe them; and the newer one when a peer comes back with another."""
    page = (await people("ana", flags=("--allow-loopback-in-peer-connection",))).page
    page.set_default_timeout(45_000)
    await page.goto(site)
    result = await page.evaluate(CERTIFICATES)
    assert result["before"] is None, "nothing is known before there is a connection"
    for call in (result["first"], result["second"]):
        assert call["caller"] == call["answerer"] == call["described"]
        assert call["seen"] == call["caller"][0]
    assert result["first"]["caller"][0] != result["second"]["caller"][0]
    assert result["first"]["caller"][1] == result["second"]["caller"][1]
