"""What the wall shows: every queue and session, and who is on duty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from server.config import Settings
from server.consultation.times import clock_data
from server.desk.snapshot import waiting_data
from server.formats import iso
from server.i18n import N_
from server.people.store import Staff
from server.visit.states import OPEN
from server.visit.store import Particulars
from server.waitingroom.store import Queue

LONG_WAIT = timedelta(minutes=15)
A_NOBODY = N_("People are waiting and nobody is on duty")
A_LONG = N_("Somebody has been waiting for more than 15 minutes")
A_LOST = N_("A session has lost its connection")
A_HELD = N_("An emergency is open in a session")


def wall_data(
    settings: Settings,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    queue: Queue,
    staff: Sequence[Staff],
    now: datetime,
) -> dict[str, Any]:
    by_id = {row["id"]: row for row in rows}
    away = timedelta(seconds=settings.away_seconds)
    # who runs the queue needs names and times; the reason is for therapists
    waiting = [
        {name: value for name, value in waiting_data(by_id[one], opened[one], now, away).items() if name != "reason"}
        for one in queue.order
        if one in opened and one in by_id
    ]
    running = [row for row in rows if row["state"] in OPEN and row["id"] in opened]
    busy = {row["therapist_id"]: opened[row["id"]].name for row in running}
    return {
        "waiting": waiting,
        "sessions": [_session(settings, row, opened[row["id"]], now) for row in running],
        "staff": [
            {
                "name": one.name,
                "profession": one.profession,
                "on_duty_since": iso(one.on_duty_since),
                "busy_with": busy.get(one.id),
            }
            for one in staff
            if one.on_duty_since
        ],
        "alarms": _alarms(rows, queue, running, now),
        "server_now": iso(now),
    }


def _session(settings: Settings, row: RowMapping, who: Particulars, now: datetime) -> dict[str, Any]:
    both = row["patient_media"] == row["therapist_media"] == "connected"
    media = "connected" if both else "lost" if row["started_at"] else "connecting"
    clock = clock_data(row, settings, now)
    return {
        "visit": row["id"],
        "patient": who.name,
        "therapist": row["therapist_name"],
        "state": row["state"],
        "admitted_at": iso(row["admitted_at"]),
        "path": row["path"],
        "media": "phone" if row["phone_since"] else media,
        "quality": _worst(row["patient_quality"], row["therapist_quality"]),
        **{name: clock[name] for name in ("phase", "started_at", "ends_at", "wrap_ends_at", "held")},
    }


def _worst(*states: str | None) -> str | None:
    """The session is as good as the worse of its two connections."""
    return next((state for state in ("lost", "weak", "good") if state in states), None)


def _alarms(rows: Sequence[RowMapping], queue: Queue, running: Sequence[RowMapping], now: datetime) -> list[str]:
    """Message ids, the most urgent first."""
    waiting = [row for row in rows if row["id"] in queue.order]
    lost = [row for row in running if row["lost_since"] and now - row["lost_since"] > timedelta(seconds=5)]
    return [
        text
        for text, so in (
            (A_HELD, any(row["held"] for row in running)),
            (A_NOBODY, bool(waiting) and not queue.on_duty),
            (A_LOST, bool(lost)),
            (A_LONG, any(row["arrived_at"] and now - row["arrived_at"] > LONG_WAIT for row in waiting)),
        )
        if so
    ]
