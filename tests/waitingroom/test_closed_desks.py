"""Who closes the laptop is off duty after a while: nobody waits for an empty chair."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from server.audit import audit_entry
from server.db import Database
from server.people.tables import staff
from server.waitingroom import absent
from tests.people import Clinic, Patient, Therapist


async def test_a_desk_that_is_closed_for_long_is_off_duty(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    async def sweeps(*there: Therapist) -> None:
        """Two nodes at once; the pages are open at one of them."""
        ids = {who.id for who in there}
        await asyncio.gather(
            absent.desks(clinic.db, clinic.settings, ids), absent.desks(other_node, clinic.settings, set())
        )

    async def passes(minutes: float) -> None:
        async with clinic.db.write() as tx:
            for column in (staff.c.on_duty_since, staff.c.seen_at):
                at = {column.name: tx.now - timedelta(minutes=minutes)}
                await tx.conn.execute(update(staff).where(column.is_not(None)).values(at))

    async def on_duty() -> set[str]:
        async with clinic.db.read() as conn:
            return set((await conn.execute(select(staff.c.id).where(staff.c.on_duty_since.is_not(None)))).scalars())

    both = {dr_li.id, dr_okafor.id}
    await sweeps(dr_li)
    await passes(29)
    await sweeps()
    assert await on_duty() == both
    await clinic.in_call(dr_okafor, ana)
    await passes(31)
    await absent.desks(clinic.db, clinic.settings, {dr_li.id})
    assert await on_duty() == both, "one is there, the other in a visit"
    await clinic.ends(dr_okafor, ana)
    await sweeps(dr_li)
    assert await on_duty() == {dr_li.id}
    async with clinic.db.read() as conn:
        entries = (await conn.execute(select(audit_entry).where(audit_entry.c.action == "off_duty"))).mappings().all()
    assert [(one["actor_kind"], one["record_id"]) for one in entries] == [("system", dr_okafor.id)]
