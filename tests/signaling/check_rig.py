"""A real check process over a real relay, and a page that is an aiortc client (which has no ICE over TCP)."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from signaling.bus import Bus
from signaling.check_client import Checks
from signaling.check_meter import ECHO, LOAD, LOAD_SIZE, PING, RATE, Best
from signaling.check_post import Answered, CheckEvent
from signaling.check_server import CheckServer, CheckSettings, serve
from tests.signaling.relay_rig import SECRET
from tests.valkey import TestValkey

Drop = Callable[[], bool]


@contextlib.asynccontextmanager
async def check_process(server: TestValkey, most: int = 6) -> AsyncIterator[CheckServer]:
    ready: asyncio.Queue[CheckServer] = asyncio.Queue()
    task = asyncio.create_task(serve(CheckSettings(SECRET, server.url, most), ready=ready.put_nowait))
    try:
        yield await asyncio.wait_for(ready.get(), 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def web_node(server: TestValkey) -> AsyncIterator[Checks]:
    bus = Bus(server.url)
    checks = Checks(bus, SECRET)
    bus.subscribe("checked", checks.on_post)
    await bus.start()
    try:
        yield checks
    finally:
        await bus.close()


class CheckPage:
    """What the page's script does. `says` may change an echo before it is sent; `drop` loses a packet of ours."""

    def __init__(self, *, says: Callable[[bytes], bytes] = lambda echo: echo, drop: Drop = lambda: False) -> None:
        config = RTCConfiguration(iceServers=[])
        self.peers = {"udp": RTCPeerConnection(config), "tcp": RTCPeerConnection(config)}
        self.says, self.drop = says, drop
        self.best = Best()
        self.sent = self.pings = 0
        self.events: list[CheckEvent] = []
        self.began = self.ended = 0.0
        self._loading: asyncio.Task[None] | None = None

    async def offers(self) -> dict[str, str]:
        for peer in self.peers.values():
            channel = peer.createDataChannel("check", ordered=False, maxRetransmits=0)
            channel.on("message", lambda data, channel=channel: self._heard(channel, data))
            await peer.setLocalDescription(await peer.createOffer())
        return {way: one_fingerprint(peer.localDescription.sdp) for way, peer in self.peers.items()}

    async def run(self, checks: Checks, visit: str, *, deaf: bool = False) -> CheckEvent:
        """The last thing that is said. `deaf`: it answers nothing."""
        offers = await self.offers()
        try:
            async with contextlib.aclosing(checks.run(visit, offers["udp"], offers["tcp"])) as events:
                async for event in events:
                    self.events.append(event)
                    if isinstance(event, Answered) and not deaf:
                        self.began = self.began or time.monotonic()
                        await self._answered(event)
            self.ended = time.monotonic()
            return self.events[-1]
        finally:
            await self.close()

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        await asyncio.gather(*(peer.close() for peer in self.peers.values()))

    async def _answered(self, answer: Answered) -> None:
        peer = self.peers[answer.way]
        await peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        for line in answer.candidates:
            candidate = candidate_from_sdp(line.removeprefix("candidate:").partition(" generation ")[0])
            candidate.sdpMLineIndex = 0
            await peer.addIceCandidate(candidate)

    def _heard(self, channel: RTCDataChannel, data: object) -> None:
        assert isinstance(data, bytes)
        if data[0] == LOAD:
            self.best.add(LOAD_SIZE, time.monotonic())
        elif data[0] == PING:
            if data[1] == 1 and self._loading is None:
                self._loading = asyncio.create_task(self._load(channel))
            elif data[1] == 2 and self._loading is not None:
                self._loading.cancel()
            self.pings += data[1] == 0
            numbers = struct.pack("!II", self.pings, self.best.total)
            channel.send(self.says(bytes([ECHO]) + data[1:] + numbers))

    async def _load(self, channel: RTCDataChannel) -> None:
        began = time.monotonic()
        while channel.readyState == "open":
            while self.sent < (time.monotonic() - began) * RATE / 8 / LOAD_SIZE:
                if not self.drop():
                    channel.send(struct.pack("!BI", LOAD, self.sent) + bytes(LOAD_SIZE - 5))
                self.sent += 1
            await asyncio.sleep(0.01)


def one_fingerprint(sdp: str) -> str:
    """aiortc gives three hashes of its certificate, browsers give one."""
    return "\r\n".join(line for line in sdp.splitlines() if not line.startswith(("a=fingerprint:sha-3", "a=fingerprint:sha-5"))) + "\r\n"  # fmt: skip
