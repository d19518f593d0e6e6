"""Sends every open page of this node what it shows, when that has changed.

To show more:

- on a patient's page, from the visit's row or the queue: `server/patient/snapshot.py`; from another table: a reader in
  `server/cards.py` (one line in READERS) and `card.more["name"]`, handed to `visit_data` in `Pages._patient` below;
- on a desk or the wall, from another table: a reader in `server/boards.py` (one line in READERS) and
  `board.more["name"]`, handed to `queue_data` or `wall_data` in `Pages._of_staff` below.

Nothing here asks SQL for one page: cards and boards are read for all pages at once, the queue is the room's
(`server/waitingroom/room.py`). A view asks `request.app[ROOM].line(row)` instead of reading the whole queue.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Literal

import structlog
from aiohttp import web

from server.admin.snapshot import wall_data
from server.admin.store import failed_mails
from server.audit import Access, Actor, Viewing, show
from server.boards import Board, read_board
from server.cards import Cards
from server.config import Settings
from server.consultation.times import clock_data
from server.db import Database
from server.desk.snapshot import queue_data
from server.gather import Gather
from server.i18n import translator
from server.patient.snapshot import goes_on, unmoved, visit_data
from server.visit.states import State
from server.waitingroom.presence import Presence
from server.waitingroom.queue import Told
from server.waitingroom.room import Room
from server.waitingroom.store import Queue, away
from server.written import Written
from signaling.hub import Hub, Page
from signaling.messages import Clock

#: a new place reaches who waits after so long, many at once
LINE_S = 0.05
#: one act is several changes (admitted, confirmed, connected): boards and clocks are made once for all of them, and not
#: while the two browsers are connecting
BOARD_S = 0.25
OPEN_S = 0.005
REMEMBERED_S = 600.0  # what a patient was told last, after the page has closed: it may be loaded again
SLICE_S = 0.002  # of telling page after page: then the calls' messages have their turn
log = structlog.get_logger("pages")
_json = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(slots=True)
class Shown:
    """What a staff page has been sent, and whose records it has been shown."""

    viewing: Viewing
    last: str = ""


class Pages:
    """One a node. A snapshot that says nothing new is not sent."""

    hub: Hub

    def __init__(self, db: Database, settings: Settings, room: Room, presence: Presence) -> None:
        self._db, self._settings, self._room, self._presence = db, settings, room, presence
        self._versions = itertools.count(1)
        self._patients: dict[Page, str] = {}  # what each was sent
        self._staff: dict[Page, Shown] = {}
        self._new: list[Page] = []
        self._cards = Cards(db)
        self._written = Written(db, self._cards, self._versions)
        self._spoken: set[str] = set()  # visits in which something was written to or by who waits
        self._told: dict[str, tuple[Told, str]] = {}  # what who waits was told last, and the reason that stands
        self._line: Queue | None = None  # that every waiting page was told of
        self._telling = asyncio.Lock()  # held while they are told
        self._reading = asyncio.Lock()  # of boards: what was read first is shown first
        self._seen: object = None  # what no event tells of and boards show: see `look`
        self._left: dict[str, float] = {}  # whose last page here has closed, when: see `compare`
        self._languages: dict[str, str] = {}  # of the signed-in staff, as their page was last loaded
        self._clocks: set[str] = set()  # visits whose pages want their clock
        self._line_soon = Gather(LINE_S, self._tell_line, trace=settings.development)
        self._boards_soon = Gather(BOARD_S, self._tell_boards, trace=settings.development)
        self._open_soon = Gather(OPEN_S, self._tell_new, trace=settings.development)
        self._written_soon = Gather(OPEN_S, self._tell_written, trace=settings.development)
        presence.here = self._visits_here

    def speaks(self, staff: str, lang: str) -> None:
        """The language of a member of staff, for the texts that a snapshot carries."""
        self._languages[staff] = lang

    async def on_change(self, changed: Mapping[tuple[str, str], int]) -> None:
        """Rows have changed: the call at once; soon, gathered, who waits; then the clocks and the boards."""
        versions = {row_id: version for (table, row_id), version in changed.items() if table == "visit"}
        written = [row_id for table, row_id in changed if table == "chat"]
        self._room.changed(versions, staff=any(table == "staff" for table, _ in changed))
        self._cards.changed(versions)
        self._clocks |= versions.keys()
        spoken = {row_id for table, row_id in changed if table == "wait_message"}
        if spoken:
            self._spoken |= spoken
            self._written_soon.wake()
        if len(written) < len(changed):  # no board shows what is written in a chat
            self._line_soon.wake()
            self._boards_soon.wake()
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
        """Until cancelled."""
        gathers = (self._line_soon, self._boards_soon, self._open_soon, self._written_soon)
        await asyncio.gather(*(gather.run() for gather in gathers), self._follow_slots())

    async def on_open(self, page: Page) -> None:
        """A page has said hello: it gets its clock and its snapshot in a moment."""
        if page.who.staff is not None:
            self._staff[page] = Shown(Viewing(self._db, Actor("staff", page.who.staff), "read"))
        elif page.who.role == "patient" and page.visit is not None:
            self._patients[page] = ""
            self._left.pop(page.visit, None)
            self._presence.opened(page.visit)
        if page.visit is not None and self._cards.get(page.visit) is None:
            self._cards.changed([page.visit])
        self._new.append(page)
        self._open_soon.wake()

    async def on_close(self, page: Page) -> None:
        self._staff.pop(page, None)
        visit_id = page.who.visit
        if self._patients.pop(page, None) is None or visit_id is None:
            return
        self._presence.closed(visit_id, page.instance)
        if not self._wanted(visit_id):
            self._left[visit_id] = monotonic()
            self._cards.forget(visit_id)
            self._written.forget(visit_id)

    async def refresh(self) -> None:
        """What time alone has changed. Also called when Redis is back."""
        if self._room.moves:
            self._room.later()
            self._line_soon.wake()
        if self._staff:
            self._boards_soon.wake()

    async def look(self) -> None:
        """Every second while staff look: who is away changes by time, or by another node's pages, and a mail may fail,
        without an event. One small query each; the boards are made anew only when it says something else."""
        if not self._staff:
            return
        now = await self._db.now()
        async with self._db.read() as conn:
            gone = await away(conn, now, timedelta(seconds=self._settings.away_seconds))
            seen = frozenset(gone), await failed_mails(conn, (), now)
        if seen != self._seen:
            self._seen = seen
            self._boards_soon.wake()

    async def compare(self) -> None:
        """Now and then without a reason: events get lost."""
        until = monotonic() - REMEMBERED_S
        for visit_id in [key for key, at in self._left.items() if at < until]:
            del self._left[visit_id]
            self._told.pop(visit_id, None)
        if await self._room.compare():
            self._line_soon.wake()

    # ---- steps, each for many pages

    async def _tell_line(self) -> None:
        """Who waits hears of a new place."""
        changed = await self._cards.fresh(self._wanted)
        try:
            line, before = await self._room.line(), self._line
            same = unmoved(before, line)
            pages = (
                page
                for page in list(self._patients)
                if self._state(page.visit) == State.WAITING
                and (page.visit in changed or (line is not before and not same(page.visit or "")))
            )
            async with self._telling:
                await self._each(pages, lambda page: self._patient(page, line))
        except BaseException:
            self._cards.changed(changed)
            raise
        self._line = line

    async def _tell_boards(self) -> None:
        """Clocks, patients who do not wait, and the staff's boards."""
        changed = await self._cards.fresh(self._wanted)
        due, self._clocks = self._clocks | changed, set()
        try:
            line = await self._room.line()
            for visit_id in sorted(due):
                self._clock(visit_id, self.hub.pages(visit=visit_id))
                for page in self.hub.pages(visit=visit_id, role="patient"):
                    self._patient(page, line)
            async with self._telling:
                pass  # a patient's place before the boards
            await self._boards(list(self._staff))
        except BaseException:
            self._clocks |= due
            raise

    async def _tell_new(self) -> None:
        pages, self._new = self._new, []
        try:
            await self._cards.fresh(self._wanted)
            line = await self._room.line()
            for page in pages:
                if page.visit is not None and page.who.role != "admin":
                    self._clock(page.visit, [page])
            await self._each(pages, lambda page: self._patient(page, line))
            await self._written.tell(pages)
            await self._boards([page for page in pages if page in self._staff])
        except BaseException:
            self._new = pages + self._new
            raise

    async def _tell_written(self) -> None:
        """Who waits reads what was just written."""
        spoken, self._spoken = self._spoken, set()
        pages = [page for key in sorted(spoken) for page in self.hub.pages(visit=key, role="patient")]
        try:
            await self._written.tell(pages)
        except BaseException:
            self._spoken |= spoken
            raise

    async def _follow_slots(self) -> None:
        """The order changes by itself when a slot comes: those pages hear within a second."""
        while True:
            await asyncio.sleep(1)
            if self._room.slot_has_come():
                self._room.later()
                self._line_soon.wake()
                self._boards_soon.wake()

    async def _each(self, pages: Iterable[Page], tell: Callable[[Page], None]) -> None:
        until = monotonic() + SLICE_S
        for page in pages:
            tell(page)
            if monotonic() > until:
                await asyncio.sleep(0)
                until = monotonic() + SLICE_S

    # ---- one page, without SQL

    def _wanted(self, visit_id: str) -> bool:
        return bool(self.hub.pages(visit=visit_id))

    def _visits_here(self) -> Collection[str]:
        return {page.visit for page in self._patients if page.visit is not None}

    def _state(self, visit_id: str | None) -> str | None:
        card = self._cards.get(visit_id)
        return card.row["state"] if card else None

    def _clock(self, visit_id: str, pages: Iterable[Page]) -> None:
        card = self._cards.get(visit_id)
        if card is None or not (card.row["admitted_at"] or card.row["ended_at"]):
            return
        message = Clock(**clock_data(card.row, self._settings, self._room.now()))
        for page in pages:  # not who was sent away meanwhile
            page.send(message)

    def _patient(self, page: Page, line: Queue) -> None:
        """Send a patient's page what is new to it."""
        last, card = self._patients.get(page), self._cards.get(page.visit)
        if last is None or card is None or page.visit is None:
            return
        before, reason = self._told.get(page.visit, (None, ""))
        data, told = visit_data(
            card.row,
            line,
            summary=card.more.get("signed", False),
            now=self._room.now(),
            before=before,
            alert=card.more.get("alert"),
        )
        if card.row["state"] != State.WAITING:
            self._told.pop(page.visit, None)
        else:
            if not data["because"] and before is not None and not data["nobody"] and goes_on(before, told):
                data["because"] = reason
            self._told[page.visit] = told, data["because"]
        if "phone_end" in card.more:
            data["phone_end"] = card.more["phone_end"]
        text = _json(data)
        if text != last:
            self._patients[page] = text
            page.show("visit", next(self._versions), text)

    # ---- staff

    async def _boards(self, pages: Collection[Page]) -> None:
        if pages:
            async with self._reading:
                await self._show_boards(pages, await self._room.line())

    async def _show_boards(self, pages: Collection[Page], line: Queue) -> None:
        viewers = {page.who.staff for page in self._staff if page.who.staff}
        board = await read_board(self._db, self._settings, line, viewers)
        rows = {page: board.rows_for(page.who.staff or "", page.who.role) for page in pages}
        shown = {page: self._staff[page] for page in pages if page in self._staff}
        door = await show(
            self._db,
            [(one.viewing, {row["id"]: row["patient_id"] for row in rows[page]}) for page, one in shown.items()],
        )
        for page, one in shown.items():
            await asyncio.sleep(0)
            if page not in self._staff or page.who.staff not in board.staff:
                continue
            kind, data = self._of_staff(page, board, board.particulars(door, rows[page]), door)
            said = json.dumps(data | {"server_now": ""}, sort_keys=True, default=str)
            if one.last != said:
                one.last = said
                page.show(kind, next(self._versions), _json(data))

    def _of_staff(
        self, page: Page, board: Board, opened: Mapping[str, Any], door: Access
    ) -> tuple[Literal["queue", "admin"], dict[str, Any]]:
        me = board.staff[page.who.staff or ""]
        rows = [row for row in board.rows if row["id"] in opened]
        t = translator(self._languages.get(me.id, me.language))
        if page.who.role == "therapist":
            return "queue", queue_data(self._settings, me, rows, opened, board.line, board.now, board.more, door, t)
        people = list(board.staff.values())
        return "admin", wall_data(self._settings, rows, opened, board.line, people, board.now, board.more, t, door)


PAGES: web.AppKey[Pages] = web.AppKey("pages", Pages)
ROOM: web.AppKey[Room] = web.AppKey("room", Room)
