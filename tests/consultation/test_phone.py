""" "Continue by phone": the visit and its clock go on, nothing of it counts as lost, and the record says it."""

from __future__ import annotations

import asyncio
import json

from sqlalchemy import RowMapping

from server.admin.snapshot import wall_data
from server.consultation import phone
from server.consultation.call import call_state
from server.consultation.times import clock_data
from server.db import Database
from server.form.prefill import prefill
from server.ids import new_id
from server.waitingroom.store import queue
from tests.consultation.races import said
from tests.people import Clinic, Patient, Therapist


async def switch(
    clinic: Clinic, who: Patient | Therapist, ana: Patient, on: bool, *, page: str = "", node: Database | None = None
) -> RowMapping:
    role = "patient" if isinstance(who, Patient) else "therapist"
    async with (node or clinic.db).write() as tx:
        return await phone.switch(tx, ana.visit, role, page or who.page, on)


async def test_by_phone_and_back(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    before = await clinic.row(ana)
    row = await switch(clinic, ana, ana, True)
    assert (row["phone_fallback"], row["phone_since"]) == (True, row["changed_at"])
    assert call_state(row, clinic.settings, row["changed_at"]).phone
    for instant in ("started_at", "ends_at", "wrap_ends_at", "state"):
        assert row[instant] == before[instant], "the clock goes on"
    row = await switch(clinic, dr_li, ana, False)
    assert (row["phone_fallback"], row["phone_since"], row["lost_since"]) == (True, None, None)
    assert not call_state(row, clinic.settings, row["changed_at"]).phone
    events = [(event["event"], event["detail"]) for event in await clinic.timeline(ana)][-2:]
    assert [(name, json.loads(detail)["role"]) for name, detail in events] == [
        ("phone_fallback", "patient"), ("back_to_video", "therapist"),
    ]  # fmt: skip


async def test_twice_is_the_same_as_once(clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await asyncio.gather(
        *(switch(clinic, who, ana, True, node=node) for who in (ana, dr_li) for node in (clinic.db, other_node))
    )
    assert (await clinic.events(ana)).count("phone_fallback") == 1
    version = (await clinic.row(ana))["version"]
    await switch(clinic, ana, ana, True)
    assert (await clinic.row(ana))["version"] == version


async def test_only_current_pages_of_a_running_session_may(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    assert await said(switch(clinic, ana, ana, True)) == ["not_possible_now"]
    await clinic.admits(dr_li, ana)
    assert await said(switch(clinic, dr_li, ana, True)) == ["not_possible_now"], "the patient's page has not confirmed"
    await clinic.confirms(ana)
    assert await said(switch(clinic, ana, ana, True, page=new_id())) == ["not_possible_now"]
    assert await said(switch(clinic, dr_okafor, ana, True)) == ["not_possible_now"]
    await switch(clinic, dr_li, ana, True)
    await clinic.ends(dr_li, ana)
    assert await said(switch(clinic, ana, ana, False)) == ["not_possible_now"]


async def test_time_by_phone_is_not_lost_time(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 20)
    await switch(clinic, dr_li, ana, True)
    row = await clinic.row(ana)
    assert row["lost_since"] is None
    assert 20_000 <= row["lost_ms"] < 25_000, "what was lost before counts"
    lost = row["lost_ms"]
    await clinic.media(dr_li, ana, "lost")
    await clinic.opens_page(ana, ana, page := new_id(), fresh=True)  # a reload meanwhile
    ana.page = page
    await clinic.passes(ana, 300)
    row = await clinic.row(ana)
    assert (row["lost_since"], row["lost_ms"]) == (None, lost)
    assert clock_data(row, clinic.settings, await clinic.db.now())["lost_s"] == lost // 1000
    await switch(clinic, ana, ana, False)
    assert (await clinic.row(ana))["lost_since"] is not None, "back without a picture: that is lost again"
    await clinic.passes(ana, 10)
    await clinic.media(ana, ana, "connected", "relay")
    await clinic.media(dr_li, ana, "connected", "relay")
    row = await clinic.row(ana)
    assert row["lost_since"] is None
    assert lost + 10_000 <= row["lost_ms"] < lost + 15_000
    await switch(clinic, ana, ana, True)
    await clinic.passes(ana, 60)
    row = await clinic.ends(dr_li, ana)
    assert row["lost_ms"] < lost + 15_000


async def test_a_visit_without_any_picture_starts_its_clock_by_phone_and_loses_nothing(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.admits(dr_li, ana)
    await clinic.confirms(ana)
    await switch(clinic, ana, ana, True)
    await clinic.passes(ana, 61)
    await clinic.sweeps()
    row = await clinic.row(ana)
    assert row["started_at"] is not None
    assert row["lost_since"] is None
    await clinic.passes(ana, 22 * 60 + 1)
    await clinic.sweeps()
    await clinic.assert_over(ana)
    assert (await clinic.row(ana))["lost_ms"] == 0


async def test_the_next_therapist_of_a_patient_sent_back_begins_with_the_picture(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await switch(clinic, dr_li, ana, True)
    row = await clinic.sends_back(dr_li, ana)
    assert (row["phone_since"], row["phone_fallback"]) == (None, False)
    assert "phone_fallback" in await clinic.events(ana), "the history keeps it"


async def test_the_wall_says_by_phone_and_raises_no_alarm(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    from server.audit import Viewing
    from server.visit import store as visits
    from server.visit.tables import visit

    await clinic.in_call(dr_li, ana)
    await switch(clinic, dr_li, ana, True)
    await clinic.media(ana, ana, "lost")
    await clinic.passes(ana, 30)
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        rows = await visits.with_people(conn, visit.c.id == ana.visit)
        line = await queue(conn, now, 1200, 120)
    door = await Viewing(clinic.db, dr_li.actor, "read").door({ana.visit: rows[0]["patient_id"]})
    opened = {ana.visit: visits.particulars(door, rows[0])}
    wall = wall_data(clinic.settings, rows, opened, line, [], now)
    assert wall["sessions"][0]["media"] == "phone"
    assert wall["alarms"] == []


def test_the_note_begins_with_how_they_met() -> None:
    assert prefill({})["A1"] == "video"
    assert prefill({"modality": "phone_fallback"})["A1"] == "phone_fallback"
