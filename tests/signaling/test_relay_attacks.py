"""The relay's core under attack. EVE sees every datagram and sends from any address that is hers."""

import struct

import pytest

from signaling import relay as core
from signaling import relay_leg
from signaling.calls import Leg
from signaling.relay import Relay
from signaling.stun import USE_CANDIDATE
from tests.signaling.relay_lab import (
    DTLS,
    RTP,
    Lab,
    address,
    binding,
    call,
    is_challenge,
    leg,
    success,
    transaction,
)

A, B, C, D = leg("a"), leg("b"), leg("c"), leg("d")
ANA, LI, EVE = address(1), address(2), address(66)


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.put(call())
    return lab


@pytest.fixture
def met(lab: Lab) -> Lab:
    lab.prove(A, B, ANA, use=True)
    lab.prove(B, A, LI, controlling=False)
    return lab


# Replay


def test_a_copied_check_gets_a_challenge_and_nothing_else(met: Lab) -> None:
    check = binding(A, B, use=True)
    assert met.send(check, ANA) == [(check, LI)]
    [(challenge, to)] = met.send(check, EVE)
    assert to == EVE
    assert is_challenge(challenge, A, B)
    # The answer of the other browser goes to the browser that asked.
    assert met.send(success(check, B), LI)[0][1] == ANA
    assert met.transaction_taken == 1
    # Neither media nor nomination: Eve has proved nothing.
    assert met.send(RTP, LI) == [(RTP, ANA)]
    assert met.send(DTLS, EVE) == []
    assert met.send(RTP, EVE) == []
    assert met.unlearned == 2


def test_a_client_hello_from_a_replayed_address_reaches_nobody(met: Lab) -> None:
    """What a prototype fell for: copy the check, then begin DTLS. Neither side may hear it, nor may Eve be answered."""
    [(challenge, _)] = met.send(binding(A, B, use=True), EVE)[:1]
    for data in (DTLS, b"\x17\xfe\xfd records", b"\x14\xfe\xfd", RTP):
        assert met.send(data, EVE) == []
    # Not even while the challenge is repeated, nor after answers that are not that browser's.
    met.wait(0.2)
    met.send(success(challenge, A, key="x" * 22), EVE)
    met.send(success(challenge, B), EVE)
    assert met.send(DTLS, EVE) == []
    assert met.send(DTLS, ANA) == [(DTLS, LI)]
    assert met.send(DTLS, LI) == [(DTLS, ANA)]


def test_a_copy_that_overtakes_the_check_of_a_verified_address_gets_no_answer(met: Lab) -> None:
    check = binding(A, B)
    met.send(check, EVE)
    assert met.send(check, ANA) == [(check, LI)]
    assert met.send(success(check, B), LI)[0][1] == ANA


def test_a_copied_check_before_anybody_is_verified(lab: Lab) -> None:
    check = binding(A, B)
    [(challenge, _)] = lab.send(check, ANA)
    lab.send(check, EVE)
    assert lab.send(success(challenge, A), ANA) == []
    assert lab.prove(B, A, LI, controlling=False) == [(check, LI)]
    assert lab.send(success(check, B), LI)[0][1] == ANA


def test_the_challenge_is_answered_from_its_address_only(lab: Lab) -> None:
    [(challenge, _)] = lab.send(binding(A, B), EVE)
    answer = success(challenge, A)  # of Ana's browser, should it ever have seen the challenge
    assert lab.send(answer, ANA) == []
    assert lab.challenge_failed == 1
    assert not lab.relay.routes


def test_the_challenge_needs_the_legs_own_password(lab: Lab) -> None:
    [(challenge, _)] = lab.send(binding(A, B), EVE)
    for forged in (success(challenge, A, key=B.pwd), success(challenge, A, key="x" * 22), challenge):
        assert lab.send(forged, EVE) == []
    assert not lab.relay.routes
    # Without MESSAGE-INTEGRITY, or with a shortened one
    bare = struct.pack("!HHI", 0x0101, 0, 0x2112A442) + challenge[8:20]
    assert lab.send(bare, EVE) == []
    short = struct.pack("!HHI", 0x0101, 4, 0x2112A442) + challenge[8:20] + struct.pack("!HH", 8, 0)
    assert lab.send(short, EVE) == []
    assert not lab.relay.routes


