"""Firefox on one side or on both: pictures both ways over UDP and over TCP, and a relay that dies. Always under "relay"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.faults import firefox_people as fox
from tests.faults.conftest import MakeInternet, RunService
from tests.faults.internet import Home
from tests.faults.paths import paths_of, serve
from tests.faults.service import Service
from tests.pages import call as chromium_people
from tests.pages.call import REMOTE
from tests.rig.browsers import Crew, chromium
from tests.rig.firefox import PROGRAM, FirefoxPage, firefox
from tests.rig.senses import average_pixel, frames_grow, frames_watched, sees, watch_frames
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.long]

RunFirefox = Callable[[Home], Awaitable[FirefoxPage]]
OVER = pytest.mark.parametrize(("only", "path"), [("", "relay"), ("-p tcp", "relay-tcp")], ids=["udp", "tcp"])
COLOURFUL = (
    60  # of 255: how far apart the channels of Firefox's own test picture are; a black or grey one has no distance
)


@pytest_asyncio.fixture
async def run_firefox() -> AsyncIterator[RunFirefox]:
    """``page = await run_firefox(home)``: closed afterwards."""
    async with AsyncExitStack() as stack:
        yield lambda home: stack.enter_async_context(firefox(home.program(PROGRAM), home.computer))


async def picture_moves(page: Page) -> None:
    """A picture of Firefox's: its test camera has no colour of its own, but it is neither black nor grey, and it moves."""

    async def colourful() -> bool:
        pixel = await average_pixel(page, REMOTE)
        return pixel is not None and max(pixel) - min(pixel) >= COLOURFUL

    await until(colourful, seconds=20, what="the test camera's picture")
    await frames_grow(page, REMOTE, frames=30, seconds=20)


async def both_go(pages: tuple[Page, Page], path: str) -> None:
    """Both pages say that their call goes this way."""

    async def they_say_so() -> bool:
        return await paths_of(*pages) == [path, path]

    await until(they_say_so, seconds=20, what=f"both calls go {path}")


@OVER
async def test_a_visit_of_firefox_and_chromium(
    homes: MakeInternet,
    run_service: RunService,
    people: Crew,
    run_firefox: RunFirefox,
    tmp_path: Path,
    only: str,
    path: str,
) -> None:
    """The patient has Firefox. From the home page to the end of the visit."""
    ana, li = homes("open", "open")
    if only:
        for home in (ana, li):
            home.allow_only(only)
    service = await serve(run_service, tmp_path, call_policy="relay")
    therapist = await chromium_people.on_duty(people, service, secure=False, program=li.program(chromium()))
    patient = await run_firefox(ana)
    await fox.waits(patient, service.url)
    page = fox.as_page(patient)
    await chromium_people.admit(therapist)
    await sees(page, REMOTE, "red")
    await frames_grow(page, REMOTE, frames=30, seconds=20)
    await picture_moves(therapist.page)
    await both_go((page, therapist.page), path)
    await chromium_people.end_visit(therapist)
    await fox.has(patient, "#visit", "data-view", "over")
    await expect(therapist.page.locator("[data-over-part]")).to_be_visible()
    await until(lambda: not chromium_people.open_relay_calls(service), what="no relay entry stands")


async def two_foxes(service: Service, run_firefox: RunFirefox, ana: Home, li: Home) -> tuple[Page, Page]:
    """(the patient's page, the therapist's), in their call: both pictures move."""
    therapist = await run_firefox(li)
    await fox.on_duty(therapist, service.url)
    patient = await run_firefox(ana)
    await fox.waits(patient, service.url)
    await fox.admit(therapist)
    pages = fox.as_page(patient), fox.as_page(therapist)
    for page in pages:
        await picture_moves(page)
    return pages


@OVER
async def test_firefox_and_firefox(
    homes: MakeInternet, run_service: RunService, run_firefox: RunFirefox, tmp_path: Path, only: str, path: str
) -> None:
    ana, li = homes("open", "open")
    if only:
        for home in (ana, li):
            home.allow_only(only)
    service = await serve(run_service, tmp_path, call_policy="relay")
    pages = await two_foxes(service, run_firefox, ana, li)
    await both_go(pages, path)


async def test_firefox_when_a_relay_dies_and_a_second_one_runs(
    homes: MakeInternet, run_service: RunService, run_firefox: RunFirefox, tmp_path: Path
) -> None:
    """Measured, not bounded tightly: Firefox does not change to another pair by itself, so the pages' ICE restart does it."""
    ana, li = homes("open", "open")
    service = await serve(run_service, tmp_path, call_policy="relay", relays=2)
    pages = await two_foxes(service, run_firefox, ana, li)
    await both_go(pages, "relay")
    for home in (ana, li):
        home.count(*(relay.port for relay in service.relays))

    async def in_use() -> int | None:
        """Index of the relay that both send their media to."""
        media = [[home.sent(index)[1] for index in (0, 1)] for home in (ana, li)]
        busy = [[index for index in (0, 1) if each[index] > 50] for each in media]
        return busy[0][0] + 1 if busy[0] == busy[1] and len(busy[0]) == 1 else None

    number = await until(in_use, every=0.3, what="both send to one relay")
    used = service.relays[number - 1]
    for page in pages:
        await watch_frames(page, REMOTE)
    await used.kill9()
    gone = asyncio.get_running_loop().time()

    async def stand_still() -> bool:
        return all([(await frames_watched(page, REMOTE))[1] > 1000 for page in pages])

    await until(stand_still, seconds=10, what="both pictures stand still: the relay was in use")
    counts = [(await frames_watched(page, REMOTE))[0] for page in pages]

    async def move_again() -> bool:
        return all([(await frames_watched(page, REMOTE))[0] >= n + 15 for page, n in zip(pages, counts, strict=True)])

    await until(move_again, seconds=40, what="both pictures move again")
    gaps = [(await frames_watched(page, REMOTE))[1] / 1000 for page in pages]
    seconds = asyncio.get_running_loop().time() - gone
    print(
        f"FAULT Firefox, relay killed, a second one running: {gaps[0]:.2f}, {gaps[1]:.2f} s ({seconds:.1f} s until seen)"
    )
    assert max(gaps) <= 20
