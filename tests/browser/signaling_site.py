"""The smallest site that runs a call: Hub and real bus behind aiohttp, two bare pages with the real JavaScript."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from signaling.bus import Bus
from signaling.hub import Hub, Who
from signaling.socket import PageConnection, origin_allowed, upgrade
from signaling.switch import Rules
from tests.signaling.memory_visits import MemoryVisits

JS = Path(__file__).parents[2] / "webclient" / "js"
VISIT = "visit-1"

PAGE = """<!doctype html><meta charset="utf-8"><title>call</title><link rel="icon" href="data:,">
<video id="remote" autoplay playsinline></video>
<script type="module">
import { newInstance, socketUrl } from "/js/lib/page.js";
import { PageSocket } from "/js/lib/page-socket.js";
import { Call } from "/js/lib/call.js";
const role = location.pathname.slice(1);
window.said = [];
window.socket = new PageSocket({ url: socketUrl(`/live/${role}`), instance: newInstance(),
                                 visit: role === "therapist" ? location.hash.slice(1) || null : null });
socket.addEventListener("message", ({ detail }) => said.push(detail));
window.call = new Call({ socket, role });
call.addEventListener("remote", ({ detail }) => {
  remote.srcObject = detail;
  remote.requestVideoFrameCallback(() => (window.firstFrame = performance.now()));
});
if (!new URLSearchParams(location.search).has("without")) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } });
  window.stream = stream;
  call.setLocalStream(stream);
}
if (new URLSearchParams(location.search).has("prepare")) call.prepare();
socket.open();
window.ready = true;
</script>"""


class Site:
    """`url`, `visits`, `hub`; `kill` and `start` are a restart of the web process."""

    #: What each address shows, and who speaks from where; other sites may have more.
    pages: ClassVar[dict[str, str]] = {"patient": PAGE, "therapist": PAGE}
    speakers: ClassVar[dict[str, Who]] = {
        "patient": Who("patient", "p", visit=VISIT),
        "therapist": Who("therapist", "t", staff="li"),
    }

    def __init__(self, visits: MemoryVisits, bus_url: str, secret: bytes) -> None:
        self.visits = visits
        self._bus_url, self._secret = bus_url, secret
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self.bus = Bus(self._bus_url)
        self.hub = Hub(
            visits=self.visits,
            store=self.visits,
            bus=self.bus,
            secret=self._secret,
            mailbox=self.visits,
            rules=Rules(loopback=True),
        )
        self.hub.start()
        await self.bus.start()
        app = web.Application()
        app.router.add_get("/live/{role}", self._live)
        app.router.add_static("/js", JS)
        for name in self.pages:
            app.router.add_get(f"/{name}", self._page)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.hub.close()
        await asyncio.wait_for(self._runner.cleanup(), 10)
        await self.bus.close()

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=self.pages[request.path.strip("/")], content_type="text/html")

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        if not origin_allowed(request):
            raise web.HTTPForbidden
        return await PageConnection(self.hub, self.speakers[request.match_info["role"]]).run(await upgrade(request))


@asynccontextmanager
async def site(visits: MemoryVisits, bus_url: str, secret: bytes, kind: type[Site] = Site) -> AsyncIterator[Site]:
    running = kind(visits, bus_url, secret)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
