"""Whatever comes, in whatever order: no exception, and no byte to an address that has not proved itself.

Beside the relay stands a model that knows only what each address has sent and answered.
"""

from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from signaling import stun
from signaling.calls import Leg, RelayCall
from signaling.relay import Datagram, Relay, Source
from signaling.relay_leg import FIRST_CONNECTION
from tests.signaling.relay_lab import Lab, address, binding, call, leg, success

FIRST = call()
SECOND = replace(FIRST, generation=1, a=leg("c"), b=leg("d"))
OTHER = replace(FIRST, visit="other", a=leg("e"), b=leg("f"))
CALLS = (FIRST, SECOND, OTHER)
LEGS = [pair for entry in CALLS for pair in ((entry.a, entry.b), (entry.b, entry.a))]
SOURCES = [
    address(1), address(2), address(2, 5001), address(3, socket=1), address(4, port=0),
    address(5, socket=FIRST_CONNECTION),
]  # fmt: skip

legs = st.sampled_from(LEGS)
sources = st.sampled_from(SOURCES)


@dataclass
class Model:
    """What an outsider can say of each address."""

    asked: dict[Source, set[bytes]] = field(default_factory=dict)  # ids of requests that it sent
    challenged: dict[bytes, tuple[Source, Leg]] = field(default_factory=dict)  # the relay's challenges, whole
    proved: set[Source] = field(default_factory=set)

    def sent(self, data: bytes, source: Source) -> None:
        packet = stun.parse(data)
        if packet is None:
            return
        if packet.type == stun.REQUEST:
            self.asked.setdefault(source, set()).add(packet.transaction)
        for challenge, (to, own) in self.challenged.items():
            same = challenge[8:20] == packet.transaction and packet.type == stun.RESPONSE
            if same and to == source and stun.intact(packet, own.pwd.encode()):
                self.proved.add(source)

    def allows(self, data: bytes, to: Source, incoming: bytes) -> bool:
        packet = stun.parse(data)
        if packet is not None and packet.type == stun.REQUEST and stun.is_challenge(packet):
            self._challenge(packet, to)
            return True
        if data != incoming and packet is None:
            return False  # the relay makes up nothing but challenges
        if to in self.proved:
            return True
        return (
            packet is not None
            and packet.type != stun.REQUEST
            and packet.transaction in self.asked.get(to, ())
        )

    def _challenge(self, packet: stun.Packet, to: Source) -> None:
        username = packet.attributes[stun.USERNAME].decode()
        own = next(own for own, peer in LEGS if f"{own.ufrag}:{peer.ufrag}" == username)
        assert stun.intact(packet, own.pwd.encode())
        self.challenged.setdefault(packet.data, (to, own))


