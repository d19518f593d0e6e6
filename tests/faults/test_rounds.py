"""Leave, reload and come back by turns, with a third person passing through: the media are there each time, nothing piles up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.browser.test_third_person import GUEST, close_dialog, comes, invite, sees_both
from tests.faults.conftest import RunService
from tests.faults.service import Service
from tests.pages.call import Visit, control, in_call, open_relay_calls
from tests.rig.browsers import Crew, Person
from tests.rig.senses import sees
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("faults", 3)]
MOST = 5.0  # s to every picture
SETTLED = 9  # rounds after which nothing may grow any more
MORE_MEMORY = 12 << 20  # bytes: what an allocator and a log may keep; forty leaked calls would be more


class Held:
    """What the service's processes hold at one moment."""

    def __init__(self, service: Service) -> None:
        pids = {"web": service.pid, "relay": service.relays[0].pid}
        self.files = {name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in pids.items()}
        self.memory = {name: _resident(pid) for name, pid in pids.items()}

    def __str__(self) -> str:
        memory = {name: f"{value / 2**20:.1f} MiB" for name, value in self.memory.items()}
        return f"open files {self.files}, memory {memory}"


def _resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))


async def leaves_and_returns(visit: Visit) -> None:
    page = visit.patient.page
    await control(visit.patient, "Leave")
    await page.get_by_role("button", name="Leave the call").click()
    await page.get_by_role("button", name="Come back to the call").click()


async def patient_reloads(visit: Visit) -> None:
    await visit.patient.page.reload(wait_until="commit")


async def therapist_reloads(visit: Visit) -> None:
    await visit.therapist.page.reload(wait_until="commit")


TURNS: list[Callable[[Visit], Awaitable[None]]] = [leaves_and_returns, patient_reloads, therapist_reloads]


async def test_rounds_of_leaving_and_coming_back(
    run_service: RunService, people: Crew, long: bool, tmp_path: Path
) -> None:
    service = await run_service()
    visit = await in_call(people, service)
    rounds = 50 if long else 3
    address = await invite(visit)
    await close_dialog(visit)
    ivo = await comes(people, address)
    await sees_both(ivo.page)
    here, slowest, settled = True, 0.0, Held(service)
    for number in range(rounds):
        turn = TURNS[number % len(TURNS)]
        begun = time.monotonic()
        await turn(visit)
        here = await pass_through(ivo, here, number)
        await asyncio.gather(*everybody_sees(visit, ivo, here))
        took = time.monotonic() - begun
        slowest = max(slowest, took)
        assert took < MOST, f"round {number}, {turn.__name__}: {took:.1f} s to all pictures"
        wanted = 3 if here else 1
        await stand(service, wanted)
        if number == SETTLED:
            settled = Held(service)
    end = Held(service)
    print(f"ROUNDS {rounds}: slowest {slowest:.2f} s to all pictures; {settled}; at the end {end}")
    async with Redis.from_url(service.redis.url) as redis:
        calls = [key async for key in redis.scan_iter("tm:call:*")]
    assert len(calls) == len(open_relay_calls(service)), "Redis holds no call that SQL does not"
    for name, most in settled.files.items():
        assert end.files[name] <= most + 6, f"open files of {name}: {settled} before, {end} at the end"
    if long:
        for name, most in settled.memory.items():
            assert end.memory[name] - most < MORE_MEMORY, f"memory of {name}: {settled} before, {end} at the end"


async def stand(service: Service, wanted: int) -> None:
    await until(lambda: len(open_relay_calls(service)) == wanted, what=f"{wanted} relay calls stand")


async def pass_through(ivo: Person, here: bool, number: int) -> bool:
    """Every other round the third person goes, or comes back; whether they are here now."""
    if number % 2 == 0:
        return here
    await ivo.page.get_by_role("button", name="Leave" if here else "Come back to the call").click()
    return not here


def everybody_sees(visit: Visit, ivo: Person, here: bool) -> list[Awaitable[None]]:
    waits: list[Awaitable[None]] = [visit.both_see()]
    if here:
        waits += [sees_both(ivo.page), *(sees(page, GUEST, "green") for page in visit.both)]
    return waits
