"""The far end of a connection check: an aiortc peer behind our own relay, for a page's two offers.

The page's leg goes over UDP in the one connection and over ICE-TCP in the other; ours is UDP in both. Our peer asks no
STUN server, learns no candidate but the relay's, and tells none of its own. Nothing that the page sends is believed:
its offers have passed `check_sdp`, its packets go to a `Meter`.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import aioice
import structlog
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from signaling.calls import CHECK_PREFIX, ForgedEntry, Leg, RelayAck, RelayAddress, RelayCall, seal, unseal_report
from signaling.check_messages import Way
from signaling.check_meter import Meter, Phase
from signaling.check_numbers import Numbers
from signaling.check_sdp import check_gate, own_answer

CHECK_SECONDS = 10.0  # a check takes no longer, whatever happens
OPEN_SECONDS = 4.5  # for a way to open; seven round trips, so that one of 600 ms still does
AFTER_TCP = 3.0  # s that UDP has to open when TCP is open already
ACK_SECONDS = 2.0  # for a relay to take the call
MORE_ACKS = 0.06  # s for a second relay's word after the first's
TICK = 0.01  # s
FIRST_WINDOW = 40_000  # bytes in flight: 1.1 Mbit/s at 300 ms
CALL_LIFE = 15.0  # s of a relay entry

_log = structlog.get_logger(__name__)

Tell = Callable[[Way, str, tuple[str, ...]], Awaitable[None]]


class CheckImpossible(Exception):
    """It says nothing about the page's network: our own side did not work, or the page went away."""


class CheckBus(Protocol):
    async def put_call(self, call_key: str, blob: bytes, expires: float) -> bool: ...
    async def drop_call(self, call_key: str, blob: bytes) -> bool: ...


class Relays:
    """Opens relay calls of the checks' own kind (`check:…`, which is no visit's id) and hears who takes them."""

    def __init__(self, bus: CheckBus, secret: bytes) -> None:
        self._bus, self._secret = bus, secret
        self._acks: dict[str, asyncio.Queue[RelayAck]] = {}

    async def on_report(self, blob: bytes) -> None:
        """What a relay says: channel "relay"."""
        with contextlib.suppress(ForgedEntry):
            report = unseal_report(blob, self._secret)
            if isinstance(report, RelayAck) and (waiting := self._acks.get(report.key)) is not None:
                waiting.put_nowait(report)

    async def open(self, check: str, way: str, page: Leg, far: Leg) -> tuple[RelayCall, list[RelayAddress]]:
        """The call, and the addresses of all relays that take it. Raises CheckImpossible when none does."""
        call = RelayCall(
            visit=f"{CHECK_PREFIX}{check}",
            offerer="page",
            answerer=f"far-{way}",
            generation=0,
            a=page,
            b=far,
            expires=time.time() + CALL_LIFE,
            version=int(time.time() * 1000),
            direct=False,
        )
        acks = self._acks[call.key] = asyncio.Queue()
        try:
            if not await self._bus.put_call(call.key, seal(call, self._secret), call.expires):
                raise CheckImpossible("no Redis")
            async with asyncio.timeout(ACK_SECONDS):
                first = await acks.get()
            await asyncio.sleep(MORE_ACKS)
            found = {address for ack in (first, *_rest(acks)) for address in ack.candidates}
            return call, sorted(found, key=lambda address: -address.priority)
        except TimeoutError:
            raise CheckImpossible("no relay") from None
        finally:
            del self._acks[call.key]

    async def close(self, call: RelayCall) -> None:
        over = RelayCall(
            call.visit, call.offerer, call.answerer, call.generation, call.a, call.b,
            time.time() - 1, call.version + 1, call.direct,
        )  # fmt: skip
        await self._bus.drop_call(call.key, seal(over, self._secret))


def _rest(queue: asyncio.Queue[RelayAck]) -> list[RelayAck]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


