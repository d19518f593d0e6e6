"""The blind relay's core: a datagram and its source in, datagrams and their destinations out.

Two browsers each take the relay for the other one. It reads only ICE's connectivity checks, changes no byte
and holds no media key. Nothing is ever sent to an address that has not proved that a browser of the call
receives there, with two exceptions: the challenge that lets it prove this, and the response to its own
request.

Pure: no sockets and no clock; `now` is seconds of any clock that never goes back. After every call of a
method `next_wake` says when `tick` is wanted.
"""

import secrets
from collections.abc import Callable

from signaling import stun
from signaling.calls import RelayCall, RelayVerified, Side
from signaling.relay_leg import (
    CANDIDATE_ADDRESSES,
    FIRST_CONNECTION,
    FORGET_VERIFIED,
    TRANSACTION_LIFE,
    VERIFIED_ADDRESSES,
    Datagram,
    Leg,
    OpenCall,
    Path,
    Source,
)
from signaling.relay_limits import Bucket, Counters
from signaling.relay_proof import Challenger
from signaling.relay_table import MAX_CALLS, CallTable, Put

MAX_DATAGRAM = 2048  # bytes; browsers keep to 1,200 or so (RFC 8831 §5, RFC 8835 §4.2)
CHECKS_PER_SECOND = 5000  # integrity checks for unlearned sources, some 10 µs each with the parsing
SWEEP = 5.0  # s between looks for silent addresses
MAX_REPORTS = 1000

_NOTHING: list[Datagram] = []


