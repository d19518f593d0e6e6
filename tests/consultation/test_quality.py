"""Samples of the connection: few rows, the newest state on the visit, and only from those whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from server.consultation import quality
from server.consultation.call import call_state
from server.consultation.tables import quality_sample
from server.ids import new_id
from signaling.visits import Sample
from tests.consultation.races import said
from tests.people import Clinic, Patient, Therapist

GOOD = Sample(1, 0, 40, 5, 1200, 1100, "good", "relay")
WEAK = replace(GOOD, loss_in=22, kbps_in=300, state="weak")


async def tells(clinic: Clinic, who: Patient | Therapist, ana: Patient, sample: Sample, *, page: str = "") -> None:
    role = "patient" if isinstance(who, Patient) else "therapist"
    async with clinic.db.write() as tx:
        await quality.keep(tx, ana.visit, role, page or who.page, sample)


async def stored(clinic: Clinic) -> list[dict[str, Any]]:
    async with clinic.db.read() as conn:
        rows = (await conn.execute(select(quality_sample).order_by(quality_sample.c.seq))).mappings().all()
    return [dict(row) for row in rows]


async def wait(clinic: Clinic, seconds: float) -> None:
    """So much time passes for every sample."""
    earlier = (
        "strftime('%Y-%m-%d %H:%M:%f', at, '-' || :s || ' seconds') || '000'" if clinic.db.sqlite
        else "at - make_interval(secs => :s)"
    )  # fmt: skip
    async with clinic.db.write() as tx:
        await tx.conn.execute(text(f"UPDATE quality_sample SET at = {earlier}"), {"s": seconds})


async def test_a_sample_every_ten_seconds_is_a_row(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    for _ in range(3):
        await tells(clinic, ana, ana, GOOD)
        await tells(clinic, dr_li, ana, replace(GOOD, rtt_ms=None))
        await wait(clinic, 10)
    rows = await stored(clinic)
    assert [row["role"] for row in rows] == ["patient", "therapist"] * 3
    first = rows[0]
    assert (first["loss_in"], first["rtt_ms"], first["state"], first["path"]) == (1, 40, "good", "relay")
    assert rows[1]["rtt_ms"] is None
    assert {"ip", "address", "candidate"}.isdisjoint(quality_sample.c.keys())


async def test_what_comes_within_five_seconds_takes_the_rows_place(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await tells(clinic, ana, ana, GOOD)
    await wait(clinic, 2)
    await tells(clinic, ana, ana, WEAK)
    (row,) = await stored(clinic)
    assert (row["state"], row["loss_in"]) == ("weak", 22)
    assert (await clinic.row(ana))["patient_quality"] == "weak"
    await tells(clinic, ana, ana, GOOD)
    await wait(clinic, 0.2)
    await tells(clinic, ana, ana, WEAK)
    await wait(clinic, 4)
    await tells(clinic, ana, ana, WEAK)
    assert len(await stored(clinic)) == 2, "five seconds after the row began there is another"


async def test_a_page_that_floods_changes_nothing_more(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await tells(clinic, ana, ana, GOOD)
    version = (await clinic.row(ana))["version"]
    for sample in (WEAK, GOOD, WEAK, GOOD, WEAK):
        await tells(clinic, ana, ana, sample)
    assert (await clinic.row(ana))["version"] == version
    assert len(await stored(clinic)) == 1


async def test_a_whole_visit_has_a_few_hundred_rows_at_most(
    clinic: Clinic, ana: Patient, dr_li: Therapist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_A_SIDE", 4)
    await clinic.in_call(dr_li, ana)
    for n in range(7):
        await tells(clinic, ana, ana, replace(GOOD, rtt_ms=n))
        await wait(clinic, 10)
    assert [row["rtt_ms"] for row in await stored(clinic)] == [0, 1, 2, 6]


async def test_a_change_of_state_is_told_and_is_in_the_history(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    versions = []
    for sample in (GOOD, GOOD, WEAK, WEAK, GOOD):
        await tells(clinic, ana, ana, sample)
        versions.append((await clinic.row(ana))["version"])
        await wait(clinic, 6)
    assert [later - versions[0] for later in versions] == [0, 0, 1, 1, 2]
    row = await clinic.row(ana)
    assert call_state(row, clinic.settings, row["changed_at"]).patient_quality == "good"
    assert (await clinic.events(ana)).count("quality") == 3
    row = await clinic.sends_back(dr_li, ana)
    assert row["patient_quality"] is None


async def test_only_current_pages_of_an_open_visit_are_heard(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    assert await said(tells(clinic, ana, ana, GOOD)) == ["not_possible_now"]
    await clinic.in_call(dr_li, ana)
    assert await said(tells(clinic, ana, ana, GOOD, page=new_id())) == ["not_possible_now"]
    await clinic.ends(dr_li, ana)
    assert await said(tells(clinic, ana, ana, GOOD)) == ["not_possible_now"]
    assert await stored(clinic) == []
