"""What a therapist's page shows of the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from server import formats
from server.audit import Access
from server.config import Settings
from server.consultation.times import clock_data
from server.desk.extras import NONE, Extras, intake_words
from server.formats import iso
from server.i18n import Translator
from server.people.store import Staff
from server.visit.states import OPEN, State
from server.visit.store import Particulars
from server.waitingroom.actions import offered
from server.waitingroom.queue import Therapist, Waiting, may_take, next_for, speaks
from server.waitingroom.store import Queue, waiting_of

#: while somebody's alert rings, the page hears of it again this often: a hidden tab's own timers sleep
BEAT_S = 5
#: the list of a therapist's own page; the office sees more
SHOWN = 25


def taker(staff: Staff) -> Therapist:
    return Therapist(staff.id, staff.profession, frozenset(staff.languages.split(",")))


def group_of(me: Therapist, one: Waiting, alert: RowMapping | None) -> str | None:
    """Where a visit stands on this therapist's page: yours, other (another language), offered; None: not at all."""
    if may_take(me, one):
        return "yours" if speaks(me, one) else "other"
    if alert is not None and offered(alert, one) and may_take(me, replace(one, staff=None)) and speaks(me, one):
        return "offered"
    return None


def rows_of(staff: Staff, rows: Sequence[RowMapping], more: Mapping[str, Any]) -> list[RowMapping]:
    """Whose names stand on a therapist's page: who is in their queues, their open visit, their booked visits."""
    me, alerts = taker(staff), more.get("alerts", {})
    found = {}
    for row in rows:
        mine = row["therapist_id"] == staff.id
        if row["state"] == State.WAITING:
            mine = group_of(me, waiting_of(row), alerts.get(row["id"])) is not None
        if mine:
            found[row["id"]] = row
    for row in more.get("today", ()):
        if _is_mine(row, staff.id):
            found.setdefault(row["id"], row)
    return list(found.values())


def _is_mine(row: RowMapping, staff_id: str) -> bool:
    return bool((row["therapist_id"] or row["for_staff"]) == staff_id)


def queue_data(
    settings: Settings,
    staff: Staff,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    queue: Queue,
    now: datetime,
    more: Mapping[str, Any],
    door: Access,
    t: Translator,
) -> dict[str, Any]:
    """``rows``: every visit that waits or runs; ``opened``: the particulars that this therapist may read; ``more``:
    what the boards' readers have found; ``t``: the therapist's language."""
    extras: Extras = more.get("desk", NONE)
    alerts: Mapping[str, RowMapping] = more.get("alerts", {})
    names: Mapping[str, str] = more.get("names", {})
    by_id = {row["id"]: row for row in rows if row["id"] in opened}
    mine = next((row for row in rows if row["state"] in OPEN and row["therapist_id"] == staff.id), None)
    me, on_duty = taker(staff), staff.on_duty_since is not None
    hears = on_duty and staff.duty != "break" and mine is None
    waiting: list[dict[str, Any]] = []
    first = next_for(me, queue.order, queue.away)
    due = first.visit if first is not None else None  # to be shown, however many are ahead whom the next is not
    for one in queue.order:
        if len(waiting) >= SHOWN and one.visit != due:
            if due is None:
                break
            continue
        row, alert = by_id.get(one.visit), alerts.get(one.visit)
        group = group_of(me, one, alert) if row is not None else None
        if row is None or group is None:
            continue
        who, short = opened[one.visit], extras.short(door, one.visit)
        data = waiting_data(row, who, queue.away.get(one.visit))
        data |= {
            "group": group,
            "slot": formats.time(row["due_at"], t.lang, settings.clinic_zone) if row["due_at"] else None,
            "hand_over": who.hand_over,
            "intake": intake_words(short, t) if short else "",
            "messages": [
                {"side": said.side, "name": said.name, "text": said.text, "at": iso(said.at)}
                for said in extras.messages(door, one.visit)
            ],
            "phone": who.phone if row["asked_at"] else None,
            "own": one.staff == staff.id,
            "rings": hears
            and group != "other"
            and one.visit not in queue.away
            and alert is not None
            and alert["seen_at"] is None,
            "level": alert["level"] if alert is not None else None,
            "seen_by": names.get(alert["seen_by"] or "") if alert is not None else None,
            "not_answered": names.get(one.staff or "") if group == "offered" else None,
        }
        waiting.append(data)
        due = None if one.visit == due else due
    counts = extras.queues(queue.order)
    theirs = sum(number for kind, number in counts.items() if may_take(me, kind))
    offers = sum(one["group"] == "offered" for one in waiting)
    ringing = [one["visit"] for one in waiting if one["rings"]]
    shown = {one["visit"]: one for one in waiting}
    return {
        "waiting": waiting,
        "more": max(0, theirs - (len(waiting) - offers)),
        "next": _next(first, queue, shown) if hears else None,
        "today": _today(settings, staff, more.get("today", ()), opened, queue, now, t.lang),
        "mine": opened_data(settings, mine, opened[mine["id"]], now) if mine and mine["id"] in opened else None,
        "on_duty": on_duty,
        "duty": staff.duty if on_duty else "off",
        "beat": int(now.timestamp()) // BEAT_S if ringing else 0,
        "server_now": iso(now),
    }


