"""Who saw or changed whose personal data, when. The only door to an encrypted column.

``await access(...)`` writes the audit row in the caller's transaction and hands back the :class:`Access` that opens and
seals values. No row, no access; no commit, no row.

Ask for it before any row is locked: the chain has one turn at a time, and two transactions that take both in different
orders would wait for each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, String, Table, Text, insert, select, text

from server.crypto import FieldCipher
from server.db import Ciphertext, Database, Transaction, UtcTime, metadata

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("record", String(32), nullable=False),
    Column("record_id", String(64), nullable=False),
    Column("subject", String(64), index=True),  # whose record: the patient's id
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("note", Text),
)


@dataclass(frozen=True, slots=True)
class Actor:
    kind: Literal["patient", "staff", "guest", "system"]
    id: str


SYSTEM = Actor("system", "system")


class Access:
    """Opens and seals the personal fields of one record."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    @overload
    def open(self, column: ColumnElement[str], row: str, value: None) -> None: ...
    @overload
    def open(self, column: ColumnElement[str], row: str, value: Ciphertext) -> str: ...
    def open(self, column: ColumnElement[str], row: str, value: Ciphertext | None) -> str | None:
        return None if value is None else self._cipher.decrypt(value, _place(column, row))

    @overload
    def seal(self, column: ColumnElement[str], row: str, text: None) -> None: ...
    @overload
    def seal(self, column: ColumnElement[str], row: str, text: str) -> Ciphertext: ...
    def seal(self, column: ColumnElement[str], row: str, text: str | None) -> Ciphertext | None:
        return None if text is None else Ciphertext(self._cipher.encrypt(text, _place(column, row)))

    def blind_index(self, value: str, field: str) -> str:
        return self._cipher.blind_index(value, field)


def _place(column: ColumnElement[str], row: str) -> str:
    assert isinstance(column, Column)
    assert column.table is not None
    return f"{column.table.name}.{column.name}.{row}"


async def access(
    db: Database,
    tx: Transaction,
    actor: Actor,
    action: str,
    record: str,
    record_id: str,
    *,
    subject: str | None = None,
    note: str | None = None,
) -> Access:
    """One audit entry, chained to the one before by its SHA-256, and the key to the record.

    ``action`` is a verb ("read", "create", "change", "sign", …); ``note`` never holds personal data.
    """
    return await _chain(db, tx, [(actor, action, record, record_id, subject, note)])


async def _chain(
    db: Database, tx: Transaction, entries: Sequence[tuple[Actor, str, str, str, str | None, str | None]]
) -> Access:
    """(actor, action, record, record_id, subject, note) of each entry, in order."""
    if not db.sqlite:  # SQLite has one writer; here the chain needs its own turn
        await tx.conn.execute(text("SELECT pg_advisory_xact_lock(20)"))
    previous = await tx.conn.scalar(select(audit_entry.c.hash).order_by(audit_entry.c.seq.desc()).limit(1)) or "0" * 64
    rows = []
    for actor, action, record, record_id, subject, note in entries:
        values = {
            "at": tx.now,
            "actor_kind": actor.kind,
            "actor": actor.id,
            "action": action,
            "record": record,
            "record_id": record_id,
            "subject": subject,
            "note": note,
        }
        hashed = chain_hash(previous, values)
        rows.append({**values, "previous": previous, "hash": hashed})
        previous = hashed
    # one by one on PostgreSQL too: the numbers of the chain follow its order
    await tx.conn.execute(insert(audit_entry), rows)
    return Access(db.cipher)


def chain_hash(previous: str, values: Mapping[str, object]) -> str:
    """SHA-256 over the hash before and the entry's canonical JSON."""
    body = json.dumps([previous, values], sort_keys=True, separators=(",", ":"), default=lambda at: at.isoformat())
    return hashlib.sha256(body.encode()).hexdigest()


async def first_broken(db: Database) -> int | None:
    """``seq`` of the first entry that was changed, or whose predecessor was removed; None if the chain holds."""
    previous = "0" * 64
    async with db.read() as conn:
        for row in (await conn.execute(select(audit_entry).order_by(audit_entry.c.seq))).mappings():
            values = {
                key: row[key]
                for key in ("at", "actor_kind", "actor", "action", "record", "record_id", "subject", "note")
            }
            if row["previous"] != previous or row["hash"] != chain_hash(previous, values):
                return int(row["seq"])
            previous = str(row["hash"])
    return None


class Viewing:
    """One viewer's open page on several records: each record leaves one audit entry, when it is first shown."""

    def __init__(self, db: Database, actor: Actor, action: str) -> None:
        self._db, self._actor, self._action = db, actor, action
        self._shown: set[str] = set()

    async def door(self, records: Mapping[str, str]) -> Access:
        """``records``: visit id -> patient id, everything that is about to be shown."""
        return await show(self._db, [(self, records)])

    def fresh(self, records: Mapping[str, str]) -> list[tuple[Actor, str, str, str, str | None, str | None]]:
        """The entries of what has not been shown yet."""
        return [
            (self._actor, self._action, "visit", record, records[record], None)
            for record in sorted(records.keys() - self._shown)
        ]

    def seen(self, records: Mapping[str, str]) -> None:
        self._shown |= records.keys()


async def show(db: Database, boards: Sequence[tuple[Viewing, Mapping[str, str]]]) -> Access:
    """:meth:`Viewing.door` for many viewers: what is about to be shown to all of them, in one transaction."""
    entries = [entry for viewing, records in boards for entry in viewing.fresh(records)]
    if entries:
        async with db.write() as tx:
            await _chain(db, tx, entries)
        for viewing, records in boards:
            viewing.seen(records)
    return Access(db.cipher)
