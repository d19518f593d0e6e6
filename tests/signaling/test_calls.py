"""What travels on the bus about calls: sealed, read back, and refused when it is not ours."""

import json
from dataclasses import replace
from typing import Any

import aioice
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.calls import (
    Entry,
    ExpiredEntry,
    ForgedEntry,
    Leg,
    RelayAck,
    RelayAddress,
    RelayCall,
    RelayVerified,
    _mac,
    seal,
    unseal,
    unseal_report,
)
from tests.signaling.relay_lab import call

SECRET = b"key of the tests"
UDP = RelayAddress("203.0.113.5", 3478, "udp", 2000)
TCP = RelayAddress("2001:db8::5", 3478, "tcp", 1000)
ACK = RelayAck(call().key, 3, "relay-1", (UDP, TCP))
VERIFIED = RelayVerified(call().key, "b", "198.51.100.9", 40000)


def signed(content: Any) -> bytes:
    body = json.dumps(content).encode()
    return _mac(body, SECRET) + b"." + body


def test_a_call_comes_back_whole() -> None:
    assert unseal(seal(call(), SECRET), SECRET, 999.0) == call()
    assert call().key == "visit/therapist/patient/0"


@pytest.mark.parametrize("report", [ACK, VERIFIED])
def test_reports_come_back_whole(report: RelayAck | RelayVerified) -> None:
    assert unseal_report(seal(report, SECRET), SECRET) == report


def test_an_entry_whose_end_has_passed_tells_its_content() -> None:
    with pytest.raises(ExpiredEntry) as caught:
        unseal(seal(call(), SECRET), SECRET, 1000.0)
    assert caught.value.call == call()


@given(st.data())
def test_every_changed_byte_is_noticed(data: st.DataObject) -> None:
    blob = seal(call(), SECRET)
    at, bits = data.draw(st.integers(0, len(blob) - 1)), data.draw(st.integers(1, 255))
    changed = blob[:at] + bytes([blob[at] ^ bits]) + blob[at + 1 :]
    with pytest.raises(ForgedEntry):
        unseal(changed, SECRET, 0.0)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(ForgedEntry):
        unseal(blob, SECRET, 0.0)
    with pytest.raises(ForgedEntry):
        unseal_report(blob, SECRET)


@pytest.mark.parametrize("entry", [call(), ACK, VERIFIED])
def test_another_secret(entry: Entry) -> None:
    blob = seal(entry, b"another")
    with pytest.raises(ForgedEntry):
        unseal(blob, SECRET, 0.0)
    with pytest.raises(ForgedEntry):
        unseal_report(blob, SECRET)


def test_a_report_is_no_call_and_a_call_no_report() -> None:
    with pytest.raises(ForgedEntry):
        unseal(seal(ACK, SECRET), SECRET, 0.0)
    with pytest.raises(ForgedEntry):
        unseal_report(seal(call(), SECRET), SECRET)


GOOD = json.loads(seal(call(), SECRET)[65:])


@pytest.mark.parametrize(
    "content",
    [
        None, [], "call", 7,
        {},
        *({key: value for key, value in GOOD.items() if key != left} for left in GOOD if left != "direct"),
        GOOD | {"type": "ack"},
        GOOD | {"version": "1"},
        GOOD | {"version": True},
        GOOD | {"expires": "soon"},
        GOOD | {"expires": 1e300},
        GOOD | {"a": ["only"]},
        GOOD | {"a": {"ufrag": "x"}},
        GOOD | {"visit": 7},
    ],
)  # fmt: skip
def test_signed_nonsense(content: Any) -> None:
    with pytest.raises((ForgedEntry, KeyError)):
        unseal(signed(content), SECRET, 0.0)


def test_nothing_but_true_is_direct() -> None:
    for value in (1, "true", None):
        assert unseal(signed(GOOD | {"direct": value}), SECRET, 0.0).direct is False


def test_grammar() -> None:
    assert Leg("aB+/", "p" * 22).grammatical
    assert Leg("a" * 32, "p" * 256).grammatical
    for leg in (Leg("abc", "p" * 22), Leg("a:bc", "p" * 22), Leg("abcd", "p" * 21), Leg("abcd\n", "p" * 22)):
        assert not leg.grammatical
        assert not replace(call(), a=leg).well_formed


def test_candidate_lines() -> None:
    assert UDP.candidate_line("frag") == (
        f"candidate:{UDP.foundation} 1 udp 2000 203.0.113.5 3478 typ relay raddr 0.0.0.0 rport 0"
        " generation 0 ufrag frag network-cost 999"
    )
    assert TCP.candidate_line("frag") == (
        f"candidate:{TCP.foundation} 1 tcp 1000 2001:db8::5 3478 typ host tcptype passive"
        " generation 0 ufrag frag network-cost 999"
    )
    for address in (UDP, TCP):
        read = aioice.Candidate.from_sdp(address.candidate_line("frag").removeprefix("candidate:"))
        assert (read.host, read.port, read.transport) == (address.ip, address.port, address.transport)
        assert read.tcptype == ("passive" if address.transport == "tcp" else None)
    others = [replace(UDP, port=3479), replace(UDP, transport="tcp"), replace(UDP, ip="203.0.113.6")]
    foundations = {address.foundation for address in (UDP, TCP, *others)}
    assert len(foundations) == 5
    assert all(foundation.isdigit() and len(foundation) <= 32 for foundation in foundations)


def test_a_call_is_small() -> None:
    longest = Leg("u" * 32, "p" * 256)
    assert (
        len(seal(RelayCall("v" * 128, "o" * 128, "a" * 128, 9, longest, longest, 1.0, 1, True), SECRET))
        < 2000
    )
