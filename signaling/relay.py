"""The blind relay's core: a datagram and its source in, datagrams and their destinations out.

Two browsers each take the relay for the other one. It reads only ICE's connectivity checks, changes no byte and
holds no media key. Nothing is ever sent to an address that has not proved that a browser of the call receives
there, with two exceptions: the challenge that lets it prove this, and the response to its own request.

Pure: no sockets and no clock; `now` is seconds of any clock that never goes back. After every call of a method
`next_wake` says when `tick` is wanted.
"""

import heapq
import secrets
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from signaling import stun
from signaling.calls import RelayCall, RelayVerified
from signaling.relay_leg import (
    CANDIDATE_ADDRESSES,
    FIRST_CONNECTION,
    FORGET_CANDIDATE,
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
from signaling.relay_table import MAX_CALLS, CallTable, Put

MAX_DATAGRAM = 2048  # bytes; browsers keep to 1,200 or so (RFC 8831 §5, RFC 8835 §4.2)
CHECKS_PER_SECOND = 5000  # integrity checks for unlearned sources, some 10 µs each with the parsing
REPEATS = (0.1, 0.2, 0.4)  # s between a challenge's repetitions (UDP)
SWEEP = 5.0  # s between looks for silent addresses
MAX_REPORTS = 1000

_NOTHING: list[Datagram] = []


class Relay:
    """The core of one relay process.

    `published`: socket number -> the (ip, port) at which browsers see that socket; where it is given, the answer
    to a challenge must name it, so that nobody answers with the help of a browser that was asked elsewhere.
    `reports`: verified addresses of calls that want them told, for the shell to take.
    """

    def __init__(
        self, *, max_calls: int = MAX_CALLS, token: Callable[[int], bytes] = secrets.token_bytes, now: float = 0.0
    ) -> None:
        self.counters = Counters()
        self.table = CallTable(self.counters, max_calls)
        self.published: dict[int, tuple[str, int]] = {}
        self.reports: list[RelayVerified] = []
        self.routes: dict[Source, Path] = {}  # verified addresses alone
        self.connection_checks: dict[int, float] = {}  # TCP connection -> when it last sent a valid check
        self._challenges: dict[bytes, Path] = {}
        self._checks = Bucket(CHECKS_PER_SECOND, CHECKS_PER_SECOND, now)
        self._timers: list[tuple[float, int, Path]] = []
        self._timer_count = 0
        self._sweep_at = now + SWEEP
        self._token = token

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

    # Time

    @property
    def next_wake(self) -> float:
        wake = self._sweep_at
        if self._timers and self._timers[0][0] < wake:
            wake = self._timers[0][0]
        end = self.table.next_end
        return wake if end is None or end > wake else end

    def tick(self, now: float) -> list[Datagram]:
        """End what is over, repeat challenges, forget the silent."""
        for call in self.table.due(now):
            self.counters.calls_expired += call.ends <= now
            self.table.close(call, now)
        self._clear_closed()
        sends: list[Datagram] = []
        while self._timers and self._timers[0][0] <= now:
            at, _, path = heapq.heappop(self._timers)
            if path.repeat_at == at and path.leg.candidates.get(path.source) is path:
                sends += self._repeat(path, now)
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
            leg = path.leg
            if size > MAX_DATAGRAM:
                self.counters.too_long += 1
                return _NOTHING
            if not leg.call.budget.take(size, now):
                self.counters.over_rate += 1
                return _NOTHING
            path.heard = now
            if leg.active is not path:
                leg.sent_data(path, now, self.counters)
            target = leg.other.active or _elsewhere(leg.other)
            if target is None:
                self.counters.no_route += 1
                return _NOTHING
            self.counters.forwarded += 1
            return [(data, target.source)]
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
        sends: list[Datagram] = []
        if path is None:
            path = leg.candidates.get(source) or self._admit(leg, source, now)
            _heed(packet, path, now)
            sends = self._challenge(path, now)
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
        challenged = self._challenges.get(packet.transaction)
        if challenged is not None:
            return self._answered(packet, challenged, source, now)
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

    # Proving an address

    def _admit(self, leg: Leg, source: Source, now: float) -> Path:
        if len(leg.candidates) >= CANDIDATE_ADDRESSES:
            self.counters.candidates_evicted += 1
            self._discard(min(leg.candidates.values(), key=lambda path: path.heard))
        path = leg.candidates[source] = Path(leg, source, now)
        return path

    def _challenge(self, path: Path, now: float) -> list[Datagram]:
        """Challenge a candidate, unless a challenge that fits its ICE role is on its way."""
        leg = path.leg
        if path.transaction and path.challenged_as == path.controlling:
            return []
        if not leg.challenges.take(1, now):
            self.counters.challenges_limited += 1
            return []
        self._challenges.pop(path.transaction, None)
        path.transaction, path.challenged_as, path.tries = self._token(12), path.controlling, 0
        self._challenges[path.transaction] = path
        path.challenge = stun.challenge(
            path.transaction, leg.challenge_username, leg.challenge_key, controlling=not path.controlling
        )
        return self._repeat(path, now)

    def _repeat(self, path: Path, now: float) -> list[Datagram]:
        most = 1 if path.is_connection else 1 + len(REPEATS)  # TCP repeats by itself
        if path.tries >= most:
            self.counters.challenge_unanswered += 1
            self._discard(path)
            return []
        path.tries += 1
        path.repeat_at = now + (FORGET_CANDIDATE if path.tries == most else REPEATS[path.tries - 1])
        self._timer_count += 1
        heapq.heappush(self._timers, (path.repeat_at, self._timer_count, path))
        self.counters.challenges += 1
        return [(path.challenge, path.source)]

    def _answered(self, packet: stun.Packet, path: Path, source: Source, now: float) -> list[Datagram]:
        if path.source != source or not stun.intact(packet, path.leg.challenge_key):
            self.counters.challenge_failed += 1
            return _NOTHING
        if packet.type == stun.ERROR:
            # 487: the browser has changed its ICE role since its request (RFC 8445 §7.3.1.1).
            path.controlling = not path.controlling
            return self._challenge(path, now)
        if not self._came_to_us(packet, source):
            self.counters.challenge_failed += 1
            return _NOTHING
        return self._verify(path, now)

    def _came_to_us(self, packet: stun.Packet, source: Source) -> bool:
        """Whether the browser got the challenge from our own address, not from somebody who passed it on.

        On an IPv6-only network it sees our IPv4 address behind a prefix (NAT64, RFC 6052).
        """
        published = self.published.get(source[0])
        if published is None:
            return True
        mapped = stun.mapped_address(packet)
        if mapped is None or mapped[1] != published[1]:
            return False
        seen, ours = ip_address(mapped[0]), ip_address(published[0])
        if isinstance(seen, IPv6Address) and isinstance(ours, IPv4Address):
            return seen.packed[-4:] == ours.packed
        return seen == ours

    def _verify(self, path: Path, now: float) -> list[Datagram]:
        leg, source = path.leg, path.source
        self._discard(path)
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

    def _discard(self, path: Path) -> None:
        """`path` is a candidate no longer."""
        self._challenges.pop(path.transaction, None)
        path.transaction = b""
        if path.leg.candidates.get(path.source) is path:
            del path.leg.candidates[path.source]

    # Tidying

    def _clear_closed(self) -> None:
        while self.table.closed:
            call = self.table.closed.pop()
            for leg in (call.a, call.b):
                for path in list(leg.candidates.values()):
                    self._discard(path)
                for path in leg.paths.values():
                    del self.routes[path.source]

    def _sweep(self, leg: Leg, now: float) -> None:
        leg.expire_transactions(now)
        for path in [p for p in leg.candidates.values() if now - p.heard > TRANSACTION_LIFE]:
            self._discard(path)
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
