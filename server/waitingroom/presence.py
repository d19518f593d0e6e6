"""Whose pages are open: a lease a node, instead of a sign of life a patient.

A visit names the node that has the patient's page (``visit.patient_node``, set when the page says hello), and the node
says every few seconds that it lives (``node.seen_at``). Nothing is written for a patient who only waits. When the page
closes, the visit gets the instant; when a node dies, its last sign of life is the instant, and the others tidy up.
:func:`server.waitingroom.store.away` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from server.config import Settings
from server.db import Database, Transaction
from server.visit.tables import visit
from server.waitingroom.tables import node

MOST_IDS = 500  # in one statement
#: a node that has been silent for so many times the time after which a patient counts as away is taken for dead
DEAD = 4


class Presence:
    """This node's lease, and the pages that have closed. ``name`` is the node's; ``here`` names the visits whose
    patient's page is open on it."""

    def __init__(self, db: Database, settings: Settings, name: str) -> None:
        self._db, self._name = db, name
        self.every_s = max(0.5, min(5.0, settings.away_seconds / 4))
        self._dead = timedelta(seconds=max(30, settings.away_seconds * DEAD))
        self._closed: dict[str, str] = {}  # visit -> the page that has gone
        self.here: Callable[[], Collection[str]] = tuple

    def opened(self, visit_id: str) -> None:
        """The page has said hello (its visit names this node already)."""
        self._closed.pop(visit_id, None)

    def closed(self, visit_id: str, page: str) -> None:
        self._closed[visit_id] = page

    async def beat(self) -> None:
        """Now and then: this node lives. A node whose lease was taken away names itself for all its pages again."""
        async with self._db.write() as tx:
            living = await tx.conn.execute(update(node).where(node.c.id == self._name).values(seen_at=tx.now))
            if not living.rowcount:
                await tx.conn.execute(insert(node).values(id=self._name, seen_at=tx.now))
                await self._claim(tx, self.here())
            dead = await tx.conn.execute(select(node.c.id, node.c.seen_at).where(node.c.seen_at < tx.now - self._dead))
            gone = dead.all()
            if gone:
                await self._in_turn(tx, visit.c.patient_node.in_([row.id for row in gone]))
            for row in gone:
                await tx.conn.execute(
                    update(visit)
                    .where(visit.c.patient_node == row.id)
                    .values(patient_node=None, patient_seen_at=row.seen_at)
                )
                await tx.conn.execute(delete(node).where(node.c.id == row.id))

    async def _in_turn(self, tx: Transaction, *conditions: ColumnElement[bool]) -> None:
        """These visits are ours until the transaction ends, taken by id: two that change many take turns."""
        await tx.conn.execute(select(visit.c.id).where(*conditions).order_by(visit.c.id).with_for_update())

    async def _claim(self, tx: Transaction, visits: Collection[str]) -> None:
        ids = sorted(visits)
        c = visit.c
        for start in range(0, len(ids), MOST_IDS):
            some = c.id.in_(ids[start : start + MOST_IDS])
            await self._in_turn(tx, some)
            await tx.conn.execute(
                update(visit)
                .where(some, c.patient_node.is_(None) | (c.patient_node == self._name))
                .values(patient_node=self._name, patient_seen_at=tx.now)
            )

    async def flush(self) -> None:
        """Write down whose page has closed. One that has come back meanwhile, here or elsewhere, is left alone."""
        if not self._closed:
            return
        closed, self._closed = self._closed, {}
        c, gone = visit.c, sorted(closed.items())
        try:
            while gone:
                some, rest = gone[:MOST_IDS], gone[MOST_IDS:]
                async with self._db.write() as tx:
                    await self._in_turn(tx, c.id.in_([key for key, _ in some]))
                    here = self.here()
                    values = [{"v": key, "p": page} for key, page in some if key not in here]
                    if values:
                        await tx.conn.execute(
                            update(visit)
                            .where(
                                c.id == bindparam("v"),
                                c.patient_node == self._name,
                                c.patient_page == bindparam("p"),
                            )
                            .values(patient_node=None, patient_seen_at=tx.now),
                            values,
                        )
                    # a page whose hello was on its way while this was written
                    await self._claim(tx, {key for key, _ in some} & set(self.here()))
                gone = rest
        except Exception:
            self._closed = dict(gone) | self._closed
            raise

    async def leave(self) -> None:
        """The process stops in good order: every page of this node is gone now."""
        async with self._db.write() as tx:
            await self._in_turn(tx, visit.c.patient_node == self._name)
            await tx.conn.execute(
                update(visit)
                .where(visit.c.patient_node == self._name)
                .values(patient_node=None, patient_seen_at=tx.now)
            )
            await tx.conn.execute(delete(node).where(node.c.id == self._name))
