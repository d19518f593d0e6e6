"""The relay's core in peace: how two browsers meet, and where their datagrams go."""

from dataclasses import replace

import pytest

from signaling.calls import Leg, RelayVerified
from signaling.relay import Put
from signaling.relay_leg import FIRST_CONNECTION
from signaling.stun import ICE_CONTROLLED, ICE_CONTROLLING, parse
from tests.signaling.relay_lab import (
    DTLS,
    RTP,
    Lab,
    address,
    binding,
    call,
    is_challenge,
    leg,
    next_generation,
    role_conflict,
    success,
)

A, B = leg("a"), leg("b")
ANA, LI = address(1), address(2)  # the patient's and the therapist's addresses


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    assert lab.put(call()) == "opened"
    return lab


@pytest.fixture
def met(lab: Lab) -> Lab:
    """Both browsers are verified; A at ANA is controlling."""
    lab.prove(A, B, ANA)
    lab.prove(B, A, LI, controlling=False)
    return lab


def test_the_first_checks_wait_for_each_other(lab: Lab) -> None:
    first = binding(A, B)
    [(challenge, to)] = lab.send(first, ANA)
    assert to == ANA
    assert is_challenge(challenge, A, B)

    second = binding(B, A, controlling=False)
    [(challenge_b, to)] = lab.send(second, LI)
    assert to == LI

    # A proves itself: B's check, which waited, goes there at once, and A's answer back to B.
    assert lab.send(success(challenge, A), ANA) == [(second, ANA)]
    answer = success(second, A)
    assert lab.send(answer, ANA) == [(answer, LI)]
    # And the other way round.
    assert lab.send(success(challenge_b, B), LI) == [(first, LI)]
    answer = success(first, B)
    assert lab.send(answer, LI) == [(answer, ANA)]
    # Then media and DTLS, both ways.
    assert lab.send(DTLS, ANA) == [(DTLS, LI)]
    assert lab.send(RTP, LI) == [(RTP, ANA)]


def test_only_the_latest_waiting_check_is_sent_on(lab: Lab) -> None:
    [(challenge, _)] = lab.send(binding(A, B), ANA)
    latest = binding(A, B)
    assert lab.send(latest, ANA) == []  # the challenge is on its way
    assert lab.prove(B, A, LI, controlling=False) == [(latest, LI)]
    [(waiting, to)] = lab.send(success(challenge, A), ANA)
    assert to == ANA
    assert waiting not in (latest, challenge), "B's check, which had waited for A"


def test_a_check_that_waited_too_long_is_not_sent_on(lab: Lab) -> None:
    lab.send(binding(A, B), ANA)
    lab.wait(10.5)
    assert lab.prove(B, A, LI, controlling=False) == []


@pytest.mark.parametrize("controlling", [True, False])
def test_the_challenge_claims_the_opposite_role_and_loses_no_tie(lab: Lab, controlling: bool) -> None:
    [(challenge, _)] = lab.send(binding(A, B, controlling=controlling), ANA)
    packet = parse(challenge)
    assert packet
    role = ICE_CONTROLLED if controlling else ICE_CONTROLLING
    assert packet.attributes[role] == (b"\xff" * 8 if controlling else b"\0" * 8)


def test_a_browser_that_changed_its_role_is_challenged_anew(lab: Lab) -> None:
    [(challenge, _)] = lab.send(binding(A, B), ANA)
    [(second, to)] = lab.send(role_conflict(challenge, A), ANA)
    assert to == ANA
    packet = parse(second)
    assert packet
    assert ICE_CONTROLLING in packet.attributes
    lab.send(success(second, A), ANA)
    assert lab.verified == 1


def test_the_challenge_is_repeated_and_given_up(lab: Lab) -> None:
    lab.send(binding(A, B), ANA)
    again = lab.wait(3)
    assert [to for _, to in again] == [ANA] * 3
    assert len({data for data, _ in again}) == 1
    assert lab.challenge_unanswered == 0
    assert lab.wait(1) == []
    assert lab.challenge_unanswered == 1
    [(data, _)] = lab.send(binding(A, B), ANA)  # a later check starts over
    assert is_challenge(data, A, B)


