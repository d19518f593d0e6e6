"""The patient's network changes in mid-call, or is bad. In namespaces with a NAT."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from server.lan import lan_certificate
from tests.faults.conftest import RunService
from tests.faults.faults import AGES, LOST, Bench, age, mid_call
from tests.faults.network import INSIDE, SERVER, Home, home
from tests.faults.service import Service
from tests.pages.call import REMOTE, Visit, admit, arrive, attached, clock, course, on_duty, queue_rows
from tests.rig.browsers import Crew
from tests.rig.senses import frames_grow, silence_watched, watch_silence
from tests.rig.wait import until

pytestmark = pytest.mark.browser


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Home]:
    with home(tmp_path) as made:
        yield made


async def call_from_home(run_service: RunService, people: Crew, network: Home, folder: Path) -> tuple[Service, Visit]:
    """The therapist is at the clinic, the patient at home; the relay is the only way."""
    cert, key = lan_certificate(folder, [SERVER])
    service = await run_service(address=SERVER, host="0.0.0.0", tls_cert=cert, tls_key=key, relay_publish=SERVER)
    therapist = await on_duty(people, service, secure=False)
    patient, address = await arrive(people, service, secure=False, program=network.program)
    await until(queue_rows(therapist).count, what="the patient in the therapist's queue")
    visit = Visit(service, patient, therapist, address)
    await admit(therapist)
    await visit.both_see()
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "running")
    return service, visit


async def patients_port(service: Service) -> int:
    """The port of the patient's NAT, as the relay has noted it."""

    async def noted() -> set[int]:
        return (await service.hints())["b"]

    return int(max(await until(noted, what="a hint of the relay")))


@pytest.mark.long
async def test_the_nat_forgets_its_mappings(
    run_service: RunService, people: Crew, bench: Bench, network: Home, tmp_path: Path
) -> None:
    service, visit = await call_from_home(run_service, people, network, tmp_path)
    assert await patients_port(service) in range(20_000, 30_000)
    await bench.begin(visit)
    network.map_ports(40_000, 49_999)

    async def moved() -> bool:
        return await patients_port(service) in range(40_000, 50_000)

    # first: else the watch could end before the router has forgotten anything
    await until(moved, what="another port of the NAT")
    await bench.freeze(visit, "NAT mapping of the patient changes", most=4)
    assert bench.sent.descriptions == 0, "negotiated again"
    await bench.same_documents(visit)


@pytest.mark.long
@AGES
async def test_the_patients_address_changes(
    run_service: RunService, people: Crew, bench: Bench, network: Home, tmp_path: Path, young: bool
) -> None:
    service, visit = await call_from_home(run_service, people, network, tmp_path)
    visit.patient.expect_problem("WebSocket|ERR_|Failed to load")
    before = visit.row()
    await mid_call(visit, young=young)
    await patients_port(service)
    said = await age(visit)
    await bench.begin(visit)
    network.change_address()
    await bench.freeze(visit, f"patient's host address changes from {INSIDE}.2 to .3, clock at {said:.1f} s", most=6)
    assert bench.sent.descriptions == 2, "one ICE restart: an offer and an answer"
    assert bench.sent.types.count("hello") == 1, "the patient's page reopens its socket"
    await attached(visit.patient, "#visit")
    await bench.same_documents(visit)
    assert course(visit.row()) == course(before)
    await visit.both_hear()


@pytest.mark.long
async def test_a_fifth_of_the_packets_is_lost(
    run_service: RunService, people: Crew, bench: Bench, network: Home, tmp_path: Path
) -> None:
    _, visit = await call_from_home(run_service, people, network, tmp_path)
    await visit.both_hear()
    for page in visit.both:
        await watch_silence(page, REMOTE)
    await bench.begin(visit)
    network.lose(0.2)
    begun = time.monotonic()

    async def bad_for_long_enough() -> bool:
        lost = await asyncio.gather(*(page.evaluate(LOST) for page in visit.both))
        return time.monotonic() - begun >= 20 and min(lost) >= 100

    await until(
        bad_for_long_enough, seconds=30, every=0.5, what="20 s in which each side has lost 100 packets and more"
    )
    shares = network.lost()
    assert all(0.17 < share < 0.23 for share in shares), f"the router has dropped {shares}"
    network.lose(0)
    silences = [await silence_watched(page, REMOTE) for page in visit.both]
    print(f"FAULT 20 % loss for 20 s: longest silences {silences[0]:.2f} s at ana's, {silences[1]:.2f} s at li's")
    assert max(silences) <= 1
    for page in visit.both:
        await frames_grow(page, REMOTE, frames=60, seconds=8)
    await visit.both_see()
    await visit.both_hear()
    await bench.same_documents(visit)
    # the same ears hear a silence when there is one
    network.lose(1)
    await until(lambda: both_silent(visit), seconds=10, every=0.2, what="a silence of more than a second, as measured")
    network.lose(0)
    await visit.both_hear()


async def both_silent(visit: Visit) -> bool:
    return min([await silence_watched(page, REMOTE) for page in visit.both]) > 1
