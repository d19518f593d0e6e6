"""The invented month is what the real steps could have left, on both stores; nothing of it asks anybody for anything."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest
from sqlalchemy import RowMapping, Table, select, text

from server.audit import Access
from server.config import Settings
from server.db import Database
from server.notes import signing
from server.notes.store import opened, unsigned_visits
from server.notes.tables import note
from server.seed_month import seed_month
from server.seed_notes import KINDS, signable
from server.visit.states import TABLE, Event, State
from server.visit.store import particulars, with_people
from server.visit.tables import visit, visit_event
from tests.admin.conftest import A_DAY, UNTIL, hire_four
from tests.admin.test_history_numbers import shown

EVENTS = {str(event) for event in Event}


async def rows(db: Database, table: Table) -> list[RowMapping]:
    async with db.read() as conn:
        return list((await conn.execute(select(table))).mappings())


async def test_every_visits_timeline_is_a_path_of_the_table(db: Database, month: int) -> None:
    told: dict[str, list[RowMapping]] = defaultdict(list)
    for event in sorted(await rows(db, visit_event), key=lambda row: row["seq"]):
        told[event["visit_id"]].append(event)
    visits = {row["id"]: row for row in await rows(db, visit)}
    assert visits.keys() == told.keys()
    assert len(visits) == month
    for key, events in told.items():
        assert events[0]["event"] in ("created", "booked")
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))
        assert [event["at"] for event in events] == sorted(event["at"] for event in events)
        state = State(events[0]["state"])
        for event in events[1:]:
            if event["event"] in EVENTS:
                state = TABLE[state, Event(event["event"])]
            assert event["state"] == state
            assert event["actor_kind"] in ("patient", "staff", "system")
        row = visits[key]
        assert (row["state"], row["version"], row["changed_at"]) == (state, len(events), events[-1]["at"])
        if row["started_at"]:
            assert row["arrived_at"] < row["admitted_at"] < row["confirmed_at"] < row["started_at"] < row["ended_at"]
    assert {row["state"] for row in visits.values()} == {"ended", "not_completed", "left", "no_show"}


async def test_every_note_could_have_been_signed(db: Database, month: int) -> None:
    door = Access(db.cipher)
    visits = {row["id"]: row for row in await rows(db, visit)}
    notes = await rows(db, note)
    assert len(notes) > 100
    for row in notes:
        signed = opened(door, row)
        assert signed.content_sha256 == signing.sha256(signed.document)
        assert row["author_id"] == visits[row["visit_id"]]["therapist_id"]
    async with db.read() as conn:
        over = [key for key, one in visits.items() if one["state"] == "ended"]
        assert await unsigned_visits(conn, over) == set()  # no therapist is asked to sign what is invented


@pytest.mark.parametrize("kind", KINDS)
def test_the_notes_keep_the_rules_of_signing(kind: str) -> None:
    facts = {
        "A2": {"methods": ["full_name", "dob"], "at": "2026-11-23T14:01:00-05:00", "by": "li"},
        "A3": {"answer": "yes", "version": "2026-11", "lang": "en", "at": "2026-11-23T13:50:00-05:00"},
        "A13": {"id": "li", "name": "Dr. Li", "profession": "PT", "registration": "PT-1"},
        "A14": {"started_at": "2026-11-23T14:00:00-05:00", "ended_at": "2026-11-23T14:20:00-05:00"},
    }
    document, snapshot = signable(kind, date(2026, 12, 7), **facts)
    context = signing.SigningContext("li", "li", "ended", date(2026, 11, 23), date(1970, 5, 4))
    assert signing.check(document, snapshot, context) == []


async def test_names_are_sealed_and_open_as_everywhere(db: Database, month: int) -> None:
    async with db.read() as conn:
        people = await with_people(conn, limit=5)
        kept = str((await conn.execute(text("SELECT * FROM patient LIMIT 50"))).all())
        entries = (await conn.execute(text("SELECT action, record, record_id FROM audit_entry"))).all()
    for row in people:
        name = particulars(Access(db.cipher), row).name
        assert " " in name
        assert name not in kept
    assert [tuple(entry) for entry in entries] == [("create", "demo", "invented visits")]


async def test_the_same_seed_makes_the_same_month(
    db: Database, month: int, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from server.migrate import migrate
    from tests.stores import open_database

    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('again') / 'clinic.sqlite3'}"
    await migrate(url)
    other = open_database(url)
    await hire_four(other)
    await seed_month(other, settings, until=UNTIL, a_day=A_DAY)
    found, again = await shown(db), await shown(other)
    await other.close()
    assert (found.total, found.days) == (again.total, again.days)


async def test_never_in_production(db: Database, settings: Settings) -> None:
    with pytest.raises(ValueError, match="development"):
        await seed_month(db, settings.model_copy(update={"mode": "production"}))


async def test_a_clinic_without_therapists_gets_none(db: Database, settings: Settings) -> None:
    assert await seed_month(db, settings) == 0
    assert await rows(db, visit) == []