def test_over_tcp_the_challenge_goes_once(lab: Lab) -> None:
    lab.send(binding(A, B), address(1, socket=FIRST_CONNECTION))
    assert lab.wait(5) == []
    assert lab.challenges == 1


def test_a_retransmitted_check_is_sent_on_again(met: Lab) -> None:
    check = binding(A, B)
    assert met.send(check, ANA) == met.send(check, ANA) == [(check, LI)]


def test_checks_go_to_every_verified_address_and_answers_to_the_one_that_asked(met: Lab) -> None:
    mobile = address(2, 6000)
    met.prove(B, A, mobile, controlling=False)
    check = binding(A, B)
    assert met.send(check, ANA) == [(check, LI), (check, mobile)]
    answer = success(check, B)
    assert met.send(answer, mobile) == [(answer, ANA)]
    back = binding(B, A, controlling=False)
    assert met.send(back, mobile) == [(back, ANA)]
    assert met.send(success(back, A), ANA)[0][1] == mobile


def test_an_answer_comes_within_ten_seconds_or_not_at_all(met: Lab) -> None:
    check = binding(A, B)
    met.send(check, ANA)
    met.wait(9.9)
    assert met.send(success(check, B), LI)
    met.wait(0.2)
    assert met.send(success(check, B), LI) == []
    assert met.unmatched_response == 1


def test_errors_of_a_browser_pass_as_answers(met: Lab) -> None:
    check = binding(A, B)
    met.send(check, ANA)
    answer = role_conflict(check, B)
    assert met.send(answer, LI) == [(answer, ANA)]


def test_mixed_sockets(lab: Lab) -> None:
    """One leg over IPv6, the other over TCP: a destination names its socket."""
    six = (1, ("2001:db8::7", 5000, 0, 0))
    tcp = (FIRST_CONNECTION + 4, ("198.51.100.9", 40000))
    lab.prove(A, B, six)
    lab.prove(B, A, tcp, controlling=False)
    assert lab.send(RTP, six) == [(RTP, tcp)]
    assert lab.send(RTP, tcp) == [(RTP, six)]
    lab.relay.forget_connection(tcp)
    assert lab.send(RTP, six) == []
    assert lab.no_route == 1


# Which address is active


def test_a_second_interface_steals_nothing(met: Lab) -> None:
    met.send(RTP, ANA)
    met.prove(A, B, address(3))
    assert met.send(RTP, LI) == [(RTP, ANA)]


def test_use_candidate_moves_the_media_at_once(met: Lab) -> None:
    mobile = address(3)
    met.send(RTP, ANA)
    met.prove(A, B, mobile, use=True)
    assert met.send(RTP, LI) == [(RTP, mobile)]
    # What still comes from the earlier one does not move it back,
    met.wait(0.6)
    met.send(RTP, mobile)
    met.send(RTP, ANA)
    assert met.send(RTP, LI) == [(RTP, mobile)]
    # nomination does.
    met.send(binding(A, B, use=True), ANA)
    assert met.send(RTP, LI) == [(RTP, ANA)]


def test_nomination_before_the_proof_counts_only_after_it(met: Lab) -> None:
    mobile = address(3)
    sends = met.send(binding(A, B, use=True), mobile)
    assert met.send(RTP, LI) == [(RTP, ANA)]
    challenge = next(data for data, to in sends if to == mobile)
    met.send(success(challenge, A), mobile)
    assert met.send(RTP, LI) == [(RTP, mobile)]


