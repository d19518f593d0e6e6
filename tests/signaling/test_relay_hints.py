"""Hints: where a relay that was killed asks first. They prove nothing, and nobody without the secret can make one."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.bus import Bus
from signaling.calls import ForgedEntry, RelayCall, seal
from signaling.relay_hints import Hint, hints_of, seal_hints, unseal_hints
from signaling.relay_leg import CANDIDATE_ADDRESSES, FIRST_CONNECTION
from tests.signaling.relay_lab import RTP, Lab, address, binding, call, is_challenge, leg, success
from tests.signaling.relay_rig import LEGS, SECRET, new_call, put, relay, settings, until
from tests.signaling.test_relay_udp import bound, prove
from tests.valkey import TestValkey

A, B = leg("a"), leg("b")
ANA, LI = address(1), address(2, socket=1)
PLACES = {0: ("203.0.113.1", 3478), 1: ("2001:db8::9", 3478)}
HINTS = (Hint("a", PLACES[0], ("198.51.100.1", 5000), True), Hint("b", PLACES[1], ("2001:db8::1", 5, 0, 0), False))
KEY = call().key


# The blob


def test_they_come_back_whole() -> None:
    assert unseal_hints(seal_hints("r1", KEY, HINTS, SECRET), "r1", KEY, SECRET) == HINTS
    assert unseal_hints(seal_hints("r1", KEY, (), SECRET), "r1", KEY, SECRET) == ()


@pytest.mark.parametrize(
    ("relay_id", "key", "secret"),
    [("r2", KEY, SECRET), ("r1", KEY + "1", SECRET), ("r1", KEY, b"another secret of 16"), ("", "r1" + KEY, SECRET)],
    ids=["another relay's", "another call's", "another secret's", "the same characters elsewhere"],
)
def test_one_that_was_sealed_for_something_else_is_forged(relay_id: str, key: str, secret: bytes) -> None:
    blob = seal_hints(relay_id, key, HINTS, secret)
    with pytest.raises(ForgedEntry):
        unseal_hints(blob, "r1", KEY, SECRET)


@given(st.data())
def test_every_changed_byte_is_noticed(data: st.DataObject) -> None:
    blob = seal_hints("r1", KEY, HINTS, SECRET)
    at, bits = data.draw(st.integers(0, len(blob) - 1)), data.draw(st.integers(1, 255))
    with pytest.raises(ForgedEntry):
        unseal_hints(blob[:at] + bytes([blob[at] ^ bits]) + blob[at + 1 :], "r1", KEY, SECRET)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(ForgedEntry):
        unseal_hints(blob, "r1", KEY, SECRET)


def test_a_sealed_entry_of_another_kind_is_no_hint() -> None:
    """One secret seals both: neither passes for the other."""
    with pytest.raises(ForgedEntry):
        unseal_hints(seal(call(), SECRET), "r1", KEY, SECRET)


def test_only_addresses_in_use_are_noted_and_no_connection() -> None:
    lab = Lab()
    lab.put(call())
    lab.send(binding(A, B), address(66))  # a copy from elsewhere: never proved
    lab.prove(A, B, ANA)
    lab.prove(B, A, address(2, socket=FIRST_CONNECTION), controlling=False)
    (noted,) = hints_of(lab.relay.table.calls[KEY], PLACES)
    assert noted == Hint("a", PLACES[0], ANA[1], True)


# The core


@pytest.fixture
def fresh() -> Lab:
    """A relay just started, that has the call and knows no address."""
    lab = Lab()
    lab.put(call())
    return lab


def test_a_hint_makes_an_address_be_asked_and_nothing_more(fresh: Lab) -> None:
    [(challenge, to)] = fresh.relay.hint(KEY, "a", ANA, True, fresh.now)
    assert to == ANA
    assert is_challenge(challenge, A, B)
    fresh.prove(B, A, LI, controlling=False)
    assert fresh.send(RTP, LI) == [], "a hint is no proof"
    assert fresh.send(RTP, ANA) == []
    fresh.send(success(challenge, A), ANA)
    assert fresh.send(RTP, LI) == [(RTP, ANA)]


def test_a_replayed_hint_costs_a_stranger_four_datagrams_at_most(fresh: Lab) -> None:
    """An old hint of this relay and this call, put back by somebody who writes to Redis: its address is asked in vain."""
    old = address(77)
    sends = fresh.relay.hint(KEY, "a", old, True, fresh.now) + fresh.relay.hint(KEY, "a", old, True, fresh.now)
    sends += fresh.wait(10)
    assert [to for _, to in sends] == [old] * 4
    assert fresh.challenge_unanswered == 1
    assert old not in fresh.relay.routes


def test_a_hint_of_no_call_or_nowhere_asks_nobody(fresh: Lab) -> None:
    assert fresh.relay.hint("other/x/y/0", "a", ANA, True, fresh.now) == []
    assert fresh.relay.hint(KEY, "a", address(1, port=0), True, fresh.now) == []
    assert fresh.challenges == 0


def test_hints_neither_crowd_out_browsers_nor_touch_the_verified(fresh: Lab) -> None:
    fresh.prove(A, B, ANA)
    assert fresh.relay.hint(KEY, "a", ANA, True, fresh.now) == []
    fresh.send(binding(A, B), address(3))
    for number in range(100, 140):
        fresh.relay.hint(KEY, "a", address(number), True, fresh.now)
    candidates = fresh.relay.table.calls[KEY].a.candidates
    assert len(candidates) == CANDIDATE_ADDRESSES
    assert address(3) in candidates
    assert fresh.candidates_evicted == 0


# The process


@pytest.fixture
def browser() -> Iterator[socket.socket]:
    with bound("127.0.0.1") as one:
        yield one


async def noted(server: TestValkey, bus: Bus, browser: socket.socket) -> tuple[RelayCall, int]:
    """A call whose offerer a relay, now gone, has noted at `browser`; and that relay's port."""
    a, b = LEGS
    entry = new_call(a, b)
    async with relay(settings(server, tcp=False)) as process:
        port = process.addresses[0].port
        await put(bus, entry)
        await until(lambda: process.relay.table.calls)
        browser.connect(("127.0.0.1", port))
        await prove(process, browser, a, b)
        await until(lambda: process._noted)
    return entry, port


