"""The visit's one row, and its timeline."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, false, text

from server.db import Encrypted, UtcTime, metadata
from server.visit.states import State

_TO_CALL = "call_back_at IS NOT NULL AND called_back_at IS NULL"
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
    Column("arrived_at", UtcTime, index=True),
    # what the patient said on the form
    Column("reason", Encrypted, nullable=False),
    Column("location", Encrypted),  # JSON: street, city, province; a booked patient says it on the day
    Column("phone", Encrypted, nullable=False),  # E.164
    Column("emergency", Encrypted),  # JSON: name and phone, or declined
    Column("language", String(5), nullable=False),
    Column("page_language", String(2), nullable=False),
    Column("interpreter", Boolean, nullable=False),
    Column("consent_version", String(16)),
    Column("consent_language", String(2)),
    Column("consent_at", UtcTime),
    # its place in the queue (waitingroom/queue.py)
    Column("due_at", UtcTime, index=True),  # when a booked visit's slot begins
    Column("for_staff", String(22), ForeignKey("staff.id")),  # this therapist's own queue; none: the pool
    Column("for_profession", String(2)),  # PT or OT; none: either
    Column("priority_at", UtcTime),  # staff have put the visit first, then
    Column("priority_reason", Encrypted),
    Column("hand_over", Encrypted),  # a therapist's line for the next one
    # what else is true of who waits
    Column("patient_node", String(22)),  # the web node that has the patient's page open: presence, see `node`
    Column("check_verdict", String(4)),  # of the last connection check: good, fair, bad
    Column("start_mode", String(9)),  # what it suggests: video, low_video, audio, phone
    Column("asked_at", UtcTime),  # staff were asked what to do about a patient who is away
    Column("nobody_at", UtcTime),  # the last therapist left while this patient waited
    Column("call_back_at", UtcTime),  # the patient asked for a call instead
    Column("called_back_at", UtcTime),  # and got it
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
    # who is still to be called
    Index("ix_visit_to_call", "call_back_at", sqlite_where=text(_TO_CALL), postgresql_where=text(_TO_CALL)),
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