def test_the_challenge_sent_back_is_no_check_of_the_other_browser(met: Lab) -> None:
    """Else the browser would answer it through the relay, and Eve would pass the answer off as hers."""
    challenge = next(data for data, to in met.send(binding(A, B), EVE) if to == EVE)
    for source in (EVE, address(66, 6000), address(66, socket=1), LI):
        assert met.send(challenge, source) == []
    assert met.reflected == 4
    # The same at a second relay that carries the same call.
    spare = Lab()
    spare.put(call())
    spare.prove(A, B, ANA)
    assert spare.send(challenge, EVE) == []
    met.send(success(challenge, A), ANA)
    assert EVE not in met.relay.routes


def test_an_answer_to_one_challenge_proves_nothing_else(lab: Lab) -> None:
    [(challenge, _)] = lab.send(binding(A, B), ANA)
    answer = success(challenge, A)
    lab.send(answer, ANA)
    assert lab.send(answer, EVE) == []
    lab.send(binding(A, B), EVE)
    assert lab.send(answer, EVE) == []
    assert len(lab.relay.routes) == 1


def test_a_challenge_that_eve_passed_on_to_the_browser(lab: Lab) -> None:
    """She asks the browser herself; its answer then names her address, not the relay's."""
    lab.relay.published[0] = ("203.0.113.1", 3478)
    [(challenge, _)] = lab.send(binding(A, B), EVE)
    for seen in (EVE[1], ("203.0.113.1", 3479), ("203.0.113.2", 3478), ("2001:db8::1", 3478)):
        assert lab.send(success(challenge, A, mapped=seen), EVE) == []
    assert lab.challenge_failed == 4
    lab.send(success(challenge, A, mapped=("203.0.113.1", 3478)), EVE)
    assert lab.verified == 1


def test_a_challenge_passed_on_with_our_address_forged_on_it(lab: Lab) -> None:
    """The browser then answers us, and truly; that very answer, heard and sent again by Eve, proves nothing of hers."""
    lab.relay.published[0] = ("203.0.113.1", 3478)
    [(challenge, _)] = lab.send(binding(A, B), EVE)
    answer = success(challenge, A, mapped=("203.0.113.1", 3478))
    assert lab.send(answer, ANA) == []
    assert lab.send(answer, EVE) == []
    assert not lab.relay.routes
    lab.prove(A, B, ANA)
    assert list(lab.relay.routes) == [ANA]


def test_a_browser_behind_nat64_sees_us_under_a_prefix(lab: Lab) -> None:
    lab.relay.published[0] = ("203.0.113.1", 3478)
    [(challenge, _)] = lab.send(binding(A, B), ANA)
    lab.send(success(challenge, A, mapped=("64:ff9b::203.0.113.1", 3478)), ANA)
    assert lab.verified == 1


# Forgery


@pytest.mark.parametrize(
    "forged",
    [
        binding(A, B, key=A.pwd),
        binding(A, B, key="x" * 22),
        binding(A, Leg("bfrag", "")),
    ],
)
def test_a_check_with_another_password(met: Lab, forged: bytes) -> None:
    assert met.send(forged, EVE) == met.send(forged, ANA) == []
    assert met.bad_integrity == 2


def test_a_check_without_integrity(met: Lab) -> None:
    username = f"{B.ufrag}:{A.ufrag}".encode()
    body = struct.pack("!HH", 6, len(username)) + username + bytes(-len(username) % 4)
    assert met.send(struct.pack("!HHI", 1, len(body), 0x2112A442) + transaction() + body, ANA) == []
    assert met.bad_integrity == 1


