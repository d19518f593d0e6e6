"""What patients' pages and clocks are made from: one card a visit whose pages are open on this node.

A card is read when its visit's row has changed, many in one query, and kept: that ten thousand people hear of their new
place takes no SQL. It holds what the patient may see of the row, nothing sealed.

**To show a patient something from another table**: write a reader (a function of your store that takes the database, a
connection and rows, and gives a value by visit, for all of them in one query), name it in ``READERS``, and take it from
``more["name"]`` in :func:`server.patient.snapshot.visit_data`. Whoever changes that table says
``tx.changed("visit", visit_id, version)``: that makes the card be read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Viewing
from server.db import Database, Encrypted
from server.notes.store import unsigned_visits
from server.people.tables import staff
from server.visit import store as visits
from server.visit.states import OPEN, OVER, State
from server.visit.tables import visit
from server.waitingroom import alerts

MOST_IDS = 500  # in one query
COLUMNS = [
    column for column in visit.c if not isinstance(column.type, Encrypted) and column is not visit.c.address_hash
]

Reader = Callable[[Database, AsyncConnection, Sequence[RowMapping]], Awaitable[Mapping[str, Any]]]


async def signed(db: Database, conn: AsyncConnection, rows: Sequence[RowMapping]) -> Mapping[str, Any]:
    """Whether the visit's note is signed: there is a summary."""
    over = [row["id"] for row in rows if row["state"] in OVER]
    unsigned = await unsigned_visits(conn, over) if over else set()
    return {key: key not in unsigned for key in over}


async def alert(db: Database, conn: AsyncConnection, rows: Sequence[RowMapping]) -> Mapping[str, Any]:
    """The therapists' alert for who waits: the patient is told what is true of it."""
    return await alerts.of_visits(conn, [row["id"] for row in rows if row["state"] == State.WAITING])


#: by name; nothing for a visit: the name is not in its ``more``
READERS: dict[str, Reader] = {"signed": signed, "alert": alert}


class Row(Mapping[str, Any]):
    """A row that shares its columns' names with all others: one of SQLAlchemy's keeps those of its own query."""

    __slots__ = ("_values",)
    places: ClassVar[dict[str, int]] = {}

    def __init__(self, row: RowMapping) -> None:
        if not self.places:
            self.places.update({str(name): place for place, name in enumerate(row)})
        self._values = tuple(row.values())

    def __getitem__(self, name: str) -> Any:
        return self._values[self.places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(slots=True)
class Card:
    """``row``: the visit's open columns and its therapist's name; ``more``: what the readers have found."""

    row: RowMapping
    more: dict[str, Any] = field(default_factory=dict)


class Cards:
    """One a node."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cards: dict[str, Card] = {}
        self._changed: set[str] = set()
        self._viewings: dict[str, Viewing] = {}
        self._turn = asyncio.Lock()

    def get(self, visit_id: str | None) -> Card | None:
        return self._cards.get(visit_id or "")

    def changed(self, visit_ids: Collection[str]) -> None:
        self._changed.update(visit_ids)

    def forget(self, visit_id: str) -> None:
        """No page of the visit is open here any more."""
        self._cards.pop(visit_id, None)
        self._viewings.pop(visit_id, None)

    def versions(self) -> dict[str, int]:
        return {key: card.row["version"] for key, card in self._cards.items()}

    async def fresh(self, wanted: Callable[[str], bool]) -> set[str]:
        """Read the cards of the visits that have changed, if ``wanted`` says that a page is open. Gives their ids."""
        async with self._turn:
            changed, self._changed = self._changed, set()
            ids = sorted(filter(wanted, changed))
            try:
                for start in range(0, len(ids), MOST_IDS):
                    await self._read(ids[start : start + MOST_IDS])
            except BaseException:
                self._changed |= changed
                raise
            return set(ids)

    async def _read(self, ids: Sequence[str]) -> None:
        query = (
            select(
                *COLUMNS,
                or_(visit.c.location.is_(None), visit.c.emergency.is_(None), visit.c.consent_version.is_(None)).label(
                    "unanswered"  # whether a booked patient is still to be asked: arrival.asked
                ),
                staff.c.name.label("therapist_name"),
                staff.c.profession.label("therapist_profession"),
                visits.own.c.name.label("for_staff_name"),
            )
            .select_from(visit)
            .outerjoin(staff, staff.c.id == visit.c.therapist_id)
            .outerjoin(visits.own, visits.own.c.id == visit.c.for_staff)
            .where(visit.c.id.in_(ids))
        )
        async with self._db.read() as conn:
            rows = (await conn.execute(query)).mappings().all()
            found = {name: await read(self._db, conn, rows) for name, read in READERS.items()}
        for row in rows:
            key = row["id"]
            more = {name: values[key] for name, values in found.items() if key in values}
            if row["phone_since"] is not None and row["state"] in OPEN:
                more["phone_end"] = await self._phone_end(key, row["patient_id"])
            self._cards[key] = Card(cast(RowMapping, Row(row)), more)

    async def _phone_end(self, visit_id: str, patient_id: str) -> str:
        """The end of the number that will ring. Reading it is audited, once for a patient's open page."""
        async with self._db.read() as conn:
            (row,) = await visits.with_people(conn, visit.c.id == visit_id)
        viewing = self._viewings.setdefault(visit_id, Viewing(self._db, Actor("patient", patient_id), "read"))
        door = await viewing.door({visit_id: patient_id})
        return visits.particulars(door, row).phone[-4:]
