"""What a therapist's page shows of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from server.formats import iso
from server.people.store import Staff
from server.visit.states import OPEN, State
from server.visit.store import Particulars
from server.waitingroom.store import Queue


def queue_data(
    staff: Staff, rows: Sequence[RowMapping], opened: Mapping[str, Particulars], queue: Queue, now: datetime, away: timedelta
) -> dict[str, Any]:
    """``rows``: every visit that waits or runs; ``opened``: the particulars that this therapist may read."""
    by_id = {row["id"]: row for row in rows}
    waiting = [waiting_data(by_id[visit_id], opened[visit_id], now, away) for visit_id in queue.order if visit_id in opened and visit_id in by_id]
    mine = next((row for row in rows if row["state"] in OPEN and row["therapist_id"] == staff.id), None)
    return {
        "waiting": waiting,
        "mine": {"visit": mine["id"], "name": opened[mine["id"]].name, "state": mine["state"]} if mine and mine["id"] in opened else None,
        "on_duty": staff.on_duty_since is not None,
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
