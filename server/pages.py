"""Sends every open page of this node what it shows, when that has changed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import structlog
from aiohttp import web
from sqlalchemy import RowMapping

from server.admin.snapshot import wall_data
from server.audit import Actor, Viewing
from server.config import Settings
from server.consultation.store import seen
from server.consultation.times import clock_data
from server.db import Database
from server.desk.snapshot import queue_data
from server.i18n import translator
from server.notes.store import unsigned_visits
from server.patient.snapshot import visit_data
from server.people.store import Staff, all_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.store import Queue, queue
from signaling.hub import Hub, Page
from signaling.messages import Clock, Snapshot

BREATH = 200  # pages between two looks at what else waits
#: one act is several changes (admitted, confirmed, connected): the boards are made once for all of them, and not while
#: the two browsers are connecting
GATHER_S = 0.25
log = structlog.get_logger("pages")


@dataclass(frozen=True, slots=True)
class Board:
    """What stands on every board now, read once for all the pages that show it."""

    rows: Sequence[RowMapping]
    line: Queue
    staff: Sequence[Staff]
    now: datetime
    by_id: Mapping[str, RowMapping]


@dataclass(slots=True)
class Shown:
    """What one page has been sent, and whose records it has been shown."""

    viewing: Viewing | None
    last: str = ""


class Pages:
    """One a node. Every snapshot is made from SQL at the moment of sending; one that says nothing new is not sent."""

    hub: Hub

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._settings = db, settings
        self._versions = itertools.count(1)
        self._shown: dict[Page, Shown] = {}
        self._languages: dict[str, str] = {}  # of the signed-in staff, as their page was last loaded
        self._due: set[str] = set()  # visits whose pages want their clock
        self._wake = asyncio.Event()

    def speaks(self, staff: str, lang: str) -> None:
        """The language of a member of staff, for the texts that a snapshot carries."""
        self._languages[staff] = lang

    async def on_change(self, changed: Mapping[tuple[str, str], int]) -> None:
        """Rows have changed: the call at once, then, gathered, the clocks and everybody who sees a queue."""
        versions = {row_id: version for (table, row_id), version in changed.items() if table == "visit"}
        written = [row_id for table, row_id in changed if table == "chat"]
        self._due |= versions.keys()
        if len(written) < len(changed):  # no board shows what is written in a chat
            self._wake.set()
        steps = [self.hub.visit_changed(visit_id, version) for visit_id, version in versions.items()]
        steps += [self.hub.chat_changed(visit_id) for visit_id in written]
        failed: list[Exception] = []
        for step in steps:  # one that fails keeps none of the others from hearing
            try:
                await step
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]

    async def run(self) -> None:
        """Until cancelled. A failure is logged; the next change, or the next look without one, tries again."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            due, self._due = sorted(self._due), set()
            try:
                await self._send_clocks(due)
                await self.refresh()
            except Exception as error:
                log.error("pages not up to date", error=type(error).__name__, exc_info=self._settings.development)

    async def on_open(self, page: Page) -> None:
        """A page has said hello: it gets its clock and its snapshot at once."""
        viewing = Viewing(self._db, Actor("staff", page.who.staff), "read") if page.who.staff else None
        self._shown[page] = Shown(viewing)
        if page.visit is not None:
            if page.who.role == "patient":
                await seen(self._db, [page.visit])
            await self._send_clocks([page.visit], only=page)
        await self._send(page, await self._board())

    async def on_close(self, page: Page) -> None:
        self._shown.pop(page, None)

    async def refresh(self) -> None:
        """Bring every page up to date. Also called now and then without a reason: events get lost."""
        if not self._shown:
            return
        board = await self._board()
        for number, page in enumerate(list(self._shown)):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            await self._send(page, board)

    async def seen(self) -> None:
        """Presence: the patients whose pages are open here."""
        here = {page.visit for page in self._shown if page.who.role == "patient" and page.visit}
        if here:
            await seen(self._db, sorted(here))

    async def _send_clocks(self, ids: Sequence[str], only: Page | None = None) -> None:
        for visit_id in ids:
            if not only and not self.hub.pages(visit=visit_id):
                continue
            now = await self._db.now()
            async with self._db.read() as conn:
                row = await visits.by_id(conn, visit_id)
            if row is None or not (row["admitted_at"] or row["ended_at"]):
                continue
            message = Clock(**clock_data(row, self._settings, now))
            for page in [only] if only else self.hub.pages(visit=visit_id):  # not who was sent away meanwhile
                page.send(message)

    async def _board(self) -> Board:
        settings = self._settings
        now = await self._db.now()
        async with self._db.read() as conn:
            rows = await visits.with_people(conn, visit.c.state.in_([State.WAITING, *OPEN]))
            line = await queue(conn, now, settings.visit_seconds, settings.wrap_up_seconds)
            return Board(rows, line, await all_staff(conn), now, {row["id"]: row for row in rows})

    async def _send(self, page: Page, board: Board) -> None:
        shown = self._shown.get(page)
        if shown is None:
            return
        made = await (
            self._of_visit(page, shown, board) if page.who.role == "patient" else self._of_staff(page, shown, board)
        )
        if made is None:
            return
        kind, data = made
        said = (
            json.dumps(data, sort_keys=True, default=str)
            if "server_now" not in data
            else json.dumps(data | {"server_now": ""}, sort_keys=True)
        )
        if shown.last != said:
            shown.last = said
            page.send(Snapshot(kind=kind, version=next(self._versions), data=data))

    async def _of_visit(self, page: Page, shown: Shown, board: Board) -> tuple[Literal["visit"], dict[str, Any]] | None:
        row = board.by_id.get(page.visit or "")
        signed = False
        if row is None and page.visit is not None:
            async with self._db.read() as conn:
                row = next(iter(await visits.with_people(conn, visit.c.id == page.visit)), None)
                signed = not await unsigned_visits(conn, [page.visit])
        if row is None:
            return None
        data = visit_data(row, board.line, summary=signed)
        if row["phone_since"] is not None and row["state"] in OPEN:
            # the end of the number that will ring
            shown.viewing = shown.viewing or Viewing(self._db, Actor("patient", row["patient_id"]), "read")
            door = await shown.viewing.door({row["id"]: row["patient_id"]})
            data["phone_end"] = visits.particulars(door, row).phone[-4:]
        return "visit", data

    async def _of_staff(
        self, page: Page, shown: Shown, board: Board
    ) -> tuple[Literal["queue", "admin"], dict[str, Any]] | None:
        me = next((one for one in board.staff if one.id == page.who.staff), None)
        if me is None or shown.viewing is None:
            return None
        on_desk = page.who.role == "therapist"
        rows = [
            row for row in board.rows if not on_desk or row["state"] == State.WAITING or row["therapist_id"] == me.id
        ]
        door = await shown.viewing.door({row["id"]: row["patient_id"] for row in rows})
        opened = {row["id"]: visits.particulars(door, row) for row in rows}
        if on_desk:
            return "queue", queue_data(self._settings, me, rows, opened, board.line, board.now)
        data = wall_data(self._settings, rows, opened, board.line, board.staff, board.now)
        t = translator(self._languages.get(me.id, me.language))
        return "admin", data | {"alarms": [t(text) for text in data["alarms"]]}


PAGES: web.AppKey[Pages] = web.AppKey("pages", Pages)
