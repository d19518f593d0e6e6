"""What the patient's pages need besides the visit itself: what was written, the questions, the times that are free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import RowMapping

from server.audit import Actor, access
from server.booking.slots import Slot, local_day
from server.booking.store import free_slots, spoken
from server.form.questions import STEPS, controls
from server.formats import iso
from server.i18n import N_
from server.ids import new_id
from server.visit.tables import visit
from server.waitingroom import intake, messages
from server.web import DATABASE, SETTINGS

#: what a patient in pain can say with one press
QUICK = (
    N_("I’m here"),
    N_("I need five more minutes"),
    N_("I need help with my camera"),
    N_("Please call me"),
)
DAY_NAMES = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"))
#: times that are offered: so many days with any, and so many times a day
MOST_DAYS, MOST_TIMES, AHEAD_DAYS = 3, 8, 14


@dataclass(frozen=True, slots=True)
class Beside:
    """Personal things that the waiting room shows. ``values``: what the questions' controls hold; ``phone``: the last
    digits of the number to call."""

    written: Sequence[messages.Message]
    answers: intake.Intake
    values: Mapping[str, list[str]]
    phone: str


async def beside(request: web.Request, row: RowMapping) -> Beside:
    """Audited as a reading of the visit by its patient."""
    db = request.app[DATABASE]
    async with db.write() as tx:
        door = await access(
            db, tx, Actor("patient", row["patient_id"]), "read", "visit", row["id"], subject=row["patient_id"]
        )
        rows = await messages.of_visit(tx.conn, row["id"])
        saved = intake.opened(door, await intake.row_of(tx.conn, row["id"]))
    reason = door.open(visit.c.reason, row["id"], row["reason"])
    phone = door.open(visit.c.phone, row["id"], row["phone"])
    return Beside(
        [messages.opened(door, one) for one in rows], saved, controls({"B1": reason, **saved.document}), phone[-4:]
    )


def beside_context(found: Beside) -> dict[str, Any]:
    """Of ``visit/messages.html`` and ``visit/questions_form.html``."""
    return {
        "written": found.written,
        "quick": QUICK,
        "message_id": new_id(),
        "most_long": messages.MOST_LONG,
        "phone_end": found.phone,
        **questions_context(found.values, found.answers.version, found.answers.saved_at),
    }


def questions_context(
    values: Mapping[str, list[str]],
    version: int,
    saved_at: datetime | None,
    texts: Mapping[str, str] | None = None,
    replaced: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """``texts``: errors by control; ``replaced``: (label, words) of what another window had said."""
    return {
        "steps": STEPS,
        "q": {field.id: field for step in STEPS for field in step.fields},
        "answers": values,
        "intake_version": version,
        "intake_saved_at": saved_at,
        "intake_errors": texts or {},
        "replaced": replaced,
    }


def messages_data(written: Sequence[messages.Message]) -> dict[str, Any]:
    """The snapshot of kind "messages": the whole conversation, it is short."""
    return {
        "messages": [
            {"number": one.number, "side": one.side, "at": iso(one.at), "text": one.text, "name": one.name}
            for one in written
        ]
    }


async def free_times(request: web.Request, row: RowMapping) -> list[tuple[str, date, list[Slot]]]:
    """Free times by day and its name: with the visit's own therapist where there is one, else whoever is free first."""
    db, settings = request.app[DATABASE], request.app[SETTINGS]
    now = await db.now()
    async with db.read() as conn:
        found: list[Slot] = []
        language = spoken(row["language"], row["interpreter"])
        if row["for_staff"]:
            found = await free_slots(conn, settings, now, therapist=row["for_staff"], days=AHEAD_DAYS)
        if not found:
            found = await free_slots(
                conn, settings, now, profession=row["for_profession"], language=language, days=AHEAD_DAYS
            )
    zone = ZoneInfo(settings.clinic_zone)
    days: dict[date, dict[datetime, Slot]] = {}
    for slot in found:
        day = local_day(slot.starts_at, zone)
        if day not in days and len(days) == MOST_DAYS:
            break
        of_day = days.setdefault(day, {})
        if len(of_day) < MOST_TIMES:
            of_day.setdefault(slot.starts_at, slot)
    return [(DAY_NAMES[day.weekday()], day, list(times.values())) for day, times in days.items()]