def test_unknown_usernames(met: Lab) -> None:
    assert met.send(binding(C, D), EVE) == []
    assert met.send(binding(B, C), LI) == []
    assert met.unknown_username == 2


def insert_after_integrity(check: bytes, attribute: bytes) -> bytes:
    """The check with one more attribute after MESSAGE-INTEGRITY, FINGERPRINT left away."""
    body = check[20:-8] + attribute
    return check[:2] + struct.pack("!H", len(body)) + check[4:20] + body


def test_what_stands_after_the_integrity_does_not_count(met: Lab) -> None:
    mobile = address(3)
    met.prove(A, B, mobile)
    check = insert_after_integrity(binding(A, B), struct.pack("!HH", USE_CANDIDATE, 0))
    assert met.send(check, mobile) == [(check, LI)]
    assert met.send(RTP, LI) == [(RTP, ANA)]
    # nor can a USERNAME there name another leg
    other = f"{A.ufrag}:{B.ufrag}".encode()
    check = insert_after_integrity(binding(A, B), struct.pack("!HH", 6, len(other)) + other + b"\0")
    assert met.send(check, mobile) == [(check, LI)]


# Spoofed sources


def test_a_spoofed_source_gains_nothing_for_the_spoofer(met: Lab) -> None:
    """Eve writes Li's address on a copy of Ana's check: Li's address is challenged for Ana's leg, in vain."""
    check = binding(A, B, use=True)
    sends = met.send(check, LI)
    assert [to for _, to in sends] == [LI, LI]  # a challenge for leg A, and the check itself
    assert met.send(RTP, ANA) == [(RTP, LI)]
    assert met.send(RTP, LI) == [(RTP, ANA)]
    met.wait(4)
    assert met.challenge_unanswered == 1


def test_an_address_moves_to_another_call_only_by_its_challenge(met: Lab) -> None:
    met.put(call(visit="other", a=C, b=D))
    sends = met.send(binding(C, D), ANA)
    assert met.send(RTP, LI) == [(RTP, ANA)]
    assert met.send(success(sends[0][0], A), ANA) == [], "the other leg's password"
    assert met.send(RTP, LI) == [(RTP, ANA)]
    met.send(success(sends[0][0], C), ANA)
    assert met.addresses_moved == 1
    assert met.send(RTP, LI) == []
    assert met.no_route == 1
    met.prove(D, C, address(9))
    assert met.send(RTP, ANA) == [(RTP, address(9))]


def test_the_next_call_on_the_same_address_hears_nothing_of_the_last(met: Lab) -> None:
    met.relay.drop(call().key, met.now)
    met.put(call(visit="other", a=C, b=D))
    met.prove(C, D, ANA)
    met.prove(D, C, address(9))
    assert met.send(RTP, LI) == []
    assert met.send(RTP, address(9)) == [(RTP, ANA)]


def test_one_ufrag_in_two_calls_never_crosses(met: Lab) -> None:
    met.put(call(visit="other", a=A, b=C))
    met.prove(C, A, address(9), controlling=False)
    check = binding(A, B)
    assert met.send(check, ANA) == [(check, LI)]
    assert met.send(RTP, address(9)) == []


# Junk


@pytest.mark.parametrize("first", [*range(4, 20), *range(64, 128), *range(192, 256)])
def test_bytes_of_no_protocol_of_ours(met: Lab, first: int) -> None:
    assert met.send(bytes([first]) + b"hello", ANA) == []
    assert met.foreign == 1


def test_empty_and_portless_and_long(met: Lab) -> None:
    assert met.send(b"", ANA) == []
    assert met.send(binding(A, B), address(1, port=0)) == []
    assert met.send(RTP, address(1, port=0)) == []
    assert met.send(b"\x80" * 2049, ANA) == []
    assert met.send(b"\x01" * 2049, ANA) == []
    assert (met.empty, met.port_zero, met.unlearned, met.too_long) == (1, 1, 1, 2)


