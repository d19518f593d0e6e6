"""The waiting room in a node's memory: who waits, in which order, for how long.

Filled once from SQL, then kept by the rows that have changed: one admission reads one visit, not ten thousand. What the
events lose the poll finds (:mod:`server.live`), and :meth:`Room.compare` looks at every version now and then. The order
and the waits are the same pure functions' as everywhere (:mod:`server.waitingroom.queue`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.config import Settings
from server.db import Database
from server.visit.states import OPEN, OVER, State
from server.visit.tables import visit
from server.waitingroom.queue import Therapist, Waiting, in_order, next_change, standings, usual_length
from server.waitingroom.store import COLUMNS, Queue, booked_soon, lengths, therapists, waiting_of

MOST_IDS = 500  # in one query
#: how long what is usual stands, and who is still to come
SLOWLY_S = 30.0


class Room:
    """One a node. :meth:`line` is the queue as the record has it, but for what nobody has said to have changed."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._planned = db, float(settings.visit_seconds + settings.wrap_up_seconds)
        self._waiting: dict[str, tuple[int, Waiting]] = {}  # with the version of its row
        self._coming: dict[str, Waiting] = {}
        self._usual = self._planned
        self._line: Queue | None = None
        self._made_at: datetime | None = None  # by the database's clock
        self._made = 0.0  # and by this machine's
        self._next: datetime | None = None  # when a slot comes and the order changes by itself
        self._changed: set[str] = set()  # rows to read again
        self._stale = True  # somebody's duty, or only the time
        self._moved = False  # the order is another one
        self._hands: tuple[int, list[tuple[object, ...]]] | None = None
        self._slowly = -SLOWLY_S  # when what changes slowly was read
        self._turn = asyncio.Lock()

    def changed(self, visits: Iterable[str], *, staff: bool = False) -> None:
        """These rows have changed; they are read when somebody wants the line."""
        self._changed.update(visits)
        self._stale |= staff

    def later(self) -> None:
        """Time has passed: the next line is reckoned anew."""
        self._stale = True

    @property
    def moves(self) -> bool:
        """Whether time alone changes places or waits: somebody has a slot, or a visit runs."""
        line = self._line
        return line is None or bool(
            self._coming
            or any(one.free_in for one in line.therapists)
            or any(one.due_at for one in line.order)  # "Dr Li is running late" is told by the clock
        )

    def now(self) -> datetime:
        """The database's clock, as far as a node knows it without asking."""
        assert self._made_at is not None, "there is a line"
        return self._made_at + timedelta(seconds=monotonic() - self._made)

    def slot_has_come(self) -> bool:
        """Whether the order has changed by time alone since the last line."""
        return self._next is not None and self._next <= self.now()

    async def line(self, *rows: RowMapping) -> Queue:
        """The queue now. ``rows``: visits that the caller has read; one that is newer than ours is read again."""
        for row in rows:
            known = self._waiting.get(row["id"])
            if (known[0] if known else 0) < row["version"] and (known or row["state"] == State.WAITING):
                self._changed.add(row["id"])
        # (while somebody reads, what has just changed is neither marked nor in the line yet)
        if self._line is not None and not self._changed and not self._stale and not self._turn.locked():
            return self._line
        async with self._turn:
            if self._line is None or self._changed or self._stale:
                self._line = await self._read()
            return self._line

    async def compare(self) -> bool:
        """Look at every version. True: something had been missed."""
        async with self._db.read() as conn:
            query = select(visit.c.id, visit.c.version).where(visit.c.state == State.WAITING)
            there: dict[str, int] = {row.id: row.version for row in await conn.execute(query)}
        ours = {key: version for key, (version, _) in self._waiting.items()}
        missed = {key for key, _ in there.items() ^ ours.items()} if there != ours else set()
        self._changed |= missed
        return bool(missed)

    async def _read(self) -> Queue:
        """The line; the same one while nothing that it rests on has changed."""
        line, changed, stale = self._line, self._changed, self._stale
        self._changed, self._stale = set(), False
        try:
            now = await self._db.now()
            async with self._db.read() as conn:
                if line is None:
                    await self._all(conn)
                elif not await self._some(conn, changed) and not stale:
                    return line
                if monotonic() - self._slowly >= SLOWLY_S:
                    rows = (await conn.execute(select(*COLUMNS).where(booked_soon(now)))).mappings()
                    coming = {row["id"]: waiting_of(row) for row in rows}
                    usual = usual_length(await lengths(conn, now), self._planned)
                    stale = stale or (coming, usual) != (self._coming, self._usual)
                    self._coming, self._usual, self._slowly = coming, usual, monotonic()
                taking, on_duty = await therapists(conn, now, self._planned)
        except BaseException:
            self._changed |= changed
            self._stale = True
            raise
        hands = on_duty, [_hand(one, now, self._planned) for one in taking]
        if line is not None and not stale and not self._moved and hands == self._hands:
            return line
        self._hands, self._moved = hands, False
        self._made_at, self._made = now, monotonic()
        order = in_order([one for _, one in self._waiting.values()], now)
        self._next = next_change(order, now)
        return Queue(order, standings(order, now, taking, self._usual, list(self._coming.values())), taking, on_duty)

    async def _all(self, conn: AsyncConnection) -> None:
        rows = (await conn.execute(select(*COLUMNS).where(visit.c.state == State.WAITING))).mappings()
        self._waiting = {row["id"]: (row["version"], waiting_of(row)) for row in rows}

    async def _some(self, conn: AsyncConnection, changed: Collection[str]) -> bool:
        """Read these again. Whether it may matter to anybody's place or wait: a page that was opened does not."""
        matters, ids = self._moved, sorted(changed)
        for start in range(0, len(ids), MOST_IDS):
            some = ids[start : start + MOST_IDS]
            rows = (await conn.execute(select(*COLUMNS).where(visit.c.id.in_(some)))).mappings()
            for row in rows:
                key, state = row["id"], row["state"]
                known = self._waiting.get(key)
                if state == State.WAITING:
                    one = waiting_of(row)
                    self._waiting[key] = (row["version"], one)
                    self._moved |= known is None or known[1] != one
                elif known is not None:
                    del self._waiting[key]
                    self._moved = True
                matters |= self._moved or state in OPEN or state in OVER  # somebody is busy, or free again
                if state == State.BOOKED or key in self._coming or state == State.ENDED:
                    self._slowly = -SLOWLY_S
                    matters = True
        return matters


def _hand(one: Therapist, now: datetime, planned_s: float) -> tuple[object, ...]:
    """What the waits rest on: until when somebody is busy, to two seconds, not how long that is from now."""
    until = round((now.timestamp() + one.free_in) / 2) if 0 < one.free_in != planned_s else one.free_in
    return one.id, one.profession, one.languages, one.takes, until
