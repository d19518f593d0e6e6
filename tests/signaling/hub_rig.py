"""One or two nodes with real WebSockets, a visit in memory, and a real bus where it matters."""

import json
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestServer

from signaling.bus import Bus, Connected, Handler
from signaling.calls import RelayAddress
from signaling.hub import Hub, Who
from signaling.socket import PageConnection, origin_allowed, upgrade
from tests.signaling.memory_visits import MemoryVisits
from tests.valkey import TestValkey

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

    async def open(self, who: str, *, autoping: bool = True) -> ClientWebSocketResponse:
        url = self.server.make_url(f"/live/{who}")
        headers = {"Origin": f"http://{url.host}:{url.port}"}
        return await self._client.ws_connect(url, headers=headers, autoping=autoping)

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
    "ivo": Who("guest", "ivo's", visit="v1", guest="g1"),  # an interpreter
    "cleo": Who("guest", "cleo's", visit="v1", guest="g2"),
    "admin": Who("admin", "admin's", staff="boss"),
}


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


async def real_bus(stack: AsyncExitStack, server: TestValkey) -> Bus:
    bus = Bus(server.url)
    await bus.start()
    stack.push_async_callback(bus.close)
    return bus
