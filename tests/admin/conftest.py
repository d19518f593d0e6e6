"""The office's month: four therapists and what happened before November 21, 2026, on both stores."""

from __future__ import annotations

from datetime import date

import pytest_asyncio
from sqlalchemy import insert

from server.config import Settings
from server.db import Database
from server.ids import new_id
from server.people.tables import staff
from server.seed_month import seed_month
from tests.people import ana as ana
from tests.people import ben as ben
from tests.people import clinic as clinic
from tests.people import dr_li as dr_li
from tests.people import dr_okafor as dr_okafor
from tests.stores import db as db
from tests.stores import settings as settings

#: the month has the day on which the clocks go back (November 1)
UNTIL = date(2026, 11, 21)
A_DAY = (7, 10)
PEOPLE = (("haddad", "OT"), ("li", "PT"), ("okafor", "PT"), ("tremblay", "OT"))


async def hire_four(db: Database) -> None:
    async with db.write() as tx:
        for username, profession in PEOPLE:
            await tx.conn.execute(
                insert(staff).values(
                    id=new_id(), username=username, name=f"Dr. {username.title()}", role="therapist",
                    profession=profession, password="-", changed_at=tx.now,
                )
            )  # fmt: skip


@pytest_asyncio.fixture
async def month(db: Database, settings: Settings) -> int:
    """How many visits were made up."""
    await hire_four(db)
    return await seed_month(db, settings, until=UNTIL, a_day=A_DAY)