def test_the_controlled_side_moves_with_its_data_twice_a_second_at_most(met: Lab) -> None:
    mobile = address(4)
    met.prove(B, A, mobile, controlling=False)
    met.wait(0.6)
    met.send(RTP, LI)
    met.send(RTP, mobile)
    assert met.send(RTP, ANA) == [(RTP, mobile)]
    met.send(RTP, LI)
    assert met.send(RTP, ANA) == [(RTP, mobile)]  # too soon
    met.wait(0.51)
    met.send(RTP, mobile)
    met.send(RTP, LI)
    assert met.send(RTP, ANA) == [(RTP, LI)]
    assert met.flips == 2


def test_a_new_address_takes_over_from_a_silent_one(met: Lab) -> None:
    mobile = address(4)
    met.send(RTP, LI)
    met.prove(B, A, mobile, controlling=False)
    assert met.send(RTP, ANA) == [(RTP, LI)]
    met.wait(1.1)
    met.send(binding(B, A, controlling=False), mobile)
    assert met.send(RTP, ANA) == [(RTP, mobile)]


def test_a_nominated_address_that_died_gives_way(met: Lab) -> None:
    mobile = address(3)
    met.send(binding(A, B, use=True), ANA)
    met.prove(A, B, mobile)
    met.wait(1.1)
    met.send(RTP, mobile)
    assert met.send(RTP, LI) == [(RTP, mobile)]


def test_silent_addresses_are_forgotten(met: Lab) -> None:
    for _ in range(14):
        met.send(RTP, ANA)
        met.wait(5)
    assert met.addresses_silent == 1
    assert met.send(RTP, LI) == []
    assert met.unlearned == 1


# The table


def test_the_relay_ends_a_call_alone(met: Lab) -> None:
    met.wait(899.9)
    met.prove(A, B, ANA)
    met.prove(B, A, LI)
    assert met.send(RTP, ANA)
    met.wait(0.2)
    assert met.send(RTP, ANA) == []
    assert met.send(binding(A, B), ANA) == []
    assert met.calls_expired == 1
    assert not met.relay.routes


def test_versions(met: Lab) -> None:
    assert met.put(call()) == "repeated"
    assert met.put(call(version=3, expires=2000.0)) == "moved"
    assert met.put(call(version=2, expires=150.0)) == "stale"
    assert met.send(RTP, ANA), "moving the end touches no route"
    assert met.put(call(version=4, expires=101.0)) == "moved"
    met.wait(1.1)
    assert met.send(RTP, ANA) == []
    assert met.put(call(version=4, expires=2000.0)) == "stale"
    assert met.put(call(version=5, expires=2000.0)) == "opened"


def test_a_tombstone_closes_and_the_old_entry_opens_nothing(met: Lab) -> None:
    assert met.put(call(version=1, expires=0.0)) == "closed"
    assert met.send(RTP, ANA) == []
    assert met.put(call()) == "stale"
    assert met.put(call(version=2, expires=0.0)) == "closed"
    assert met.put(call(version=2)) == "stale"


def test_a_tombstone_that_comes_first(lab: Lab) -> None:
    other = call(visit="other", a=leg("c"), b=leg("d"))
    assert lab.put(replace(other, version=2, expires=0.0)) == "closed"
    assert lab.put(other) == "stale"


def test_drop(met: Lab) -> None:
    met.relay.drop(call().key, met.now)
    met.relay.drop("nobody", met.now)
    assert met.send(RTP, ANA) == []
    assert met.put(call()) == "stale"


def test_the_wall_clock_is_only_for_the_end() -> None:
    lab = Lab()
    assert lab.relay.put(call(expires=1_700_000_060.0), lab.now, 1_700_000_000.0) is Put.OPENED
    lab.prove(A, B, ANA)
    lab.wait(60.1)
    assert lab.calls_expired == 1


