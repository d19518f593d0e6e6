"""Two real browsers call each other through Hub, bus and relay; what they see is judged by pixels."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Page

from signaling.visits import Policy
from tests.browser.signaling_site import VISIT, Site, site
from tests.rig.browsers import Crew, chromium, crew
from tests.rig.senses import frames_grow, frames_watched, hears, sees, watch_frames
from tests.rig.wait import until
from tests.signaling.memory_visits import MemoryVisits
from tests.signaling.relay_rig import SECRET, relay, settings
from tests.valkey import TestValkey

pytestmark = [pytest.mark.browser, pytest.mark.sample("signalling", 3)]

# Pages on 127.0.0.1 have no other address that both may use.
LOOPBACK = ("--allow-loopback-in-peer-connection",)


@pytest.fixture
async def people(tmp_path: Path, media: Path) -> AsyncIterator[Crew]:
    async with crew(chromium(), media, tmp_path) as made:
        yield made


async def open_site(stack: AsyncExitStack, server: TestValkey, policy: Policy) -> Site:
    visits = MemoryVisits(SECRET, policy)
    visits.wait(VISIT)
    await stack.enter_async_context(relay(settings(server)))
    return await stack.enter_async_context(site(visits, server.url, SECRET))


async def ready(page: Page, url: str) -> None:
    await page.goto(url)
    await page.wait_for_function("window.ready && socket.state === 'open'")


async def admit(page: Page) -> None:
    await page.evaluate("socket.send({ type: 'admit', visit: 'visit-1' })")


async def in_call(
    stack: AsyncExitStack, server: TestValkey, people: Crew, policy: Policy = "relay", *, flags: Sequence[str] = ()
) -> tuple[Site, Page, Page]:
    """The house, Ana's page (red, 440 Hz) and Dr Li's (blue, 660 Hz): each sees the other."""
    house = await open_site(stack, server, policy)
    ana = (await people("ana", colour="red", tone=440, flags=flags)).page
    li = (await people("dr_li", colour="blue", tone=660, flags=flags)).page
    await ready(ana, f"{house.url}/patient")
    await ready(li, f"{house.url}/therapist?prepare")
    assert await ana.evaluate("said.map(m => m.type)") == ["welcome"], "nothing of a call before the admission"
    await admit(li)
    await both_see(ana, li)
    return house, ana, li


async def path(page: Page, wanted: str) -> None:
    await page.wait_for_function("wanted => call.state.path === wanted", arg=wanted)


async def both_see(ana: Page, li: Page) -> None:
    await sees(li, "#remote", "red")
    await sees(ana, "#remote", "blue")


@pytest.mark.parametrize("policy, way", [("relay", "relay"), ("direct+relay", "direct")])
async def test_they_see_and_hear_each_other_under_both_policies(
    stack: AsyncExitStack, server: TestValkey, people: Crew, policy: Policy, way: str
) -> None:
    flags = LOOPBACK if policy == "direct+relay" else ()
    house, ana, li = await in_call(stack, server, people, policy, flags=flags)
    await hears(li, "#remote", 440)
    await hears(ana, "#remote", 660)
    await path(ana, way)
    await path(li, way)
    assert ("patient", "connected", way) in house.visits.media_said
    if policy == "relay":
        for page in (ana, li):
            types = await page.evaluate("said.map(m => m.type)")
            assert "candidate" not in types
            sdps = await page.evaluate("said.filter(m => m.sdp).map(m => m.sdp).join('')")
            assert "a=candidate" not in sdps
    people.assert_no_problems()


async def test_mute_and_camera_off_show_on_the_other_side(
    stack: AsyncExitStack, server: TestValkey, people: Crew
) -> None:
    _, ana, li = await in_call(stack, server, people)
    await ana.evaluate("call.setMuted(true); call.setCameraOff(true)")
    await li.wait_for_function("call.state.peer.muted && call.state.peer.cameraOff")
    await ana.evaluate("call.setMuted(false); call.setCameraOff(false)")
    await li.wait_for_function("!call.state.peer.muted && !call.state.peer.cameraOff")
    await sees(li, "#remote", "red")


@pytest.mark.parametrize("who", ["patient", "therapist"])
async def test_media_comes_back_after_a_reload(
    stack: AsyncExitStack, server: TestValkey, people: Crew, who: str
) -> None:
    house, ana, li = await in_call(stack, server, people)
    first = set(house.visits.relayed())
    if who == "patient":
        await ana.reload()
    else:
        await li.goto(f"{house.url}/therapist?again#{VISIT}")
    await both_see(ana, li)
    await path(ana, "relay")
    await until(lambda: house.visits.rows[VISIT].phase == "in_session", what="the admission is confirmed")
    second = set(house.visits.relayed())
    assert len(second) == 1
    assert not first & second


async def test_a_restart_of_the_service_does_not_touch_the_picture(
    stack: AsyncExitStack, server: TestValkey, people: Crew
) -> None:
    house, ana, li = await in_call(stack, server, people)
    await path(li, "relay")
    await watch_frames(li, "#remote")
    await house.stop()
    await li.wait_for_function("socket.state !== 'open'")
    await ana.wait_for_function("socket.state !== 'open'")
    house.visits.media_said.clear()
    await house.start()
    for page in (ana, li):
        await page.evaluate("socket.nudge()")
        await page.wait_for_function("socket.state === 'open'")
    _, gap = await frames_watched(li, "#remote")
    assert gap < 500, "the picture paused"
    await until(lambda: len(house.visits.media_said) >= 2, what="both say again that they are connected")
    # What is said after the restart still arrives, once.
    await ana.evaluate("call.setMuted(true)")
    await li.wait_for_function("call.state.peer.muted")
    # The end still reaches both, and the relay.
    house.visits.change(VISIT, phase="over", reason="time")
    await house.hub.visit_changed(VISIT)
    for page in (ana, li):
        await page.wait_for_function("call.state.media === 'closed'")
    await until(lambda: house.visits.relayed() == [], what="no entry stands")


async def test_without_camera_and_microphone_one_still_sees_and_can_join_in_later(
    stack: AsyncExitStack, server: TestValkey, people: Crew
) -> None:
    house = await open_site(stack, server, "relay")
    ana = (await people("ana", colour="red", tone=440)).page
    li = (await people("dr_li", colour="blue", tone=660)).page
    await ready(ana, f"{house.url}/patient?without")
    await ready(li, f"{house.url}/therapist?prepare")
    await admit(li)
    await sees(ana, "#remote", "blue")
    await hears(ana, "#remote", 660)
    await ana.evaluate(
        "navigator.mediaDevices.getUserMedia({ audio: true, video: true }).then(s => call.setLocalStream(s))"
    )
    await sees(li, "#remote", "red")
    await hears(li, "#remote", 440)
    assert await li.evaluate("said.filter(m => m.type === 'description').length") == 1


async def test_the_therapists_page_restarts_ice_when_the_relay_has_lost_the_way(
    stack: AsyncExitStack, server: TestValkey, people: Crew
) -> None:
    house, ana, li = await in_call(stack, server, people)
    # The entry is gone, as after a loss of both stores: only a new negotiation opens another.
    await house.hub.relays.end(VISIT)
    await until(lambda: house.visits.relayed() != [], seconds=40, what="a second generation")
    assert house.visits.relayed()[0].endswith("/1")
    await frames_grow(li, "#remote", seconds=20)
    await frames_grow(ana, "#remote", seconds=20)
    await path(li, "relay")