def _next(found: Waiting | None, queue: Queue, shown: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Whom "Admit next" admits, and who is passed over because their page is away."""
    if found is None or found.visit not in shown:
        return None
    passed = []
    for one in queue.order:
        if one.visit == found.visit:
            break
        if one.visit in shown and one.visit in queue.away and shown[one.visit]["group"] == "yours":
            passed.append(shown[one.visit]["name"])
    return {"visit": found.visit, "name": shown[found.visit]["name"], "passed": passed}


def _today(
    settings: Settings,
    staff: Staff,
    rows: Sequence[RowMapping],
    opened: Mapping[str, Particulars],
    queue: Queue,
    now: datetime,
    lang: str,
) -> list[dict[str, Any]]:
    """This therapist's booked visits of the clinic's day."""
    zone = ZoneInfo(settings.clinic_zone)
    day = now.astimezone(zone).date()
    return [
        {
            "visit": row["id"],
            "name": opened[row["id"]].name,
            "time": formats.time(row["due_at"], lang, settings.clinic_zone),
            "state": _state(row, queue, now),
        }
        for row in rows
        if row["id"] in opened and _is_mine(row, staff.id) and row["due_at"].astimezone(zone).date() == day
    ]


_WORDS = {
    State.CHECKING: "checking",
    State.ADMITTED: "now",
    State.IN_SESSION: "now",
    State.ENDED: "done",
    State.NOT_COMPLETED: "done",
    State.NO_SHOW: "missed",
    State.CANCELLED: "cancelled",
    State.LEFT: "left",
}


def _state(row: RowMapping, queue: Queue, now: datetime) -> str:
    """coming, late (the slot has begun), checking, here, away, now, done, missed, cancelled or left."""
    state = State(row["state"])
    if state == State.BOOKED:
        return "coming" if row["due_at"] > now else "late"
    if state == State.WAITING:
        return "away" if row["id"] in queue.away else "here"
    return _WORDS[state]


def waits_since(arrived: datetime, due: datetime | None) -> datetime:
    """From when on a wait counts: nobody is kept waiting who came before the slot."""
    return max(arrived, due) if due else arrived


def waiting_data(row: RowMapping, who: Particulars, away: datetime | None) -> dict[str, Any]:
    """One line of a queue. ``away``: since when the patient's page is gone; the place stays."""
    return {
        "visit": row["id"],
        "name": who.name,
        "since": iso(row["arrived_at"]),
        "waits_since": iso(waits_since(row["arrived_at"], row["due_at"])),
        "due_at": iso(row["due_at"]),
        "reason": who.reason,
        "language": row["language"],
        "interpreter": row["interpreter"],
        "away_since": iso(away),
        "asked": row["asked_at"] is not None,
        "first": row["priority_at"] is not None,
        "first_reason": who.priority_reason,
        "check": row["check_verdict"],
        "start_mode": row["start_mode"],
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
        "hand_over": who.hand_over,
        "start_mode": row["start_mode"],
        "give_back": clock_data(row, settings, now)["give_back"] and row["state"] in OPEN,
    }
