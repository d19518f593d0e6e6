"""What the network and Redis give to the relay, as targets for a fuzzer: each takes any bytes and must not raise.

`python -m tests.fuzz NAME` runs one with atheris (`make fuzz` all of them); test_targets.py with hypothesis.
"""

import contextlib
import hmac
import itertools
from collections.abc import Callable

from signaling import stun
from signaling.calls import (
    ExpiredEntry,
    ForgedEntry,
    RelayAck,
    RelayAddress,
    RelayVerified,
    _mac,
    seal,
    unseal,
    unseal_report,
)
from signaling.relay import Relay
from signaling.relay_frames import LONGEST, Frames, NotFrames, framed
from signaling.relay_hints import unseal_hints
from signaling.relay_leg import FIRST_CONNECTION, Source
from signaling.relay_proxy import NotProxied, proxied
from tests.signaling.relay_lab import binding, call, leg, success

A, B = leg("a"), leg("b")
ANA, LI = (0, ("198.51.100.1", 5000)), (1, ("2001:db8::1", 5000, 0, 0))
EVES = [(0, ("198.51.100.66", 6000)), (1, ("2001:db8::66", 6000, 0, 0)), (FIRST_CONNECTION, ("203.0.113.66", 7))]
SECRET = b"the key of the fuzzing"


def target_stun(data: bytes) -> None:
    packet = stun.parse(data)
    if packet is not None:
        assert packet.data == data
        stun.intact(packet, b"key")
        stun.is_challenge(packet)
        stun.mapped_address(packet)


def target_frames(data: bytes) -> None:
    """The first byte says how the rest is cut; the frames must be the same as in one piece."""
    if not data:
        return
    step, stream = 1 + data[0], data[1:]
    assert _frames([stream]) == _frames([stream[at : at + step] for at in range(0, len(stream), step)])


def _frames(chunks: list[bytes]) -> tuple[list[bytes], bool]:
    frames = Frames()
    found: list[bytes] = []
    for chunk in chunks:
        try:
            found += frames.feed(chunk)
        except NotFrames:
            return found, True
        assert frames.waiting <= LONGEST + 1
    return found, False


def _met() -> Relay:
    """Ana and Li talk. The relay's next transaction ids can be guessed, so that answers to its challenges are found."""
    numbers = itertools.count()
    relay = Relay(now=0.0, token=lambda size: bytes([next(numbers) & 0xFF]) * size)
    relay.put(call(expires=1e6), 0.0)
    for own, peer, source in ((A, B, ANA), (B, A, LI)):
        challenges = relay.datagram(binding(own, peer), source, 0.0)
        relay.datagram(success(challenges[0][0], own), source, 0.0)
    assert len(relay.routes) == 2
    return relay


def target_core(data: bytes) -> None:
    """Datagrams, each after three bytes: who sends it and how it is signed, its transaction, its length."""
    relay, now, at = _met(), 1.0, 0
    proved = {ANA, LI}
    asked: set[tuple[Source, bytes]] = set()  # who has asked what: an answer may go back
    challenged: set[tuple[Source, bytes]] = set()
    while at + 3 <= len(data):
        how, transaction, length = data[at : at + 3]
        body, at = data[at + 3 : at + 3 + length], at + 3 + length
        source = (ANA, LI, *EVES)[how % 5]
        if how & 64:  # a body of attributes in a signed message
            kind = (1, 0x0101, 0x0111)[how // 8 % 3]
            body = _signed(kind, bytes([transaction]) * 12, body, (A, B)[how // 128].pwd.encode())
        kind, name = int.from_bytes(body[:2], "big"), (source, body[8:20])
        if kind == stun.REQUEST:
            asked.add(name)
        elif name in challenged:
            proved.add(source)  # who answers a challenge of ours, to the address that it went to
        now += 0.05
        sends = relay.datagram(body, source, now) + (relay.tick(now) if relay.next_wake <= now else [])
        assert set(relay.routes) <= proved
        for sent, to in sends:
            packet = stun.parse(sent)
            if packet is not None and packet.type == stun.REQUEST and sent != body:
                challenged.add((to, sent[8:20]))
            elif to not in proved:
                assert packet is not None, "media to Eve"
                assert packet.type != stun.REQUEST, "another's check to Eve"
                assert (to, sent[8:20]) in asked, "an answer that Eve did not ask for"


def _signed(kind: int, transaction: bytes, body: bytes, key: bytes) -> bytes:
    body = body[: len(body) // 4 * 4]
    head = kind.to_bytes(2, "big") + (len(body) + 24).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + transaction
    return head + body + b"\0\x08\0\x14" + hmac.digest(key, head + body, "sha1")


def target_proxy(data: bytes) -> None:
    try:
        found = proxied(data)
    except NotProxied:
        return
    if found is not None:
        assert 16 <= found[0] <= len(data)


def target_entries(data: bytes) -> None:
    """Bytes from Redis: as they are, and as content that was sealed."""
    for blob in (data, _mac(data, SECRET) + b"." + data):
        with contextlib.suppress(ForgedEntry, ExpiredEntry):
            unseal(blob, SECRET, 0.0)
        with contextlib.suppress(ForgedEntry):
            unseal_report(blob, SECRET)
        with contextlib.suppress(ForgedEntry):
            unseal_hints(blob, "relay-1", "key", SECRET)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "stun": target_stun,
    "frames": target_frames,
    "core": target_core,
    "proxy": target_proxy,
    "entries": target_entries,
}

_CHECK = binding(A, B, use=True, transaction_id=b"\7" * 12)
#: Where each fuzzer begins.
SEEDS: dict[str, list[bytes]] = {
    "stun": [_CHECK, success(_CHECK, B), stun.challenge(b"t" * 12, "a:b", b"key", controlling=True)],
    "frames": [b"\3" + framed(b"first") + framed(b"") + framed(b"x" * 40), b"\0" + (LONGEST + 1).to_bytes(2, "big")],
    "core": [
        bytes([who, 7, len(data)]) + data for who in range(5) for data in (_CHECK, success(_CHECK, B), b"\x80media")
    ],
    "proxy": [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(range(12)),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + bytes(36),
    ],
    "entries": [
        seal(call(), SECRET)[65:],
        seal(RelayAck("key", 1, "relay-1", (RelayAddress("203.0.113.1", 3478, "udp", 2000),)), SECRET)[65:],
        seal(RelayVerified("key", "a", "203.0.113.1", 3478), SECRET)[65:],
    ],
}

if __name__ == "__main__":
    print(*TARGETS)
