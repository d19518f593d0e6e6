"""What the wall shows: every queue and session, who is on duty, who is to come, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from server.admin.alarms import Seen, alarms
from server.audit import Access
from server.config import Settings
from server.consultation.times import clock_data
from server.desk.extras import NONE, Extras
from server.desk.snapshot import taker, waiting_data, waits_since
from server.formats import iso
from server.i18n import Translator, translator
from server.people.store import Staff
from server.visit.states import OPEN, State
from server.visit.store import Particulars
from server.waitingroom.queue import Waiting
from server.waitingroom.store import Queue

#: of what a therapist sees, the office does not: who runs the queue needs names and times, not complaints
NOT_FOR_THE_OFFICE = ("reason", "first_reason")
#: rows of one list; the newest of a longer one stand on no wall
MOST = 100


def rows_of(rows: Sequence[RowMapping], more: Mapping[str, Any]) -> list[RowMapping]:
    """Whose names stand on the wall: who waits, who is in a session, who is to come today, who is to be called."""
    every = {row["id"]: row for row in (*more.get("today", ()), *more.get("calls", ()), *rows)}
    return list(every.values())


def wall_data(
    settings: Settings,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    queue: Queue,
    staff: Sequence[Staff],
    now: datetime,
    more: Mapping[str, Any] | None = None,
    t: Translator | None = None,
    door: Access | None = None,
) -> dict[str, Any]:
    """``more``: what the boards' readers have found (alerts, today, calls, failed_mails, desk); ``t``: the viewer's;
    ``door``: the viewer's, to what the patients have written."""
    more, t = more or {}, t or translator("en")
    by_id = {row["id"]: row for row in rows if row["id"] in opened}
    running = [row for row in rows if row["state"] in OPEN and row["id"] in opened]
    here = [one for one in queue.order if one.visit in by_id and by_id[one.visit]["state"] == State.WAITING]
    calls = [row for row in more.get("calls", ()) if row["id"] in opened]
    people = {one.id: one.name for one in staff}
    sessions = [_session(settings, row, opened[row["id"]], now) for row in running]
    seen = Seen(
        waiting=here,
        running=running,
        names={key: who.name for key, who in opened.items()},
        staff=people,
        on_duty=[taker(one) for one in staff if one.on_duty_since and one.role == "therapist"],
        alerts=more.get("alerts", {}),
        asked=[one.visit for one in here if by_id[one.visit]["asked_at"]],
        calls=[row["id"] for row in calls],
        failed_mails=more.get("failed_mails", 0),
        clock_over=[one["visit"] for one in sessions if one["phase"] in ("wrap_up", "held")],
    )
    oldest = sorted(here, key=lambda one: (waits_since(one.arrived_at, one.due_at), one.visit))[:MOST]
    begun = [at for one in queue.order if (at := waits_since(one.arrived_at, one.due_at)) <= now]
    return {
        "waiting": [_waiting(one, by_id[one.visit], opened[one.visit], queue, people, more, door) for one in oldest],
        "waiting_count": len(queue.order),
        "longest_since": iso(min(begun)) if begun else None,
        "sessions": sessions,
        "staff": _staff(staff, running, opened),
        "coming": _coming(settings, more.get("today", ()), opened, people, now),
        "calls": [
            {
                "visit": row["id"],
                "name": opened[row["id"]].name,
                "phone": opened[row["id"]].phone,
                "since": iso(row["call_back_at"]),
            }
            for row in calls[:MOST]
        ],
        "alarms": [alarm.data() for alarm in alarms(seen, now, t)],
        "server_now": iso(now),
    }


def _waiting(
    one: Waiting,
    row: RowMapping,
    who: Particulars,
    queue: Queue,
    people: Mapping[str, str],
    more: Mapping[str, Any],
    door: Access | None,
) -> dict[str, Any]:
    data = waiting_data(row, who, queue.away.get(one.visit))
    alert = more.get("alerts", {}).get(one.visit)
    return {
        **{name: value for name, value in data.items() if name not in NOT_FOR_THE_OFFICE},
        "place": queue.place(one.visit),
        "target": one.staff or one.profession or "",
        "for_name": people.get(one.staff or ""),
        "alert": alert is not None and alert["seen_at"] is None and alert["level"] > 0,
        "seen_by": people.get(alert["seen_by"] or "") if alert is not None else None,
        "wrote": _wrote(one.visit, more, door),
    }


def _wrote(visit_id: str, more: Mapping[str, Any], door: Access | None) -> str:
    """What the patient has written, until staff answer."""
    extras: Extras = more.get("desk", NONE)
    last = extras.messages(door, visit_id)[-1:] if door is not None else []
    return last[0].text if last and last[0].side == "patient" else ""


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


def _staff(
    staff: Sequence[Staff], running: Sequence[RowMapping], opened: Mapping[str, Particulars]
) -> list[dict[str, Any]]:
    """Every therapist: who is on duty first, who is off last."""
    busy = {row["therapist_id"]: opened[row["id"]].name for row in running}
    found = [
        {
            "id": one.id,
            "name": one.name,
            "profession": one.profession,
            "languages": one.languages.split(","),
            "duty": one.duty if one.on_duty_since else "off",
            "on_duty_since": iso(one.on_duty_since),
            "busy_with": busy.get(one.id),
        }
        for one in staff
        if one.role == "therapist"
    ]
    return sorted(found, key=lambda one: (one["duty"] == "off" and not one["busy_with"], one["name"]))


def _coming(
    settings: Settings,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    people: Mapping[str, str],
    now: datetime,
) -> list[dict[str, Any]]:
    """Booked for the clinic's today, and not here yet."""
    zone = ZoneInfo(settings.clinic_zone)
    today = now.astimezone(zone).date()
    return [
        {
            "visit": row["id"],
            "name": opened[row["id"]].name,
            "due_at": iso(row["due_at"]),
            "for_name": people.get(row["for_staff"] or ""),
            "check": row["check_verdict"],
        }
        for row in rows
        if row["id"] in opened and row["state"] == State.BOOKED and row["due_at"].astimezone(zone).date() == today
    ][:MOST]
