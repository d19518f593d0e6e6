"""Nobody is left: a call instead is for whom nobody on duty could take, and the page says it no sooner than it is so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from server.patient.snapshot import visit_data
from server.people.duty import set_duty_state
from server.visit import store as visits
from server.visit.tables import visit
from server.waitingroom import nobody, store
from tests.consultation.races import said
from tests.people import Clinic, Patient, Therapist


async def off(clinic: Clinic, who: Therapist) -> None:
    async with clinic.db.write() as tx:
        await set_duty_state(tx, who.id, "off")


async def slot(clinic: Clinic, one: Patient, who: Therapist, minutes: float) -> None:
    async with clinic.db.write() as tx:
        at = tx.now + timedelta(minutes=minutes)
        await tx.conn.execute(update(visit).where(visit.c.id == one.visit).values(due_at=at, for_staff=who.id))


async def shows_nobody(clinic: Clinic, one: Patient) -> bool:
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        row = (await visits.with_people(conn, visit.c.id == one.visit))[0]
        line = await store.queue(conn, now, 1200, 120)
    return bool(visit_data(row, line, summary=False, now=now)[0]["nobody"])


async def call(clinic: Clinic, one: Patient) -> list[str]:
    return await said(nobody.call_back(clinic.db, one.visit, one.actor))


async def test_a_call_is_taken_before_the_mark_and_not_while_somebody_could(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    assert await call(clinic, ana) == ["not_possible_now"]
    await off(clinic, dr_li)
    assert await shows_nobody(clinic, ana)
    assert (await clinic.row(ana))["nobody_at"] is None, "no sweep has come yet"
    assert await call(clinic, ana) == await call(clinic, ana) == ["done"]
    assert (await clinic.events(ana)).count("call_back") == 1


@pytest.mark.parametrize(("minutes", "gone"), [(10, False), (-1, False), (-6, True)])
async def test_a_slot_that_has_just_begun_is_waited_for(
    clinic: Clinic, ana: Patient, dr_li: Therapist, minutes: float, gone: bool
) -> None:
    await slot(clinic, ana, dr_li, minutes)
    await off(clinic, dr_li)
    assert await shows_nobody(clinic, ana) is gone
    assert await call(clinic, ana) == ["done" if gone else "not_possible_now"]
