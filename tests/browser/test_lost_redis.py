"""Redis is away: calls go on, people wait on, and a new call starts through the record."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.conftest import RunApp
from tests.pages.call import (
    Visit,
    admit,
    arrive,
    attached,
    clock,
    clocks_agree,
    control,
    end_visit,
    in_call,
    is_over,
    on_duty,
    queue_rows,
    waiting_and_ready,
)
from tests.rig.browsers import Crew
from tests.rig.processes import App, descendants
from tests.rig.wait import until
from tests.valkey import TestValkey, valkey

pytestmark = [pytest.mark.browser, pytest.mark.sample("a lost Redis", 2)]


def embedded(app: App) -> list[int]:
    """Process ids of the app's own Valkey."""
    return [pid for pid in descendants(app.pid) if "valkey" in Path(f"/proc/{pid}/comm").read_text()]


async def kill_embedded(app: App) -> None:
    """kill -9; the supervisor starts it again."""
    [before] = embedded(app)
    os.kill(before, signal.SIGKILL)
    await until(lambda: embedded(app) not in ([], [before]), seconds=20, what="another Valkey")


async def test_the_embedded_store_dies_in_mid_call(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    before = visit.row()
    await visit.watch()
    await kill_embedded(app)
    # both still hear each other's pages, through the same service
    await control(visit.patient, "Mute")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    await visit.assert_steady()
    await clocks_agree(visit)
    assert visit.row()["ends_at"] == before["ends_at"]
    await attached(visit.patient, "#visit")
    await attached(visit.therapist, "#desk")
    await end_visit(visit.therapist)
    await is_over(visit)


async def test_the_embedded_store_dies_while_somebody_waits(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await waiting_and_ready(people, app)
    await kill_embedded(app)
    await expect(visit.patient.page.locator("[data-waiting]")).to_have_attribute("data-place", "1")
    ben, _ = await arrive(people, app, name="Ben Kowalski", colour="green")
    await expect(ben.page.locator("[data-waiting]")).to_have_attribute("data-place", "2")
    await expect(queue_rows(visit.therapist)).to_have_count(2)
    await admit(visit.therapist)
    await visit.both_see()
    await expect(ben.page.locator("[data-waiting]")).to_have_attribute("data-place", "1")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[TestValkey]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with valkey(folder) as server:
        yield server


async def test_a_whole_visit_while_redis_is_away(run_app: RunApp, people: Crew, redis: TestValkey) -> None:
    """Waiting room, admission, media, reload, end: all of it from the record alone; then Redis comes back."""
    app = await run_app(redis_url=redis.url)
    li = await on_duty(people, app)
    redis.kill()
    ana, address = await arrive(people, app)
    await expect(queue_rows(li)).to_have_count(1)
    visit = Visit(app, ana, li, address)
    await admit(li)
    await visit.both_see()
    await visit.both_hear()
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "running")
    await ana.page.reload()
    await visit.both_see()
    await clocks_agree(visit)

    await visit.watch()
    redis.start()
    await app.wait_for_line(r"web .*bus\.connected[\s\S]*bus\.connected")
    await control(ana, "Mute")
    await expect(li.page.locator("[data-peer-muted]")).to_be_visible()
    await visit.assert_steady()
    redis.kill()
    await end_visit(li)
    await is_over(visit)
    await expect(clock(li.page)).to_be_hidden()


async def test_a_redis_that_hangs_holds_up_nobody_for_long(run_app: RunApp, people: Crew, redis: TestValkey) -> None:
    """Its connections stay open and nothing is answered: worse than a dead one."""
    app = await run_app(redis_url=redis.url)
    visit = await waiting_and_ready(people, app)
    redis.pause()
    try:
        await admit(visit.therapist)
        await visit.both_see()
        await visit.watch()
        await control(visit.patient, "Mute")
        await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
        await visit.assert_steady()
        await end_visit(visit.therapist)
        await is_over(visit)
    finally:
        redis.resume()
