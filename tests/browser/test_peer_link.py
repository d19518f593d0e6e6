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
