"""One leg of a relay call: which addresses speak for one browser, and which of them gets its media.

Pure: `now` is seconds of any clock that never goes back.
"""

from typing import Any

from signaling.calls import Leg as Credentials
from signaling.calls import RelayCall, Side
from signaling.relay_limits import Bucket, Counters

Address = tuple[Any, ...]  # what the socket module gives and takes: (ip, port) or (ip, port, flow, scope)
Source = tuple[int, Address]  # the number of a socket of ours and the address behind it
Datagram = tuple[bytes, Source]  # bytes and their destination

# Socket numbers from here up are TCP connections (frames by RFC 4571); below are UDP sockets.
FIRST_CONNECTION = 1 << 16

VERIFIED_ADDRESSES = 16  # of a leg: a browser checks from every interface, over IPv4, IPv6 and TCP
CANDIDATE_ADDRESSES = 16  # of a leg, not yet proved
TRANSACTIONS_PER_ADDRESS = 100  # at once; Chromium sends a check each 48 ms on a pair that does not work yet
TRANSACTIONS_PER_LEG = 1024
TRANSACTION_LIFE = 10.0  # s
FLIP_INTERVAL = 0.5  # s; two interfaces that both send must not make the route swing
BYTES_PER_SECOND = 2_000_000  # of a call, both ways together: two HD pictures and a screen; twice that in a burst
SILENCE = 1.0  # s without a sign of the active address before a merely new one takes over
FORGET_VERIFIED = 60.0  # s of silence; browsers ask for consent every 5 s (RFC 7675), on spares every 25 s
FORGET_CANDIDATE = 3.0  # s after its last challenge


class Path:
    """One address that speaks for one leg: a candidate until it answered the challenge, then verified."""

    __slots__ = ("challenge", "challenged_as", "controlling", "heard", "held", "held_at", "leg", "nominated",
                 "repeat_at", "source", "transaction", "transactions", "tries", "verified")  # fmt: skip

    def __init__(self, leg: "Leg", source: Source, now: float) -> None:
        self.leg, self.source = leg, source
        self.verified = False
        self.heard = now
        self.nominated = False  # its last request carried USE-CANDIDATE
        self.controlling: bool | None = None  # the browser's ICE role in its last request
        # The challenge on its way, its id, the role that it was made for, and when it goes out again.
        self.challenge, self.transaction = b"", b""
        self.challenged_as: bool | None = None
        self.tries, self.repeat_at = 0, 0.0
        # Its latest request that could go to nobody yet: sent on when the other leg's first address is
        # verified.
        self.held, self.held_at = b"", 0.0
        self.transactions: dict[bytes, None] = {}

    @property
    def is_connection(self) -> bool:
        return self.source[0] >= FIRST_CONNECTION


