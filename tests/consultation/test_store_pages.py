"""The pages of a visit, and the relay's entries."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from server.consultation import store
from server.db import Database
from server.ids import new_id
from server.visit import store as visits
from tests.people import BEN, Clinic, Patient, Therapist

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