class FarEnd:
    """Our end of one way."""

    def __init__(self, way: Way, relays: Relays) -> None:
        self.way, self._relays = way, relays
        self.opened = asyncio.Event()
        self.offered = True  # whether a relay has an address for this way at all
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.on("datachannel", self._channel_came)
        self._channel: RTCDataChannel | None = None
        self._meter: Meter | None = None
        self._call: RelayCall | None = None

    @property
    def works(self) -> bool | None:
        """Whether it opened; None: there is no such way here."""
        return self.opened.is_set() if self.offered else None

    async def answer(self, check: str, offer: str, tell: Tell) -> None:
        """Raises SdpRefused, CheckImpossible."""
        passed = check_gate(offer)
        await self._peer.setRemoteDescription(RTCSessionDescription(passed.text, "offer"))
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        assert self._peer.sctp
        transport = self._peer.sctp.transport.transport
        if not transport.iceGatherer.getLocalCandidates():
            raise CheckImpossible("no network")  # aioice leaves 127.0.0.1 out
        own = transport.iceGatherer.getLocalParameters()
        assert own.usernameFragment
        assert own.password
        leg = Leg(own.usernameFragment, own.password)
        self._call, addresses = await self._relays.open(check, self.way, passed.leg, leg)
        for address in addresses:
            if address.transport == "udp":
                line = address.candidate_line(passed.leg.ufrag).removeprefix("candidate:")
                candidate = candidate_from_sdp(line.partition(" generation ")[0])
                candidate.sdpMLineIndex = 0
                await self._peer.addIceCandidate(candidate)
        lines = tuple(a.candidate_line(leg.ufrag) for a in addresses if a.transport == self.way)
        self.offered = bool(lines)
        await tell(self.way, own_answer(self._peer.localDescription.sdp), lines)

    def _channel_came(self, channel: RTCDataChannel) -> None:
        if self._channel is not None or channel.label != "check":
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._heard)
        self.opened.set()

    def _heard(self, data: object) -> None:
        if self._meter is not None:
            self._meter.received(data, asyncio.get_running_loop().time())

    async def measure(self, meter: Meter) -> None:
        """Until the meter is done, or the page has gone."""
        assert self._channel
        self._meter, loop = meter, asyncio.get_running_loop()
        if self._peer.sctp is not None and hasattr(self._peer.sctp, "_cwnd"):
            # aiortc begins with three packets and adds one an acknowledgement: on a far line it would need longer than
            # we measure. The meter holds the rate down.
            self._peer.sctp._cwnd = FIRST_WINDOW
        while not meter.done and self._channel.readyState == "open":
            for packet in meter.tick(loop.time(), self._channel.bufferedAmount):
                self._channel.send(packet)
            await asyncio.sleep(TICK)

    async def close(self) -> None:
        await self._peer.close()
        if self._call is not None:
            await self._relays.close(self._call)


class Check:
    """One check: `run`, then `close`. `name`: its own id."""

    def __init__(self, name: str, offers: Mapping[Way, str], relays: Relays, tell: Tell) -> None:
        self._name, self._offers, self._relays, self._tell = name, offers, relays, tell
        self._udp, self._tcp = FarEnd("udp", relays), FarEnd("tcp", relays)

    async def run(self) -> Numbers:
        """At most CHECK_SECONDS. Raises SdpRefused, CheckImpossible."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + CHECK_SECONDS
        udp, tcp = self._udp, self._tcp
        await asyncio.gather(*(end.answer(self._name, self._offers[end.way], self._tell) for end in (udp, tcp)))
        best = await _first_open(udp, tcp)
        if best is None:
            # Before the page's network is blamed we look at our own side.
            await reach_ourselves(self._name, self._relays)
            return Numbers(udp=udp.works, tcp=tcp.works)
        meter = Meter(loop.time(), os.urandom)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(ends):
                await best.measure(meter)
        if meter.phase < Phase.SETTLE or meter.rtt is None:
            raise CheckImpossible("broke off")
        return Numbers(
            udp=udp.works,
            tcp=tcp.works,
            rtt_ms=round(meter.rtt * 1000),
            jitter_ms=round((meter.jitter or 0) * 1000),
            loss=round(meter.loss * 100),
            kbps_up=None if meter.kbps_up is None else round(meter.kbps_up),
            kbps_down=None if meter.kbps_down is None else round(meter.kbps_down),
        )

    async def close(self) -> None:
        await asyncio.gather(self._udp.close(), self._tcp.close())


async def _first_open(udp: FarEnd, tcp: FarEnd) -> FarEnd | None:
    """UDP if it opens in time, else TCP if that does."""
    waits = {asyncio.create_task(end.opened.wait()): end for end in (udp, tcp)}
    try:
        await asyncio.wait(waits, timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not udp.opened.is_set() and tcp.opened.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AFTER_TCP):
                    await udp.opened.wait()
        return next((end for end in (udp, tcp) if end.opened.is_set()), None)
    finally:
        for task in waits:
            task.cancel()


async def reach_ourselves(name: str, relays: Relays) -> None:
    """Two ICE agents of our own meet through the relay, or CheckImpossible."""
    one, two = aioice.Connection(ice_controlling=True), aioice.Connection(ice_controlling=False)
    one.remote_username, one.remote_password = two.local_username, two.local_password
    two.remote_username, two.remote_password = one.local_username, one.local_password
    call = None
    try:
        legs = [Leg(agent.local_username, agent.local_password) for agent in (one, two)]
        call, addresses = await relays.open(name, "itself", *legs)
        async with asyncio.timeout(ACK_SECONDS):
            await asyncio.gather(*(_connect(agent, addresses) for agent in (one, two)))
    except (TimeoutError, OSError) as error:
        _log.warning("check.own_side_fails", error=type(error).__name__)
        raise CheckImpossible("own side") from None
    finally:
        await asyncio.gather(one.close(), two.close())
        if call is not None:
            await relays.close(call)


async def _connect(agent: aioice.Connection, addresses: list[RelayAddress]) -> None:
    await agent.gather_candidates()
    for address in addresses:
        if address.transport == "udp":
            line = address.candidate_line(str(agent.remote_username)).removeprefix("candidate:")
            await agent.add_remote_candidate(aioice.Candidate.from_sdp(line))
    await agent.add_remote_candidate(None)
    await agent.connect()
