"""Sends every open page of this node what it shows, when it has changed."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy import RowMapping

from server.admin.snapshot import wall_data
from server.audit import Actor, Viewing
from server.consultation.call import call_state
from server.consultation.times import clock_data
from server.db import Database
from server.desk.snapshot import queue_data
from server.i18n import translator
from server.patient.snapshot import visit_data
from server.people.store import all_staff
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.visit.tables import visit
from server.waitingroom.store import Queue, queue
from server.web import DATABASE, HUB, SETTINGS
from signaling.hub import Hub
from signaling.messages import Clock, Snapshot
from signaling.socket import PageConnection

log = structlog.get_logger("pages")


class Board:
    """What stands on a board now, read once for all the pages that show it."""

    def __init__(self, rows: list[RowMapping], line: Queue, now: datetime) -> None:
        self.rows, self.line, self.now = rows, line, now
        self.by_id = {row["id"]: row for row in rows}


class Pages:
    """One a node. Every snapshot is made from SQL at the moment of sending; one that says nothing new is not sent."""

    def __init__(self, app: web.Application) -> None:
        self._db: Database = app[DATABASE]
        self._settings = app[SETTINGS]
        self._hub: Hub = app[HUB]
        self._versions = itertools.count(1)
        self._viewings: dict[PageConnection, Viewing] = {}
        self._last: dict[PageConnection, str] = {}

    async def on_change(self, changed: frozenset[tuple[str, str]]) -> None:
        """Rows have changed: the visits' own pages first, then everybody who sees a queue."""
        now = await self._db.now()
        for table, row_id in changed:
            if table == "visit":
                async with self._db.read() as conn:
                    row = await visits.by_id(conn, row_id)
                if row is not None:
                    await self._hub.visit_changed(call_state(row, self._settings, now))
                    self._send_clock(row, now)
        await self.refresh()

    async def refresh(self) -> None:
        """Bring every page up to date. Also called now and then without a reason: events get lost."""
        self._forget_closed()
        connections = list(self._hub.connections())
        if not connections:
            return
        board = await self._board()
        people = None
        staff = {}
        if any(connection.role != "patient" for connection in connections):
            async with self._db.read() as conn:
                people = await all_staff(conn)
            staff = {one.id: one for one in people}
        for number, connection in enumerate(connections):
            if number % 200 == 199:
                await asyncio.sleep(0)  # thousands of pages: the calls' messages pass in between
            if connection.role == "patient":
                await self._to_patient(connection, board)
            elif connection.role == "therapist" and connection.staff in staff:
                data = queue_data(self._settings, staff[connection.staff], *await self._opened(connection, board))
                self._send(connection, "queue", data)
            elif connection.role == "admin":
                rows, opened, line, now = await self._opened(connection, board)
                data = wall_data(self._settings, rows, opened, line, people or [], now)
                self._send(connection, "admin", data)

    async def on_attach(self, connection: PageConnection) -> None:
        """A page has said hello, or has admitted somebody: it gets its clock and its snapshot at once."""
        self._last.pop(connection, None)
        now = await self._db.now()
        if connection.visit is not None:
            async with self._db.read() as conn:
                row = await visits.by_id(conn, connection.visit)
            if row is not None:
                connection.send(Clock(**clock_data(row, self._settings, now)))
        await self.refresh()

    async def seen(self) -> None:
        """Presence: the waiting patients whose pages are open here."""
        here = {connection.visit for connection in self._hub.connections() if connection.role == "patient" and connection.visit}
        if here:
            await visits_seen(self._db, sorted(here))

    def _send_clock(self, row: RowMapping, now: datetime) -> None:
        message = Clock(**clock_data(row, self._settings, now))
        for connection in self._hub.connections():
            if connection.visit == row["id"] and row["state"] in OPEN:
                connection.send(message)

    async def _board(self) -> Board:
        settings = self._settings
        now = await self._db.now()
        async with self._db.read() as conn:
            rows = await visits.with_people(conn, visit.c.state.in_([State.WAITING, *OPEN]))
            line = await queue(conn, now, settings.visit_seconds, settings.wrap_up_seconds)
        return Board(list(rows), line, now)

    async def _opened(self, connection: PageConnection, board: Board) -> tuple[Any, Any, Queue, datetime]:
        rows = board.rows
        if connection.role == "therapist":
            rows = [row for row in rows if row["state"] == State.WAITING or row["therapist_id"] == connection.staff]
        viewing = self._viewings.get(connection)
        if viewing is None:
            viewing = self._viewings[connection] = Viewing(self._db, Actor("staff", connection.staff or ""), "read")
        door = await viewing.door({row["id"]: row["patient_id"] for row in rows})
        return rows, {row["id"]: visits.particulars(door, row) for row in rows}, board.line, board.now

    async def _to_patient(self, connection: PageConnection, board: Board) -> None:
        if connection.visit is None:
            return
        row = board.by_id.get(connection.visit)
        if row is None:
            async with self._db.read() as conn:
                found = await visits.with_people(conn, visit.c.id == connection.visit)
            if not found:
                return
            row = found[0]
        self._send(connection, "visit", visit_data(row, board.line))

    def _send(self, connection: PageConnection, kind: str, data: dict[str, Any]) -> None:
        if kind == "admin":
            t = translator("en")
            data = {**data, "alarms": [t(text) for text in data["alarms"]]}
        said = json.dumps({key: value for key, value in data.items() if key != "server_now"}, sort_keys=True, default=str)
        if self._last.get(connection) == said:
            return
        self._last[connection] = said
        connection.send(Snapshot(kind=kind, version=next(self._versions), data=data))  # type: ignore[arg-type]

    def _forget_closed(self) -> None:
        open_now = set(self._hub.connections())
        for table in (self._viewings, self._last):
            for gone in table.keys() - open_now:
                table.pop(gone, None)


async def visits_seen(db: Database, ids: list[str]) -> None:
    from server.consultation.store import seen

    await seen(db, ids)


REFRESH = timedelta(seconds=15)
