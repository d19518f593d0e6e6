"""Credentials for a clinic's own TURN server, against a real coturn."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aioice import stun, turn

from server.config import load
from server.errors import SettingsError
from signaling.candidates import candidate_gate
from signaling.messages import Call, dump, parse_server
from signaling.turn import LIFE, STEP, Turn, addresses_in, credentials, parse_urls
from tests.rig.coturn import SECRET, Coturn, coturn
from tests.signaling.hub_rig import QuietBus, admitted, node
from tests.signaling.memory_visits import MemoryVisits

URLS = ("turn:turn.example.ca:3478?transport=udp", "turns:203.0.113.4:443?transport=tcp")
NOW = 1_800_000_000.0


def test_credentials_follow_the_draft() -> None:
    """draft-uberti-behave-turn-rest §2.2: "expiry:name", base64 of HMAC-SHA1 over it."""
    username, password = credentials(b"north", "12334939:mbzrxpgjys".partition(":")[2], 12334939)
    assert username == "12334939:mbzrxpgjys"
    assert base64.b64decode(password) == hmac.new(b"north", username.encode(), hashlib.sha1).digest()


def test_they_hold_an_hour_at_least_and_change_seldom() -> None:
    ours = Turn(URLS, b"secret")
    for late in (0.0, 1.0, STEP - 1):
        (server,) = ours.servers("v1/patient", NOW + late)
        expires = int(server.username.partition(":")[0])
        assert NOW + late + LIFE <= expires <= NOW + late + LIFE + STEP
    begin = NOW // STEP * STEP
    assert ours.servers("v1/patient", begin) == ours.servers("v1/patient", begin + STEP - 1)
    assert ours.servers("v1/patient", begin) != ours.servers("v1/patient", begin + STEP)


def test_the_name_says_nothing_of_whose_they_are() -> None:
    (one,), (two,) = (Turn(URLS, b"secret").servers(whose, NOW) for whose in ("v1/patient", "v1/therapist"))
    assert one.username != two.username
    assert "v1" not in one.username
    assert one.urls == URLS
    assert Turn((), b"").servers("v1/patient", NOW) == ()


@pytest.mark.parametrize(
    "text", ["turn:a:1", "turn:10.0.0.1", "turns:[2001:db8::1]:443?transport=tcp", "turn:x,turns:y", ""]
)
def test_urls(text: str) -> None:
    assert ",".join(parse_urls(f" {text} ")) == text


@pytest.mark.parametrize(
    "text", ["turn:", "http://x", "stun:x", "turn:x:0", "turn:x:70000", "turn:x?transport=sctp", "turn:u@x"]
)
def test_urls_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="URLs"):
        parse_urls(text)


def test_addresses_in_urls_pass_the_gate_under_policy_relay() -> None:
    known = addresses_in([*URLS, "turn:[2001:DB8::1]"])
    assert known == {"203.0.113.4", "2001:db8::1"}
    line = "candidate:1 1 udp 41885695 203.0.113.4 49170 typ relay raddr 192.0.2.7 rport 61000"
    passed = candidate_gate(line, "relay", turn=known)
    assert passed is not None
    assert "192.0.2.7" not in passed


def test_settings_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    given = {"TM_VAR": str(tmp_path), "TM_TURN_URLS": "turn:turn.example.ca"}
    with pytest.raises(SettingsError) as error:
        load(given)
    assert [problem.split(" ")[0] for problem in error.value.problems] == ["TM_TURN_URLS"] * 2
    whole = load({**given, "TM_TURN_SECRET": SECRET, "TM_TURN_HOSTS": "203.0.113.4, 2001:DB8::1"})
    assert whole.turn_addresses == {"203.0.113.4", "2001:db8::1"}
    assert whole.turn == Turn(("turn:turn.example.ca",), SECRET.encode())
    with pytest.raises(SettingsError, match="TM_TURN_HOSTS"):
        load({"TM_TURN_HOSTS": "turn.example.ca"})


async def test_pages_get_them_with_the_admission_alone() -> None:
    visits = MemoryVisits(b"k" * 32)
    visits.wait("v1")
    async with AsyncExitStack() as stack:
        one = await node(stack, visits, QuietBus(), turn=Turn(URLS, SECRET.encode()))
        ana, li = await one.page("ana"), await one.page("li")
        assert "ice_servers" not in await ana.hear("welcome")
        await ana.silent()
        await li.hear("welcome")
        await li.say("admit", visit="v1")
        calls = {"patient": await ana.until("call"), "therapist": await li.until("call")}
        names = set()
        for role, call in calls.items():
            assert call["role"] == role
            (server,) = call["ice_servers"]
            assert server["urls"] == list(URLS)
            expires, name = server["username"].split(":")
            assert int(expires) > time.time() + LIFE
            assert (server["username"], server["credential"]) == credentials(SECRET.encode(), name, int(expires))
            names.add(name)
        assert len(names) == 2


async def test_without_servers_nothing_is_given(one: Any) -> None:
    ana, _ = await admitted(one)
    back = await one.page("ana", fresh=False, instance=ana.instance)
    assert (await back.until("call"))["ice_servers"] == []


def test_they_travel_between_nodes() -> None:
    servers = Turn(URLS, b"secret").servers("v1/patient", NOW)
    call = Call(visit="v1", phase="admitted", role="patient", policy="relay", peer=None, ice_servers=servers)
    assert parse_server(dump(call)) == call


# Against coturn


@pytest.fixture(scope="module")
def program() -> str:
    return coturn()


@pytest.fixture
async def server(program: str, tmp_path: Path) -> AsyncIterator[Coturn]:
    async with Coturn(program, tmp_path) as running:
        yield running


class Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)


async def allocation(server: Coturn, username: str, password: str) -> tuple[Any, Inbox]:
    return await turn.create_turn_endpoint(
        Inbox, server_addr=("127.0.0.1", server.port), username=username, password=password, lifetime=600
    )


async def test_coturn_takes_them_and_relays(server: Coturn) -> None:
    ours = Turn(server.urls, SECRET.encode())
    ends = []
    for whose in ("v1/patient", "v1/therapist"):
        (one,) = ours.servers(whose, time.time())
        ends.append(await asyncio.wait_for(allocation(server, one.username, one.credential), 5))
    (a, _), (b, heard) = ends
    relayed = [end.get_extra_info("sockname") for end in (a, b)]
    b.sendto(b"opens the way back", relayed[0])
    for _ in range(50):
        a.sendto(b"\x80media", relayed[1])
        try:
            assert await asyncio.wait_for(heard.heard.get(), 0.2) == b"\x80media"
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("nothing came through coturn")
    for end in (a, b):
        end.close()


@pytest.mark.parametrize("wrong", ["expired", "secret", "moved"])
async def test_coturn_refuses_what_has_expired_or_is_forged(server: Coturn, wrong: str) -> None:
    if wrong == "expired":
        username, password = credentials(SECRET.encode(), "x", time.time() - 60)
    elif wrong == "secret":
        username, password = credentials(b"another secret of a clinic", "x", time.time() + 600)
    else:  # the password of an earlier end under a later one
        _, password = credentials(SECRET.encode(), "x", time.time() - 60)
        username = f"{int(time.time()) + 600}:x"
    with pytest.raises(stun.TransactionFailed) as refused:
        await asyncio.wait_for(allocation(server, username, password), 5)
    assert refused.value.response.attributes["ERROR-CODE"][0] == 401
