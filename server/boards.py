"""What stands on the staff's pages: read once for all of them, then shown to each as far as it is theirs.

**To show staff something from another table**: write a reader (a function of your store that takes a connection, the
visits on the board and the instant, and gives a value by visit, for all of them in one query), name it in ``READERS``,
and take it from ``more["name"]`` in :func:`server.desk.snapshot.queue_data` or :func:`server.admin.snapshot.wall_data`.

A board holds the first ``HEAD`` of the whole queue, the first ``OWN`` of each queue (by language, too) of a therapist
who looks at it, and every open visit; ``line`` is the whole queue: ``len(line.order)`` says how many wait;
``line.away`` who of these has no page open, since when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.admin import snapshot as wall
from server.admin import store as office
from server.audit import Access
from server.config import Settings
from server.db import Database
from server.desk import extras
from server.desk.snapshot import rows_of
from server.people.store import Staff, all_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.store import Particulars
from server.visit.tables import visit
from server.waitingroom import alerts
from server.waitingroom.queue import Waiting
from server.waitingroom.store import Queue, away

HEAD, OWN = 100, 25
MOST_ROWS = 2000

Reader = Callable[[AsyncConnection, Sequence[str], datetime], Awaitable[Any]]
#: by name
READERS: dict[str, Reader] = {
    "alerts": lambda conn, ids, now: alerts.of_visits(conn, ids),
    "desk": extras.extras,
    "today": extras.today,
    "calls": office.calls,
    "failed_mails": office.failed_mails,
}


@dataclass(frozen=True, slots=True)
class Board:
    """``rows``: visits with their people; ``more``: what the readers have found; ``opened``: particulars, filled as
    they are shown."""

    rows: Sequence[RowMapping]
    line: Queue
    staff: Mapping[str, Staff]
    now: datetime
    more: Mapping[str, Any]
    opened: dict[str, Particulars]

    def rows_for(self, staff_id: str, role: str) -> list[RowMapping]:
        """What this page shows: an admin's everything, a therapist's who waits and what is theirs."""
        if role != "therapist":
            return wall.rows_of(self.rows, self.more)
        return rows_of(self.staff[staff_id], self.rows, self.more) if staff_id in self.staff else []

    def particulars(self, door: Access, rows: Iterable[RowMapping]) -> dict[str, Particulars]:
        """Opened with the viewer's audited ``door``; each record once for all viewers of this board."""
        found = {}
        for row in rows:
            key = row["id"]
            if key not in self.opened:
                self.opened[key] = visits.particulars(door, row)
            found[key] = self.opened[key]
        return found


def shown(order: Iterable[Waiting], viewers: Collection[str]) -> list[str]:
    """Who of the queue stands on the boards of these therapists and of the office."""
    found: list[str] = []
    own: dict[tuple[str | None, str | None, str], int] = {}
    for number, one in enumerate(order):
        queue = one.staff, one.profession, "" if one.interpreter else one.language  # who speaks one sees theirs
        if number < HEAD or ((one.staff is None or one.staff in viewers) and own.get(queue, 0) < OWN):
            found.append(one.visit)
        else:
            continue
        own[queue] = own.get(queue, 0) + 1
    return found


async def read_board(db: Database, settings: Settings, line: Queue, viewers: Collection[str]) -> Board:
    """``viewers``: the members of staff whose pages are open here."""
    ids = shown(line.order, viewers)
    now = await db.now()
    async with db.read() as conn:
        rows = await visits.with_people(conn, visit.c.id.in_(ids) | visit.c.state.in_(OPEN), limit=MOST_ROWS)
        rows = [row for row in rows if row["state"] in (State.WAITING, *OPEN)]  # the line may be a moment older
        gone = await away(conn, now, timedelta(seconds=settings.away_seconds), ids)
        people = {one.id: one for one in await all_staff(conn)}
        on_board = [row["id"] for row in rows]
        more = {name: await read(conn, on_board, now) for name, read in READERS.items()}
        more["names"] = {key: one.name for key, one in people.items()}
    return Board(rows, replace(line, away=gone), people, now, more, {})