class Relay:
    """The core of one relay process.

    `published`: socket number -> the (ip, port) at which browsers see that socket; where it is given, the
    answer to a challenge must name it, so that nobody answers with the help of a browser that was asked
    elsewhere. `reports`: verified addresses of calls that want them told, for the shell to take.
    """

    def __init__(
        self,
        *,
        max_calls: int = MAX_CALLS,
        token: Callable[[int], bytes] = secrets.token_bytes,
        now: float = 0.0,
    ) -> None:
        self.counters = Counters()
        self.table = CallTable(self.counters, max_calls)
        self.challenger = Challenger(self.counters, token)
        self.published = self.challenger.published
        self.reports: list[RelayVerified] = []
        self.routes: dict[Source, Path] = {}  # verified addresses alone
        self.connection_checks: dict[int, float] = {}  # TCP connection -> when it last sent a valid check
        self._checks = Bucket(CHECKS_PER_SECOND, CHECKS_PER_SECOND, now)
        self._sweep_at = now + SWEEP

    # The call table

    def put(self, call: RelayCall, now: float, unix: float | None = None) -> Put:
        """Open a call, move its end or close it. `unix`: the wall clock now, when `now` is another clock."""
        result = self.table.put(call, now, now if unix is None else unix)
        self._clear_closed()
        return result

    def drop(self, key: str, now: float) -> None:
        """Close a call; the same version of its entry does not open it again."""
        call = self.table.calls.get(key)
        if call is not None:
            self.table.close(call, now)
            self._clear_closed()

    def hint(self, key: str, side: Side, source: Source, controlling: bool, now: float) -> list[Datagram]:
        """A browser of the call was here before this process was: ask it, as if its check had come."""
        call = self.table.calls.get(key)
        if call is None or not source[1][1]:
            return _NOTHING
        leg = call.a if side == "a" else call.b
        if source in leg.paths or source in leg.candidates or len(leg.candidates) >= CANDIDATE_ADDRESSES:
            return _NOTHING
        path = self.challenger.admit(leg, source, now)
        path.controlling = controlling
        return self.challenger.challenge(path, now)

    # Time

    @property
    def next_wake(self) -> float:
        times = (self._sweep_at, self.challenger.next_repeat, self.table.next_end)
        return min(time for time in times if time is not None)

    def tick(self, now: float) -> list[Datagram]:
        """End what is over, repeat challenges, forget the silent."""
        for call in self.table.due(now):
            self.counters.calls_expired += call.ends <= now
            self.table.close(call, now)
        self._clear_closed()
        sends = self.challenger.tick(now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP
            for call in self.table.calls.values():
                self._sweep(call.a, now)
                self._sweep(call.b, now)
        return sends

    # Datagrams

    def datagram(self, data: bytes, source: Source, now: float) -> list[Datagram]:
        """What is to be sent because `data` came from `source`. Never raises."""
        size = len(data)
        first = data[0] if size else 255
        if 19 < first < 64 or 127 < first < 192:  # DTLS; SRTP and SRTCP (RFC 7983)
            path = self.routes.get(source)
            if path is None:
                self.counters.unlearned += 1
                return _NOTHING
            target = self.media(path, size, now)
            return _NOTHING if target is None else [(data, target.source)]
        if not size:
            self.counters.empty += 1
        elif first > 3:
            self.counters.foreign += 1
        elif size > MAX_DATAGRAM:
            self.counters.too_long += 1
        elif not source[1][1]:
            self.counters.port_zero += 1
        else:
            packet = stun.parse(data)
            if packet is None:
                self.counters.malformed += 1
            elif packet.type == stun.REQUEST:
                return self._request(packet, source, now)
            else:
                return self._response(packet, source, now)
        return _NOTHING

    def media(self, path: Path, size: int, now: float) -> Path | None:
        """Where `size` bytes of DTLS, SRTP or SRTCP from a verified address go; None: nowhere.

        For a shell that keeps its own table of addresses: `path` must be one of `routes`, which
        `Path.verified` tells.
        """
        leg = path.leg
        if size > MAX_DATAGRAM:
            self.counters.too_long += 1
            return None
        if not leg.call.budget.take(size, now):
            self.counters.over_rate += 1
            return None
        path.heard = now
        if leg.active is not path:
            leg.sent_data(path, now, self.counters)
        target = leg.other.active or _elsewhere(leg.other)
        if target is None:
            self.counters.no_route += 1
            return None
        self.counters.forwarded += 1
        return target

    def forget_connection(self, source: Source) -> None:
        """A TCP connection has ended; its number is never used again."""
        self.connection_checks.pop(source[0], None)
        self.published.pop(source[0], None)
        path = self.routes.pop(source, None)
        if path is not None:
            path.leg.remove(path)

    # Connectivity checks

    def _request(self, packet: stun.Packet, source: Source, now: float) -> list[Datagram]:
        leg = self.table.usernames.get(packet.attributes.get(stun.USERNAME, b""))
        if leg is None:
            self.counters.unknown_username += 1
            return _NOTHING
        path = leg.paths.get(source)
        budget, size = leg.call.budget, len(packet.data)
        if path is None and not (leg.checks.take(1, now) and self._checks.take(1, now)):
            self.counters.checks_limited += 1
            return _NOTHING
        if path is not None and not budget.take(size, now):
            self.counters.over_rate += 1
            return _NOTHING
        if not stun.intact(packet, leg.key):
            self.counters.bad_integrity += 1
            return _NOTHING
        if stun.is_challenge(packet):
            # A challenge looks like a check of the other browser. Whoever sends it back to us, or to a second
            # relay, wants the challenged browser to answer in his place.
            self.counters.reflected += 1
            return _NOTHING
        sends: list[Datagram] = []
        if path is None:
            path = leg.candidates.get(source) or self.challenger.admit(leg, source, now)
            _heed(packet, path, now)
            sends = self.challenger.challenge(path, now)
            if not budget.take(size, now):
                self.counters.over_rate += 1
                return sends
        else:
            _heed(packet, path, now)
            if path.nominated:
                leg.nominate(path)
            leg.checked(path, now, self.counters)
        if source[0] >= FIRST_CONNECTION:
            self.connection_checks[source[0]] = now
        if not leg.own_transaction(packet.transaction, path, now, self.counters):
            return sends
        targets = leg.other.paths
        if not targets:
            path.held, path.held_at = packet.data, now
            return sends
        path.held = b""
        if len(targets) > 1 and not budget.take(size * (len(targets) - 1), now):
            self.counters.over_rate += 1
            return sends
        self.counters.forwarded += 1
        sends += [(packet.data, target) for target in targets]
        return sends

    def _response(self, packet: stun.Packet, source: Source, now: float) -> list[Datagram]:
        challenged = self.challenger.pending.get(packet.transaction)
        if challenged is not None:
            proved, sends = self.challenger.answered(packet, challenged, source, now)
            return self._verify(challenged, now) if proved else sends
        path = self.routes.get(source)
        if path is None:
            self.counters.unlearned += 1
            return _NOTHING
        leg = path.leg
        for same in (leg, *leg.call.same_browser(leg)):
            known = same.other.transactions.get(packet.transaction)
            if known is not None and known[1] > now:
                if not leg.call.budget.take(len(packet.data), now):
                    self.counters.over_rate += 1
                    return _NOTHING
                path.heard = now
                self.counters.forwarded += 1
                return [(packet.data, known[0].source)]
        self.counters.unmatched_response += 1
        return _NOTHING

    # Proved addresses

    def _verify(self, path: Path, now: float) -> list[Datagram]:
        leg, source = path.leg, path.source
        self.challenger.discard(path)
        before = self.routes.get(source)
        if before is not None:
            self.counters.addresses_moved += 1
            before.leg.remove(before)
        if len(leg.paths) >= VERIFIED_ADDRESSES:
            self.counters.addresses_evicted += 1
            silent = min((p for p in leg.paths.values() if p is not leg.active), key=lambda p: p.heard)
            del self.routes[silent.source]
            leg.remove(silent)
        self.counters.verified += 1
        path.verified, path.heard = True, now
        leg.paths[source] = self.routes[source] = path
        if path.nominated:
            leg.nominate(path)
        leg.checked(path, now, self.counters)
        if leg.other.paths:
            self.table.both_verified(leg.call, now)
        if leg.call.call.direct and not path.is_connection and len(self.reports) < MAX_REPORTS:
            self.reports.append(RelayVerified(leg.call.key, leg.side, str(source[1][0]), int(source[1][1])))
        # The other browser's checks that waited for this moment: it need not wait for its next ones.
        sends: list[Datagram] = []
        for waiting in (*leg.other.paths.values(), *leg.other.candidates.values()):
            if waiting.held and now - waiting.held_at < TRANSACTION_LIFE:
                self.counters.forwarded += 1
                sends.append((waiting.held, source))
            waiting.held = b""
        return sends

    # Tidying

    def _clear_closed(self) -> None:
        while self.table.closed:
            call = self.table.closed.pop()
            for leg in (call.a, call.b):
                for path in list(leg.candidates.values()):
                    self.challenger.discard(path)
                for path in leg.paths.values():
                    path.verified = False
                    del self.routes[path.source]

    def _sweep(self, leg: Leg, now: float) -> None:
        leg.expire_transactions(now)
        for path in [p for p in leg.candidates.values() if now - p.heard > TRANSACTION_LIFE]:
            self.challenger.discard(path)
        for path in [p for p in leg.paths.values() if now - p.heard > FORGET_VERIFIED]:
            self.counters.addresses_silent += 1
            del self.routes[path.source]
            leg.remove(path)


def _heed(packet: stun.Packet, path: Path, now: float) -> None:
    """What a valid request says about its sender."""
    path.heard = now
    path.controlling = stun.ICE_CONTROLLING in packet.attributes
    if stun.USE_CANDIDATE in packet.attributes:
        path.nominated = True


def _elsewhere(leg: Leg) -> Path | None:
    """The address of the same browser in the call's other generation (ICE restart)."""
    for same in leg.call.same_browser(leg):
        if same.active is not None:
            return same.active
    return None


__all__ = ["Counters", "Datagram", "OpenCall", "Put", "Relay", "Source"]
