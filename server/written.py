"""Brings what staff and a patient write to each other before the call to the patient's open pages of this node."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence

from server.audit import Actor, Viewing
from server.cards import Cards
from server.db import Database
from server.patient.pages import messages_data
from server.waitingroom import messages
from signaling.hub import Page

MOST_IDS = 500  # in one query


class Written:
    """One a node. A page gets the whole conversation, in a snapshot of kind "messages", when it has grown."""

    def __init__(self, db: Database, cards: Cards, versions: itertools.count[int]) -> None:
        self._db, self._cards, self._versions = db, cards, versions
        self._viewings: dict[str, Viewing] = {}
        self._turn = asyncio.Lock()  # what was read first is shown first

    async def tell(self, pages: Iterable[Page]) -> None:
        """``pages``: patients'; those of a visit in which nothing was written hear nothing."""
        of_visit: dict[str, list[Page]] = {}
        for page in pages:
            if page.visit is not None and page.who.role == "patient":
                of_visit.setdefault(page.visit, []).append(page)
        async with self._turn:
            await self._tell(of_visit)

    async def _tell(self, of_visit: Mapping[str, Sequence[Page]]) -> None:
        ids = sorted(of_visit)
        for start in range(0, len(ids), MOST_IDS):
            async with self._db.read() as conn:
                found = await messages.of_visits(conn, ids[start : start + MOST_IDS])
            for visit_id, rows in found.items():
                card = self._cards.get(visit_id)
                if card is None:
                    continue
                # reading is audited once for a patient's open page
                patient = Actor("patient", card.row["patient_id"])
                viewing = self._viewings.setdefault(visit_id, Viewing(self._db, patient, "read"))
                door = await viewing.door({visit_id: patient.id})
                text = json.dumps(messages_data([messages.opened(door, row) for row in rows]), separators=(",", ":"))
                for page in of_visit[visit_id]:
                    page.show("messages", next(self._versions), text)

    def forget(self, visit_id: str) -> None:
        """No page of the visit is open here any more."""
        self._viewings.pop(visit_id, None)