async def restarted(server: TestValkey, port: int, browser: socket.socket) -> tuple[list[bytes], int]:
    """What the browser hears from a new relay on the old one's port before it says anything; forged entries counted."""
    async with relay(settings(server, port, tcp=False)) as process:
        assert process.relay.table.calls
        browser.settimeout(0.3)
        heard = []
        with contextlib.suppress(TimeoutError):
            heard.append(await asyncio.to_thread(browser.recv, 2048))
        return heard, process.counters["calls_forged"]


async def test_a_relay_that_was_killed_asks_at_once(server: TestValkey, bus: Bus, browser: socket.socket) -> None:
    _, port = await noted(server, bus, browser)
    heard, forged = await restarted(server, port, browser)
    assert is_challenge(heard[0], *LEGS)
    assert forged == 0


@pytest.mark.parametrize("whose", ["nobody's", "another relay's", "another call's", "another place's"])
async def test_a_hint_in_redis_that_is_not_its_own_asks_nobody(
    server: TestValkey, bus: Bus, browser: socket.socket, whose: str
) -> None:
    entry, port = await noted(server, bus, browser)
    place = ("127.0.0.1", port + 1 if whose == "another place's" else port)
    hints = (Hint("a", place, browser.getsockname(), True),)
    blob = {
        "nobody's": seal_hints("relay-1", entry.key, hints, b"a guess of 16 bytes"),
        "another relay's": seal_hints("relay-2", entry.key, hints, SECRET),
        "another call's": seal_hints("relay-1", entry.key + "1", hints, SECRET),
        "another place's": seal_hints("relay-1", entry.key, hints, SECRET),
    }[whose]
    assert await bus.put_hints("relay-1", {entry.key: (blob, entry.expires)})
    assert await restarted(server, port, browser) == ([], int(whose != "another place's"))
