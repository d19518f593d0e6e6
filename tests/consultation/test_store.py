"""Admission, confirmation, the clock's start, the end: races included. Time passes by moving the rows' instants."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.consultation import store
from server.consultation.times import clock_data
from server.db import Change, Database
from server.errors import PersonError
from server.ids import new_id
from server.visit import store as visits
from tests.people import BEN, Clinic, Patient, Therapist
from tests.stores import shift

MINUTE = 60


async def said(*acts: Any) -> list[str]:
    """All acts at once; for each, the error's code or "done"."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, PersonError):
            raise result
    return sorted(result.code if isinstance(result, PersonError) else "done" for result in results)


# ---- admission


async def test_an_admission_offers_the_visit(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    row = await clinic.admits(dr_li, ana)
    assert (row["policy"], row["therapist_page"]) == ("relay", dr_li.page)
    assert row["admitted_at"] == row["changed_at"]
    await clinic.assert_admitted(ana, by=dr_li)
    assert await clinic.events(ana) == ["created", "arrive", "page_opened", "admit"]


async def test_one_therapist_gets_the_patient_the_other_hears_so(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    answers = await said(clinic.admits(dr_li, ana), clinic.admits(dr_okafor, ana, node=other_node))
    assert answers == ["done", "taken"]
    assert (await clinic.row(ana))["therapist_id"] in (dr_li.id, dr_okafor.id)
    assert (await clinic.events(ana)).count("admit") == 1


async def test_one_therapist_gets_one_of_two_patients(
    clinic: Clinic, other_node: Database, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    answers = await said(clinic.admits(dr_li, ana), clinic.admits(dr_li, ben, node=other_node))
    assert answers == ["busy", "done"]
    assert sorted([(await clinic.row(ana))["state"], (await clinic.row(ben))["state"]]) == ["admitted", "waiting"]


async def test_the_same_click_twice_is_one_admission(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    first = await clinic.admits(dr_li, ana)
    again = await clinic.admits(dr_li, ana)
    assert again["version"] == first["version"]
    assert (await clinic.events(ana)).count("admit") == 1


async def test_the_same_click_in_two_windows_at_once_is_one_admission(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    answers = await said(clinic.admits(dr_li, ana), clinic.admits(dr_li, ana, node=other_node))
    assert answers == ["done", "done"]
    assert (await clinic.events(ana)).count("admit") == 1


async def test_a_patient_who_has_left_cannot_be_admitted(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.leaves(ana)
    assert await said(clinic.admits(dr_li, ana)) == ["not_possible_now"]
    await clinic.assert_over(ana, "left")


async def test_a_patient_who_leaves_at_the_moment_of_admission_is_one_or_the_other(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    answers = await said(clinic.admits(dr_li, ana, node=other_node), clinic.leaves(ana))
    state = (await clinic.row(ana))["state"]
    # leaving after the admission is allowed, admitting after the leave is not
    assert (answers, state) in ((["done", "done"], "left"), (["done", "not_possible_now"], "left"))


async def test_who_is_still_checking_the_camera_cannot_be_admitted(clinic: Clinic, dr_li: Therapist) -> None:
    early = await clinic.fills_form(BEN)
    assert await said(clinic.admits(dr_li, early)) == ["not_possible_now"]


async def test_an_unknown_visit_is_unknown(clinic: Clinic, dr_li: Therapist) -> None:
    nobody = Patient(BEN, new_id(), "", "")
    assert await said(clinic.admits(dr_li, nobody)) == ["no_such_visit"]
    assert await said(clinic.confirms(nobody)) == ["no_such_visit"]
    assert await said(clinic.ends(dr_li, nobody)) == ["no_such_visit"]


async def test_after_the_end_the_therapist_is_free_again(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    assert await said(clinic.admits(dr_li, ben)) == ["busy"]
    await clinic.ends(dr_li, ana)
    await clinic.admits(dr_li, ben)
    await clinic.assert_over(ana)
    await clinic.assert_admitted(ben, by=dr_li)


# ---- confirmation


async def test_confirming_twice_is_the_same_as_once(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    first = await clinic.confirms(ana)
    again = await clinic.confirms(ana)
    assert again == first
    await clinic.assert_in_session(ana, with_=dr_li)


async def test_confirming_twice_at_once_is_the_same_as_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    assert await said(clinic.confirms(ana), clinic.confirms(ana, node=other_node)) == ["done", "done"]
    assert (await clinic.events(ana)).count("confirm") == 1


async def test_nobody_confirms_what_was_not_offered(clinic: Clinic, ana: Patient) -> None:
    assert await said(clinic.confirms(ana)) == ["not_possible_now"]
    await clinic.assert_waiting(ana, place=1)


async def test_a_page_that_was_superseded_does_not_confirm(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    old, ana.page = ana.page, new_id()
    await clinic.opens_page(ana, ana, ana.page, fresh=True)
    await clinic.admits(dr_li, ana)
    async with clinic.db.write() as tx:
        with pytest.raises(PersonError, match="not_possible_now"):
            await store.confirm(tx, clinic.settings, ana.visit, old)
    await clinic.confirms(ana)


async def test_an_admission_that_is_not_confirmed_goes_back_to_its_place(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    arrived = (await clinic.row(ana))["arrived_at"]
    await clinic.admits(dr_li, ana)
    await shift(clinic.db, ana.visit, 119, "admitted_at")
    await clinic.sweeps()
    await clinic.assert_admitted(ana, by=dr_li)
    await shift(clinic.db, ana.visit, 1, "admitted_at")
    await clinic.sweeps()
    await clinic.assert_waiting(ana, place=1)
    await clinic.assert_waiting(ben, place=2)
    row = await clinic.row(ana)
    assert row["arrived_at"] == arrived
    assert (row["therapist_page"], row["admitted_at"], row["policy"]) == (None, None, None)
    await clinic.admits(dr_li, ben)  # the therapist is free


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


# ---- the end


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


# ---- back to the queue


async def test_who_is_sent_back_has_the_place_from_before(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    arrived = (await clinic.row(ana))["arrived_at"]
    await clinic.in_call(dr_li, ana)
    await clinic.red_flag(ana, True)
    await clinic.sends_back(dr_li, ana)
    await clinic.assert_waiting(ana, place=1)
    await clinic.assert_waiting(ben, place=2)
    row = await clinic.row(ana)
    assert row["arrived_at"] == arrived
    assert (row["started_at"], row["ends_at"], row["wrap_ends_at"], row["held"]) == (None, None, None, False)
    assert row["patient_page"] == ana.page, "the patient's page is still open"
    await clinic.in_call(dr_okafor, ana)  # and the next visit is a whole one
    again = await clinic.row(ana)
    assert again["ends_at"] - again["changed_at"] == timedelta(minutes=20)


async def test_only_ones_own_patient_can_be_sent_back(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    assert await said(clinic.sends_back(dr_okafor, ana), clinic.gives_back(dr_okafor, ana)) == ["no_such_visit"] * 2
    await clinic.assert_in_session(ana, with_=dr_li)


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


# ---- pages


async def test_the_newest_fresh_page_wins(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    newer = new_id()
    row = await clinic.opens_page(ana, ana, newer, fresh=True)
    assert row is not None
    assert (row["patient_page"], row["patient_media"]) == (newer, None)
    assert row["lost_since"] == row["changed_at"], "the old page's media died with it"
    assert await clinic.media(ana, ana, "connected", "relay") is None, "the old page has no say any more"


async def test_an_old_page_that_reconnects_does_not_displace_a_newer_one(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    old, newer = ana.page, new_id()
    await clinic.opens_page(ana, ana, newer, fresh=True)
    before = await clinic.row(ana)
    assert await clinic.opens_page(ana, ana, old, fresh=False) is None
    assert await clinic.row(ana) == before


@pytest.mark.parametrize("fresh", [True, False])
async def test_the_current_page_that_reconnects_changes_nothing(
    clinic: Clinic, ana: Patient, dr_li: Therapist, fresh: bool
) -> None:
    """After a restart of the web process: the call goes on, its clock and its media untouched."""
    await clinic.in_call(dr_li, ana)
    before = await clinic.row(ana)
    for who in (ana, dr_li):
        row = await clinic.opens_page(who, ana, who.page, fresh=fresh)
        assert row is not None
        assert row["version"] == before["version"]
    after = await clinic.row(ana)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"patient_seen_at"}


async def test_a_side_without_a_page_takes_one_that_reconnects(clinic: Clinic) -> None:
    patient = await clinic.fills_form(BEN)
    row = await clinic.opens_page(patient, patient, patient.page, fresh=False)
    assert row is not None
    assert row["patient_page"] == patient.page


async def test_of_two_pages_opened_at_once_one_is_current(clinic: Clinic, ana: Patient) -> None:
    pages = [new_id() for _ in range(4)]
    await asyncio.gather(*(clinic.opens_page(ana, ana, page, fresh=True) for page in pages))
    assert (await clinic.row(ana))["patient_page"] in pages


async def test_presence_is_no_change_of_the_visit(clinic: Clinic, ana: Patient) -> None:
    before = await clinic.row(ana)
    heard: list[list[Change]] = []

    async def hear(changes: list[Change]) -> None:
        heard.append(changes)

    clinic.db.on_commit = hear
    await clinic.passes(ana, 30)
    await store.seen(clinic.db, [ana.visit, new_id()])
    row = await clinic.row(ana)
    assert row["version"] == before["version"]
    assert await clinic.db.now() - row["patient_seen_at"] < timedelta(seconds=5)
    await store.seen(clinic.db, [])
    assert heard == []


# ---- the relay's entries


async def test_the_relay_serves_until_a_little_after_the_planned_end(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    now = await clinic.db.now()
    settings = clinic.settings
    assert store.relay_expires(await clinic.row(ana), settings, now) < now, "nobody is admitted"
    admitted = await clinic.admits(dr_li, ana)
    expected = admitted["admitted_at"] + timedelta(seconds=60 + 1200 + 120 + 30)
    assert store.relay_expires(admitted, settings, now) == expected
    await clinic.confirms(ana)
    await clinic.media(dr_li, ana, "connected", "relay")
    await clinic.media(ana, ana, "connected", "relay")
    row = await clinic.row(ana)
    assert store.relay_expires(row, settings, now) == row["wrap_ends_at"] + timedelta(seconds=30)
    await clinic.red_flag(ana, True)
    assert store.relay_expires(await clinic.row(ana), settings, now) == row["admitted_at"] + timedelta(hours=4)
    await clinic.ends(dr_li, ana)
    assert store.relay_expires(await clinic.row(ana), settings, now) < now


async def test_relay_entries_are_kept_until_they_expire(clinic: Clinic, ana: Patient, ben: Patient) -> None:
    db, soon = clinic.db, await clinic.db.now() + timedelta(minutes=5)
    await store.save_relay_call(db, ana.visit, "ana/1", 1, b"\x00one", soon)
    await store.save_relay_call(db, ana.visit, "ana/1", 2, b"\x00two", soon)
    await store.save_relay_call(db, ben.visit, "ben/1", 1, b"ben", soon)
    await store.save_relay_call(db, ben.visit, "ben/0", 1, b"over", soon - timedelta(minutes=6))
    assert sorted(await store.relay_calls(db)) == [("ana/1", 2, b"\x00two", soon), ("ben/1", 1, b"ben", soon)]
    assert [blob for _, _, blob, _ in await store.relay_calls(db, ben.visit)] == [b"ben"]


async def test_an_older_version_of_a_relay_entry_never_replaces_a_newer_one(clinic: Clinic, ana: Patient) -> None:
    db, soon = clinic.db, await clinic.db.now() + timedelta(minutes=5)
    await store.save_relay_call(db, ana.visit, "ana/1", 2, b"two", soon)
    await store.save_relay_call(db, ana.visit, "ana/1", 1, b"one", soon)
    assert [blob for _, _, blob, _ in await store.relay_calls(db)] == [b"two"]


async def test_one_relay_entry_saved_by_two_nodes_at_once_is_kept_once(
    clinic: Clinic, other_node: Database, ana: Patient
) -> None:
    soon = await clinic.db.now() + timedelta(minutes=5)
    await asyncio.gather(
        *(store.save_relay_call(node, ana.visit, "ana/1", n, b"%d" % n, soon)
          for n in range(1, 6) for node in (clinic.db, other_node))
    )  # fmt: skip
    assert [blob for _, _, blob, _ in await store.relay_calls(clinic.db)] == [b"5"]


async def test_every_change_is_one_version_and_one_line_of_the_timeline(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.red_flag(ana, True)
    await clinic.media(ana, ana, "lost")
    await clinic.sends_back(dr_li, ana)
    timeline = await clinic.timeline(ana)
    assert [event["version"] for event in timeline] == list(range(1, len(timeline) + 1))
    assert (await clinic.row(ana))["version"] == len(timeline)
    async with clinic.db.read() as conn:
        row = await visits.by_address(conn, ana.address)
    assert row is not None
    assert row["id"] == ana.visit
