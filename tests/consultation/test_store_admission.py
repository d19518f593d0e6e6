"""Admission, confirmation, and the way back to the queue: races included."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.consultation import store
from server.db import Database
from server.errors import PersonError
from server.ids import new_id
from tests.consultation.races import said
from tests.people import BEN, Clinic, Patient, Therapist
from tests.stores import shift

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
