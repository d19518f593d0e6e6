"""What the history says is what SQL says, asked in another way, on both stores."""

from __future__ import annotations

import time
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from server.admin import store
from server.admin.history import OUTCOMES, Figures, History, bounds, days_of, history
from server.config import Settings
from server.db import Database
from server.notes.tables import outcome
from server.seed_month import seed_month
from server.visit.tables import visit
from tests.admin.conftest import UNTIL, hire_four
from tests.people import Clinic, Patient, Therapist

FIRST, LAST = date(2026, 10, 20), date(2026, 11, 20)
TORONTO = ZoneInfo("America/Toronto")
OVER = "('ended', 'not_completed', 'left', 'no_show', 'cancelled')"


async def shown(db: Database, first: date = FIRST, last: date = LAST) -> History:
    return history(await store.past(db, *bounds(first, last, TORONTO)), first, last, TORONTO)


class Sql:
    """The same questions in plain SQL, past our code. The offsets of Toronto stand here as numbers."""

    def __init__(self, db: Database) -> None:
        self.db = db
        at = "coalesce(v.arrived_at, v.due_at)"
        if db.sqlite:
            self.day = f"date({at}, CASE WHEN {at} < '2026-11-01 06:00:00' THEN '-4 hours' ELSE '-5 hours' END)"
        else:
            self.day = f"to_char({at} AT TIME ZONE 'America/Toronto', 'YYYY-MM-DD')"
        self.mine = f"({self.day} BETWEEN :first AND :last AND (v.arrived_at IS NOT NULL OR v.state = 'no_show'))"

    def seconds(self, begin: str, end: str) -> str:
        if self.db.sqlite:
            return f"((julianday({end}) - julianday({begin})) * 86400.0)"
        return f"extract(epoch FROM ({end} - {begin}))"

    async def ask(self, query: str) -> dict[Any, Any]:
        """{first column: second}, or the only row's only value under None."""
        async with self.db.read() as conn:
            rows = (await conn.execute(text(query), {"first": str(FIRST), "last": str(LAST)})).all()
        return {row[0]: row[1] for row in rows}

    async def count(self, condition: str, by: str | None = None) -> dict[str, int]:
        query = f"SELECT {by or self.day} AS d, count(*) FROM visit v WHERE {self.mine} AND {condition} GROUP BY d"
        return await self.ask(query)

    async def percentile(self, values: str, percent: int, by: str | None = None) -> dict[str, float]:
        """``values``: a SELECT of d, x."""
        return await self.ask(
            f"SELECT d, x FROM (SELECT d, x, row_number() OVER (PARTITION BY d ORDER BY x) AS r,"
            f" count(*) OVER (PARTITION BY d) AS n FROM ({values}) AS vs) AS rs WHERE r = (n * {percent} + 99) / 100"
        )

    def waits(self, by: str | None = None) -> str:
        x = self.seconds(
            "v.arrived_at", "(SELECT min(e.at) FROM visit_event e WHERE e.visit_id = v.id AND e.event = 'admit')"
        )
        return (
            f"SELECT {by or self.day} AS d, {x} AS x FROM visit v WHERE {self.mine}"
            " AND EXISTS (SELECT 1 FROM visit_event e WHERE e.visit_id = v.id AND e.event = 'admit')"
        )

    def lengths(self, by: str | None = None) -> str:
        x = self.seconds("v.started_at", "v.ended_at")
        return (
            f"SELECT {by or self.day} AS d, {x} AS x FROM visit v WHERE {self.mine}"
            " AND v.started_at IS NOT NULL AND v.ended_at IS NOT NULL"
        )

    async def failed(self) -> dict[str, int]:
        return await self.count(
            f"v.state IN {OVER} AND v.id IN (SELECT visit_id FROM visit_event WHERE event = 'confirm')"
            " AND (v.id IN (SELECT visit_id FROM visit_event WHERE event = 'phone_fallback')"
            " OR (SELECT count(DISTINCT actor_kind) FROM visit_event e WHERE e.visit_id = v.id"
            " AND e.event = 'media_connected') < 2)"
        )

    async def reconnects(self) -> dict[str, int]:
        return await self.ask(
            f"""
            WITH m AS (
              SELECT visit_id, actor_kind, event, seq,
                sum(CASE WHEN event = 'admit' THEN 1 ELSE 0 END) OVER (PARTITION BY visit_id ORDER BY seq) AS turn
              FROM visit_event),
            s AS (
              SELECT visit_id, actor_kind, turn, event, lag(event) OVER
                (PARTITION BY visit_id, actor_kind, turn ORDER BY seq) AS before
              FROM m WHERE event IN ('media_connected', 'media_lost', 'page_opened')),
            u AS (
              SELECT visit_id, actor_kind, turn, count(*) - 1 AS n FROM s
              WHERE event = 'media_connected' AND coalesce(before, '') <> 'media_connected'
              GROUP BY visit_id, actor_kind, turn),
            k AS (SELECT visit_id, actor_kind, sum(n) AS n FROM u GROUP BY visit_id, actor_kind),
            b AS (SELECT visit_id, max(n) AS n FROM k GROUP BY visit_id)
            SELECT {self.day} AS d, sum(b.n) FROM visit v JOIN b ON b.visit_id = v.id WHERE {self.mine} GROUP BY d
            """
        )


