"""The shell: what comes over a WebSocket that should not, and who may open one."""

import asyncio
import secrets
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from signaling.hub import Page
from signaling.messages import Ended, Snapshot
from signaling.socket import BURST, Outgoing, PageConnection, upgrade
from tests.signaling.hub_rig import (
    PEOPLE,
    Node,
    QuietBus,
    Tab,
    admitted,
    node,
)
from tests.signaling.memory_visits import MemoryVisits


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
