"""Real WebSockets to one or two nodes, with a visit in memory and a real bus where it matters."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from signaling.bus import Bus, Connected, Handler
from signaling.calls import RelayAck, RelayAddress, RelayVerified, seal, unseal
from signaling.envelope import ForgedSignal, Signal, seal_signal, unseal_signal
from signaling.hub import Hub, Page, Who
from signaling.messages import Ended, Snapshot
from signaling.socket import BURST, Outgoing, PageConnection, origin_allowed, upgrade
from tests.rig.wait import until
from tests.signaling.memory_visits import MemoryVisits
from tests.valkey import TestValkey, valkey

SECRET = b"the relay's and the servers' key"
SDP = Path(__file__).parent / "sdp"
OFFER = (SDP / "chromium-156-call-offer.sdp").read_bytes().decode()
ANSWER = (SDP / "chromium-156-call-answer.sdp").read_bytes().decode()
ADDRESS = RelayAddress("198.51.100.7", 3478, "udp", 2000)


class QuietBus:
    """A bus with nobody on it: what one node publishes, and what it puts, is kept for the test to see."""

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.handlers: dict[str, Handler] = {}
        self.table: dict[str, bytes] = {}

    async def publish(self, channel: str, payload: bytes) -> bool:
        return self.up

    async def put_call(self, call_key: str, blob: bytes, expires: float) -> bool:
        self.table[call_key] = blob
        return self.up

    async def drop_call(self, call_key: str, blob: bytes) -> bool:
        self.table.pop(call_key, None)
        return self.up

    def subscribe(self, channel: str, handler: Handler) -> None:
        self.handlers[channel] = handler

    def on_connect(self, handler: Connected) -> None:
        pass


class Tab:
    """A page: says and hears."""

    def __init__(self, ws: ClientWebSocketResponse, instance: str) -> None:
        self.ws, self.instance = ws, instance

    async def say(self, type_: str, /, **fields: Any) -> None:
        await self.ws.send_str(json.dumps({"type": type_, **fields}))

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """The next message; with `kind`, it must be of that type."""
        frame = await self.ws.receive(timeout=5)
        assert frame.type is WSMsgType.TEXT, (kind, frame)
        message: dict[str, Any] = json.loads(frame.data)
        assert kind in (None, message["type"]), message
        return message

    async def until(self, kind: str) -> dict[str, Any]:
        while (message := await self.hear())["type"] != kind:
            pass
        return message

    async def closed(self) -> int | None:
        while (frame := await self.ws.receive(timeout=5)).type is WSMsgType.TEXT:
            pass
        assert frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        return self.ws.close_code

    async def silent(self) -> None:
        """Nothing comes before the answer to a ping."""
        await self.say("ping")
        await self.hear("pong")


class Node:
    def __init__(self, hub: Hub, server: TestServer, client: ClientSession) -> None:
        self.hub, self.server, self._client = hub, server, client

    async def open(self, who: str) -> ClientWebSocketResponse:
        url = self.server.make_url(f"/live/{who}")
        return await self._client.ws_connect(url, headers={"Origin": f"http://{url.host}:{url.port}"})

    async def page(self, who: str, *, fresh: bool = True, instance: str = "", visit: str | None = None) -> Tab:
        tab = Tab(await self.open(who), instance or secrets.token_urlsafe(16))
        extra = {"visit": visit} if visit else {}
        await tab.say("hello", instance=tab.instance, fresh=fresh, **extra)
        return tab


PEOPLE = {
    "ana": Who("patient", "ana's", visit="v1"),
    "bo": Who("patient", "bo's", visit="v2"),
    "li": Who("therapist", "li's", staff="li"),
    "roy": Who("therapist", "roy's", staff="roy"),
    "admin": Who("admin", "admin's", staff="boss"),
}


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def visits() -> MemoryVisits:
    visits = MemoryVisits(SECRET)
    visits.wait("v1")
    visits.wait("v2")
    return visits


async def node(stack: AsyncExitStack, visits: MemoryVisits, bus: Any, **options: Any) -> Node:
    hub = Hub(visits=visits, store=visits, bus=bus, secret=SECRET, mailbox=visits, **options)
    hub.start()

    async def live(request: web.Request) -> web.WebSocketResponse:
        if not origin_allowed(request):
            raise web.HTTPForbidden
        return await PageConnection(hub, PEOPLE[request.match_info["who"]]).run(await upgrade(request))

    app = web.Application()
    app.router.add_get("/live/{who}", live)
    server = TestServer(app)
    await server.start_server()
    stack.push_async_callback(server.close)
    client = await stack.enter_async_context(ClientSession())
    stack.push_async_callback(hub.close)
    return Node(hub, server, client)


@pytest.fixture
async def one(stack: AsyncExitStack, visits: MemoryVisits) -> Node:
    return await node(stack, visits, QuietBus())


async def admitted(one: Node, other: Node | None = None) -> tuple[Tab, Tab]:
    """Ana's and Dr Li's pages in a call, everything of the admission heard."""
    ana, li = await one.page("ana"), await (other or one).page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1")
    assert (await ana.until("call"))["peer"]["instance"] == li.instance
    await ana.say("confirm")
    for tab in (ana, li):
        while (call := await tab.until("call"))["phase"] != "in_session" or not call["peer"]["present"]:
            pass
    return ana, li


def bus_of(node: Node) -> QuietBus:
    bus = node.hub._bus
    assert isinstance(bus, QuietBus)
    return bus


async def negotiate(ana: Tab, li: Tab) -> None:
    await li.say("description", to=ana.instance, seq=1, kind="offer", generation=0, sdp=OFFER)
    assert (await ana.hear("description"))["from"] == li.instance
    await ana.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=ANSWER)
    assert (await li.hear("description"))["from"] == ana.instance


# One node


async def test_a_waiting_patient_hears_nothing_of_a_call(one: Node) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    welcome = await ana.hear("welcome")
    assert set(welcome) == {"type", "instance", "role", "visit", "server_now"}
    await li.hear("welcome")
    await ana.say("description", to=li.instance, seq=1, kind="offer", generation=0, sdp=OFFER)
    assert await ana.hear() == {"type": "refused", "code": "not_admitted", "about": "description", "seq": 1}
    await ana.say("confirm")
    assert (await ana.hear("refused"))["code"] == "not_admitted"
    await li.silent()
    await ana.silent()


async def test_the_offer_comes_with_the_admission(one: Node, visits: MemoryVisits) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer=OFFER)
    assert (await ana.hear("call"))["peer"]["instance"] == li.instance
    offer = await ana.hear("description")
    assert (offer["from"], offer["seq"], offer["kind"], offer["generation"]) == (li.instance, 1, "offer", 0)
    # it is message 1 of that page: sent again it is the same, and the next one is 2
    await ana.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=ANSWER)
    assert (await li.until("description"))["seq"] == 1
    await until(visits.relayed, what="the relay is opened")


async def test_an_offer_that_no_page_of_ours_makes_admits_all_the_same(one: Node) -> None:
    ana, li = await one.page("ana"), await one.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer="v=0\r\no=evil")
    await ana.hear("call")
    assert (await ana.hear("skip"))["seq"] == 1
    refused = await li.until("refused")
    assert (refused["code"], refused["about"]) == ("bad_sdp", "description")


async def test_the_offer_of_a_refused_admission_reaches_nobody(one: Node, visits: MemoryVisits) -> None:
    ana, li, roy = await one.page("ana"), await one.page("li"), await one.page("roy")
    for tab in (ana, li, roy):
        await tab.hear("welcome")
    await li.say("admit", visit="v1")
    await ana.hear("call")
    await roy.say("admit", visit="v1", offer=OFFER)
    assert (await roy.hear("refused"))["code"] == "taken"
    await ana.silent()


async def test_an_admission_makes_a_call_for_both(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.say("status", to=li.instance, seq=2, muted=True, camera_off=False)
    assert await li.hear() == {
        "type": "status", "from": ana.instance, "role": "patient", "seq": 2, "muted": True, "camera_off": False,
    }  # fmt: skip
    await li.say("got", to=ana.instance, seq=2)
    assert await ana.hear() == {"type": "got", "from": li.instance, "role": "therapist", "seq": 2}
    await ana.say("media", state="connected", path="relay", generation=0)
    await ana.silent()
    assert visits.media_said == [("patient", "connected", "relay")]


async def test_the_second_therapist_hears_that_the_patient_is_taken(one: Node) -> None:
    await admitted(one)
    roy = await one.page("roy")
    await roy.hear("welcome")
    await roy.say("admit", visit="v1")
    assert (await roy.hear("refused"))["code"] == "taken"
    other = await one.page("roy", visit="v1")
    await other.hear("welcome")
    assert (await other.hear("refused"))["code"] == "no_such_visit"
    await other.say("leave")
    assert (await other.hear("refused"))["code"] == "not_admitted"


async def test_nobody_speaks_for_another(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.ws.send_str(json.dumps({"type": "got", "to": li.instance, "seq": 1, "from": li.instance}))
    assert await ana.closed() == 4400
    call = await li.hear("call")
    assert call["peer"] == {"instance": ana.instance, "present": False}


async def test_a_patient_of_another_visit_cannot_reach_in(one: Node) -> None:
    _, li = await admitted(one)
    bo = await one.page("bo", visit="v1")
    assert (await bo.hear("welcome"))["visit"] == "v2", "a patient's visit is fixed by the address"
    await bo.say("status", to=li.instance, seq=1, muted=True, camera_off=True)
    assert (await bo.hear("refused"))["code"] == "not_admitted"
    await bo.say("admit", visit="v2")
    assert (await bo.hear("refused"))["code"] == "wrong_role"
    await li.silent()


async def test_the_newest_page_wins_and_the_older_is_told(one: Node) -> None:
    ana, li = await admitted(one)
    again = await one.page("ana")
    await ana.hear("superseded")
    assert await ana.closed() == 4409
    await again.hear("welcome")
    assert (await again.hear("call"))["peer"]["instance"] == li.instance
    while (call := await li.hear("call"))["peer"] != {"instance": again.instance, "present": True}:
        assert call["peer"]["instance"] in (ana.instance, again.instance)
    stale = await one.page("ana", fresh=False, instance=ana.instance)
    await stale.hear("superseded")
    assert await stale.closed() == 4409


async def test_a_page_that_reconnects_goes_on(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.ws.close()
    assert (await li.hear("call"))["peer"]["present"] is False
    back = await one.page("ana", fresh=False, instance=ana.instance)
    await back.hear("welcome")
    assert (await back.hear("call"))["phase"] == "in_session"
    assert (await li.hear("call"))["peer"] == {"instance": ana.instance, "present": True}


async def test_the_end_reaches_both_and_a_page_that_missed_it(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.ws.close()
    await li.until("call")
    visits.change("v1", phase="over", reason="time")
    await one.hub.visit_changed("v1")
    assert await li.hear() == {"type": "ended", "visit": "v1", "reason": "time"}
    back = await one.page("ana", fresh=False, instance=ana.instance)
    await back.hear("welcome")
    assert (await back.hear("ended"))["reason"] == "time"
    await li.say("status", to=ana.instance, seq=9, muted=True, camera_off=True)
    assert (await li.hear("refused"))["code"] == "not_admitted"
    assert visits.relayed() == []
    assert bus_of(one).table == {}


async def test_leaving_ends_it_for_both(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.say("leave")
    assert (await ana.hear("ended"))["reason"] == "left"
    assert (await li.hear("ended"))["reason"] == "left"


async def test_a_visit_given_back_ends_the_call_for_its_therapist(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    visits.change("v1", phase="waiting", staff=None, therapist_page=None, reason="sent_back")
    await one.hub.visit_changed("v1")
    assert (await ana.hear("ended"))["reason"] == "sent_back"
    assert (await li.hear("ended"))["reason"] == "sent_back"
    await li.silent()
    await ana.silent()


# The relay


async def test_pages_get_the_relays_addresses_only_when_it_has_acknowledged(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    assert key == f"v1/{li.instance}/{ana.instance}/0"
    call = unseal(bus_of(one).table[key], SECRET, time.time())
    assert (call.a.ufrag, call.b.ufrag, call.direct) == ("BdnQ", "nXLe", False)
    await one.hub.relays.on_report(seal(RelayAck(key, call.version, "r1", (ADDRESS,)), b"x" * 32))
    await ana.silent()
    await one.hub.relays.on_report(seal(RelayAck(key, call.version, "r1", (ADDRESS,)), SECRET))
    for tab, peer, ufrag in ((li, ana, "nXLe"), (ana, li, "BdnQ")):
        relay = await tab.hear("relay")
        assert (relay["peer"], relay["generation"]) == (peer.instance, 0)
        (entry,) = relay["candidates"]
        assert entry["candidate"] == ADDRESS.candidate_line(ufrag, 0)
        assert (entry["address"], entry["port"], entry["via"]) == ("198.51.100.7", 3478, "relay")


async def test_a_page_that_comes_back_is_told_the_addresses_again(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    await one.hub.relays.on_report(seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await ana.hear("relay")
    await ana.ws.close()
    back = await one.page("ana", fresh=False, instance=ana.instance)
    assert (await back.until("relay"))["candidates"][0]["address"] == "198.51.100.7"


async def test_after_a_restart_the_running_call_is_known_from_the_store(
    stack: AsyncExitStack, one: Node, visits: MemoryVisits
) -> None:
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    second = await node(stack, visits, QuietBus())
    back = await second.page("ana", fresh=False, instance=ana.instance)
    await back.until("call")
    await back.silent()
    assert key in bus_of(second).table, "asked again, so that the relay answers again"
    await second.hub.relays.on_report(seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await back.hear("relay")
    visits.change("v1", relay_expires=time.time() + 600)
    await second.hub.visit_changed("v1")
    await second.hub.relays.close()
    assert unseal(visits.blobs[key][1], SECRET, time.time()).expires > time.time() + 500


@pytest.mark.parametrize("policy", ["relay", "direct+relay"])
async def test_a_verified_address_goes_to_the_other_side_under_the_direct_policy_only(
    one: Node, visits: MemoryVisits, policy: Any
) -> None:
    visits.policy = policy
    ana, li = await admitted(one)
    await negotiate(ana, li)
    await ana.silent()
    (key,) = visits.relayed()
    await one.hub.relays.on_report(seal(RelayVerified(key, "a", "203.0.113.5", 61000), SECRET))
    await one.hub.relays.on_report(seal(RelayVerified(key, "b", "127.0.0.1", 61000), SECRET))
    await li.silent()
    if policy == "relay":
        await ana.silent()
        return
    (entry,) = (await ana.hear("relay"))["candidates"]
    assert entry["via"] == "direct"
    assert " 203.0.113.5 61000 typ srflx raddr 0.0.0.0 rport 0 " in entry["candidate"]
    assert entry["candidate"].endswith("ufrag BdnQ")


async def test_an_answer_without_a_known_offer_asks_for_a_new_one(one: Node) -> None:
    ana, li = await admitted(one)
    await ana.say("description", to=li.instance, seq=1, kind="answer", generation=0, sdp=ANSWER)
    await li.hear("description")
    assert await li.hear() == {"type": "need_offer", "from": ana.instance, "role": "patient", "seq": 0}


# The shell


@pytest.mark.parametrize(
    "frame",
    ["{", "[]", '{"type":"ping","type":"ping"}', '{"__proto__":1}', "[" * 60_000, '{"type":"got","seq":NaN}', b"\x00"],
)
async def test_a_frame_that_is_no_message_ends_the_connection(one: Node, frame: str | bytes) -> None:
    ana = await one.page("ana")
    await ana.hear("welcome")
    await (ana.ws.send_str(frame) if isinstance(frame, str) else ana.ws.send_bytes(frame))
    assert await ana.closed() == 4400


async def test_an_oversized_frame_ends_the_connection_and_nobody_elses(one: Node) -> None:
    ana, bo = await one.page("ana"), await one.page("bo")
    await bo.hear("welcome")
    await ana.ws.send_str("x" * 1_000_000)
    assert await ana.closed() == 1009
    await bo.silent()


async def test_an_oversized_sdp_is_refused(one: Node) -> None:
    ana, li = await admitted(one)
    await li.say("description", to=ana.instance, seq=1, kind="offer", generation=0, sdp="x" * 40_000)
    assert await li.closed() == 4400


async def test_hello_comes_first_and_once(one: Node) -> None:
    tab = Tab(await one.open("ana"), "x")
    await tab.say("ping")
    assert await tab.closed() == 4400
    ana = await one.page("ana")
    await ana.hear("welcome")
    await ana.say("hello", instance=ana.instance, fresh=True)
    assert (await ana.hear("refused"))["code"] == "bad_message"


async def test_a_flood_closes_its_own_connection_only(one: Node) -> None:
    ana, bo = await one.page("ana"), await one.page("bo")
    await ana.hear("welcome")
    await bo.hear("welcome")

    async def flood() -> None:
        for _ in range(int(BURST) * 4):
            await ana.say("ping")

    task = asyncio.create_task(flood())
    for _ in range(20):
        await bo.silent()
    assert await ana.closed() == 4429
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_foreign_origin_is_not_upgraded(one: Node) -> None:
    url = one.server.make_url("/live/ana")
    async with ClientSession() as client:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            with pytest.raises(WSServerHandshakeError) as caught:
                await client.ws_connect(url, headers=headers)
            assert caught.value.status == 403


async def test_a_revoked_session_is_cut_off(one: Node) -> None:
    ana, li = await admitted(one)
    one.hub.revoke("li's")
    assert await li.closed() == 4401
    assert (await ana.hear("call"))["peer"]["present"] is False


async def test_a_session_that_is_no_longer_allowed_is_cut_off(one: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.socket.ALLOWED_EVERY", 0.01)
    asked = 0

    async def allowed() -> bool:
        nonlocal asked
        asked += 1
        return asked < 3

    async def live(request: web.Request) -> web.WebSocketResponse:
        return await PageConnection(one.hub, PEOPLE["ana"], allowed).run(await upgrade(request))

    app = web.Application()
    app.router.add_get("/", live)
    async with TestServer(app) as server, ClientSession() as client:
        tab = Tab(await client.ws_connect(server.make_url("/")), secrets.token_urlsafe(16))
        await tab.say("hello", instance=tab.instance, fresh=True)
        assert await tab.closed() == 4401


async def test_a_reader_that_stays_behind_is_closed(one: Node) -> None:
    ana, bo = await one.page("ana"), await one.page("bo")
    await ana.hear("welcome")
    await bo.hear("welcome")
    (page,) = one.hub.pages(visit="v1")
    for version in range(3000):
        page.send(Snapshot(kind="waiting", version=version, data={}))
    assert (await ana.hear("snapshot"))["version"] == 2999, "one snapshot waits, the newest"
    for _ in range(300):
        page.send(Ended(visit="v1", reason="x" * 10_000))
    assert await ana.closed() == 4410
    await bo.silent()


async def test_the_newest_snapshot_replaces_what_waits() -> None:
    out = Outgoing(most=3, most_bytes=1000)
    assert out.put("a1", "a")
    assert out.put("b")
    assert out.put("a2", "a")
    assert out.put("c")
    assert not out.put("d"), "three wait"
    assert [await out.get() for _ in range(3)] == ["a2", "b", "c"]
    assert not out.put("x" * 1001)
    assert out.put("last")
    out.end()
    assert [await out.get(), await out.get()] == ["last", None]


async def test_the_server_learns_of_pages_and_gives_them_snapshots(stack: AsyncExitStack, visits: MemoryVisits) -> None:
    events: list[tuple[str, str | None]] = []

    async def opened(page: Page) -> None:
        events.append(("open", page.visit))
        page.send(Snapshot(kind="queue", version=1, data={"n": 1}))

    async def closed(page: Page) -> None:
        events.append(("close", page.who.staff))

    one = await node(stack, visits, QuietBus(), on_open=opened, on_close=closed)
    admin = await one.page("admin")
    await admin.hear("welcome")
    assert await admin.hear() == {"type": "snapshot", "kind": "queue", "version": 1, "data": {"n": 1}}
    await admin.say("admit", visit="v1")
    assert (await admin.hear("refused"))["code"] == "wrong_role"
    assert [page.who.role for page in one.hub.pages(role="admin")] == ["admin"]
    await admin.ws.close()
    ana = await one.page("ana")
    await ana.hear("welcome")
    await ana.hear("snapshot")
    assert events == [("open", None), ("close", "boss"), ("open", "v1")]


# Two nodes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestValkey]:
    with valkey(tmp_path) as running:
        yield running


async def real_bus(stack: AsyncExitStack, server: TestValkey) -> Bus:
    bus = Bus(server.url)
    await bus.start()
    stack.push_async_callback(bus.close)
    return bus


async def test_two_pages_at_two_nodes(stack: AsyncExitStack, visits: MemoryVisits, server: TestValkey) -> None:
    first = await node(stack, visits, await real_bus(stack, server))
    second = await node(stack, visits, await real_bus(stack, server))
    ana, li = await admitted(first, second)
    await negotiate(ana, li)
    (key,) = await until(visits.relayed, what="the relay is opened")
    # Any node hears the relay and tells the pages that it has.
    bus = await real_bus(stack, server)
    await bus.publish("relay", seal(RelayAck(key, 1, "r1", (ADDRESS,)), SECRET))
    await ana.hear("relay")
    await li.hear("relay")
    await ana.ws.close()
    assert (await li.hear("call"))["peer"] == {"instance": ana.instance, "present": False}
    again = await second.page("ana")
    await again.until("call")
    assert (await li.until("call"))["peer"]["instance"] == again.instance


async def test_at_two_nodes_the_offer_comes_after_the_call(
    stack: AsyncExitStack, visits: MemoryVisits, server: TestValkey
) -> None:
    """A page takes no offer from a page that it has not been told of."""
    first = await node(stack, visits, await real_bus(stack, server))
    second = await node(stack, visits, await real_bus(stack, server))
    ana, li = await first.page("ana"), await second.page("li")
    await ana.hear("welcome")
    await li.hear("welcome")
    await li.say("admit", visit="v1", offer=OFFER)
    assert (await ana.hear("call"))["peer"]["instance"] == li.instance
    assert (await ana.until("description"))["seq"] == 1


async def test_without_the_bus_messages_pass_through_the_mailbox(stack: AsyncExitStack, visits: MemoryVisits) -> None:
    first = await node(stack, visits, QuietBus(up=False))
    second = await node(stack, visits, QuietBus(up=False))

    async def postman() -> None:
        while True:
            while visits.posted:
                _, payload = visits.posted.pop(0)
                await first.hub.on_signal(payload)
                await second.hub.on_signal(payload)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(postman())
    ana, li = await admitted(first, second)
    await negotiate(ana, li)
    await ana.silent()
    assert len(visits.relayed()) == 1
    task.cancel()


async def test_who_can_write_to_the_bus_still_cannot_speak(one: Node, visits: MemoryVisits) -> None:
    ana, li = await admitted(one)
    text = json.dumps({"type": "ended", "visit": "v1", "reason": "evil"})
    await one.hub.on_signal(seal_signal(Signal("x", "message", "v1", "patient", ana.instance, text), b"y" * 32))
    await one.hub.on_signal(b"junk")
    await one.hub.on_signal(seal_signal(Signal("x", "message", "v1", "patient", ana.instance, "junk"), SECRET))
    await ana.silent()
    await li.silent()
    with pytest.raises(ForgedSignal):
        unseal_signal(seal_signal(Signal("x", "look", "v1"), SECRET)[:-1] + b"]", SECRET)
