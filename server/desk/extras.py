"""What a therapist's page shows besides the visits' rows, read once for all pages: answers given while waiting, what
was written, the day's booked visits, and how long each queue is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access
from server.booking.tables import appointment
from server.i18n import N_, Translator
from server.visit import store as visits
from server.visit.tables import visit
from server.waitingroom import intake, messages
from server.waitingroom.intake import Short
from server.waitingroom.messages import Message
from server.waitingroom.queue import Waiting

#: a day is shown whole wherever its midnight is; the page picks the clinic's
AROUND = timedelta(hours=26)
LAST = 3  # messages in a row
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAIN = N_("pain %(n)s of 10")
NO_HELP = N_("needs no help at home")
HELP = N_("needs help at home")
GOAL = N_("wants: %(goal)s")


class Extras:
    """Sealed rows; each is opened once for all who may see it."""

    def __init__(self, intakes: Mapping[str, RowMapping], written: Mapping[str, Sequence[RowMapping]]) -> None:
        self._intakes, self._written = intakes, written
        self._short: dict[str, Short] = {}
        self._messages: dict[str, list[Message]] = {}
        self._counted: tuple[Sequence[Waiting], Counter[Waiting]] | None = None

    def short(self, door: Access, visit_id: str) -> Short | None:
        """What the patient has answered while waiting; None: nothing."""
        if visit_id not in self._intakes:
            return None
        if visit_id not in self._short:
            self._short[visit_id] = intake.short(intake.opened(door, self._intakes[visit_id]).document)
        return self._short[visit_id]

    def messages(self, door: Access, visit_id: str) -> list[Message]:
        """The last ones."""
        if visit_id not in self._messages:
            rows = self._written.get(visit_id, ())[-LAST:]
            self._messages[visit_id] = [messages.opened(door, row) for row in rows]
        return self._messages[visit_id]

    def queues(self, order: Sequence[Waiting]) -> Counter[Waiting]:
        """How many wait for whom: each kind of visit once, with its number."""
        if self._counted is None or self._counted[0] is not order:
            kinds = Counter((one.staff, one.profession, one.language, one.interpreter) for one in order)
            self._counted = order, Counter({Waiting("", LONG_AGO, None, None, *kind): n for kind, n in kinds.items()})
        return self._counted[1]


NONE = Extras({}, {})


async def extras(conn: AsyncConnection, ids: Sequence[str], now: datetime) -> Extras:
    return Extras(await intake.of_visits(conn, ids), await messages.of_visits(conn, ids))


async def today(conn: AsyncConnection, ids: Sequence[str], now: datetime) -> Sequence[RowMapping]:
    """Booked visits of about today, by slot, with their people."""
    c = appointment.c
    slots = select(c.visit_id).where(c.starts_at.between(now - AROUND, now + AROUND), c.cancelled_at.is_(None))
    rows = await visits.with_people(conn, visit.c.id.in_(slots), visit.c.due_at.is_not(None))
    return sorted(rows, key=lambda row: (row["due_at"], row["id"]))


def intake_words(short: Short, t: Translator) -> str:
    """What a patient has answered, in one line of the therapist's language."""
    parts = [t(place) for place in short.places]
    if short.pain is not None:
        parts.append(t(PAIN, n=short.pain))
    parts += [t(condition) for condition in short.conditions]
    if short.help is not None:
        parts.append(t(HELP if short.help else NO_HELP))
    if short.goal:
        parts.append(t(GOAL, goal=short.goal))
    return " · ".join(parts)
