"""One visit, told in order; what the office can do with it without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server.admin import charts, store, timeline
from server.admin.words import stopwatch
from server.audit import Actor, access
from server.errors import PersonError
from server.i18n import N_, Translator, translator
from server.people.store import all_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.waitingroom import alerts, messages
from server.web import DATABASE, SETTINGS, page

_SECOND = timedelta(seconds=1)
#: places along a quality chart; more would touch each other
MOST_SAMPLES = 60
STATES = {
    State.BOOKED: N_("booked"),
    State.CHECKING: N_("checking camera and microphone"),
    State.WAITING: N_("waiting"),
    State.ADMITTED: N_("admitted"),
    State.IN_SESSION: N_("in session"),
    State.ENDED: N_("ended"),
    State.NOT_COMPLETED: N_("not completed"),
    State.LEFT: N_("left"),
    State.NO_SHOW: N_("no-show"),
    State.CANCELLED: N_("cancelled"),
}


async def show(request: web.Request) -> web.StreamResponse:
    """The page. Reading whom it was with, and what was written, is audited."""
    db, staff, visit_id = request.app[DATABASE], request["staff"], request.match_info["visit"]
    async with db.read() as conn:
        row = await visits.by_id(conn, visit_id)
    if row is None:
        raise PersonError("no_such_visit")
    async with db.write() as tx:
        actor = Actor("staff", staff.id)
        door = await access(db, tx, actor, "read", "visit", visit_id, subject=row["patient_id"], note="timeline")
        told = await store.story(tx.conn, visit_id)
        people = await all_staff(tx.conn)
        alert = (await alerts.of_visits(tx.conn, [visit_id])).get(visit_id)
    who = visits.particulars(door, told.row)
    written = await messages.whole(db, visit_id, row["patient_id"], actor)
    values = {
        **await _values(request, told, written),
        "name": who.name,
        "phone": who.phone if told.row["call_back_at"] or told.row["asked_at"] else None,
        "priority_reason": who.priority_reason,
        "kinds": _kinds(told.row, may_write=messages.may_be_written_to(told.row, await db.now()), alert=alert),
        "therapists": [(one.id, one.name, one.profession) for one in people if one.role == "therapist"],
    }
    return page(request, "admin/visit.html", values)


def _kinds(row: RowMapping, *, may_write: bool, alert: RowMapping | None) -> list[str]:
    """Which acts fit the visit now (``macros/office_acts.html``)."""
    waiting = row["state"] == State.WAITING
    fits = {
        "waiting": waiting,
        "booked": may_write and not waiting,
        "first": waiting and row["priority_at"] is not None,
        "asked": waiting and row["asked_at"] is not None,
        "alert": waiting and alert is not None and alert["level"] > 0 and alert["seen_at"] is None,
        "open": row["state"] in OPEN,
        "call": row["call_back_at"] is not None and row["called_back_at"] is None,
    }
    return [kind for kind, so in fits.items() if so]


async def events(request: web.Request) -> web.StreamResponse:
    """What the page replaces while it stays open: nothing of whom it was with; reading what was
    written is audited. 204: nothing new since ``version``."""
    db, visit_id = request.app[DATABASE], request.match_info["visit"]
    async with db.read() as conn:
        version = await store.version_of(conn, visit_id)
        if version is None:
            raise PersonError("no_such_visit")
        if request.query.get("version") == str(version):
            return web.Response(status=204)
        told = await store.story(conn, visit_id)
    actor = Actor("staff", request["staff"].id)
    written = await messages.whole(db, visit_id, told.row["patient_id"], actor)
    return page(request, "admin/visit_parts.html", await _values(request, told, written))


async def _values(request: web.Request, told: store.Story, written: Sequence[messages.Message]) -> dict[str, Any]:
    db, settings, lang = request.app[DATABASE], request.app[SETTINGS], request["lang"]
    t, row = translator(lang), told.row
    now = await db.now()
    ids = {one.actor for one in told.happened if one.actor_kind == "staff"}
    ids |= {str(value) for one in told.happened for name, value in one.detail.items() if name == "for_staff"}
    ids |= {row["for_staff"]} if row["for_staff"] else set()
    async with db.read() as conn:
        people = {key: name for key, (name, _) in (await store.names(conn, sorted(ids))).items()}
        version = await store.version_of(conn, row["id"])
    zone = ZoneInfo(settings.clinic_zone)
    lines = timeline.lines(told.happened, people, t)
    return {
        "visit": row,
        "version": version,
        "state": STATES[State(row["state"])],
        "end_reason": timeline.VALUES["reason"].get(row["end_reason"] or "", ""),
        "for_staff": people.get(row["for_staff"] or ""),
        "written": written,
        "lines": [(line, line.at.astimezone(zone)) for line in lines],
        "course": timeline.course(row, told.happened, now),
        "check": told.check,
        "slot": told.slot,
        "quality": _quality(told.samples, t, zone) if told.samples else None,
        "stopwatch": stopwatch,
        "VALUES": timeline.VALUES,
    }


def _quality(samples: Sequence[RowMapping], t: Translator, zone: ZoneInfo) -> Mapping[str, charts.Chart]:
    """Loss and round trip of both sides, over the same times."""
    begin = min(row["at"] for row in samples)
    span = max((max(row["at"] for row in samples) - begin).total_seconds(), 1)
    count = min(MOST_SAMPLES, int(span // 5) + 1)
    places = [begin + (n * span / count) * _SECOND for n in range(count)]
    axis = charts.Axis([f"{at.astimezone(zone):%H:%M}" for at in places])

    def series(role: str, column: str, kind: str, shape: charts.Shape) -> charts.Series:
        worst: list[float | None] = [None] * count
        for row in samples:
            if row["role"] == role and row[column] is not None:
                n = min(count - 1, int((row["at"] - begin).total_seconds() * count / span))
                worst[n] = max(worst[n] or 0, row[column])
        return charts.Series(t(timeline.VALUES["role"][role]), kind, worst, shape)

    def both(column: str) -> charts.Chart:
        sides = [series("patient", column, "a", "circle"), series("therapist", column, "b", "triangle")]
        return charts.lines(axis, sides)

    return {"loss": both("loss_in"), "rtt": both("rtt_ms")}
