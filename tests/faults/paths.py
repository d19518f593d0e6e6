"""Calls between two homes: how they are set up, and which way they take."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from playwright.async_api import Page, expect

from server.lan import lan_certificate
from tests.faults.conftest import RunService
from tests.faults.internet import SERVER, Home
from tests.faults.service import Service
from tests.pages.call import Visit, admit, arrive, clock, on_duty, queue_rows
from tests.rig.browsers import Crew, chromium
from tests.rig.wait import until


async def serve(run_service: RunService, folder: Path, **settings: object) -> Service:
    cert, key = lan_certificate(folder, [SERVER])
    usual = {"address": SERVER, "host": "0.0.0.0", "tls_cert": cert, "tls_key": key}
    return await run_service(**{**usual, "relay_publish": SERVER, "call_policy": "direct+relay", **settings})


async def call(people: Crew, service: Service, ana: Home, li: Home) -> Visit:
    """Both in the call, each at home: they see each other."""
    therapist = await on_duty(people, service, secure=False, program=li.program(chromium()))
    patient, address = await arrive(people, service, secure=False, program=ana.program(chromium()))
    await until(queue_rows(therapist).count, what="the patient in the therapist's queue")
    visit = Visit(service, patient, therapist, address)
    for home in (ana, li):
        home.count(service.relay_port)
    begun = time.monotonic()
    await admit(therapist)
    await visit.both_see()
    print(f"PATH both see each other {time.monotonic() - begun:.2f} s after the admission")
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "running")
    return visit


async def paths_of(*pages: Page) -> list[str | None]:
    """The way that each page says its call takes."""
    return [await page.evaluate("document.querySelector('[data-call]')?.dataset.path ?? null") for page in pages]


async def paths(visit: Visit) -> list[str | None]:
    return await paths_of(*visit.both)


async def goes(visit: Visit, path: str, *, seconds: float = 20) -> None:
    async def both_say_so() -> bool:
        return await paths(visit) == [path, path]

    await until(both_say_so, seconds=seconds, what=f"both calls go {path}")


async def relayed(*homes: Home, seconds: float = 2.0) -> list[tuple[int, int]]:
    """(STUN, all else) packets that each computer sends to the relay in so many seconds."""
    before = [home.sent() for home in homes]
    await asyncio.sleep(seconds)
    after = [home.sent() for home in homes]
    return [(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after, strict=True)]
