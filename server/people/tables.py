"""Staff, their web sessions, and patients."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text

from server.db import Encrypted, UtcTime, metadata

staff = Table(
    "staff",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("name", String(120), nullable=False),  # shown to patients: public by its purpose
    Column("role", String(16), nullable=False),
    Column("profession", String(2)),  # PT, OT or nothing
    Column("registration", String(32)),
    Column("password", Text, nullable=False),  # argon2id
    Column("language", String(2), nullable=False, server_default="en"),
    Column("demo", Boolean, nullable=False, default=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("on_duty_since", UtcTime),
    Column("duty", String(5), nullable=False, server_default="on"),  # while on duty: on, break, last (patient)
    Column("languages", String(32), nullable=False, server_default="en,fr"),  # spoken in visits: codes by commas
    Column("email", String(254)),  # where alerts go
    Column("seen_at", UtcTime),  # when a page of the desk was open last, to half a minute
    Column("version", Integer, nullable=False, default=1),
    Column("changed_at", UtcTime, nullable=False, index=True),
)

web_session = Table(
    "web_session",
    metadata,
    Column("key", String(64), primary_key=True),  # SHA-256 of the cookie's token: a stolen table signs nobody in
    Column("realm", String(8), nullable=False),
    Column("staff_id", String(22), ForeignKey("staff.id", ondelete="CASCADE"), index=True),
    Column("data", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("key", String(64), primary_key=True),  # keyed hash of who tried what
    Column("count", Integer, nullable=False),
    Column("since", UtcTime, nullable=False, index=True),
)

patient = Table(
    "patient",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("name", Encrypted, nullable=False),
    Column("name_index", String(64), nullable=False, index=True),
    Column("dob", Encrypted, nullable=False),
    Column("dob_index", String(64), nullable=False, index=True),
    Column("email", Encrypted),
    Column("created_at", UtcTime, nullable=False),
)

#: each walk-in is a new patient; staff say, after two identifiers, that it is somebody they know
patient_link = Table(
    "patient_link",
    metadata,
    Column("patient_id", String(22), ForeignKey("patient.id"), primary_key=True),
    Column("same_as", String(22), ForeignKey("patient.id"), nullable=False, index=True),
    Column("staff_id", String(22), ForeignKey("staff.id"), nullable=False),
    Column("linked_at", UtcTime, nullable=False),
)
