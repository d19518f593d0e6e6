"""The clock's start, and the time that a broken connection costs. Time passes by moving the rows' instants."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from server.consultation.times import clock_data
from server.db import Database
from server.ids import new_id
from tests.consultation.races import said
from tests.people import BEN, Clinic, Patient, Therapist

MINUTE = 60


# ---- the clock starts


async def test_the_clock_starts_once_both_are_connected(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.media(dr_li, ana, "connected", "relay")
    assert (await clinic.row(ana))["started_at"] is None
    await clinic.media(ana, ana, "connected", "relay")
    row = await clinic.row(ana)
    assert row["started_at"] == row["changed_at"]
    assert row["ends_at"] - row["started_at"] == timedelta(minutes=20)
    assert row["wrap_ends_at"] - row["ends_at"] == timedelta(minutes=2)
    assert (row["path"], row["lost_since"]) == ("relay", None)


async def test_the_clock_starts_with_the_confirmation_when_both_are_connected_before_it(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    """Browsers connect in a fifth of a second; the confirmation lets that pass first."""
    await clinic.admits(dr_li, ana)
    await clinic.media(dr_li, ana, "connected", "direct")
    await clinic.media(ana, ana, "connected", "direct")
    assert (await clinic.row(ana))["started_at"] is None
    await clinic.confirms(ana)
    row = await clinic.row(ana)
    assert row["started_at"] == row["confirmed_at"] == row["changed_at"]
    assert row["ends_at"] - row["started_at"] == timedelta(minutes=20)
    started = row["started_at"]
    await clinic.confirms(ana)
    assert (await clinic.row(ana))["started_at"] == started


async def test_the_clock_starts_when_both_connect_at_the_same_moment(
    clinic: Clinic, other_node: Database, dr_li: Therapist
) -> None:
    for _ in range(8):  # eight visits: a race that is lost now and then shows
        patient = await clinic.fills_form(BEN)
        await clinic.arrives(patient)
        await clinic.admits(dr_li, patient)
        await clinic.confirms(patient)
        await asyncio.gather(
            clinic.media(dr_li, patient, "connected", "relay"),
            clinic.media(patient, patient, "connected", "relay", node=other_node),
        )
        assert (await clinic.row(patient))["started_at"] is not None
        await clinic.ends(dr_li, patient)


async def test_the_same_report_twice_changes_nothing(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    version = (await clinic.row(ana))["version"]
    assert await clinic.media(ana, ana, "connected", "relay") is None
    assert (await clinic.row(ana))["version"] == version


async def test_a_page_that_is_not_current_has_no_say(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.media(dr_li, ana, "connected", "relay")
    stranger = Patient(ana.form, ana.visit, ana.address, new_id())
    assert await clinic.media(stranger, ana, "connected", "relay") is None
    assert (await clinic.row(ana))["started_at"] is None


async def test_media_is_of_no_interest_before_the_admission(clinic: Clinic, ana: Patient) -> None:
    assert await clinic.media(ana, ana, "connected", "relay") is None
    assert (await clinic.row(ana))["patient_media"] is None


async def test_60_seconds_after_the_admission_the_clock_starts_at_the_latest(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.passes(ana, 58)
    await clinic.sweeps()
    assert (await clinic.row(ana))["started_at"] is None
    await clinic.passes(ana, 3)
    await clinic.sweeps()
    row = await clinic.row(ana)
    assert row["started_at"] == row["lost_since"] == row["changed_at"]
    assert (await clinic.events(ana))[-1] == "clock_started"
    await clinic.sweeps()
    assert await clinic.row(ana) == row, "once"


async def test_two_nodes_that_sweep_at_once_start_the_clock_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.passes(ana, 61)
    await asyncio.gather(*(clinic.sweeps(node=node) for node in (clinic.db, other_node) for _ in range(3)))
    assert (await clinic.events(ana)).count("clock_started") == 1


async def test_a_sweep_never_winds_a_running_clock_back(clinic: Clinic, other_node: Database, dr_li: Therapist) -> None:
    """The second side connects at the very moment at which the minute is over."""
    for _ in range(8):
        patient = await clinic.fills_form(BEN)
        await clinic.arrives(patient)
        await clinic.admits(dr_li, patient)
        await clinic.confirms(patient)
        await clinic.media(dr_li, patient, "connected", "relay")
        await clinic.passes(patient, 61)
        await asyncio.gather(
            clinic.sweeps(node=other_node), clinic.media(patient, patient, "connected", "relay"),
            clinic.sweeps(node=other_node),
        )  # fmt: skip
        row = await clinic.row(patient)
        started = [event for event in await clinic.timeline(patient) if event["at"] == row["started_at"]]
        assert [event["event"] for event in started] in (["clock_started"], ["media_connected"])
        assert row["lost_since"] is None, "both are connected"
        await clinic.ends(dr_li, patient)


async def test_an_admission_that_is_not_confirmed_starts_no_clock(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.passes(ana, 61)
    await clinic.sweeps()
    await clinic.assert_admitted(ana, by=dr_li)
    assert (await clinic.row(ana))["started_at"] is None
    await clinic.confirms(ana)  # late, but in time
    await clinic.sweeps()
    assert (await clinic.row(ana))["started_at"] is not None


# ---- lost time


async def test_lost_time_is_measured_while_the_clock_runs(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.media(dr_li, ana, "lost")  # the other side notices too: it is the same loss
    await clinic.passes(ana, 40)
    await clinic.media(dr_li, ana, "connected", "relay")
    assert (await clinic.row(ana))["lost_since"] is not None, "one side alone is no call"
    await clinic.passes(ana, 5)
    await clinic.media(ana, ana, "connected", "relay-tcp")
    row = await clinic.row(ana)
    assert row["lost_since"] is None
    assert 45_000 <= row["lost_ms"] < 50_000
    assert row["path"] == "relay-tcp"


async def test_lost_time_is_given_back_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    assert await said(clinic.gives_back(dr_li, ana)) == ["not_possible_now"], "nothing is lost"
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 90.5)
    await clinic.media(ana, ana, "connected", "relay")
    before = await clinic.row(ana)
    answers = await said(clinic.gives_back(dr_li, ana), clinic.gives_back(dr_li, ana, node=other_node))
    assert answers == ["done", "not_possible_now"]
    row = await clinic.row(ana)
    more = timedelta(milliseconds=row["given_back_ms"])
    assert timedelta(seconds=90) <= more < timedelta(seconds=95)
    assert row["ends_at"] - before["ends_at"] == row["wrap_ends_at"] - before["wrap_ends_at"] == more
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 60)
    assert await said(clinic.gives_back(dr_li, ana)) == ["not_possible_now"], "once"


async def test_at_most_five_minutes_are_given_back(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 10 * MINUTE)
    row = await clinic.gives_back(dr_li, ana)  # still without a connection: what was lost so far
    assert row["given_back_ms"] == 300_000


async def test_what_was_lost_before_the_clock_ran_is_not_lost_time(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 30)
    await clinic.media(dr_li, ana, "connected", "relay")
    await clinic.media(ana, ana, "connected", "relay")
    assert (await clinic.row(ana))["lost_ms"] == 0


async def test_after_the_end_nothing_is_given_back(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 30)
    row = await clinic.ends(dr_li, ana)
    assert row["lost_since"] is None
    assert 30_000 <= row["lost_ms"] < 35_000
    assert await said(clinic.gives_back(dr_li, ana)) == ["not_possible_now"]


async def test_the_clock_message_says_what_may_be_given_back(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 90)
    row = await clinic.row(ana)
    data = clock_data(row, clinic.settings, await clinic.db.now())
    assert (data["phase"], data["length_s"], data["notices"]) == ("running", 1200, (300, 60))
    assert (data["held"], data["give_back"]) == (False, True)
    assert 90 <= data["lost_s"] < 95
    await clinic.gives_back(dr_li, ana)
    data = clock_data(await clinic.row(ana), clinic.settings, await clinic.db.now())
    assert data["give_back"] is False
