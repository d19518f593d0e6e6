"""The pages' sockets under attack: whoever forges is refused or cut off, and the others do not notice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from server.ids import new_id
from tests.pages.visitors import Member, Site, Socket, Visitor

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SDP = Path(__file__).parent.parent / "signaling" / "sdp"
OFFER = (SDP / "chromium-156-call-offer.sdp").read_text().replace("\r\n", "\n").replace("\n", "\r\n")
BAD, FLOOD, TOO_BIG = 4400, 4429, 1009


class Pair:
    """A patient's and a therapist's open pages, before the admission."""

    def __init__(self, path: str, visit: str, patient: Socket, therapist: Socket, ana: Visitor, li: Member) -> None:
        self.path, self.visit, self.patient, self.therapist, self.ana, self.li = (
            path,
            visit,
            patient,
            therapist,
            ana,
            li,
        )

    async def admit(self) -> None:
        await self.therapist.say({"type": "admit", "visit": self.visit})
        await self.patient.hear("call")
        await self.therapist.hear("call")

    async def assert_works(self) -> None:
        """Both pages are served, and what one says the other hears."""
        for socket in (self.patient, self.therapist):
            await socket.say({"type": "ping"})
            await socket.hear("pong")
        seq = sum(message["type"] == "status" for message in self.patient.heard) + 1
        await self.therapist.say(
            {"type": "status", "to": self.patient.instance, "seq": seq, "muted": True, "camera_off": False}
        )
        await self.patient.hear("status", seq=seq)


@pytest.fixture
async def pair(site: Site, li: Member) -> Pair:
    ana = site.visitor()
    path, visit = await site.waits(ana)
    return Pair(path, visit, await ana.socket(f"{path}/live"), await li.socket("/desk/live"), ana, li)


def offer(to: str, **changed: object) -> dict[str, object]:
    return {"type": "description", "to": to, "seq": 1, "kind": "offer", "generation": 0, "sdp": OFFER, **changed}


async def test_a_socket_is_for_our_own_pages(site: Site, pair: Pair) -> None:
    own = pair.ana.origin
    for origin in (
        None,
        "https://evil.example",
        "null",
        "",
        "http://[",
        own + ".evil.example",
        own.replace("http", "ftp"),
        "file://",
    ):
        for who, path in ((pair.ana, f"{pair.path}/live"), (pair.li, "/desk/live")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await who.socket(path, origin=origin)
            assert refused.value.status == 403, origin


async def test_a_socket_needs_its_own_session(site: Site, pair: Pair, priya: Member) -> None:
    stranger = site.visitor()
    for who, path in (
        (stranger, f"{pair.path}/live"), (stranger, "/desk/live"), (stranger, "/admin/live"), (pair.ana, "/desk/live"),
        (pair.li, "/admin/live"), (priya, "/desk/live"), (pair.li, f"{pair.path}/live"), (pair.ana, f"/v/{new_id()}/live"),
    ):  # fmt: skip
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await who.socket(path)
        assert refused.value.status in (403, 404)


async def test_who_waits_hears_nothing_of_a_call_and_may_say_nothing(pair: Pair) -> None:
    target = pair.therapist.instance
    for message in (
        offer(target), {"type": "need_offer", "to": target, "seq": 1}, {"type": "got", "to": target, "seq": 1},
        {"type": "status", "to": target, "seq": 1, "muted": False, "camera_off": False}, {"type": "confirm"},
        {"type": "media", "state": "connected", "path": "relay", "generation": 0},
        {"type": "candidate", "to": target, "seq": 1, "generation": 0, "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "mid": "0"},
    ):  # fmt: skip
        await pair.patient.say(message)
        assert (await pair.patient.hear("refused"))["code"] == "not_admitted", message
    assert {message["type"] for message in pair.patient.heard} <= {"welcome", "refused", "snapshot", "clock"}
    text = json.dumps(pair.patient.heard)
    for secret in (pair.therapist.instance, pair.li.id, "ice-pwd", "candidate:"):
        assert secret not in text
    assert "description" not in {message["type"] for message in pair.therapist.heard}


async def test_a_patient_cannot_admit(site: Site, pair: Pair) -> None:
    await pair.patient.say({"type": "admit", "visit": pair.visit})
    assert (await pair.patient.hear("refused"))["code"] == "wrong_role"
    assert (await site.by_id(pair.visit))["state"] == "waiting"


async def test_the_servers_word_says_who_spoke(pair: Pair) -> None:
    await pair.admit()
    await pair.therapist.say(
        {"type": "status", "to": pair.patient.instance, "seq": 1, "muted": True, "camera_off": False}
    )
    heard = await pair.patient.hear("status")
    assert (heard["from"], heard["role"]) == (pair.therapist.instance, "therapist")


@pytest.mark.parametrize(
    "extra",
    [
        {"from": "x"},
        {"role": "therapist"},
        {"sender": "x"},
        {"visit": "x"},
        {"__proto__": {"role": "admin"}},
        {"constructor": {}},
    ],
)
async def test_a_claim_of_who_one_is_ends_the_connection(pair: Pair, extra: dict[str, object]) -> None:
    await pair.admit()
    await pair.patient.say(
        {"type": "status", "to": pair.therapist.instance, "seq": 1, "muted": True, "camera_off": False, **extra}
    )
    assert await pair.patient.closed() == BAD
    assert "status" not in {message["type"] for message in pair.therapist.heard}


MALFORMED = (
    "", "{", "[]", "null", "1", '"ping"', '{"type":"ping","type":"leave"}', '{"type":"nothing"}', '{"type":["ping"]}', "{}",
    '{"type":"ping","x":NaN}', '{"type":"media","state":"connected","path":"relay","generation":1e999}',
    '{"type":"media","state":"connected","path":"relay","generation":true}', '{"type":"got","to":"x","seq":1}',
    '{"type":"got","to":"' + "A" * 22 + '","seq":"1"}', '{"type":"got","to":"' + "A" * 22 + '","seq":-1}',
    '{"type":"got","to":"' + "A" * 22 + '","seq":1.5}', '{"__proto__":{"type":"ping"}}', '{"type":"ping","__proto__":null}',
    '{"type":"ping","a":' + "[" * 3000 + "]" * 3000 + "}", '{"type":"\\ud800"}', '{"type":"hello"}',
)  # fmt: skip


async def test_what_is_no_message_ends_its_own_connection_alone(site: Site, pair: Pair) -> None:
    await pair.admit()
    for frame in MALFORMED:
        stranger = site.visitor()
        path = await site.joins(stranger)
        socket = await stranger.socket(f"{path}/live")
        await socket.say(frame)
        assert await socket.closed() == BAD, frame[:80]
        await stranger.close()
    await pair.assert_works()


async def test_the_first_message_must_be_hello(site: Site, pair: Pair) -> None:
    for first in (
        '{"type":"ping"}',
        json.dumps({"type": "admit", "visit": pair.visit}),
        '{"type":"hello","instance":"short","fresh":true}',
    ):
        socket = await pair.li.socket("/desk/live", hello=False)
        await socket.say(first)
        assert await socket.closed() == BAD
    assert (await site.by_id(pair.visit))["state"] == "waiting"


async def test_bytes_and_giants_are_cut_off(site: Site, pair: Pair) -> None:
    socket = await pair.li.socket("/desk/live")
    await socket.ws.send_bytes(b'{"type":"ping"}')
    assert await socket.closed() == BAD
    giant = await pair.li.socket("/desk/live")
    await giant.say('{"type":"ping","x":"' + "x" * 100_000 + '"}')
    assert await giant.closed() == TOO_BIG


async def test_an_oversized_sdp_ends_the_connection_and_a_bad_one_is_refused(pair: Pair) -> None:
    await pair.admit()
    await pair.therapist.say(offer(pair.patient.instance, sdp="v=0\r\n" + "a=x\r\n" * 100))
    assert (await pair.therapist.hear("refused"))["code"] == "bad_sdp"
    assert (await pair.patient.hear("skip"))["seq"] == 1
    await pair.therapist.say(offer(pair.patient.instance, seq=2, sdp="v=0\r\n" + "a=x\r\n" * 7000))
    assert await pair.therapist.closed() == BAD
    assert "description" not in {message["type"] for message in pair.patient.heard}


async def test_no_address_passes_in_an_offer(pair: Pair) -> None:
    await pair.admit()
    tainted = OFFER.replace(
        "a=rtcp-mux\r\n", "a=rtcp-mux\r\na=candidate:1 1 udp 2122260223 203.0.113.77 50000 typ host\r\n", 1
    )
    tainted = tainted.replace("c=IN IP4 0.0.0.0", "c=IN IP4 203.0.113.77")
    await pair.therapist.say(offer(pair.patient.instance, sdp=tainted))
    heard = await pair.patient.hear("description")
    assert heard["from"] == pair.therapist.instance
    assert "203.0.113.77" not in heard["sdp"]
    assert "candidate" not in heard["sdp"]


async def test_under_policy_relay_no_candidate_passes(pair: Pair) -> None:
    await pair.admit()
    line = "candidate:1 1 udp 2122260223 203.0.113.77 50000 typ relay raddr 0.0.0.0 rport 0"
    await pair.patient.say(
        {"type": "candidate", "to": pair.therapist.instance, "seq": 1, "generation": 0, "candidate": line, "mid": "0"}
    )
    assert (await pair.therapist.hear("skip"))["seq"] == 1
    assert "203.0.113.77" not in json.dumps(pair.therapist.heard)


async def test_only_the_therapist_offers(pair: Pair) -> None:
    await pair.admit()
    await pair.patient.say(offer(pair.therapist.instance))
    assert (await pair.patient.hear("refused"))["code"] == "wrong_role"


async def test_a_message_for_another_visits_page_goes_nowhere(site: Site, pair: Pair, okafor: Member) -> None:
    await pair.admit()
    ben = site.visitor()
    path, visit = await site.waits(ben, name="Benoît Roy")
    patient, therapist = await ben.socket(f"{path}/live"), await okafor.socket("/desk/live")
    await therapist.say({"type": "admit", "visit": visit})
    await patient.hear("call")
    await patient.say({"type": "status", "to": pair.therapist.instance, "seq": 1, "muted": True, "camera_off": False})
    assert (await patient.hear("refused"))["code"] == "bad_peer"
    await pair.assert_works()
    assert "status" not in {message["type"] for message in pair.therapist.heard}


async def test_a_foreign_visit_is_not_there_for_another_therapist(site: Site, pair: Pair, okafor: Member) -> None:
    await pair.admit()
    spy = await okafor.socket("/desk/live", visit=pair.visit)
    assert (await spy.hear("refused"))["code"] == "no_such_visit"
    await spy.say({"type": "admit", "visit": pair.visit})
    assert (await spy.hear("refused"))["code"] == "taken"
    await spy.say({"type": "leave"})
    assert (await spy.hear("refused"))["code"] == "not_admitted"
    assert "call" not in {message["type"] for message in spy.heard}
    await pair.assert_works()


async def test_an_admin_watches_and_says_nothing(site: Site, pair: Pair, priya: Member) -> None:
    wall = await priya.socket("/admin/live", visit=pair.visit)
    for message in ({"type": "admit", "visit": pair.visit}, {"type": "leave"}, {"type": "confirm"}):
        await wall.say(message)
        assert (await wall.hear("refused"))["code"] == "wrong_role"
    assert (await site.by_id(pair.visit))["state"] == "waiting"


async def test_a_flood_ends_its_own_connection_alone(site: Site, pair: Pair) -> None:
    await pair.admit()
    stranger = site.visitor()
    path = await site.joins(stranger)
    flood = await stranger.socket(f"{path}/live")

    async def pour() -> None:
        try:
            for _ in range(2000):
                await flood.say('{"type":"ping"}')
        except (ConnectionError, aiohttp.ClientError):
            return

    pouring = asyncio.create_task(pour())
    await pair.assert_works()
    assert await flood.closed() == FLOOD
    await pouring
    await pair.assert_works()


async def test_the_newest_page_has_the_visit(pair: Pair) -> None:
    await pair.admit()
    newer = await pair.ana.socket(f"{pair.path}/live")
    await pair.patient.hear("superseded")
    assert await pair.patient.closed() == 4409
    call = await pair.therapist.hear("call")
    while call["peer"]["instance"] != newer.instance:
        call = await pair.therapist.hear("call")


async def test_an_ended_visit_takes_no_more(site: Site, pair: Pair) -> None:
    await pair.admit()
    assert (await pair.li.post(f"/desk/visits/{pair.visit}/end")).status == 303
    for socket in (pair.patient, pair.therapist):
        await socket.hear("ended")
    await pair.therapist.say(offer(pair.patient.instance))
    assert (await pair.therapist.hear("refused"))["code"] == "not_admitted"
    again = await pair.ana.socket(f"{pair.path}/live")
    await again.say({"type": "confirm"})
    assert (await again.hear("refused"))["code"] == "not_admitted"
    assert (await site.by_id(pair.visit))["state"] == "ended"


async def test_two_therapists_admit_at_once_and_one_gets_the_patient(site: Site, pair: Pair, okafor: Member) -> None:
    other = await okafor.socket("/desk/live")
    await asyncio.gather(*(socket.say({"type": "admit", "visit": pair.visit}) for socket in (pair.therapist, other)))

    async def outcome(socket: Socket) -> str:
        while True:
            frame = json.loads((await socket.ws.receive(timeout=15)).data)
            if frame["type"] in ("call", "refused"):
                return str(frame.get("code", frame["type"]))

    assert sorted(await asyncio.gather(outcome(pair.therapist), outcome(other))) == ["call", "taken"]
