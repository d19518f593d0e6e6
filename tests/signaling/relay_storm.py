"""A storm of datagrams against the relay's core: two honest browsers a call, and everything else that a network can
bring. Beside the relay stands an account of its own of who has proved himself; it knows nothing of the relay's.

Eve hears every datagram, sends from addresses of her own and from everybody else's, and is a participant herself now
and then: some of what she sends is signed with a call's real password.
"""

import random
from collections import deque
from collections.abc import Sized
from dataclasses import replace

from signaling.calls import Leg, RelayCall, Side
from signaling.relay import Datagram, Relay, Source
from signaling.relay_frames import LONGEST, Frames, NotFrames, framed
from signaling.relay_leg import FIRST_CONNECTION, TRANSACTION_LIFE
from signaling.relay_table import TOMBSTONE_LIFE
from tests.signaling.relay_storm_peer import Browser, attribute, signed, stun

CALLS = 12
LIFE = 400.0  # s of a call
PER_SECOND = 2000  # datagrams
SEEN = 4096  # datagrams that Eve remembers
TYPES = (0x0001, 0x0101, 0x0111, 0x0011, 0x0003, 0x0000, 0x3FFF)
ATTRIBUTES = (0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029, 0x802A, 0xC057, 0x0000)
_ICE = "abcdefghijklmnopqrstuvwxyz0123456789+/"


