"""Opens, lengthens and closes calls at the relays, and tells pages the relays' addresses.

The truth is in SQL (`RelayStore`); the bus carries it. Every node hears every entry and every report, so any
node can tell the pages that it has. Nothing here has to survive the process.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Protocol

import structlog

from signaling.calls import (
    CHECK_PREFIX,
    ExpiredEntry,
    ForgedEntry,
    RelayAck,
    RelayAddress,
    RelayCall,
    RelayVerified,
    seal,
    unseal,
    unseal_report,
)
from signaling.messages import RelayCandidate, RelayOffer
from signaling.switch import Negotiation
from signaling.visits import CallState, RelayStore

# RFC 8445 §5.1.2.1: type preference 100 for server-reflexive, component 1.
_SRFLX_PRIORITY = (100 << 24) | (65535 << 8) | 255
_SLACK = 1.0  # s by which an end may differ before the relays hear of it
_MAX_VISITS = 20_000

_log = structlog.get_logger(__name__)

Tell = Callable[[str, str, RelayOffer], None]


class CallBus(Protocol):
    """What `signaling.bus.Bus` offers to this part."""

    async def put_call(self, call_key: str, blob: bytes, expires: float) -> bool: ...
    async def drop_call(self, call_key: str, blob: bytes) -> bool: ...


class RelayControl:
    """`tell(visit, instance, message)` sends to a page that this node has; `now`: unix seconds."""

    def __init__(
        self,
        bus: CallBus,
        store: RelayStore,
        secret: bytes,
        tell: Tell,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._bus, self._store, self._secret, self._tell, self._now = bus, store, secret, tell, now
        self._calls: dict[str, dict[str, RelayCall]] = {}  # visit: key: call
        self._acks: dict[str, dict[str, tuple[RelayAddress, ...]]] = {}
        self._verified: dict[tuple[str, str], tuple[str, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def negotiated(self, state: CallState, offerer: str, answerer: str, negotiation: Negotiation) -> None:
        """Both credentials are known: open the relay at once. Returns before it is open."""
        if negotiation.offer is None or negotiation.answer is None:
            return
        call = RelayCall(
            visit=state.visit,
            offerer=offerer,
            answerer=answerer,
            generation=negotiation.generation,
            a=negotiation.offer,
            b=negotiation.answer,
            expires=state.relay_expires,
            version=self._version(0),
            direct=state.policy == "direct+relay",
        )
        known = self._call(call.key)
        if known is not None:
            self._own(self._put(known))  # sent again: whoever did has missed the answer
            return
        self._own(self._put(call))
        for old in self._of(state.visit):
            # Two generations live side by side for an ICE restart; the calls of pages that are gone are over.
            same = (old.offerer, old.answerer) == (offerer, answerer)
            if old.generation < call.generation - 1 if same else not _both_current(old, state):
                self._own(self._drop(old))

    def only(self, state: CallState) -> None:
        """A page has been replaced, or a third person was sent away: nothing of it may be relayed. Returns at once."""
        self._own(self._only(state))

    async def _only(self, state: CallState) -> None:
        for call in await self._stored(state.visit):
            if not _both_current(call, state):
                await self._drop(call)

    async def again(self, state: CallState) -> None:
        """A page has come back: tell all once more what the relays have said, or ask them."""
        for call in await self._stored(state.visit):
            if not _both_current(call, state):
                continue
            if acks := self._acks.get(call.key):
                for addresses in acks.values():
                    self._tell_relay(call, addresses)
            else:
                self._own(self._put(call))

    async def extend(self, state: CallState, *, look: bool = True) -> None:
        """The end has moved, or the policy's reports. `look`: also at calls that only SQL knows."""
        for call in await self._stored(state.visit) if look else self._of(state.visit):
            if abs(call.expires - state.relay_expires) > _SLACK:
                moved = replace(call, expires=state.relay_expires, version=self._version(call.version))
                self._own(self._put(moved))

    async def end(self, visit: str) -> None:
        """The visit is no longer open: nothing of it may be relayed."""
        for call in await self._stored(visit):
            await self._drop(call)

    async def reconcile(self) -> None:
        """After every (re)connect of the bus: what SQL holds is put again. For `Bus.on_connect`."""
        for call in await self._read(None):
            await self._bus.put_call(call.key, seal(call, self._secret), call.expires)

    async def on_call(self, blob: bytes) -> None:
        """An entry that some node has put: channel "calls"."""
        try:
            call = unseal(blob, self._secret, self._now())
            if not call.of_a_check:
                self._keep(call)
        except ExpiredEntry as expired:
            self._forget(expired.call.key)
        except ForgedEntry:
            _log.warning("relay_control.forged_entry")

    async def on_report(self, blob: bytes) -> None:
        """What a relay says: channel "relay"."""
        try:
            report = unseal_report(blob, self._secret)
        except ForgedEntry:
            _log.warning("relay_control.forged_report")
            return
        if report.key.startswith(CHECK_PREFIX):
            return  # a connection check's: no page of a visit is to hear of it
        call = self._call(report.key)
        if call is None:  # put by another node while the bus was away
            await self._stored(_visit(report.key))
            call = self._call(report.key)
        if call is None:
            return
        match report:
            case RelayAck():
                self._acks.setdefault(call.key, {})[report.relay] = report.candidates
                self._tell_relay(call, report.candidates)
            case RelayVerified():
                self._verified_address(call, report)

    async def close(self) -> None:
        """Waits for what is on its way to the store."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def knows(self, visit: str) -> bool:
        """Whether this node has heard of a call of the visit."""
        return visit in self._calls

    def _tell_relay(self, call: RelayCall, addresses: tuple[RelayAddress, ...]) -> None:
        for ufrag, send in self._sides(call):
            candidates = [
                RelayCandidate(
                    candidate=address.candidate_line(ufrag, call.generation),
                    address=address.ip,
                    port=address.port,
                    protocol=address.transport,
                    via="relay",
                )
                for address in addresses
            ]
            send(candidates)

    def _verified_address(self, call: RelayCall, report: RelayVerified) -> None:
        """Each side's address, as the relay has proved it, is a server-reflexive candidate for the other."""
        if not call.direct or self._verified.get((call.key, report.leg)) == (report.ip, report.port):
            return
        address = ip_address(report.ip)
        if address.is_loopback or address.is_unspecified:
            return  # the relay runs on that browser's machine; nobody else can use it
        self._verified[call.key, report.leg] = (report.ip, report.port)
        offerer, answerer = self._sides(call)
        ufrag, send = answerer if report.leg == "a" else offerer
        nowhere = "::" if address.version == 6 else "0.0.0.0"  # noqa: S104 (in a candidate: not told)
        line = (
            f"candidate:{report.port} 1 udp {_SRFLX_PRIORITY} {report.ip} {report.port}"
            f" typ srflx raddr {nowhere} rport 0 generation {call.generation} ufrag {ufrag}"
        )
        send([RelayCandidate(candidate=line, address=report.ip, port=report.port, protocol="udp", via="direct")])

    def _sides(
        self, call: RelayCall
    ) -> tuple[tuple[str, Callable[[list[RelayCandidate]], None]], tuple[str, Callable[[list[RelayCandidate]], None]]]:
        """(the remote ufrag that this side's page needs, how to tell it) of offerer and answerer."""

        def to(instance: str, peer: str) -> Callable[[list[RelayCandidate]], None]:
            def send(candidates: list[RelayCandidate]) -> None:
                offer = RelayOffer(peer=peer, generation=call.generation, candidates=tuple(candidates))
                self._tell(call.visit, instance, offer)

            return send

        return (
            (call.b.ufrag, to(call.offerer, call.answerer)),
            (call.a.ufrag, to(call.answerer, call.offerer)),
        )

    async def _put(self, call: RelayCall) -> None:
        self._keep(call)
        blob = seal(call, self._secret)
        # The bus first: the pages wait for the relay's answer. Without the bus, relays read the store.
        await self._bus.put_call(call.key, blob, call.expires)
        await self._store.save_relay_call(call.visit, call.key, call.version, blob, call.expires)

    async def _drop(self, call: RelayCall) -> None:
        self._forget(call.key)
        over = replace(call, expires=self._now() - 1, version=self._version(call.version))
        blob = seal(over, self._secret)
        await self._bus.drop_call(call.key, blob)
        await self._store.save_relay_call(over.visit, over.key, over.version, blob, over.expires)

    async def _stored(self, visit: str) -> list[RelayCall]:
        """The visit's calls: those that this node knows, else those in SQL."""
        if not self._of(visit):
            for call in await self._read(visit):
                self._keep(call)
        return self._of(visit)

    async def _read(self, visit: str | None) -> list[RelayCall]:
        calls = []
        for blob in await self._store.relay_calls(visit):
            try:
                calls.append(unseal(blob, self._secret, self._now()))
            except ExpiredEntry:
                continue
            except ForgedEntry:
                _log.error("relay_control.forged_in_store")
        return calls

    def _call(self, key: str) -> RelayCall | None:
        return self._calls.get(_visit(key), {}).get(key)

    def _of(self, visit: str) -> list[RelayCall]:
        now = self._now()
        for call in list(self._calls.get(visit, {}).values()):
            if call.expires <= now:
                self._forget(call.key)
        return list(self._calls.get(visit, {}).values())

    def _keep(self, call: RelayCall) -> None:
        known = self._call(call.key)
        if known is None or known.version < call.version:
            self._calls.setdefault(call.visit, {})[call.key] = call
        while len(self._calls) > _MAX_VISITS:
            for key in list(next(iter(self._calls.values()))):
                self._forget(key)

    def _forget(self, key: str) -> None:
        calls = self._calls.get(_visit(key), {})
        calls.pop(key, None)
        if not calls:
            self._calls.pop(_visit(key), None)
        self._acks.pop(key, None)
        for leg in ("a", "b"):
            self._verified.pop((key, leg), None)

    def _version(self, before: int) -> int:
        """Milliseconds, so that any node's next version is later than any node's last, without asking."""
        return max(before + 1, int(self._now() * 1000))

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("relay_control.failed", error=repr(error))


def _both_current(call: RelayCall, state: CallState) -> bool:
    return state.pages.keys() >= {call.offerer, call.answerer}


def _visit(key: str) -> str:
    return key.partition("/")[0]