def test_truncated_checks(met: Lab) -> None:
    check = binding(A, B)
    for end in range(1, len(check)):
        assert met.send(check[:end], ANA) == []
    for at in range(len(check) - 8):  # FINGERPRINT stands last, outside of the integrity
        broken = check[:at] + bytes([check[at] ^ 0x40]) + check[at + 1 :]
        assert met.send(broken, EVE) == []


# Bounds


def test_candidate_addresses_are_bounded_and_verified_ones_stay(met: Lab) -> None:
    for number in range(100, 140):
        met.wait(0.3)
        met.send(binding(A, B), address(number))
    met_a = met.relay.routes[ANA].leg
    assert len(met_a.candidates) <= relay_leg.CANDIDATE_ADDRESSES
    assert met.send(RTP, LI) == [(RTP, ANA)]


def test_many_sources_at_once_evict_each_other(met: Lab) -> None:
    for number in range(100, 140):
        met.send(binding(A, B), address(number))
    assert met.candidates_evicted == 40 - relay_leg.CANDIDATE_ADDRESSES
    assert met.challenges_limited > 0
    # Twenty at once, one for the browser itself before; more come with time.
    assert met.challenges == 2 + 19
    met.wait(6)
    mobile = address(3)
    met.prove(A, B, mobile)
    assert mobile in met.relay.routes


def test_verified_addresses_are_bounded(met: Lab) -> None:
    for number in range(100, 120):
        met.wait(0.3)
        met.send(RTP, ANA)
        met.prove(A, B, address(number))
    assert len(met.relay.routes[ANA].leg.paths) == relay_leg.VERIFIED_ADDRESSES
    assert met.addresses_evicted == 21 - relay_leg.VERIFIED_ADDRESSES
    assert met.send(RTP, LI) == [(RTP, ANA)]


def test_transactions_are_bounded(met: Lab) -> None:
    first = binding(A, B)
    met.send(first, ANA)
    for _ in range(relay_leg.TRANSACTIONS_PER_ADDRESS):
        met.send(binding(A, B), ANA)
    assert met.transactions_limited == 2  # `first`, and the one before it by which ANA was verified
    assert met.send(success(first, B), LI) == []
    assert len(met.relay.routes[ANA].leg.transactions) == relay_leg.TRANSACTIONS_PER_ADDRESS


def test_integrity_checks_for_unlearned_sources_are_bounded(met: Lab) -> None:
    forged = binding(A, B, key="x" * 22)
    for number in range(300):
        met.send(forged, address(66, port=1 + number))
    assert met.bad_integrity < 300
    assert met.checks_limited > 0
    check = binding(A, B)
    assert met.send(check, ANA) == [(check, LI)], "who is verified is not kept waiting"


def test_bytes_per_second_are_bounded(met: Lab) -> None:
    packet = b"\x80" * 1200
    passed = sum(bool(met.send(packet, ANA)) for _ in range(4000))
    assert passed * 1200 <= relay_leg.BYTES_PER_SECOND * 2
    assert met.over_rate == 4000 - passed
    met.wait(1)
    passed = sum(bool(met.send(packet, ANA)) for _ in range(4000))
    assert 0.9 < passed * 1200 / relay_leg.BYTES_PER_SECOND <= 1


def test_checks_count_as_bytes_too(met: Lab) -> None:
    check = binding(A, B)
    for _ in range(relay_leg.BYTES_PER_SECOND * 2 // len(check) + 10):
        met.send(check, ANA)
    assert met.over_rate > 0


def test_calls_are_bounded() -> None:
    lab = Lab(Relay(max_calls=2))
    for name in "cd":
        assert lab.put(call(visit=name, a=leg(name), b=leg(name + "x"))) == "opened"
    assert lab.put(call()) == "full"
    assert lab.calls_full == 1
    lab.wait(1000)
    assert lab.put(call(expires=5000.0)) == "opened"


def test_every_counter_has_a_name() -> None:
    assert len(core.Counters().as_dict()) > 20
