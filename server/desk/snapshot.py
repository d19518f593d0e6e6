"""What a therapist's page shows of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from server.config import Settings
from server.consultation.times import clock_data
from server.formats import iso
from server.people.store import Staff
from server.visit.states import OPEN, State
from server.visit.store import Particulars
from server.waitingroom.store import Queue


def queue_data(
    settings: Settings,
    staff: Staff,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    queue: Queue,
    now: datetime,
) -> dict[str, Any]:
    """``rows``: every visit that waits or runs; ``opened``: the particulars that this therapist may read."""
    away = timedelta(seconds=settings.away_seconds)
    by_id = {row["id"]: row for row in rows if row["id"] in opened}
    mine = next((row for row in rows if row["state"] in OPEN and row["therapist_id"] == staff.id), None)
    return {
        "waiting": [waiting_data(by_id[one], opened[one], now, away) for one in queue.order if one in by_id],
        "mine": opened_data(settings, mine, opened[mine["id"]], now) if mine and mine["id"] in opened else None,
        "on_duty": staff.on_duty_since is not None,
        "server_now": iso(now),
    }


def waiting_data(row: RowMapping, who: Particulars, now: datetime, away: timedelta) -> dict[str, Any]:
    """One line of a queue. ``away_since``: the patient's page has been silent; the place stays."""
    seen = row["patient_seen_at"]
    return {
        "visit": row["id"],
        "name": who.name,
        "since": iso(row["arrived_at"]),
        "reason": who.reason,
        "language": row["language"],
        "interpreter": row["interpreter"],
        "away_since": iso(seen) if row["state"] == State.WAITING and seen and now - seen > away else None,
        "version": row["version"],
    }


def opened_data(settings: Settings, row: RowMapping, who: Particulars, now: datetime) -> dict[str, Any]:
    """The head of a visit that is open on a therapist's page."""
    place = [who.location.get(part, "") for part in ("street", "city", "province")]
    return {
        "visit": row["id"],
        "name": who.name,
        "state": row["state"],
        "reason": who.reason,
        "language": row["language"],
        "interpreter": row["interpreter"],
        "phone": who.phone,
        "location": ", ".join(part.removeprefix("CA-") for part in place if part),
        "give_back": clock_data(row, settings, now)["give_back"] and row["state"] in OPEN,
    }
