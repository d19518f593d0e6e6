"""Drafts and signed notes in the record."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import SYSTEM, Access, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.ids import new_id
from server.notes.outcomes import kind_of
from server.notes.tables import note, outcome


@dataclass(frozen=True, slots=True)
class Note:
    """One visit's note. ``document`` is the form's JSON, ``version`` 0 before the first save."""

    id: str
    visit_id: str
    author_id: str
    version: int
    document: dict[str, Any]
    saved_at: datetime | None
    signed_at: datetime | None
    content_sha256: str | None
    signature: dict[str, Any] | None


async def row_of(conn: AsyncConnection, visit_id: str) -> RowMapping | None:
    return (await conn.execute(select(note).where(note.c.visit_id == visit_id))).mappings().first()


def opened(door: Access, row: RowMapping) -> Note:
    return Note(
        id=row["id"],
        visit_id=row["visit_id"],
        author_id=row["author_id"],
        version=row["version"],
        document=json.loads(door.open(note.c.document, row["id"], row["document"])),
        saved_at=row["saved_at"],
        signed_at=row["signed_at"],
        content_sha256=row["content_sha256"],
        signature=json.loads(row["signature"]) if row["signature"] else None,
    )


async def save(
    tx: Transaction, door: Access, visit_id: str, author_id: str, document: dict[str, Any], base_version: int
) -> int:
    """Keep a draft that was typed on top of ``base_version``; the new version.

    A draft belongs to whoever has the visit: after a hand-over the next therapist goes on with it and is its author.

    Raises ``note_changed`` when another window was first, ``note_signed`` when it is locked. Nothing is lost: the page
    still has the text.
    """
    row = (await tx.conn.execute(select(note).where(note.c.visit_id == visit_id).with_for_update())).mappings().first()
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    if row is None:
        if base_version != 0:
            raise PersonError("note_changed")
        note_id = new_id()
        await tx.conn.execute(
            insert(note).values(
                id=note_id,
                visit_id=visit_id,
                author_id=author_id,
                version=1,
                saved_at=tx.now,
                document=door.seal(note.c.document, note_id, text),
            )
        )
        tx.changed("note", visit_id, 1)
        return 1
    check_open(row)
    if row["version"] != base_version:
        raise PersonError("note_changed")
    await tx.conn.execute(
        update(note)
        .where(note.c.id == row["id"], note.c.version == base_version, note.c.signed_at.is_(None))
        .values(
            version=base_version + 1,
            author_id=author_id,
            saved_at=tx.now,
            document=door.seal(note.c.document, row["id"], text),
        )
    )
    tx.changed("note", visit_id, base_version + 1)
    return base_version + 1


def check_open(row: RowMapping) -> None:
    if row["signed_at"] is not None:
        raise PersonError("note_signed")


async def lock(
    tx: Transaction,
    door: Access,
    row: RowMapping,
    document: dict[str, Any],
    sha256: str,
    signature: dict[str, Any],
) -> None:
    """Sign: the last change this row ever sees (a trigger refuses any other)."""
    done = await tx.conn.execute(
        update(note)
        .where(note.c.id == row["id"], note.c.version == row["version"], note.c.signed_at.is_(None))
        .values(
            version=row["version"] + 1,
            signed_at=tx.now,
            saved_at=tx.now,
            document=door.seal(note.c.document, row["id"], json.dumps(document, ensure_ascii=False, sort_keys=True)),
            content_sha256=sha256,
            signature=json.dumps(signature, sort_keys=True),
        )
        .returning(note.c.id)
    )
    if done.first() is None:
        raise PersonError("note_changed")
    await _count(tx, row, document, tx.now)
    tx.changed("note", row["visit_id"], row["version"] + 1)


async def count_signed(db: Database, visit_ids: Sequence[str]) -> None:
    """Outcomes of notes that were signed before there were outcomes: each is read once, and that is audited."""
    for visit_id in visit_ids:
        async with db.write() as tx:
            door = await access(db, tx, SYSTEM, "count", "note", visit_id)
            row = await row_of(tx.conn, visit_id)
            if row is None or row["signed_at"] is None:
                continue
            with contextlib.suppress(IntegrityError):  # another reader of the history was first
                async with tx.conn.begin_nested():
                    await _count(tx, row, opened(door, row).document, row["signed_at"])


async def _count(tx: Transaction, row: RowMapping, document: dict[str, Any], at: datetime) -> None:
    await tx.conn.execute(insert(outcome).values(visit_id=row["visit_id"], kind=kind_of(document), signed_at=at))


async def unsigned_visits(conn: AsyncConnection, visit_ids: list[str]) -> set[str]:
    """Of these visits, the ones without a signed note."""
    signed = await conn.execute(
        select(note.c.visit_id).where(note.c.visit_id.in_(visit_ids), note.c.signed_at.is_not(None))
    )
    return set(visit_ids) - set(signed.scalars())
