"""The end: with the wrap-up, by the therapist, and not at all while a red flag is open."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from server.db import Database
from tests.consultation.races import said
from tests.people import Clinic, Patient, Therapist

MINUTE = 60


async def test_the_visit_ends_with_the_wrap_up(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.passes(ana, 22 * MINUTE - 2)
    await clinic.sweeps()
    await clinic.assert_in_session(ana, with_=dr_li)
    await clinic.passes(ana, 3)
    await clinic.sweeps()
    await clinic.assert_over(ana)
    assert (await clinic.row(ana))["end_reason"] == "time"
    last = (await clinic.timeline(ana))[-1]
    assert (last["event"], last["actor_kind"], last["detail"]) == ("end", "system", '{"reason": "time"}')


async def test_two_nodes_that_sweep_at_once_end_it_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.passes(ana, 23 * MINUTE)
    await asyncio.gather(*(clinic.sweeps(node=node) for node in (clinic.db, other_node) for _ in range(3)))
    await clinic.assert_over(ana)
    assert (await clinic.events(ana)).count("end") == 1


async def test_the_therapist_ends_it(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    row = await clinic.ends(dr_li, ana)
    assert (row["end_reason"], row["ended_at"]) == ("therapist", row["changed_at"])
    assert await said(clinic.ends(dr_li, ana), clinic.confirms(ana)) == ["not_possible_now"] * 2


async def test_while_a_red_flag_is_open_nothing_ends_the_visit_by_itself(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.red_flag(ana, True)
    await clinic.passes(ana, 10 * 3600)
    await clinic.sweeps()
    await clinic.assert_in_session(ana, with_=dr_li)
    row = await clinic.ends(dr_li, ana)  # but the therapist does
    assert row["state"] == "ended"


async def test_the_release_gives_a_whole_wrap_up(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.red_flag(ana, True)
    await clinic.passes(ana, 3600)
    await clinic.red_flag(ana, False)
    row = await clinic.row(ana)
    assert row["wrap_ends_at"] == row["changed_at"] + timedelta(minutes=2)
    await clinic.sweeps()
    await clinic.assert_in_session(ana, with_=dr_li)
    await clinic.passes(ana, 121)
    await clinic.sweeps()
    await clinic.assert_over(ana)


async def test_a_flag_that_is_opened_and_closed_early_changes_no_time(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    before = await clinic.row(ana)
    await clinic.red_flag(ana, True)
    await clinic.red_flag(ana, True)
    await clinic.red_flag(ana, False)
    row = await clinic.row(ana)
    assert row["wrap_ends_at"] == before["wrap_ends_at"]
    assert row["version"] == before["version"] + 2, "the same flag twice is once"


async def test_a_flag_that_is_open_before_the_clock_runs_holds_too(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.red_flag(ana, True)
    await clinic.passes(ana, 61)
    await clinic.sweeps()
    assert (await clinic.row(ana))["started_at"] is not None
    await clinic.passes(ana, 3600)
    await clinic.sweeps()
    await clinic.assert_in_session(ana, with_=dr_li)
