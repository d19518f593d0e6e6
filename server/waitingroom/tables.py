"""What waiting leaves in SQL: who is present, the connection checks, the intake, what was said, alerts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, UniqueConstraint

from server.db import Encrypted, UtcTime, metadata

#: a web node's sign of life. A patient is present while their visit names a node that lives: one row a node is written
#: now and then instead of one row a patient
node = Table(
    "node",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("seen_at", UtcTime, nullable=False),
)

connection_check = Table(
    "connection_check",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("udp", Boolean),  # whether the way opened; none: not tried
    Column("tcp", Boolean),
    Column("rtt_ms", Integer),
    Column("jitter_ms", Integer),
    Column("loss", Integer),  # percent, the worse of both ways
    Column("kbps_up", Integer),  # from the patient
    Column("kbps_down", Integer),
    Column("verdict", String(4), nullable=False),  # good, fair, bad
    Column("start_mode", String(9), nullable=False),  # video, low_video, audio, phone
    Column("trouble", String(16)),  # a code of what is wrong, e.g. udp_blocked, nothing_works, slow_up
)

intake = Table(
    "intake",
    metadata,
    Column("visit_id", String(22), ForeignKey("visit.id"), primary_key=True),
    Column("document", Encrypted, nullable=False),  # JSON, field ids of the note form
    Column("version", Integer, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
)

wait_message = Table(
    "wait_message",
    metadata,
    Column("visit_id", String(22), ForeignKey("visit.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1 in each visit
    Column("id", String(22), nullable=False),  # drawn by the page: what is sent again is stored once
    Column("side", String(7), nullable=False),  # staff or patient
    Column("author", String(22), nullable=False),  # staff's or patient's id
    Column("at", UtcTime, nullable=False),
    Column("text", Encrypted, nullable=False),
    UniqueConstraint("visit_id", "id"),
)

#: one a visit that waits: how far the alert has gone, and who has seen it
alert = Table(
    "alert",
    metadata,
    Column("visit_id", String(22), ForeignKey("visit.id"), primary_key=True),
    Column("raised_at", UtcTime, nullable=False, index=True),
    Column("level", Integer, nullable=False),  # 0 sound and notification, 1 mail, 2 offered to others, 3 the wall
    Column("next_at", UtcTime, index=True),  # when it goes further; none: seen, or the last level
    Column("seen_at", UtcTime),
    Column("seen_by", String(22), ForeignKey("staff.id")),
    Column("told", String(6)),  # whom it has really reached (escalation.told_of); none: nobody could hear it yet
)
