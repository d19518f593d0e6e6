"""aiortc's MediaRelay at one call: two aiortc peers in the browsers' places, and a server that decodes and encodes.

    python -m bench.load.media SECONDS      the server: two offers on standard input, then two answers and its figures

Its packets are what its own encoders make of 640x480 at 30 pictures a second and of 50 packets of Opus: other
packets than the generator's, so only the cost of one is compared.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack

ROOT = Path(__file__).parent.parent.parent
WARM = 1.5  # s until both encoders have found their rate


class Noise(VideoStreamTrack):
    """A picture that changes in every block a little: some 1 Mbit/s of VP8, a face in a room."""

    def __init__(self) -> None:
        super().__init__()
        generator = numpy.random.default_rng(20)
        self._pictures = [generator.integers(96, 160, (480, 640, 3), dtype=numpy.uint8) for _ in range(8)]
        self._number = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        picture = self._pictures[self._number // 4 % len(self._pictures)]
        self._number += 1
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def _sent(peers: list[RTCPeerConnection]) -> int:
    reports = [report for peer in peers for report in (await peer.getStats()).values()]
    return sum(report.packetsSent for report in reports if report.type == "outbound-rtp")


async def serve(seconds: float) -> None:
    """The server's part, in a process of its own."""
    peers = [connection(), connection()]
    tracks: list[list[MediaStreamTrack]] = [[], []]
    for peer, found in zip(peers, tracks, strict=True):
        peer.on("track", found.append)
    relay = MediaRelay()
    for peer, offer in zip(peers, json.loads(sys.stdin.readline()), strict=True):
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    for peer, others in zip(peers, reversed(tracks), strict=True):
        for track in others:
            peer.addTrack(relay.subscribe(track, buffered=False))
    for peer in peers:
        await peer.setLocalDescription(await peer.createAnswer())
    print(json.dumps([peer.localDescription.sdp for peer in peers]), flush=True)
    await asyncio.sleep(WARM)
    before, packets = _cpu(), await _sent(peers)
    await asyncio.sleep(seconds)
    packets = await _sent(peers) - packets
    print(json.dumps({"packets": packets, "cpu": _cpu() - before}), flush=True)
    await asyncio.gather(*(peer.close() for peer in peers))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def us_per_packet(seconds: float) -> float:
    """CPU of the server, in microseconds for each packet that it sent. Raises RuntimeError."""
    command = ["taskset", "-c", "0", sys.executable, "-m", "bench.load.media", str(seconds)]
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 20)
    assert server.stdin
    assert server.stdout
    peers = [connection(), connection()]
    try:
        for peer in peers:
            peer.addTrack(Noise())
            peer.addTrack(AudioStreamTrack())
            await peer.setLocalDescription(await peer.createOffer())
        offers = [peer.localDescription.sdp for peer in peers]
        server.stdin.write(json.dumps(offers).encode() + b"\n")
        answers = json.loads(await server.stdout.readline() or b"null")
        if answers is None:
            raise RuntimeError("aiortc's server did not answer")
        for peer, answer in zip(peers, answers, strict=True):
            await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        found = json.loads(await server.stdout.readline() or b"{}")
        if not found.get("packets"):
            raise RuntimeError("aiortc's server forwarded nothing")
        return float(found["cpu"] * 1e6 / found["packets"])
    finally:
        await asyncio.gather(*(peer.close() for peer in peers))
        if server.returncode is None:
            server.terminate()
        await server.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
