"""The visit's one row, and its timeline."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, false, text

from server.db import Encrypted, UtcTime, metadata
from server.visit.states import State

_OPEN = f"state IN ('{State.ADMITTED}', '{State.IN_SESSION}')"

visit = Table(
    "visit",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("address_hash", String(64), nullable=False, unique=True),  # SHA-256: the store does not hold the address
    Column("patient_id", String(22), ForeignKey("patient.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False, index=True),
    Column("version", Integer, nullable=False, default=1),
    Column("changed_at", UtcTime, nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("arrived_at", UtcTime),
    # what the patient said on the form
    Column("reason", Encrypted, nullable=False),
    Column("location", Encrypted, nullable=False),  # JSON: street, city, province
    Column("phone", Encrypted, nullable=False),  # E.164
    Column("emergency", Encrypted, nullable=False),  # JSON: name and phone, or declined
    Column("language", String(5), nullable=False),
    Column("page_language", String(2), nullable=False),
    Column("interpreter", Boolean, nullable=False),
    Column("consent_version", String(16), nullable=False),
    Column("consent_language", String(2), nullable=False),
    Column("consent_at", UtcTime, nullable=False),
    # admission and the clock
    Column("therapist_id", String(22), ForeignKey("staff.id"), index=True),
    Column("admitted_at", UtcTime),
    Column("confirmed_at", UtcTime),
    Column("started_at", UtcTime),
    Column("ends_at", UtcTime),
    Column("wrap_ends_at", UtcTime),
    Column("held", Boolean, nullable=False, default=False),  # a red flag of level E is open
    Column("ended_at", UtcTime),
    Column("end_reason", String(32)),
    # the call
    Column("policy", String(12)),
    Column("patient_page", String(64)),
    Column("therapist_page", String(64)),
    Column("patient_seen_at", UtcTime),
    Column("therapist_seen_at", UtcTime),
    Column("patient_media", String(10)),
    Column("therapist_media", String(10)),
    Column("path", String(10)),
    Column("lost_since", UtcTime),
    Column("lost_ms", Integer, nullable=False, default=0),
    Column("given_back_ms", Integer, nullable=False, default=0),
    Column("proof_tries", Integer, nullable=False, default=0),
    Column("phone_fallback", Boolean, nullable=False, server_default=false()),  # went on by phone at some time
    Column("phone_since", UtcTime),  # is by phone, or ended so
    Column("patient_quality", String(4)),  # good, weak or lost, as that page measured it last
    Column("therapist_quality", String(4)),
    # one therapist, one open visit
    Index(
        "uq_visit_open_therapist", "therapist_id", unique=True, sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)
    ),
)

visit_event = Table(
    "visit_event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("event", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("detail", Text),  # coded, never personal
)
