"""Our reading of STUN beside aioice's, and where it must differ."""

import struct

from aioice import stun as aioice
from hypothesis import given
from hypothesis import strategies as st

from signaling import stun
from tests.signaling.relay_lab import binding, leg, success

A, B = leg("a"), leg("b")


def with_body(body: bytes) -> bytes:
    return struct.pack("!HHI", 1, len(body), aioice.COOKIE) + b"t" * 12 + body


def attribute(name: int, value: bytes) -> bytes:
    return struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


def test_reads_what_aioice_writes() -> None:
    data = binding(A, B, use=True)
    packet = stun.parse(data)
    assert packet
    assert packet.type == stun.REQUEST
    assert packet.transaction == data[8:20]
    assert packet.attributes[stun.USERNAME] == b"bfrag:afrag"
    assert stun.USE_CANDIDATE in packet.attributes
    assert stun.intact(packet, B.pwd.encode())
    assert not stun.intact(packet, A.pwd.encode())


def test_aioice_reads_our_challenge() -> None:
    for controlling in (True, False):
        data = stun.challenge(b"t" * 12, "a:b", b"key", controlling=controlling)
        message = aioice.parse_message(data)
        assert message.check_message_integrity(b"key")
        assert message.attributes["USERNAME"] == "a:b"
        assert ("ICE-CONTROLLING" in message.attributes) is controlling
        assert "FINGERPRINT" in message.attributes


def test_the_first_of_repeated_attributes_counts() -> None:
    packet = stun.parse(with_body(attribute(6, b"first") + attribute(6, b"second")))
    assert packet
    assert packet.attributes == {6: b"first"}


def test_a_wrong_fingerprint_and_one_that_is_not_last() -> None:
    data = binding(A, B)
    assert stun.parse(data[:-1] + bytes([data[-1] ^ 1])) is None
    assert stun.parse(with_body(data[-8:] + attribute(6, b"x"))) is None


def test_mapped_addresses() -> None:
    for mapped in (("203.0.113.9", 65535), ("2001:db8::1", 1)):
        packet = stun.parse(success(binding(A, B), B, mapped=mapped))
        assert packet
        assert stun.mapped_address(packet) == mapped
    bare = stun.parse(with_body(attribute(stun.XOR_MAPPED_ADDRESS, b"\0\1\0\0\0")))
    assert bare
    assert stun.mapped_address(bare) is None


chunks = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.builds(
            attribute,
            st.sampled_from([1, 6, 8, 0x20, 0x24, 0x25, 0x8028, 0x8029, 0x802A, 0xC057]),
            st.binary(max_size=24),
        ),
    ),
    max_size=6,
)


@given(chunks, st.booleans())
def test_any_bytes_are_read_or_refused(parts: list[bytes], whole: bool) -> None:
    body = b"".join(parts)
    packet = stun.parse(with_body(body) if whole else body)
    if packet is not None:
        stun.intact(packet, b"key")
        stun.mapped_address(packet)
        assert packet.data[:2] == b"\0\1"


@given(st.binary(min_size=1, max_size=12), st.booleans(), st.booleans())
def test_valid_messages_read_the_same_as_by_aioice(name: bytes, use: bool, controlling: bool) -> None:
    data = binding(A, B, use=use, controlling=controlling)
    ours, theirs = stun.parse(data), aioice.parse_message(data)
    assert ours
    names = {aioice.ATTRIBUTES_BY_TYPE[kind][1] for kind in ours.attributes}
    assert names | {"MESSAGE-INTEGRITY", "FINGERPRINT"} == set(theirs.attributes)