class Leg:
    """One browser of a call. `username` and `key`: what its requests must carry and be signed with."""

    __slots__ = ("active", "call", "candidates", "challenge_key", "challenge_username", "challenges",
                 "checks", "flipped_at", "key", "other", "paths", "side", "transactions",
                 "username")  # fmt: skip

    other: "Leg"

    def __init__(self, call: "OpenCall", side: Side, own: Credentials, peer: Credentials, now: float) -> None:
        """`own` and `peer`: of this browser and of the one that it calls (RFC 8445 §7.2.2)."""
        self.call, self.side = call, side
        self.username = f"{peer.ufrag}:{own.ufrag}".encode()
        self.key = peer.pwd.encode()
        self.challenge_username = f"{own.ufrag}:{peer.ufrag}"
        self.challenge_key = own.pwd.encode()
        self.paths: dict[Source, Path] = {}
        self.candidates: dict[Source, Path] = {}
        self.active: Path | None = None
        self.flipped_at = -1e9
        # Ids of requests that this leg sent: to whom the response goes, and until when.
        self.transactions: dict[bytes, tuple[Path, float]] = {}
        self.checks = Bucket(50, 200, now)
        self.challenges = Bucket(4, 20, now)

    def activate(self, path: Path, now: float, counters: Counters) -> None:
        if self.active is not path:
            if self.active is not None:
                counters.flips += 1
            self.active, self.flipped_at = path, now

    def sent_data(self, path: Path, now: float, counters: Counters) -> None:
        """A verified address that is not the active one has sent data.

        The nominated one stays while it lives: its browser, the controlling one, says by USE-CANDIDATE when
        to go.
        """
        active = self.active
        silent = active is None or now - active.heard >= SILENCE
        if silent or (not (active and active.nominated) and now - self.flipped_at >= FLIP_INTERVAL):
            self.activate(path, now, counters)

    def checked(self, path: Path, now: float, counters: Counters) -> None:
        """A verified address has sent a valid request, or has just been verified."""
        active = self.active
        if active is path:
            return
        if path.nominated or active is None or now - active.heard >= SILENCE:
            self.activate(path, now, counters)

    def nominate(self, path: Path) -> None:
        """The last to carry USE-CANDIDATE is the only nominated one."""
        for other in self.paths.values():
            other.nominated = False
        for other in self.candidates.values():
            other.nominated = False
        path.nominated = True

    def remove(self, path: Path) -> None:
        """Take a verified address away; the one heard last takes its place."""
        self.paths.pop(path.source, None)
        path.verified = False
        if self.active is path:
            self.active = max(self.paths.values(), key=lambda p: (p.nominated, p.heard), default=None)

    def own_transaction(self, transaction: bytes, path: Path, now: float, counters: Counters) -> bool:
        """Remember whose request this is. False: it may not go on (another address's, or too many).

        The first to send an id has it, but a verified address takes it from one that is not: else a copy that
        overtook the browser's own request would also catch the answer.
        """
        known = self.transactions.get(transaction)
        if known is not None and known[1] > now:
            if known[0].source == path.source:
                return True
            if known[0].verified or not path.verified:
                counters.transaction_taken += 1
                return False
        if known is not None:
            self._forget(transaction)
        if len(path.transactions) >= TRANSACTIONS_PER_ADDRESS:
            counters.transactions_limited += 1
            self._forget(next(iter(path.transactions)))
        if len(self.transactions) >= TRANSACTIONS_PER_LEG:
            self.expire_transactions(now)
            if len(self.transactions) >= TRANSACTIONS_PER_LEG:
                counters.transactions_limited += 1
                return False
        self.transactions[transaction] = (path, now + TRANSACTION_LIFE)
        path.transactions[transaction] = None
        return True

    def expire_transactions(self, now: float) -> None:
        """They stand in the order of their ends, so only the first ones are looked at."""
        while self.transactions:
            transaction, (_, until) = next(iter(self.transactions.items()))
            if until > now:
                return
            self._forget(transaction)

    def _forget(self, transaction: bytes) -> None:
        known = self.transactions.pop(transaction, None)
        if known is not None:
            known[0].transactions.pop(transaction, None)


class OpenCall:
    """A relay call that this relay carries. `ends` is in the clock of `now`.

    `generations` is shared by the calls of the same two pages: at an ICE restart there are two of them, and a
    browser may speak from one address in both; then media that finds no address in its own generation goes to
    the other generation's address of the same browser.
    """

    __slots__ = ("a", "b", "budget", "call", "ends", "generations", "retires")

    def __init__(self, call: RelayCall, ends: float, generations: "dict[int, OpenCall]", now: float) -> None:
        self.call, self.ends, self.generations = call, ends, generations
        self.retires = ends  # when a newer generation takes its place
        self.budget = Bucket(BYTES_PER_SECOND, BYTES_PER_SECOND * 2, now)
        self.a = Leg(self, "a", call.a, call.b, now)
        self.b = Leg(self, "b", call.b, call.a, now)
        self.a.other, self.b.other = self.b, self.a

    @property
    def key(self) -> str:
        return self.call.key

    @property
    def closes(self) -> float:
        return min(self.ends, self.retires)

    def same_browser(self, leg: Leg) -> list[Leg]:
        """This browser's legs in the other generations of the call (one at most)."""
        return [call.a if leg.side == "a" else call.b for call in self.generations.values() if call is not self]