class Siege(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab(Relay(max_calls=3))
        self.model = Model()
        self.lab.put(FIRST)

    seen = Bundle("seen")  # every datagram that Eve may copy

    def _send(self, data: bytes, source: Source) -> bytes:
        self.model.sent(data, source)
        self._check(self.lab.send(data, source), data)
        return data

    def _check(self, sends: list[Datagram], incoming: bytes = b"") -> None:
        for data, to in sends:
            assert self.model.allows(data, to, incoming), (data, to)
            assert to[1][1] != 0

    @rule(target=seen, pair=legs, source=sources, use=st.booleans(), controlling=st.booleans())
    def check(self, pair: tuple[Leg, Leg], source: Source, use: bool, controlling: bool) -> bytes:
        return self._send(binding(*pair, use=use, controlling=controlling), source)

    @rule(pair=legs, source=sources)
    def prove(self, pair: tuple[Leg, Leg], source: Source) -> None:
        """A browser that is really there answers what it is asked."""
        self._send(binding(*pair), source)
        for challenge, (to, own) in list(self.model.challenged.items()):
            if to == source and own == pair[0]:
                self._send(success(challenge, own), source)

    @rule(target=seen, number=st.integers(0, 50), source=sources)
    def answer_a_challenge(self, number: int, source: Source) -> bytes:
        if not self.model.challenged:
            return b""
        challenge = list(self.model.challenged)[number % len(self.model.challenged)]
        _, own = self.model.challenged[challenge]
        return self._send(success(challenge, own), source)

    @rule(data=seen, source=sources, own=st.sampled_from([own for own, _ in LEGS]))
    def answer_a_check(self, data: bytes, source: Source, own: Leg) -> None:
        if len(data) >= 20:
            self._send(success(data, own), source)

    @rule(data=seen, source=sources)
    def copy(self, data: bytes, source: Source) -> None:
        self._send(data, source)

    @rule(number=st.integers(0, 50), source=sources)
    def reflect_a_challenge(self, number: int, source: Source) -> None:
        if self.model.challenged:
            self._send(list(self.model.challenged)[number % len(self.model.challenged)], source)

    @rule(source=sources, first=st.sampled_from([20, 22, 63, 128, 144, 191]), rest=st.binary(max_size=40))
    def data(self, source: Source, first: int, rest: bytes) -> None:
        self._send(bytes([first]) + rest, source)

    @rule(source=sources, junk=st.binary(max_size=60))
    def junk(self, source: Source, junk: bytes) -> None:
        self._send(junk, source)

    @rule(data=seen, source=sources, at=st.integers(0, 200), bits=st.integers(1, 255))
    def broken(self, data: bytes, source: Source, at: int, bits: int) -> None:
        if data:
            at %= len(data)
            self._send(data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :], source)

    @rule(seconds=st.sampled_from([0.01, 0.2, 0.6, 1.5, 4, 11, 31, 70]))
    def wait(self, seconds: float) -> None:
        self._check(self.lab.wait(seconds))

    @rule(entry=st.sampled_from(CALLS), version=st.integers(0, 4), life=st.sampled_from([-1.0, 1.0, 500.0]))
    def put(self, entry: RelayCall, version: int, life: float) -> None:
        self.lab.put(replace(entry, version=version, expires=self.lab.now + life))

    @rule(entry=st.sampled_from(CALLS))
    def drop(self, entry: RelayCall) -> None:
        self.lab.relay.drop(entry.key, self.lab.now)

    @rule()
    def hang_up(self) -> None:
        self.lab.relay.forget_connection(SOURCES[-1])

    @invariant()
    def routes_and_legs_agree(self) -> None:
        relay = self.lab.relay
        found = {}
        for open_call in relay.table.calls.values():
            for each in (open_call.a, open_call.b):
                for source, path in each.paths.items():
                    assert path.verified
                    assert source not in found, "an address speaks for one leg"
                    found[source] = path
                assert each.active is None or each.paths.get(each.active.source) is each.active
                assert bool(each.paths) == (each.active is not None)
                assert not set(each.paths) & set(each.candidates)
                assert sum(path.nominated for path in each.paths.values()) <= 1
                assert set(each.transactions) >= {t for p in each.paths.values() for t in p.transactions}
        assert found == relay.routes
        assert set(relay.table.usernames.values()) == {
            each for open_call in relay.table.calls.values() for each in (open_call.a, open_call.b)
        }
        pending = {
            path.transaction for username in relay.table.usernames.values()
            for path in username.candidates.values() if path.transaction
        }  # fmt: skip
        assert set(relay.challenger.pending) == pending
        assert not relay.table.closed


TestSiege = Siege.TestCase
TestSiege.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)


@given(st.lists(st.tuples(sources, st.binary(max_size=80)), max_size=40))
@settings(deadline=None)
def test_junk_raises_nothing_and_sends_nothing(junk: list[tuple[Source, bytes]]) -> None:
    lab = Lab()
    lab.put(FIRST)
    for source, data in junk:
        assert lab.send(data, source) == []
