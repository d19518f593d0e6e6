"""What the call leaves in SQL: the relay's entries (Redis holds a copy), the mailbox for when Redis is away, what was
written during the visit, who else took part, and how good the connection was."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, UniqueConstraint

from server.db import Encrypted, UtcTime, metadata

relay_call = Table(
    "relay_call",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("blob", Encrypted, nullable=False),  # sealed entry, base64; it holds ICE passwords
    Column("expires_at", UtcTime, nullable=False, index=True),
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("node", String(32), nullable=False),  # who wrote it: a node does not read its own
    Column("channel", String(16), nullable=False),
    Column("payload", Encrypted, nullable=False),  # base64; it holds ICE passwords and addresses
    Column("at", UtcTime, nullable=False, index=True),
)

chat_message = Table(
    "chat_message",
    metadata,
    Column("visit_id", String(22), ForeignKey("visit.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1 in each visit, in the order of the commits
    Column("id", String(22), nullable=False),  # drawn by the page: what is sent again is stored once
    Column("role", String(9), nullable=False),
    Column("author", String(22), nullable=False),  # patient's or therapist's id
    Column("at", UtcTime, nullable=False, index=True),
    Column("text", Encrypted, nullable=False),
    UniqueConstraint("visit_id", "role", "id"),
)

guest = Table(
    "guest",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # interpreter, carer, therapist: what they are, not who
    Column("address_hash", String(64), nullable=False, unique=True),  # SHA-256, as the visit's own
    Column("page", String(64)),  # current page instance
    Column("invited_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)

quality_sample = Table(
    "quality_sample",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("role", String(9), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("loss_in", Integer),  # percent
    Column("loss_out", Integer),
    Column("rtt_ms", Integer),
    Column("jitter_ms", Integer),
    Column("kbps_in", Integer),
    Column("kbps_out", Integer),
    Column("state", String(4), nullable=False),
    Column("path", String(10)),
)
