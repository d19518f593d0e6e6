"""The connection check's socket: who may open it, what it takes, and that it carries nothing of a call."""

from __future__ import annotations

import aiohttp
import pytest

from server.waitingroom import checks
from server.waitingroom.verdict import judge
from signaling.check_numbers import Numbers
from tests.pages.visitors import Member, Site, Socket, Visitor
from tests.signaling.check_rig import CheckPage

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BAD = 4400


async def offers() -> dict[str, str]:
    page = CheckPage()
    found = await page.offers()
    await page.close()
    return found


@pytest.fixture
async def ana(site: Site, li: Member) -> Visitor:
    return site.visitor()


async def check(who: Visitor, path: str) -> Socket:
    return await who.socket(f"{path}/check", hello=False)


async def test_without_a_check_process_the_page_is_told_and_the_visit_goes_on(site: Site, ana: Visitor) -> None:
    path = await site.joins(ana)
    socket = await check(ana, path)
    await socket.say({"type": "check_begin", **await offers()})
    assert (await socket.hear("check_failed"))["reason"] == "unavailable"
    assert await socket.closed() == 1000
    assert await site.count("connection_check") == 0
    assert (await ana.post(f"{path}/ready", {"devices": "both"})).status == 303
    assert (await site.visit(path))["state"] == "waiting"


async def test_only_whoever_may_open_the_visit_and_only_before_the_call(site: Site, ana: Visitor, li: Member) -> None:
    path, visit = await site.waits(ana)
    stranger = site.visitor()
    for who, origin, status in ((stranger, "own", 404), (ana, "https://evil.example", 403), (ana, None, 403)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await who.socket(f"{path}/check", hello=False, origin=origin)
        assert refused.value.status == status
    patient, therapist = await ana.socket(f"{path}/live"), await li.socket("/desk/live")
    await therapist.say({"type": "admit", "visit": visit})
    await patient.hear("call")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await check(ana, path)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", '{"type":"check_begin"}', '{"type":"check_begin","udp":"","tcp":""}',
        '{"type":"check_begin","udp":1,"tcp":2}', '{"type":"check_begin","udp":"a","tcp":"b","visit":"c"}',
        '{"type":"check_begin","udp":"a","udp":"a","tcp":"b"}', '{"type":"check_begin","udp":"a","tcp":{}}',
        '{"type":"check_result","verdict":"good","start_mode":"video"}',
        '{"type":"hello","instance":"aaaaaaaaaaaaaaaaaaaaaa","fresh":true}', '{"type":"confirm"}',
        '{"type":"check_begin","udp":"' + "a" * 5000 + '","tcp":"b"}',
    ],
)  # fmt: skip
async def test_what_is_no_check_ends_the_connection(site: Site, ana: Visitor, frame: str) -> None:
    socket = await check(ana, await site.joins(ana))
    await socket.say(frame)
    assert await socket.closed() == BAD
    assert socket.heard == []


async def test_offers_that_are_not_our_pages_are_refused(site: Site, ana: Visitor) -> None:
    socket = await check(ana, await site.joins(ana))
    await socket.say({"type": "check_begin", **await offers(), "tcp": "v=0\r\n"})
    assert (await socket.hear("check_failed"))["reason"] == "refused"


async def test_a_visit_is_not_checked_without_end(site: Site, ana: Visitor) -> None:
    path = await site.joins(ana)
    row = await site.visit(path)
    numbers = Numbers(udp=True, tcp=True, rtt_ms=40, jitter_ms=3, loss=0, kbps_up=1500, kbps_down=1500)
    for _ in range(checks.MOST_CHECKS):
        assert await checks.keep(site.db, row["id"], row["patient_id"], numbers, judge(numbers))
    socket = await check(ana, path)
    await socket.say({"type": "check_begin", **await offers()})
    assert (await socket.hear("check_failed"))["reason"] == "too_often"


async def test_a_call_is_no_part_of_it(site: Site, ana: Visitor) -> None:
    """The page's own socket does not take a check's message, either."""
    path, _ = await site.waits(ana)
    socket = await ana.socket(f"{path}/live")
    await socket.say({"type": "check_begin", **await offers()})
    assert await socket.closed() == BAD
