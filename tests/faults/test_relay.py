"""The relay dies in mid-call: it comes back, or its spare takes over; the pages do nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.conftest import RunService
from tests.faults.faults import AGES, Bench, age, mid_call, remote_ports
from tests.pages.call import in_call
from tests.rig.browsers import Crew
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("faults", 3)]

#: s for which the relay is away: part of the fault
AWAY = 1.0


@AGES
async def test_the_relay_dies_and_comes_back(run_service: RunService, people: Crew, bench: Bench, young: bool) -> None:
    service = await run_service()
    visit = await in_call(people, service)
    await mid_call(visit, young=young)
    said = await age(visit)
    await bench.begin(visit)
    [relay] = service.relays
    await relay.kill9()
    await asyncio.sleep(AWAY)
    await relay.up()
    await bench.freeze(visit, f"relay killed, back after 1 s, clock at {said:.1f} s", most=2.5)
    assert bench.sent.descriptions == 0, "negotiated again"
    await bench.same_documents(visit)


@pytest.mark.long
@AGES
async def test_a_second_relay_takes_over(run_service: RunService, people: Crew, bench: Bench, young: bool) -> None:
    """Every call is offered both; when the one in use dies, ICE goes to the other by itself."""
    service = await run_service(relays=2)
    visit = await in_call(people, service)

    async def agreed() -> int | None:
        one, other = await remote_ports(visit)
        return one if one == other else None

    port = await until(agreed, what="both pages use one relay")
    used, spare = sorted(service.relays, key=lambda relay: relay.port != port)
    assert used.port == port
    await mid_call(visit, young=young)
    said = await age(visit)
    await bench.begin(visit)
    await used.kill9()
    await bench.freeze(visit, f"relay killed, a second one running, clock at {said:.1f} s", most=4)
    assert await remote_ports(visit) == [spare.port, spare.port]
    assert bench.sent.descriptions == 0, "negotiated again"
    await bench.same_documents(visit)
    await visit.both_hear()