def test_ice_restart(met: Lab) -> None:
    """The old generation carries media until the browsers have nominated a pair of the new one."""
    new = next_generation(call(), "2")
    assert met.put(new) == "opened"
    a2, b2 = address(1, 7000), address(2, 7000)
    met.prove(new.a, new.b, a2)
    assert met.send(RTP, ANA) == [(RTP, LI)]
    met.prove(new.b, new.a, b2, controlling=False)
    assert met.send(RTP, ANA) == [(RTP, LI)]
    assert met.send(RTP, a2) == [(RTP, b2)]
    met.wait(2.1)
    assert met.send(RTP, ANA) == []
    assert met.put(call()) == "stale"
    assert met.put(call(version=9)) == "old generation"


def test_ice_restart_from_the_same_addresses(met: Lab) -> None:
    """An address can belong to one generation only; media finds the other browser in either."""
    new = next_generation(call(), "2")
    met.put(new)
    met.prove(new.a, new.b, ANA)
    assert met.addresses_moved == 1
    assert met.send(RTP, ANA) == [(RTP, LI)]
    assert met.send(RTP, LI) == [(RTP, ANA)]
    # A check of the old generation that is on its way gets its answer, too.
    old = binding(B, A, controlling=False)
    assert met.send(old, LI) == []
    met.prove(new.b, new.a, LI, controlling=False)
    assert met.send(RTP, LI) == [(RTP, ANA)]
    met.wait(3)
    assert met.send(RTP, ANA) == [(RTP, LI)]


def test_a_generation_that_never_comes_about(met: Lab) -> None:
    met.put(next_generation(call(), "2"))
    for _ in range(29):
        met.send(RTP, ANA), met.send(RTP, LI)
        met.wait(1)
    assert met.send(RTP, ANA)
    met.wait(1.1)
    assert met.send(RTP, ANA) == []


def test_three_generations_are_one_too_many(met: Lab) -> None:
    second = next_generation(call(), "2")
    third = next_generation(second, "3")
    for entry in (second, third):
        assert met.put(entry) == "opened"
    assert set(met.relay.table.calls) == {second.key, third.key}
    assert met.put(call(version=2)) == "old generation"


def test_verified_addresses_are_reported_when_asked_for(lab: Lab) -> None:
    direct = call(visit="direct", direct=True, a=leg("c"), b=leg("d"))
    lab.put(direct)
    lab.prove(A, B, ANA)
    lab.prove(direct.a, direct.b, address(7))
    lab.prove(direct.b, direct.a, address(8, socket=FIRST_CONNECTION))
    assert lab.relay.reports == [RelayVerified(direct.key, "a", "198.51.100.7", 5000)]


@pytest.mark.parametrize(
    "changes",
    [
        {"a": Leg("a:frag", "p" * 22)},
        {"a": Leg("afr", "p" * 22)},
        {"a": Leg("a" * 33, "p" * 22)},
        {"a": Leg("afrag", "p" * 21)},
        {"a": Leg("afrag", "p" * 257)},
        {"a": Leg("afrag", "p" * 22 + "\n")},
        {"a": Leg("afrag\n", "p" * 22)},
        {"a": Leg("åfrag", "p" * 22)},
        {"a": Leg(B.ufrag, "p" * 22)},
        {"visit": "a/b"},
        {"visit": ""},
        {"generation": -1},
    ],
)
def test_entries_that_no_relay_opens(changes: dict[str, object]) -> None:
    lab = Lab()
    assert lab.put(call(**changes)) == "malformed"
    assert lab.calls_refused == 1
    assert not lab.relay.table.calls


def test_a_pair_that_is_open_is_never_overwritten(met: Lab) -> None:
    assert met.put(call(visit="other")) == "taken"
    assert met.put(call(visit="other", a=B, b=A)) == "taken"
    assert met.put(call(version=2, a=leg("c"))) == "changed"
    assert met.calls_refused == 3
    assert met.send(RTP, ANA) == [(RTP, LI)]
    # One equal ufrag is no equal pair: a page may prepare one offer and meet two answerers, one after the
    # other.
    assert met.put(call(visit="other", a=A, b=leg("c"))) == "opened"
