"""Drafts, and signed notes that nobody changes: not our code, not SQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.audit import Access, access
from server.crypto import Undecryptable
from server.db import Database
from server.errors import PersonError
from server.notes import store
from server.notes.store import Note
from tests.people import Clinic, Patient, Therapist
from tests.stores import raw

DRAFT: dict[str, Any] = {"pain": {"now": 4}, "plan": "Élever le bras « doucement »\n\u2028🐎"}
SIGNATURE = {"clinician": "Dr. Mei Li", "statement": "I have signed"}


async def save(
    clinic: Clinic, patient: Patient, who: Therapist, document: dict[str, Any], base: int, node: Database | None = None
) -> int:
    db = node or clinic.db
    async with db.write() as tx:
        door = await access(db, tx, who.actor, "change", "note", patient.visit)
        return await store.save(tx, door, patient.visit, who.id, document, base)


async def read(clinic: Clinic, patient: Patient) -> Note | None:
    async with clinic.db.read() as conn:
        row = await store.row_of(conn, patient.visit)
    return store.opened(Access(clinic.db.cipher), row) if row else None


async def sign(clinic: Clinic, patient: Patient, who: Therapist, node: Database | None = None) -> None:
    db = node or clinic.db
    async with db.write() as tx:
        door = await access(db, tx, who.actor, "sign", "note", patient.visit)
        row = await store.row_of(tx.conn, patient.visit)
        assert row is not None
        await store.lock(tx, door, row, DRAFT, "f" * 64, SIGNATURE)


async def said(act: Any) -> str:
    try:
        await act
    except PersonError as error:
        return error.code
    return "done"


@pytest.fixture
async def signed(clinic: Clinic, ana: Patient, dr_li: Therapist) -> Note:
    await clinic.in_call(dr_li, ana)
    await save(clinic, ana, dr_li, DRAFT, 0)
    await sign(clinic, ana, dr_li)
    note = await read(clinic, ana)
    assert note is not None
    return note


async def test_a_draft_is_kept_as_it_was_typed(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    assert await read(clinic, ana) is None
    assert await save(clinic, ana, dr_li, {}, 0) == 1
    assert await save(clinic, ana, dr_li, DRAFT, 1) == 2
    note = await read(clinic, ana)
    assert note is not None
    assert (note.document, note.version, note.author_id) == (DRAFT, 2, dr_li.id)
    assert (note.signed_at, note.content_sha256, note.signature) == (None, None, None)


async def test_the_store_holds_no_word_of_the_note(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await save(clinic, ana, dr_li, DRAFT, 0)
    async with clinic.db.read() as conn:
        kept = str((await conn.execute(text("SELECT * FROM note"))).all())
    assert "doucement" not in kept
    assert "pain" not in kept


async def test_two_windows_do_not_overwrite_each_other(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await save(clinic, ana, dr_li, {"a": 1}, 0)
    assert await said(save(clinic, ana, dr_li, {"b": 2}, 0)) == "note_changed"
    assert await said(save(clinic, ana, dr_li, {"b": 2}, 7)) == "note_changed"
    note = await read(clinic, ana)
    assert note is not None
    assert note.document == {"a": 1}


async def test_two_windows_at_once_keep_the_first(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    for base in range(3):  # the first save of all, and later ones
        answers = await asyncio.gather(
            *(
                said(save(clinic, ana, dr_li, {"window": n}, base, node))
                for n, node in enumerate((clinic.db, other_node))
            )
        )
        assert sorted(answers) == ["done", "note_changed"]


async def test_a_draft_on_top_of_nothing_is_not_taken(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    assert await said(save(clinic, ana, dr_li, {}, 3)) == "note_changed"
    assert await read(clinic, ana) is None


async def test_after_a_hand_over_the_next_therapist_goes_on_with_the_draft(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await save(clinic, ana, dr_li, DRAFT, 0)
    assert await said(save(clinic, ana, dr_okafor, DRAFT, 1)) == "done"
    taken_over = await read(clinic, ana)
    assert taken_over is not None
    assert (taken_over.author_id, taken_over.document) == (dr_okafor.id, DRAFT)


async def test_a_signature_locks_the_note(clinic: Clinic, ana: Patient, dr_li: Therapist, signed: Note) -> None:
    assert (signed.version, signed.content_sha256, signed.signature) == (2, "f" * 64, SIGNATURE)
    assert signed.signed_at == signed.saved_at is not None
    assert await said(save(clinic, ana, dr_li, {}, 2)) == "note_signed"
    assert await said(sign(clinic, ana, dr_li)) == "note_changed"
    assert await read(clinic, ana) == signed


async def test_of_two_signatures_at_once_one_counts(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await save(clinic, ana, dr_li, DRAFT, 0)
    answers = await asyncio.gather(said(sign(clinic, ana, dr_li)), said(sign(clinic, ana, dr_li, other_node)))
    assert sorted(answers) == ["done", "note_changed"]


async def test_a_draft_that_was_typed_on_meanwhile_is_not_signed(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    """What is signed is what was read."""
    await save(clinic, ana, dr_li, DRAFT, 0)
    async with clinic.db.read() as conn:
        row = await store.row_of(conn, ana.visit)
    assert row is not None
    await save(clinic, ana, dr_li, {"more": 1}, 1)
    async with clinic.db.write() as tx:
        with pytest.raises(PersonError, match="note_changed"):
            await store.lock(tx, Access(clinic.db.cipher), row, DRAFT, "f" * 64, SIGNATURE)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE note SET document = 'k1.x'",
        "UPDATE note SET signed_at = NULL",
        "UPDATE note SET signature = '{}'",
        "UPDATE note SET content_sha256 = 'x'",
        "UPDATE note SET author_id = author_id",
        "UPDATE note SET visit_id = visit_id",
        "DELETE FROM note",
        "DELETE FROM visit",
    ],
)
async def test_no_sql_changes_or_removes_a_signed_note(
    clinic: Clinic, ana: Patient, signed: Note, statement: str
) -> None:
    with pytest.raises(DBAPIError):
        await raw(clinic.db, statement)
    assert await read(clinic, ana) == signed


async def test_no_sql_replaces_or_empties_signed_notes(clinic: Clinic, ana: Patient, signed: Note) -> None:
    columns = "visit_id, author_id, version, saved_at, document"
    copy = f"SELECT id, {columns} FROM note"
    other = f"SELECT 'another id', {columns} FROM note"
    statements = (
        [
            f"INSERT OR REPLACE INTO note (id, {columns}) {copy}",
            f"REPLACE INTO note (id, {columns}) {other}",
            f"INSERT INTO note (id, {columns}) {copy} WHERE true ON CONFLICT DO UPDATE SET document = 'x'",
        ]
        if clinic.db.sqlite
        else [
            "TRUNCATE note",
            "TRUNCATE visit CASCADE",
            f"INSERT INTO note (id, {columns}) {copy} ON CONFLICT (id) DO UPDATE SET document = 'x'",
        ]
    )
    for statement in statements:
        with pytest.raises(DBAPIError):
            await raw(clinic.db, statement)
    assert await read(clinic, ana) == signed


async def test_a_draft_is_free(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await save(clinic, ana, dr_li, DRAFT, 0)
    await raw(clinic.db, "DELETE FROM note")
    assert await read(clinic, ana) is None


async def test_a_document_that_was_moved_to_another_visits_note_does_not_open(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await save(clinic, ana, dr_li, DRAFT, 0)
    await save(clinic, ben, dr_li, {}, 0)
    await raw(
        clinic.db, "UPDATE note SET document = (SELECT document FROM note WHERE visit_id = :ana) WHERE visit_id = :ben",
        ana=ana.visit, ben=ben.visit,
    )  # fmt: skip
    with pytest.raises(Undecryptable):
        await read(clinic, ben)


async def test_what_is_still_to_be_signed(
    clinic: Clinic, ana: Patient, ben: Patient, dr_li: Therapist, signed: Note
) -> None:
    async with clinic.db.read() as conn:
        assert await store.unsigned_visits(conn, [ana.visit, ben.visit]) == {ben.visit}
        assert await store.unsigned_visits(conn, []) == set()