def by_day(found: History, name: str) -> dict[str, Any]:
    return {str(day): value for day, one in found.days if (value := getattr(one, name))}


def close(a: dict[str, float], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(abs(a[key] - float(b[key])) < 0.01 for key in a)


async def test_every_number_is_what_sql_says(db: Database, month: int) -> None:
    found, sql = await shown(db), Sql(db)
    assert found.total.visits + found.total.no_shows == month > 130
    assert by_day(found, "visits") == await sql.count("v.arrived_at IS NOT NULL")
    assert by_day(found, "seen") == await sql.count("v.started_at IS NOT NULL AND v.ended_at IS NOT NULL")
    assert by_day(found, "no_shows") == await sql.count("v.state = 'no_show'")
    assert by_day(found, "left") == await sql.count("v.state = 'left' AND v.end_reason <> 'call_back'")
    assert by_day(found, "failed") == await sql.failed()
    reconnects = {day: int(count) for day, count in (await sql.reconnects()).items() if count}
    assert by_day(found, "reconnects") == reconnects
    for percent, wait, length in ((50, "wait_median", "length_median"), (90, "wait_p90", "length_p90")):
        assert close(by_day(found, wait), await sql.percentile(sql.waits(), percent))
        assert close(by_day(found, length), await sql.percentile(sql.lengths(), percent))
    for kind in OUTCOMES:
        signed = f"v.id IN (SELECT visit_id FROM outcome WHERE kind = '{kind}')"
        assert {str(day): n for day, one in found.days if (n := one.outcomes[kind])} == await sql.count(signed)


async def test_the_totals_and_the_therapists_are_what_sql_says(db: Database, month: int) -> None:
    found, sql = await shown(db), Sql(db)
    total: Figures = found.total
    for percent, wait, length in (
        (50, total.wait_median, total.length_median),
        (90, total.wait_p90, total.length_p90),
    ):
        assert close({"all": wait or 0}, await sql.percentile(sql.waits("'all'"), percent))
        assert close({"all": length or 0}, await sql.percentile(sql.lengths("'all'"), percent))
    assert total.failed == sum((await sql.failed()).values()) > 0
    assert total.reconnects == sum(map(int, (await sql.reconnects()).values())) > 0
    assert total.outcomes["pt"] > total.outcomes["urgent_referral"] > 0
    own = {therapist: one.seen for therapist, one in found.therapists}
    assert own == await sql.count("v.started_at IS NOT NULL AND v.therapist_id IS NOT NULL", by="v.therapist_id")
    lengths = {therapist: one.length_p90 or 0 for therapist, one in found.therapists}
    assert close(lengths, await sql.percentile(sql.lengths("v.therapist_id"), 90))
    assert len(own) == 4


async def test_a_signed_note_counts_at_once_and_an_open_one_does_not(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    from tests.notes.test_store import save

    today = (await clinic.db.now()).astimezone(TORONTO).date()
    await clinic.in_call(dr_li, ana)
    await clinic.ends(dr_li, ana)
    assert (await shown(clinic.db, today, today)).total.unsigned == 1
    await save(clinic, ana, dr_li, {"N1": "combined"}, 0)
    await sign(clinic, ana, dr_li, {"N1": "combined"})
    total = (await shown(clinic.db, today, today)).total
    assert (total.outcomes["combined"], total.unsigned, total.visits, total.seen) == (1, 0, 2, 1)


async def test_notes_signed_before_there_were_outcomes_count_too(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    from tests.notes.test_store import save

    await clinic.in_call(dr_li, ana)
    await clinic.ends(dr_li, ana)
    await save(clinic, ana, dr_li, {"N1": "ot"}, 0)
    await sign(clinic, ana, dr_li, {"N1": "ot"})
    async with clinic.db.write() as tx:
        await tx.conn.execute(outcome.delete())
    today = (await clinic.db.now()).astimezone(TORONTO).date()
    assert (await shown(clinic.db, today, today)).total.outcomes["ot"] == 1
    async with clinic.db.read() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM audit_entry WHERE action = 'count'")) == 1


async def sign(clinic: Clinic, patient: Patient, who: Therapist, document: dict[str, Any]) -> None:
    from server.audit import access
    from server.notes import store as notes

    async with clinic.db.write() as tx:
        door = await access(clinic.db, tx, who.actor, "sign", "note", patient.visit)
        row = await notes.row_of(tx.conn, patient.visit)
        assert row is not None
        await notes.lock(tx, door, row, document, "f" * 64, {})


@pytest.mark.parametrize(
    ("arrived", "day"),
    [
        ("2026-11-01T03:59:59+00:00", "2026-10-31"),  # 23:59:59, summer time
        ("2026-11-01T04:00:00+00:00", "2026-11-01"),  # midnight
        ("2026-11-01T05:30:00+00:00", "2026-11-01"),  # 1:30, the first time
        ("2026-11-01T06:30:00+00:00", "2026-11-01"),  # 1:30, the second time
        ("2026-11-02T04:59:59+00:00", "2026-11-01"),  # 23:59:59 of a day of 25 hours
        ("2026-11-02T05:00:00+00:00", "2026-11-02"),
    ],
)
async def test_days_are_the_clinics_days_when_the_clocks_change(
    clinic: Clinic, ana: Patient, arrived: str, day: str
) -> None:
    from datetime import datetime

    async with clinic.db.write() as tx:
        await tx.conn.execute(update(visit).values(arrived_at=datetime.fromisoformat(arrived)))
    for first in days_of(date(2026, 10, 30), date(2026, 11, 3)):
        found = await shown(clinic.db, first, first)
        assert found.total.visits == (str(first) == day)
    found = await shown(clinic.db)
    assert [str(at) for at, one in found.days if one.visits] == [day]


@pytest.mark.long
async def test_two_thousand_visits_take_no_time(db: Database, settings: Settings) -> None:
    """Under 300 ms on a quiet machine; here others work too, so the best of five counts."""
    await hire_four(db)
    made = await seed_month(db, settings, until=UNTIL, a_day=(90, 96))
    assert made > 1900
    took = []
    for _ in range(5):
        began = time.perf_counter()
        await shown(db)
        took.append(time.perf_counter() - began)
    print("history of", made, "visits:", [round(t, 3) for t in took])
    assert min(took) < 0.3, took


async def test_an_empty_range_is_no_error(db: Database, settings: Settings) -> None:
    found = await shown(db)
    assert found.total == Figures(outcomes=dict.fromkeys(OUTCOMES, 0))
    assert len(found.days) == 32
