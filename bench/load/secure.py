"""Legs that end DTLS and SRTP, for servers that do the same: aiortc's handshake over the generator's socket."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aioice import stun
from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from bench.load.wires import Address, Wires, insist

AUDIO, VIDEO = (111, 1001), (96, 2002)  # payload type and SSRC
RATE, AUDIO_RATE = 160, 50  # packets a second
TAG = 10  # bytes that SRTP adds, so that the sizes are the other servers' too


@dataclass(frozen=True, slots=True)
class Remote:
    """What the server's SDP said."""

    ufrag: str
    pwd: str
    fingerprint: str
    address: Address


class Peer:
    """One leg: ICE with the server, then DTLS. It stands in for aiortc's ICE transport."""

    state = "completed"

    def __init__(self, wires: Wires, ip: str, certificate: RTCCertificate, *, controlling: bool) -> None:
        self.wires, self.ip = wires, ip
        self.role = "controlling" if controlling else "controlled"
        self.ufrag, self.pwd = secrets.token_hex(4), secrets.token_hex(12)
        self.dtls = RTCDtlsTransport(self, [certificate])  # type: ignore[arg-type]
        self.fingerprint = next(one.value for one in certificate.getFingerprints() if one.algorithm == "sha-256")
        self.remote: Remote | None = None
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._checked = asyncio.Event()
        wires.on[ip] = self._heard

    def sdp(self, setup: str) -> str:
        """An offer or an answer: one audio, one video, in one bundle. `setup`: of DTLS (RFC 8842)."""
        common = (
            f"c=IN IP4 0.0.0.0\r\na=sendrecv\r\na=rtcp-mux\r\na=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.pwd}\r\n"
            f"a=fingerprint:sha-256 {self.fingerprint}\r\na=setup:{setup}\r\n"
            f"a=candidate:1 1 udp 2015363327 {self.ip} {self.wires.port} typ host\r\na=end-of-candidates\r\n"
        )
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
            f"m=audio 9 UDP/TLS/RTP/SAVPF {AUDIO[0]}\r\n{common}a=mid:0\r\na=rtpmap:{AUDIO[0]} opus/48000/2\r\n"
            f"a=ssrc:{AUDIO[1]} cname:bench\r\n"
            f"m=video 9 UDP/TLS/RTP/SAVPF {VIDEO[0]}\r\n{common}a=mid:1\r\na=rtpmap:{VIDEO[0]} VP8/90000\r\n"
            f"a=ssrc:{VIDEO[1]} cname:bench\r\n"
        )

    async def connect(self, remote: Remote, *, client: bool) -> None:
        """ICE and DTLS. Raises TimeoutError or RuntimeError."""
        self.remote = remote
        await insist(self._check, self._checked)
        self.dtls._set_role("client" if client else "server")
        async with asyncio.timeout(10):
            await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint("sha-256", remote.fingerprint)]))
        if self.dtls.state != "connected":
            raise RuntimeError(f"DTLS: {self.dtls.state}")
        if self.dtls._task:
            self.dtls._task.cancel()  # it would read on; the generator does that

    def packets(self, number: int, count: int) -> Iterable[bytes]:
        """What this leg sends, in SRTP; the sizes and their order are those of `generator.c`."""
        sequences = [0, 0]
        for turn in range(count):
            audio = (turn * AUDIO_RATE + number * 7) % RATE < AUDIO_RATE
            if audio:
                size = 90 + (turn * 31 + number) % 50
            else:
                size = 1150 if (turn + number) % 4 else 300 + (turn * 97 + number * 13) % 800
            kind, ssrc = AUDIO if audio else VIDEO
            stamp = turn * (48000 if audio else 90000) // RATE
            head = struct.pack("!BBHII", 0x80, kind, sequences[audio], stamp, ssrc)
            sequences[audio] += 1
            yield self.dtls._tx_srtp.protect(head + b"\x10\x01" + b"\x55" * (size - 14 - TAG))

    def _check(self) -> None:
        assert self.remote
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, secrets.token_bytes(12))
        message.attributes["USERNAME"] = f"{self.remote.ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1845494271
        message.attributes[f"ICE-{self.role.upper()}"] = 77
        if self.role == "controlling":
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self.remote.pwd.encode())
        self.wires.send(self.ip, bytes(message), self.remote.address)

    def _heard(self, data: bytes, source: Address) -> None:
        if data[0] > 3:
            self._inbox.put_nowait(data)
            return
        message = stun.parse_message(data)
        if message.message_class == stun.Class.RESPONSE:
            self._checked.set()
        elif message.message_class == stun.Class.REQUEST:
            answer = stun.Message(message.message_method, stun.Class.RESPONSE, message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = source
            answer.add_message_integrity(self.pwd.encode())
            self.wires.send(self.ip, bytes(answer), source)

    # What RTCDtlsTransport asks of an ICE transport

    async def _recv(self) -> bytes:
        return await self._inbox.get()

    async def _send(self, data: bytes) -> None:
        assert self.remote
        self.wires.send(self.ip, data, self.remote.address)


def write_script(path: Path, peers: list[Peer], seconds: float) -> Path:
    """The packets of all legs as `generator.c` reads them."""
    with path.open("wb") as file:
        for number, peer in enumerate(peers):
            for packet in peer.packets(number, int(seconds * RATE)):
                file.write(len(packet).to_bytes(2, "big") + packet)
    return path
