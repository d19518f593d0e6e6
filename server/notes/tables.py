"""The note of a visit. Signed, it is locked: by the code, and by a trigger in the database."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from server.db import Encrypted, UtcTime, metadata

note = Table(
    "note",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, unique=True),
    Column("author_id", String(22), ForeignKey("staff.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
    Column("document", Encrypted, nullable=False),  # JSON of the form
    Column("signed_at", UtcTime),
    Column("content_sha256", String(64)),
    Column("signature", Text),  # JSON: clinician, statement, rules; no patient's data
)

#: what a signed note came to, as one code, to count by; made from the note, and could be made from it again
outcome = Table(
    "outcome",
    metadata,
    Column("visit_id", String(22), ForeignKey("visit.id"), primary_key=True),
    Column("kind", String(24), nullable=False),  # outcomes.KINDS
    Column("signed_at", UtcTime, nullable=False),
)

SQLITE_TRIGGERS = (
    "CREATE TRIGGER note_locked BEFORE UPDATE ON note WHEN OLD.signed_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a signed note is locked'); END",
    "CREATE TRIGGER note_kept BEFORE DELETE ON note WHEN OLD.signed_at IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a signed note is kept'); END",
    "CREATE TRIGGER audit_locked BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    "CREATE TRIGGER audit_kept BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
    # INSERT OR REPLACE removes the old row without asking the triggers for DELETE
    "CREATE TRIGGER note_not_replaced BEFORE INSERT ON note WHEN EXISTS (SELECT 1 FROM note WHERE signed_at IS NOT NULL"
    " AND (id = NEW.id OR visit_id = NEW.visit_id)) BEGIN SELECT RAISE(ABORT, 'a signed note is locked'); END",
    "CREATE TRIGGER audit_not_replaced BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry"
    " WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
)
POSTGRESQL_TRIGGERS = (
    "CREATE FUNCTION locked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is locked', TG_TABLE_NAME; END $$",
    "CREATE TRIGGER note_locked BEFORE UPDATE OR DELETE ON note FOR EACH ROW WHEN (OLD.signed_at IS NOT NULL) EXECUTE FUNCTION locked()",
    "CREATE TRIGGER note_emptied BEFORE TRUNCATE ON note FOR EACH STATEMENT EXECUTE FUNCTION locked()",
    "CREATE TRIGGER audit_locked BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION locked()",
    "CREATE TRIGGER audit_emptied BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION locked()",
)
