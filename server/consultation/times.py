"""The clock message that a page renders: instants and words for its state, nothing to reckon with but a subtraction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from server.config import Settings
from server.consultation.clock import Clock, giveable, lost_seconds
from server.formats import iso


def clock_of(row: RowMapping) -> Clock:
    return Clock(row["started_at"], row["ends_at"], row["wrap_ends_at"], row["ended_at"], row["held"])


def clock_data(row: RowMapping, settings: Settings, now: datetime) -> dict[str, Any]:
    """Fields of the ``clock`` message (``signaling/protocol.md``); instants in UTC."""
    lost = lost_seconds(row["lost_ms"], row["lost_since"], now)
    return {
        "phase": str(clock_of(row).phase(now)),
        "server_now": iso(now),
        "started_at": iso(row["started_at"]),
        "ends_at": iso(row["ends_at"]),
        "wrap_ends_at": iso(row["wrap_ends_at"]),
        "length_s": settings.visit_seconds,
        "notices": settings.notices,
        "held": row["held"],
        "lost_s": int(lost),
        "give_back": giveable(lost, row["given_back_ms"], settings.give_back_seconds) > 0
        and row["started_at"] is not None,
    }
