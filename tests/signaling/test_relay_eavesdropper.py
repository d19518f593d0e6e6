"""Two honest browsers, two relays, and Eve, who hears everything and sends anything from anywhere.

A browser answers only what was delivered to its own address; Eve knows no password. However she orders
copies, reflections and forged sources, no address of hers ever speaks for a leg, and no media reaches her.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signaling import stun
from signaling.calls import Leg
from signaling.relay import Datagram, Source
from tests.signaling.relay_lab import RTP, Lab, address, binding, call, leg, success

A, B = leg("a"), leg("b")
PEER = {A: B, B: A}
HONEST = {address(1): A, address(11): A, address(2): B}
EVES = [address(66), address(66, 6000)]
RELAYS = [("203.0.113.1", 3478), ("203.0.113.2", 3478)]

relays = st.integers(0, 1)
honest = st.sampled_from(list(HONEST))


class Wire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.labs = [Lab(), Lab()]
        for lab, published in zip(self.labs, RELAYS, strict=True):
            lab.relay.published[0] = published
            lab.put(call(expires=1e9))
        self.log: list[bytes] = [RTP]  # every datagram on any wire

    def _to_relay(self, number: int, data: bytes, source: Source) -> None:
        self.log.append(data)
        self._deliver(number, self.labs[number].send(data, source))

    def _deliver(self, number: int, sends: list[Datagram]) -> None:
        for data, to in sends:
            self.log.append(data)
            if to in HONEST:
                self._browser(number, HONEST[to], to, data, RELAYS[number])
            else:
                packet = stun.parse(data)
                assert packet is not None, "no media to Eve"

    def _browser(self, number: int, own: Leg, at: Source, data: bytes, sender: tuple[str, int]) -> None:
        """A browser answers a valid check, to whomever it came from; `sender` is what it sees."""
        packet = stun.parse(data)
        if packet is None or packet.type != stun.REQUEST:
            return
        username = f"{own.ufrag}:{PEER[own].ufrag}".encode()
        if packet.attributes.get(stun.USERNAME) == username and stun.intact(packet, own.pwd.encode()):
            answer = success(data, own, sender)
            self.log.append(answer)
            if sender in RELAYS:
                self._to_relay(RELAYS.index(sender), answer, at)

    @rule(number=relays, source=honest, use=st.booleans())
    def check(self, number: int, source: Source, use: bool) -> None:
        own = HONEST[source]
        self._to_relay(number, binding(own, PEER[own], controlling=own is A, use=use), source)

    @rule(number=relays, source=honest)
    def lost_check(self, number: int, source: Source) -> None:
        """Eve keeps it from arriving, and may send it later."""
        own = HONEST[source]
        self.log.append(binding(own, PEER[own], controlling=own is A))

    @rule(number=relays, source=honest)
    def media(self, number: int, source: Source) -> None:
        self._to_relay(number, RTP, source)

    @rule(number=relays, which=st.integers(0, 12), source=st.sampled_from([*EVES, *HONEST]))
    def eve_sends_a_copy(self, number: int, which: int, source: Source) -> None:
        self._to_relay(number, self.log[-1 - which % len(self.log)], source)

    @rule(number=relays, which=st.integers(0, 6), eve=st.sampled_from(EVES), at=honest)
    def eve_asks_the_browser_herself(self, number: int, which: int, eve: Source, at: Source) -> None:
        """From her own address, or with the relay's address forged on it."""
        data = self.log[-1 - which % len(self.log)]
        self._browser(number, HONEST[at], at, data, eve[1])
        self._browser(number, HONEST[at], at, data, RELAYS[number])

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.5, 12.0]))
    def wait(self, seconds: float) -> None:
        for number, lab in enumerate(self.labs):
            self._deliver(number, lab.wait(seconds))

    @invariant()
    def only_browsers_speak(self) -> None:
        for lab in self.labs:
            for source, path in lab.relay.routes.items():
                assert source in HONEST, "Eve speaks for a leg"
                assert path.leg.challenge_key == HONEST[source].pwd.encode(), "an address on the wrong leg"


TestWire = Wire.TestCase
TestWire.settings = settings(
    max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
