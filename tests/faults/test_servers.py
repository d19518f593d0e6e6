"""Web processes and Redis die in mid-call: the media does not notice, and both pages attach again by themselves."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect
from redis.asyncio import Redis

from tests.faults.conftest import RunService
from tests.faults.faults import Bench
from tests.faults.service import Service
from tests.pages.call import (
    SERVER_AWAY,
    Visit,
    admit,
    arrive,
    attached,
    clock,
    clocks_agree,
    control,
    desk,
    in_call,
    instant,
    now,
    on_duty,
    queue_rows,
    seconds_left,
    visit_page,
)
from tests.rig.browsers import Crew
from tests.rig.wait import until

pytestmark = pytest.mark.browser


@pytest.mark.long
async def test_all_web_processes_die(run_service: RunService, people: Crew, bench: Bench) -> None:
    """Patient and therapist are at two of them."""
    service = await run_service()
    second = await service.another_web()
    therapist = await on_duty(people, service)
    patient, address = await arrive(people, second)
    await until(queue_rows(therapist).count, what="the patient in the therapist's queue")
    visit = Visit(service, patient, therapist, address)
    await admit(therapist)
    await visit.both_see()
    await expect(clock(patient.page)).to_have_attribute("data-phase", "running")
    for person in (patient, therapist):
        person.expect_problem(SERVER_AWAY)

    await bench.begin(visit)
    before = visit.row()
    pids = [web.pid for web in service.webs]
    await asyncio.gather(*(web.kill9() for web in service.webs))
    for root in (visit_page(patient), desk(therapist)):
        await expect(root).not_to_have_attribute("data-socket", "open")
    for web in service.webs:
        web.start()
    assert not {web.pid for web in service.webs} & set(pids), "no web process was killed"
    await all_is_well_again(service, visit, before)
    await bench.freeze(visit, "all web processes killed and restarted", most=0.5)
    assert bench.sent.descriptions == 0, "negotiated again"
    await bench.same_documents(visit)


@pytest.mark.long
async def test_redis_dies(run_service: RunService, people: Crew, bench: Bench) -> None:
    service = await run_service()
    visit = await in_call(people, service)
    await bench.begin(visit)
    before = visit.row()
    run_id = await redis_run(service)
    service.redis.kill()
    await service.wait_for_line(r"bus\.away")
    service.redis.start()
    await service.wait_for_line(r"bus\.connected[\s\S]*bus\.connected")
    assert await redis_run(service) != run_id, "Redis was not killed"
    await all_is_well_again(service, visit, before)
    await bench.freeze(visit, "Redis killed and restarted", most=0.5)
    assert bench.sent.descriptions == 0, "negotiated again"
    await bench.same_documents(visit)


async def redis_run(service: Service) -> str:
    """Which process of Redis answers: each has an id of its own."""
    async with Redis.from_url(service.redis.url) as redis:
        return str((await redis.info("server"))["run_id"])


async def all_is_well_again(service: Service, visit: Visit, before: dict[str, object]) -> None:
    """Both pages are attached, hear each other through the service, and show the record's clock."""
    await attached(visit.patient, "#visit")
    await attached(visit.therapist, "#desk")
    await control(visit.patient, "Mute")
    await expect(visit.therapist.page.locator("[data-peer-muted]")).to_be_visible()
    await clocks_agree(visit)
    row = visit.row()
    assert (row["state"], row["started_at"], row["ends_at"]) == tuple(
        before[k] for k in ("state", "started_at", "ends_at")
    )
    left = (instant(row["ends_at"]) - now(service)).total_seconds()
    assert abs(await seconds_left(visit.patient.page) - left) <= 2
