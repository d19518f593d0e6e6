"""A connection check in the record: its row, the visit's, and the timeline's line come together or not at all."""

from __future__ import annotations

import dataclasses
import json

from sqlalchemy import select

from server.db import Database
from server.visit.states import State
from server.visit.store import timeline
from server.waitingroom import checks
from server.waitingroom.tables import connection_check
from server.waitingroom.verdict import Finding, StartMode, Trouble, Verdict, judge
from signaling.check_numbers import Numbers
from tests.people import Clinic, Patient, Therapist

WELL = Numbers(udp=True, tcp=True, rtt_ms=40, jitter_ms=3, loss=0, kbps_up=1500, kbps_down=1500)


async def keep(clinic: Clinic, patient: Patient, numbers: Numbers) -> bool:
    return await checks.keep(clinic.db, patient.visit, patient.visit, numbers, judge(numbers))


async def rows(db: Database, patient: Patient) -> list[tuple[object, ...]]:
    c = connection_check.c
    query = select(c.udp, c.rtt_ms, c.kbps_up, c.verdict, c.start_mode, c.trouble).where(c.visit_id == patient.visit)
    async with db.read() as conn:
        return [tuple(row) for row in await conn.execute(query.order_by(c.seq))]


async def test_every_check_is_kept_and_the_newest_counts(clinic: Clinic, ana: Patient) -> None:
    assert await keep(clinic, ana, dataclasses.replace(WELL, udp=False))
    assert await keep(clinic, ana, WELL)
    assert await rows(clinic.db, ana) == [
        (False, 40, 1500, "fair", "low_video", "udp_blocked"),
        (True, 40, 1500, "good", "video", None),
    ]
    row = await clinic.row(ana)
    assert (row["check_verdict"], row["start_mode"], row["state"]) == (Verdict.GOOD, StartMode.VIDEO, State.WAITING)
    async with clinic.db.read() as conn:
        events = [event for event in await timeline(conn, ana.visit) if event["event"] == "checked"]
        assert await checks.count(conn, ana.visit) == 2
    assert [json.loads(event["detail"]) for event in events] == [
        {"verdict": "fair", "mode": "low_video", "trouble": "udp_blocked"},
        {"verdict": "good", "mode": "video"},
    ]
    assert events[-1]["version"] == row["version"]


async def test_a_check_of_nothing_has_no_numbers(clinic: Clinic, ana: Patient) -> None:
    nothing = Numbers(udp=False, tcp=False)
    assert judge(nothing) == Finding(Verdict.BAD, StartMode.PHONE, Trouble.NOTHING_WORKS)
    assert await keep(clinic, ana, nothing)
    assert await rows(clinic.db, ana) == [(False, None, None, "bad", "phone", "nothing_works")]


async def test_a_check_that_ends_when_the_call_has_begun_is_not_kept(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    before = await clinic.row(ana)
    assert not await keep(clinic, ana, WELL)
    assert await rows(clinic.db, ana) == []
    assert await clinic.row(ana) == before
