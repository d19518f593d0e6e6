"""Appointments: a visit's slot with a therapist."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, text

from server.db import UtcTime, metadata

_STANDS = "cancelled_at IS NULL"

appointment = Table(
    "appointment",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("visit_id", String(22), ForeignKey("visit.id"), nullable=False, index=True),
    Column("therapist_id", String(22), ForeignKey("staff.id"), nullable=False),
    Column("starts_at", UtcTime, nullable=False, index=True),  # on the grid of slots
    Column("ends_at", UtcTime, nullable=False),
    Column("booked_by", String(22), ForeignKey("staff.id")),  # none: the patient
    Column("booked_at", UtcTime, nullable=False),
    Column("cancelled_at", UtcTime),
    # no double booking
    Index(
        "uq_appointment_slot",
        "therapist_id",
        "starts_at",
        unique=True,
        sqlite_where=text(_STANDS),
        postgresql_where=text(_STANDS),
    ),
)