class Storm:
    """`blow(n)` sends n datagrams; it raises AssertionError, or whatever the relay raises."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now, self.steps, self.delivered = 100.0, 0, 0
        self.relay = Relay(max_calls=2 * CALLS, token=self._token, now=self.now)
        self.browsers: dict[str, tuple[Browser, Browser]] = {}  # call key -> both ends
        self.at: dict[Source, Browser] = {}  # who receives at an honest address
        # Whom each address has proved to be: (visit, its side). Reuse makes it several in time.
        self.proved: dict[Source, set[tuple[str, bool]]] = {}
        self.challenged: dict[bytes, tuple[Source, Browser, bytes] | None] = {}  # the relay's challenges, by id
        self.asked: dict[Source, dict[bytes, float]] = {}
        self.seen: deque[bytes] = deque([b"\x16\xfe\xfdhello", b"\x80\x60media"], SEEN)
        self.waiting: deque[tuple[bytes, Source]] = deque(maxlen=200)  # what browsers are about to answer
        self.streams: dict[int, Frames] = {}
        self.to_strangers = 0  # challenges to addresses that have not proved themselves
        self._connection, self._visit, self._address = FIRST_CONNECTION, 0, 0
        self.eves = [self._new_source(eve=True) for _ in range(30)]
        for _ in range(CALLS):
            self.new_call()

    # People

    def _token(self, size: int) -> bytes:
        token = self.rng.randbytes(size)
        self.challenged[token] = None
        if len(self.challenged) > 20_000:
            for old in list(self.challenged)[:10_000]:
                del self.challenged[old]
        return token

    def _new_source(self, eve: bool = False) -> Source:
        """Over IPv4, IPv6 or TCP; honest addresses come again, with other calls."""
        n = self._address = (self._address + 1) % 200
        kind = self.rng.random()
        port = 0 if eve and n % 10 == 0 else 40_000 + n
        if kind < 0.5:
            return 0, (f"198.51.100.{200 if eve else 1}", port)
        if kind < 0.75:
            return 1, (f"2001:db8::{'e' if eve else 'a'}{n:x}", port, 0, 0)
        self._connection += 1
        self.streams[self._connection] = Frames()
        return self._connection, ("203.0.113.7", port)

    def _leg(self) -> Leg:
        return Leg("".join(self.rng.choices(_ICE, k=4)), "".join(self.rng.choices(_ICE, k=22)))

    def new_call(self) -> None:
        self._visit += 1
        call = RelayCall(
            f"v{self._visit}", "t", "p", 0, self._leg(), self._leg(), self.now + LIFE, 1, self._visit % 3 == 0
        )
        self._open(call)

    def _open(self, call: RelayCall, places: tuple[list[Source], list[Source]] | None = None) -> None:
        result = self.relay.put(call, self.now).value
        assert result in ("opened", "taken"), result
        if result == "taken":  # the same two ufrags by chance
            return
        ends = []
        for side, (own, peer) in enumerate(((call.a, call.b), (call.b, call.a))):
            sources = places[side] if places else [self._new_source() for _ in range(self.rng.choice((1, 1, 1, 2, 20)))]
            ends.append(Browser(call, own, peer, sources, side == 0))
            for source in sources:
                self.at[source] = ends[-1]
        self.browsers[call.key] = ends[0], ends[1]

    def _restart(self, key: str) -> None:
        """A new generation from the same addresses; the old one's browsers are these ones."""
        old = self.browsers[key]
        call = replace(old[0].call, generation=old[0].call.generation + 1, a=self._leg(), b=self._leg())
        del self.browsers[key]
        self._open(call, (old[0].sources, old[1].sources))

    def _close(self, key: str) -> None:
        ends = self.browsers.pop(key)
        for generation in range(ends[0].call.generation + 1):
            self.relay.drop(replace(ends[0].call, generation=generation).key, self.now)
        for source in [source for end in ends for source in end.sources]:
            if source[0] >= FIRST_CONNECTION:
                self.relay.forget_connection(source)
                self.streams.pop(source[0], None)
        gone = ends[0].call.visit
        for source in [source for source, end in self.at.items() if end.call.visit == gone]:
            del self.at[source]
        for source, known in list(self.proved.items()):
            known -= {(gone, True), (gone, False)}
            if not known:
                del self.proved[source]

    def _table(self) -> None:
        """Something happens to the call table."""
        key = self.rng.choice(list(self.browsers))
        call = self.browsers[key][0].call
        match self.rng.randrange(8):
            case 0 | 1 | 2:
                self._close(key)
            case 3:
                self._restart(key)
            case 4:
                self.relay.put(replace(call, version=call.version + 1, expires=self.now + LIFE), self.now)
            case 5:
                self.relay.put(replace(call, visit="thief"), self.now)
                self.relay.put(replace(call, a=Leg("a:b", "x")), self.now)
            case 6:
                end = self.rng.choice(self.browsers[key])
                side: Side = "a" if end.controlling else "b"
                source = self.rng.choice((*end.sources, *self.eves))
                self._check(self.relay.hint(key, side, source, True, self.now), source, b"", hinted=True)
            case 7:
                self.relay.forget_connection(self.rng.choice(self.eves))
        while len(self.browsers) < CALLS:
            self.new_call()

    # Datagrams

    def blow(self, count: int) -> None:
        rng, end = self.rng, self.steps + count
        while self.steps < end:
            self.now += rng.random() * 2 / PER_SECOND
            if self.relay.next_wake <= self.now:
                self._check(self.relay.tick(self.now), None, b"")
            if rng.random() < 0.002:
                self._table()
            if rng.random() < 0.00005:
                self.now += rng.choice((1.5, 12.0, 70.0))
            if rng.random() < 0.00002:
                self._flood()
            self.relay.reports.clear()
            if self.waiting and rng.random() < 0.5:
                self.send(*self.waiting.popleft())
            else:
                self._anything()

    def _anything(self) -> None:
        rng = self.rng
        ends = self.browsers[rng.choice(list(self.browsers))]
        end = ends[rng.random() < 0.5]
        source = rng.choice(end.sources)
        kind = rng.random()
        if kind < 0.12:
            self.send(end.check(rng.randbytes(12), rng.random() < 0.2, rng.random() < 0.5), source)
        elif kind < 0.3:
            self.send(bytes((rng.choice((20, 22, 63, 128, 144, 191)),)) + rng.randbytes(rng.randrange(40)), source)
        elif kind < 0.4:
            self.send(rng.choice(self.seen), self._anybody(source))
        elif kind < 0.7:
            self.send(self._mutated(rng.choice(self.seen)), self._anybody(source))
        elif kind < 0.8:
            self.send(self._made_up(end), self._anybody(source))
        elif kind < 0.88:
            self.send(rng.randbytes(int(rng.random() ** 3 * 200)), self._anybody(source))
        elif kind < 0.9:
            self.send(bytes((rng.randrange(256),)) * rng.choice((1200, 2048, 2049, 9000)), self._anybody(source))
        else:
            self._chunk()

    def _flood(self) -> None:
        """One datagram again and again, in no time, from every address of Eve's or from one that is proved."""
        end = self.browsers[self.rng.choice(list(self.browsers))][0]
        if self.rng.random() < 0.5:
            check = end.check(self.rng.randbytes(12), True, True)
            for port in range(400):
                self.send(check, (0, ("198.51.100.200", 1 + port)))
        elif self.proved:
            source = self.rng.choice(list(self.proved))
            for _ in range(2500):
                self.send(b"\x80" * 2048, source)

    def _anybody(self, source: Source) -> Source:
        return source if self.rng.random() < 0.4 else self.rng.choice(self.eves)

    def _mutated(self, data: bytes) -> bytes:
        rng = self.rng
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            at = rng.randrange(len(changed)) if changed else 0
            match rng.randrange(8):
                case 0 | 1:
                    if changed:
                        changed[at] ^= 1 << rng.randrange(8)
                case 2:
                    if changed:
                        changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
                case 3:
                    del changed[at:]
                case 4:
                    changed[at:at] = rng.randbytes(rng.choice((1, 4, 8)))
                case 5:
                    other = rng.choice(self.seen)
                    changed[at:] = other[min(at, len(other)) :]
                case 6:
                    changed += attribute(rng.choice(ATTRIBUTES), rng.randbytes(rng.choice((0, 1, 4, 8, 20))))
                case 7:
                    changed[:2] = rng.choice(TYPES).to_bytes(2, "big")
        if len(changed) >= 20 and rng.random() < 0.6:
            changed[2:4] = (len(changed) - 20 & 0xFFFF).to_bytes(2, "big")
        return bytes(changed)

    def _made_up(self, end: Browser) -> bytes:
        """Attributes of any kind and order, often signed with a real password: a participant's own work."""
        rng = self.rng
        body = b"".join(
            attribute(rng.choice(ATTRIBUTES), rng.randbytes(rng.choice((0, 3, 4, 8, 8, 20))))
            for _ in range(rng.randrange(4))
        )
        if rng.random() < 0.7:
            body = attribute(6, f"{end.peer.ufrag}:{end.own.ufrag}".encode()) + body
        if rng.random() < 0.3:
            body += attribute(rng.choice((0x8029, 0x802A)), rng.choice((b"\0" * 8, b"\xff" * 8)))
        known = rng.random()
        transaction = rng.choice(self.seen)[8:20].ljust(12, b"\0") if known < 0.5 else rng.randbytes(12)
        if known < 0.2:
            transaction = next(reversed(self.challenged), transaction)
        key = rng.choice((end.own.pwd.encode(), end.peer.pwd.encode(), b"x" * 22, None))
        return stun(rng.choice(TYPES[:4]), transaction, body, key, rng.random() < 0.3)

    def _chunk(self) -> None:
        """What comes out of a TCP connection: frames cut and joined anywhere, and broken ones."""
        rng = self.rng
        number, frames = rng.choice(list(self.streams.items()))
        stream = b"".join(framed(rng.choice(self.seen)[:LONGEST]) for _ in range(rng.randrange(1, 4)))
        if rng.random() < 0.3:
            stream = self._mutated(stream)
        where = next((eve for eve in self.eves if eve[0] == number), None)
        source = where or next((known for known in self.at if known[0] == number), None)
        if source is None:
            return
        while stream:
            cut = rng.randrange(1, len(stream) + 1)
            try:
                for data in frames.feed(stream[:cut]):
                    self.send(data, source)
            except NotFrames:
                self.streams[number] = frames = Frames()
            assert frames.waiting <= LONGEST + 2
            stream = stream[cut:]

    def send(self, data: bytes, source: Source) -> None:
        self.steps += 1
        self._account(data, source)
        sends = self.relay.datagram(data, source, self.now)
        if sends:
            self.seen.append(data)
            self._check(sends, source, data)

    # The account

    def _account(self, data: bytes, source: Source) -> None:
        if len(data) < 20:
            return
        if data[:2] == b"\0\1":
            asked = self.asked.setdefault(source, {})
            asked[data[8:20]] = self.now
            if len(asked) > 6000:
                for old in [one for one, at in asked.items() if self.now - at > TRANSACTION_LIFE]:
                    del asked[old]
        elif data[:2] == b"\1\1":
            known = self.challenged.get(data[8:20])
            if known is not None and known[0] == source and signed(data, known[1].own.pwd.encode()):
                end = known[1]
                self.proved.setdefault(source, set()).add((end.call.visit, end.controlling))

    def _check(self, sends: list[Datagram], source: Source | None, incoming: bytes, hinted: bool = False) -> None:
        for data, to in sends:
            transaction = data[8:20]
            assert to[1][1], "port 0"
            if data is not incoming and data[:2] == b"\0\1" and transaction in self.challenged:
                known = self.challenged[transaction]
                if known is None or known[2] == data:
                    self._challenge(data, to, source)
                    continue
            self.delivered += 1
            known_as = self.proved.get(to)
            if known_as is None:
                asked = self.asked.get(to, {}).get(transaction)
                assert data[:1] == b"\1", f"not one byte to {to}, which has not proved itself"
                assert asked is not None, f"an answer to {to}, which has not asked"
                assert self.now - asked <= TRANSACTION_LIFE + 0.01
            elif data is incoming and data[0] > 3:
                assert source in self.proved, "media of an unproved address"
                others = {(visit, not side) for visit, side in self.proved[source]}
                assert known_as & others, "to another call, or back to its own side"
            honest = self.at.get(to) if data[:2] == b"\0\1" else None
            if honest is not None and self.rng.random() < 0.5 and signed(data, honest.own.pwd.encode()):
                self.waiting.append((honest.answer(transaction, True), to))
            assert not hinted, "a hint sends nothing but a challenge"

    def _challenge(self, data: bytes, to: Source, source: Source | None) -> None:
        known = self.challenged[data[8:20]]
        if known is None:
            assert to == source, "a challenge for somebody who has not spoken"
            leg = self.relay.challenger.pending[data[8:20]].leg
            end = Browser(leg.call.call, *self._credentials(leg.call.call, leg.side), [], leg.side == "a")
            assert signed(data, end.own.pwd.encode())
            known = self.challenged[data[8:20]] = to, end, data
        assert known[0] == to
        self.to_strangers += to not in self.proved
        self.seen.append(data)
        honest = self.at.get(to)
        if honest is not None and honest.own == known[1].own and self.rng.random() < 0.7:
            self.waiting.append((honest.answer(data[8:20], self.rng.random() < 0.5), to))

    @staticmethod
    def _credentials(call: RelayCall, side: str) -> tuple[Leg, Leg]:
        return (call.a, call.b) if side == "a" else (call.b, call.a)

    # Afterwards

    def rest(self) -> None:
        """Every call ends and a day passes; nothing may be left of them. Then new calls begin."""
        for key in list(self.browsers):
            self._close(key)
        for number in [number for number in self.streams if not any(eve[0] == number for eve in self.eves)]:
            del self.streams[number]
        for eve in self.eves:
            self.relay.forget_connection(eve)
        self.waiting.clear()
        for known in (self.asked, self.challenged, self.proved, self.at):
            known.clear()
        relay, self.now = self.relay, self.now + 2 * TOMBSTONE_LIFE
        self._check(relay.tick(self.now), None, b"")
        left: dict[str, Sized] = {
            "routes": relay.routes, "calls": relay.table.calls, "usernames": relay.table.usernames,
            "pending": relay.challenger.pending, "connections": relay.connection_checks, "reports": relay.reports,
            "published": relay.published, "timers": relay.challenger._timers, "ends": relay.table._ends,
            "groups": relay.table._groups, "closed": relay.table.closed,
        }  # fmt: skip
        assert not any(left.values()), {name: len(some) for name, some in left.items() if some}
        for _ in range(CALLS):
            self.new_call()
