"""The shell: what comes over a WebSocket that should not, and who may open one."""

import asyncio
import secrets
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from signaling.hub import Page
from signaling.messages import Ended, Snapshot
from signaling.socket import BURST, Outgoing, PageConnection
from tests.rig.wait import until
from tests.signaling.hub_rig import (
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


async def test_a_silent_page_is_asked_and_one_that_answers_stays(one: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page in the background says nothing itself, but its browser answers the WebSocket's ping."""
    beats(monkeypatch)
    ana = await one.page("ana")
    await ana.hear("welcome")
    (page,) = one.hub.pages(visit="v1")
    assert isinstance(page, PageConnection)
    first = page._heard
    reading = asyncio.create_task(ana.hear("pong"))  # this client answers pings only while it reads
    await until(lambda: page._heard > first + 0.5, what="asked again and again, it has answered each time")
    await ana.say("ping")
    await reading


async def test_a_page_that_gives_no_sign_of_life_is_ended(one: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    beats(monkeypatch)
    dead = await one.open("ana", autoping=False)
    await Tab(dead, secrets.token_urlsafe(16)).say("hello", instance=secrets.token_urlsafe(16), fresh=True)
    bo = await one.page("bo")
    await bo.hear("welcome")
    await until(lambda: one.hub.pages(visit="v1"), what="the page is open")
    await until(lambda: not one.hub.pages(visit="v1"), what="its connection is ended")


def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("BEAT", 0.02), ("HEARTBEAT", 0.1), ("ANSWER", 0.3)):
        monkeypatch.setattr(f"signaling.socket.{name}_SECONDS", seconds)


async def test_a_page_that_waits_costs_one_task(one: Node) -> None:
    """Ten thousand of them wait: the reader, which is the request's own, and nothing else."""
    tabs = [await one.page(who) for who in ("ana", "bo", "li")]
    for tab in tabs:
        await tab.hear("welcome")
        await tab.silent()
    for page in one.hub.pages():
        page.send(Snapshot(kind="visit", version=1, data={}))
    assert not [task for task in asyncio.all_tasks() if "PageConnection" in repr(task.get_coro())]
    for tab in tabs:
        await tab.hear("snapshot")


async def test_what_waits_goes_out_in_order(one: Node) -> None:
    """Said at once while the connection takes it, through the queue when it does not, and at once again."""
    ana = await one.page("ana")
    await ana.hear("welcome")
    (page,) = one.hub.pages(visit="v1")
    said = [f"{number}:" + "x" * 20_000 for number in range(200)]  # 4 MB: more than the system takes at once
    for start in range(0, 200, 50):
        for reason in said[start : start + 50]:
            page.send(Ended(visit="v1", reason=reason))
        heard = [(await ana.hear("ended"))["reason"] for _ in range(50)]
        assert heard == said[start : start + 50]


async def test_a_reader_that_stays_behind_is_closed(one: Node) -> None:
    ana, bo = await one.page("ana"), await one.page("bo")
    await ana.hear("welcome")
    await bo.hear("welcome")
    (page,) = one.hub.pages(visit="v1")
    for version in range(3000):
        page.send(Snapshot(kind="waiting", version=version, data={"x": "x" * 10_000}))
    heard = [(await ana.hear("snapshot"))["version"]]
    while heard[-1] != 2999:
        heard.append((await ana.hear("snapshot"))["version"])
    assert heard == sorted(heard), "none is older than the one before"
    assert len(heard) < 2000, "what the system does not take waits as one snapshot, the newest"
    for _ in range(2000):
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
    assert [out.take() for _ in range(3)] == ["a2", "b", "c"]
    assert not out.put("x" * 1001)
    assert out.put("last")
    out.end()
    assert not out.put("later") or len(out) == 1
    assert [out.take(), out.take()] == ["last", None]


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
