"""The invented clinic's day: made once, in every state that a day has, by steps that the table of states knows."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from server.audit import first_broken
from server.booking.reading import of_day, overdue
from server.db import Database
from server.people.tables import staff
from server.seed import seed
from server.seed_day import DAY, seed_day
from server.visit import store as visits
from server.visit.states import OVER
from tests.stores import db as db


async def test_the_day_is_there_once_and_has_everything(db: Database) -> None:
    assert await seed(db)
    assert await seed_day(db)
    assert not await seed_day(db), "a second start adds nothing"
    now = await db.now()
    async with db.read() as conn:
        rows = await of_day(conn, now - timedelta(hours=6), now + timedelta(hours=6))
        people = (await conn.execute(select(staff))).mappings().all()
        for row in rows:
            events = await visits.timeline(conn, row["id"])
            assert events[0]["event"] == "booked"
            assert [one["at"] for one in events] == sorted(one["at"] for one in events)
            assert [one["version"] for one in events] == list(range(1, len(events) + 1))
            assert row["version"] == len(events)
            if row["state"] in OVER:
                assert row["ended_at"] <= now + timedelta(minutes=30)
    assert len(rows) == len(DAY)
    states = Counter(str(row["state"]) for row in rows)
    assert states["ended"] >= 4
    assert states["no_show"] >= 2
    assert states["booked"] >= 8
    assert any(overdue(row, now) for row in rows)
    assert "fr" in {row["language"] for row in rows}
    assert len({row["with_id"] for row in rows}) == 4
    assert {"front_desk", "admin", "therapist"} == {one["role"] for one in people}
    assert all(one["email"] for one in people)
    assert await first_broken(db) is None
