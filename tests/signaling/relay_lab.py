"""Browsers as the relay sees them, one datagram at a time."""

import itertools
import string
from dataclasses import dataclass, field, replace

from aioice import stun

from signaling.calls import Leg, RelayCall
from signaling.relay import Datagram, Relay, Source
from signaling.stun import REQUEST, parse

_ids = itertools.count(1)
DTLS = b"\x16\xfe\xfd client hello"
RTP = b"\x80\x60 media"


def address(number: int, port: int = 5000, socket: int = 0) -> Source:
    return socket, (f"198.51.100.{number}", port)


def leg(name: str) -> Leg:
    return Leg(f"{name}frag", f"{name:p<4}{string.ascii_lowercase}")


def call(**changes: object) -> RelayCall:
    known: dict[str, object] = {
        "visit": "visit", "offerer": "therapist", "answerer": "patient", "generation": 0,
        "a": leg("a"), "b": leg("b"), "expires": 1000.0, "version": 1, "direct": False,
    }  # fmt: skip
    return RelayCall(**(known | changes))  # type: ignore[arg-type]


def next_generation(of: RelayCall, name: str) -> RelayCall:
    return replace(of, generation=of.generation + 1, a=leg("a" + name), b=leg("b" + name))


def transaction() -> bytes:
    return next(_ids).to_bytes(12, "big")


def binding(
    own: Leg, peer: Leg, *, controlling: bool = True, use: bool = False, key: str | None = None,
    transaction_id: bytes | None = None,
) -> bytes:  # fmt: skip
    """A browser's connectivity check."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id or transaction())
    message.attributes["USERNAME"] = f"{peer.ufrag}:{own.ufrag}"
    message.attributes["PRIORITY"] = 1845494271
    message.attributes["ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"] = 77
    if use:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((peer.pwd if key is None else key).encode())
    return bytes(message)


def success(
    request: bytes, own: Leg, mapped: tuple[str, int] = ("203.0.113.1", 3478), key: str = ""
) -> bytes:
    """The answer of the browser with credentials `own` to a request."""
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request[8:20])
    message.attributes["XOR-MAPPED-ADDRESS"] = mapped
    message.add_message_integrity((key or own.pwd).encode())
    return bytes(message)


def role_conflict(request: bytes, own: Leg) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.ERROR, request[8:20])
    message.attributes["ERROR-CODE"] = (487, "Role Conflict")
    message.add_message_integrity(own.pwd.encode())
    return bytes(message)


def is_challenge(data: bytes, own: Leg, peer: Leg) -> bool:
    """Whether this is the relay's own request for the browser `own`."""
    packet = parse(data)
    return (
        packet is not None
        and packet.type == REQUEST
        and packet.attributes[6] == f"{own.ufrag}:{peer.ufrag}".encode()
    )


@dataclass
class Lab:
    """A relay with one call, and a clock."""

    relay: Relay = field(default_factory=Relay)
    now: float = 100.0

    def put(self, entry: RelayCall) -> str:
        return self.relay.put(entry, self.now).value

    def send(self, data: bytes, source: Source) -> list[Datagram]:
        return self.relay.datagram(data, source, self.now)

    def wait(self, seconds: float) -> list[Datagram]:
        """Let time pass as the shell does: a tick at each wake-up."""
        sends, end = [], self.now + seconds
        while self.relay.next_wake <= end:
            self.now = max(self.now, self.relay.next_wake)
            sends += self.relay.tick(self.now)
        self.now = end
        return sends

    def prove(self, own: Leg, peer: Leg, source: Source, *, controlling: bool = True, use: bool = False
              ) -> list[Datagram]:  # fmt: skip
        """The browser's check and its answer to the challenge; returns what the answer set off."""
        sends = self.send(binding(own, peer, controlling=controlling, use=use), source)
        challenges = [data for data, to in sends if to == source and is_challenge(data, own, peer)]
        assert len(challenges) == 1, "one challenge"
        return self.send(success(challenges[0], own), source)

    def __getattr__(self, name: str) -> int:
        """`lab.unlearned` is the relay's counter of that name."""
        value = getattr(self.relay.counters, name)
        assert isinstance(value, int)
        return value
