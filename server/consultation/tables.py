"""What the call leaves in SQL: the relay's entries (Redis holds a copy), and the mailbox for when Redis is away."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

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
