"""How an address proves that a browser of the call receives there: the relay asks, and it answers.

A browser's check proves neither who sent it nor that its source can receive: anybody who saw it can send it
again. So the relay sends a Binding request of its own with a random transaction id, signed with that
browser's password. Only a success response from that very address, signed with the same password, makes the
address verified. Pure.
"""

import heapq
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from signaling import stun
from signaling.relay_leg import CANDIDATE_ADDRESSES, FORGET_CANDIDATE, Datagram, Leg, Path, Source
from signaling.relay_limits import Counters

REPEATS = (0.1, 0.2, 0.4)  # s between a challenge's repetitions (UDP)


class Challenger:
    """The challenges on their way.

    `published`: socket number -> the (ip, port) at which browsers see that socket; where it is given, an
    answer must name it. `pending`: a challenge's transaction id -> the candidate that was asked.
    """

    def __init__(self, counters: Counters, token: Callable[[int], bytes]) -> None:
        self.published: dict[int, tuple[str, int]] = {}
        self.pending: dict[bytes, Path] = {}
        self._counters, self._token = counters, token
        self._timers: list[tuple[float, int, Path]] = []  # a heap; entries that no longer hold are skipped
        self._count = 0

    @property
    def next_repeat(self) -> float | None:
        return self._timers[0][0] if self._timers else None

    def tick(self, now: float) -> list[Datagram]:
        """Repeat what was not answered; give up in the end."""
        sends: list[Datagram] = []
        while self._timers and self._timers[0][0] <= now:
            at, _, path = heapq.heappop(self._timers)
            if path.repeat_at == at and path.leg.candidates.get(path.source) is path:
                sends += self._repeat(path, now)
        return sends

    def admit(self, leg: Leg, source: Source, now: float) -> Path:
        """A new candidate address of `leg`; the one heard least lately makes room."""
        if len(leg.candidates) >= CANDIDATE_ADDRESSES:
            self._counters.candidates_evicted += 1
            self.discard(min(leg.candidates.values(), key=lambda path: path.heard))
        path = leg.candidates[source] = Path(leg, source, now)
        return path

    def discard(self, path: Path) -> None:
        """`path` is a candidate no longer."""
        self.pending.pop(path.transaction, None)
        path.transaction = b""
        if path.leg.candidates.get(path.source) is path:
            del path.leg.candidates[path.source]

    def challenge(self, path: Path, now: float) -> list[Datagram]:
        """Challenge a candidate, unless a challenge that fits its ICE role is on its way."""
        leg = path.leg
        if path.transaction and path.challenged_as == path.controlling:
            return []
        if not leg.challenges.take(1, now):
            self._counters.challenges_limited += 1
            return []
        self.pending.pop(path.transaction, None)
        path.transaction, path.challenged_as, path.tries = self._token(12), path.controlling, 0
        self.pending[path.transaction] = path
        path.challenge = stun.challenge(
            path.transaction, leg.challenge_username, leg.challenge_key, controlling=not path.controlling
        )
        return self._repeat(path, now)

    def answered(self, packet: stun.Packet, path: Path, source: Source, now: float) -> tuple[bool, list[Datagram]]:
        """Whether this answer to the challenge of `path` proves it, and what is to be sent if not."""
        if not stun.intact(packet, path.leg.challenge_key):
            self._counters.challenge_failed += 1
            return False, []
        if path.source != source:
            # The browser has answered what we asked somebody else: he passed our challenge on, with our address
            # forged on it. He may have heard the answer, too, so it must not serve him any more.
            self._counters.challenge_failed += 1
            self.discard(path)
            return False, []
        if packet.type == stun.ERROR:
            # 487: the browser has changed its ICE role since its request (RFC 8445 §7.3.1.1).
            path.controlling = not path.controlling
            return False, self.challenge(path, now)
        if not self._came_to_us(packet, source):
            self._counters.challenge_failed += 1
            return False, []
        return True, []

    def _repeat(self, path: Path, now: float) -> list[Datagram]:
        most = 1 if path.is_connection else 1 + len(REPEATS)  # TCP repeats by itself
        if path.tries >= most:
            self._counters.challenge_unanswered += 1
            self.discard(path)
            return []
        path.tries += 1
        path.repeat_at = now + (FORGET_CANDIDATE if path.tries == most else REPEATS[path.tries - 1])
        self._count += 1
        heapq.heappush(self._timers, (path.repeat_at, self._count, path))
        self._counters.challenges += 1
        return [(path.challenge, path.source)]

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
