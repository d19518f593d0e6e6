"""Two web processes over one store and one Redis: the patient on one, the therapist on the other."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import RunApp
from tests.pages.call import Visit, admit, arrive, end_visit, is_over, on_duty, queue_rows
from tests.rig.browsers import Crew
from tests.rig.processes import App
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("what a call survives", 1)]


async def test_a_call_between_two_nodes(run_app: RunApp, people: Crew) -> None:
    first = await run_app()
    second = App(first.var, "web")
    second.start()
    try:
        await second.wait_for_http(f"{second.url}/healthz")
        therapist = await on_duty(people, first)
        patient, address = await arrive(people, second)
        await until(queue_rows(therapist).count, what="the patient in the therapist's queue")
        visit = Visit(first, patient, therapist, address)
        await admit(therapist)
        await asyncio.gather(visit.both_see(), visit.both_hear())
        await end_visit(therapist)
        await is_over(visit)
    finally:
        for person in people.everybody:
            await person.close()
        await second.stop()
