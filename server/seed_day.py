"""A day of appointments around now for the invented clinic: over, missed, still to come. Never in production."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from server.audit import Actor, access
from server.booking import store
from server.booking.slots import SLOT
from server.booking.store import Booking
from server.booking.tables import appointment
from server.db import Database, Transaction
from server.people.tables import staff
from server.visit import store as visits
from server.visit.consent import CURRENT
from server.visit.states import Event
from server.visit.tables import visit


class Booked(NamedTuple):
    """``slot``: how many slots from the one that runs now; ``outcome``: of those before it."""

    therapist: str
    slot: int
    name: str
    dob: date
    reason: str
    language: str = "en"
    email: str | None = None
    outcome: str = ""  # "ended", "no_show", or nothing: still booked


DAY = (
    Booked("li", -6, "Walter Szabo", date(1949, 2, 11), "My left knee gives way on the stairs", outcome="ended"),
    Booked("li", -3, "Imani Brooks", date(1987, 9, 30), "Stiff neck since I work from home", outcome="no_show"),
    Booked("li", -1, "Dorothy Whitfield", date(1941, 5, 3), "I fell twice this month"),
    Booked(
        "li", 1, "Marcus Oyelaran", date(1972, 12, 19), "Back pain when I stand for long", email="marcus@example.ca"
    ),
    Booked("li", 3, "Sofia Lindgren", date(1995, 4, 8), "My ankle after a sprain"),
    Booked("okafor", -5, "Gérard Pelletier", date(1953, 7, 22), "Douleur à la hanche la nuit", "fr", outcome="ended"),
    Booked("okafor", -2, "Ruth Abernathy", date(1938, 1, 15), "My balance is worse than last year", outcome="ended"),
    Booked("okafor", 1, "Tomasz Wolski", date(1966, 10, 2), "Shoulder hurts when I reach up"),
    Booked("okafor", 4, "Chantal Gagné", date(1979, 3, 27), "Mal au bas du dos", "fr", email="chantal@example.ca"),
    Booked(
        "tremblay", -4, "Huguette Lafleur", date(1944, 8, 5), "J’ai du mal à m’habiller seule", "fr", outcome="ended"
    ),
    Booked("tremblay", 0, "Normand Fortier", date(1957, 11, 13), "Ma main tremble quand j’écris", "fr"),
    Booked("tremblay", 2, "Leila Haidari", date(1983, 6, 17), "Numb fingers when I type"),
    Booked("tremblay", 5, "Yvette Caron", date(1950, 12, 1), "Je n’arrive plus à ouvrir les pots", "fr"),
    Booked("haddad", -4, "Percy Donnelly", date(1946, 4, 29), "Getting in and out of the bath", outcome="no_show"),
    Booked("haddad", -2, "Anjali Menon", date(1990, 2, 24), "Wrist pain with my baby", outcome="ended"),
    Booked("haddad", 2, "Frances Kowalchuk", date(1935, 9, 9), "I am afraid to fall in my kitchen"),
    Booked("haddad", 6, "Devon Clarke", date(2001, 7, 14), "Tired after a concussion"),
)


async def seed_day(db: Database) -> bool:
    """Book :data:`DAY`, unless there are appointments around now already. False: there are."""
    now = await db.now()
    here = now - timedelta(seconds=now.timestamp() % SLOT.total_seconds())
    async with db.read() as conn:
        c = appointment.c
        around = c.starts_at.between(here - 8 * SLOT, here + 8 * SLOT)
        if await conn.scalar(select(c.id).where(around).limit(1)):
            return False
        found = await conn.execute(select(staff.c.username, staff.c.id).where(staff.c.demo, staff.c.active))
        people = {row.username: row.id for row in found}
    wanted = [one for one in DAY if one.therapist in people]
    async with db.write() as tx:
        for number, one in enumerate(wanted):
            await _book(db, tx, one, here + one.slot * SLOT, people[one.therapist], people.get("reception"), number)
    return bool(wanted)


async def _book(
    db: Database, tx: Transaction, one: Booked, at: datetime, therapist: str, desk: str | None, number: int
) -> None:
    booking = Booking(
        name=one.name, dob=one.dob, phone=f"+1416555{200 + number:04}", reason=one.reason, language=one.language,
        page_language=one.language, interpreter=False, email=one.email,
    )  # fmt: skip
    made = await store.place(
        db, replace(tx, now=tx.now - timedelta(days=2)), booking, therapist, at, Actor("staff", desk or therapist)
    )
    if one.outcome == "no_show":
        await visits.change(
            replace(tx, now=at + SLOT), made.visit_id, Event.MISS, Actor("staff", desk or therapist),
            ended_at=at + SLOT, end_reason="no_show",
        )  # fmt: skip
    elif one.outcome == "ended":
        await _held(db, tx, made, at, therapist)


async def _held(db: Database, tx: Transaction, made: store.Booked, at: datetime, therapist: str) -> None:
    """The visit from arriving to its end, each step at its own time."""
    key, ana, who = made.visit_id, Actor("patient", made.patient_id), Actor("staff", therapist)
    door = await access(db, tx, ana, "change", "visit", key, subject=made.patient_id)
    place = {"street": "12 Alder Street", "city": "Toronto", "province": "CA-ON"}
    answers: dict[str, Any] = {
        "location": door.seal(visit.c.location, key, json.dumps(place)),
        "emergency": door.seal(visit.c.emergency, key, "{}"),
        "consent_version": CURRENT.version,
        "consent_language": "en",
        "consent_at": at - timedelta(minutes=9),
    }
    begins, ends = at + timedelta(minutes=2), at + timedelta(minutes=21)

    def then(minutes: float) -> Transaction:
        return replace(tx, now=at + timedelta(minutes=minutes))

    await visits.update_row(then(-9), key, "details_given", ana, **answers)
    came: Mapping[str, Any] = {"arrived_at": at - timedelta(minutes=6), "patient_seen_at": ends}
    await visits.change(then(-6), key, Event.ARRIVE, ana, **came)
    await visits.change(
        then(1), key, Event.ADMIT, who, therapist_id=therapist, admitted_at=at + timedelta(minutes=1), policy="relay"
    )
    await visits.change(
        then(2), key, Event.CONFIRM, ana, confirmed_at=begins, started_at=begins, path="relay",
        ends_at=begins + timedelta(minutes=20), wrap_ends_at=begins + timedelta(minutes=22),
    )  # fmt: skip
    await visits.change(then(21), key, Event.END, who, ended_at=ends, end_reason="therapist")
