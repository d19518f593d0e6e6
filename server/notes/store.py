"""Drafts and signed notes in the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access
from server.db import Transaction
from server.errors import PersonError
from server.ids import new_id
from server.notes.tables import note


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
    tx.changed("note", row["visit_id"], row["version"] + 1)


async def unsigned_visits(conn: AsyncConnection, visit_ids: list[str]) -> set[str]:
    """Of these visits, the ones without a signed note."""
    signed = await conn.execute(
        select(note.c.visit_id).where(note.c.visit_id.in_(visit_ids), note.c.signed_at.is_not(None))
    )
    return set(visit_ids) - set(signed.scalars())
