"""The visit's side of the call: implements the Protocols of :mod:`signaling.visits` on the record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor
from server.config import Settings
from server.consultation import chat, guests, phone, quality, store
from server.consultation.tables import mailbox
from server.db import Database
from server.errors import PersonError
from server.visit import store as visits
from server.visit.states import OPEN, OVER, Event, State
from signaling.visits import CallState, Guest, Line, MediaState, Path, Phase, Refused, Role, Sample, Superseded

#: a message in the SQL mailbox older than this is of no use to anybody
MAILBOX_S = 60
#: a letter that was not read within this time is of no use: its sender has sent it again
LETTER_S = 10


class Consultations:
    """One a web node. ``node`` names it in the mailbox: a node does not read its own letters."""

    def __init__(self, db: Database, settings: Settings, node: str) -> None:
        self._db, self._settings, self._node = db, settings, node
        self._seen: set[int] = set()

    # ---- Visits

    async def attach(self, visit: str, role: Role, staff: str | None, instance: str, fresh: bool) -> CallState:
        try:
            async with self._db.write() as tx:
                if staff is not None:
                    await store.own_visit(tx, visit, staff)
                row = await store.attach_page(tx, visit, role, instance, fresh=fresh, node=self._node)
                if row is None:
                    raise Superseded
                state = await self._state(tx.conn, row, tx.now)
                if state.pages.get(instance) != role or instance in [one.page for one in state.guests]:
                    raise PersonError("not_possible_now")  # another's name for a page: nothing is changed
                return state
        except PersonError as error:
            raise Refused(error.code) from None

    async def attach_guest(self, visit: str, guest: str, instance: str, fresh: bool) -> CallState:
        try:
            async with self._db.write() as tx:
                row = await guests.attach(tx, visit, guest, instance, fresh=fresh)
                if row is None:
                    raise Superseded
                return await self._state(tx.conn, row, tx.now)
        except PersonError as error:
            raise Refused(error.code) from None

    async def leave_guest(self, visit: str, guest: str, instance: str) -> CallState:
        try:
            async with self._db.write() as tx:
                return await self._state(tx.conn, await guests.leave(tx, visit, guest, instance), tx.now)
        except PersonError as error:
            raise Refused(error.code) from None

    async def admit(self, visit: str, staff: str, instance: str) -> CallState:
        try:
            row = await store.admit(self._db, self._settings, visit, staff, instance)
        except PersonError as error:
            raise Refused(error.code) from None
        if row["therapist_page"] != instance:  # the same visit, admitted from another window before
            return await self.attach(visit, "therapist", staff, instance, True)
        if row["changed_at"] != row["admitted_at"]:  # said again: since then somebody may have been invited
            async with self._db.read() as conn:
                return await self._state(conn, row, await self._db.now())
        return call_state(row, self._settings, row["changed_at"])  # an admission begins without third persons

    async def confirm(self, visit: str, instance: str) -> CallState:
        try:
            async with self._db.write() as tx:
                row = await store.confirm(tx, self._settings, visit, instance)
                return await self._state(tx.conn, row, tx.now)
        except PersonError as error:
            raise Refused(error.code) from None

    async def media(self, visit: str, role: Role, instance: str, state: MediaState, path: Path | None) -> None:
        try:
            async with self._db.write() as tx:
                await store.media(tx, self._settings, visit, role, instance, state, path)
        except PersonError as error:
            raise Refused(error.code) from None

    async def leave(self, visit: str, role: Role, instance: str) -> CallState:
        """Who waits gives up the place; who leaves a call can come back: the therapist ends the visit."""
        try:
            async with self._db.write() as tx:
                row = await visits.by_id(tx.conn, visit)
                if row is None or row[f"{role}_page"] != instance:
                    raise PersonError("not_possible_now")
                if role == "patient" and row["state"] in (State.CHECKING, State.WAITING):
                    row = await visits.change(
                        tx, visit, Event.LEAVE, Actor("patient", row["patient_id"]), ended_at=tx.now, end_reason="left"
                    )
                else:
                    await store.media(tx, self._settings, visit, role, instance, "lost", None)
                return await self._state(tx.conn, row, tx.now)
        except PersonError as error:
            raise Refused(error.code) from None

    async def chat(self, visit: str, role: Role, instance: str, id: str, text: str) -> Line:
        try:
            return await chat.say(self._db, visit, role, instance, id, text)
        except PersonError as error:
            raise Refused(error.code) from None

    async def chats(self, visit: str, role: Role, instance: str, after: int, most: int, fresh: bool) -> Sequence[Line]:
        try:
            return await chat.since(self._db, visit, role, instance, after, most, fresh=fresh)
        except PersonError as error:
            raise Refused(error.code) from None

    async def phone(self, visit: str, role: Role, instance: str, on: bool) -> CallState:
        try:
            async with self._db.write() as tx:
                row = await phone.switch(tx, visit, role, instance, on)
                return await self._state(tx.conn, row, tx.now)
        except PersonError as error:
            raise Refused(error.code) from None

    async def quality(self, visit: str, role: Role, instance: str, sample: Sample) -> None:
        try:
            async with self._db.write() as tx:
                await quality.keep(tx, visit, role, instance, sample)
        except PersonError as error:
            raise Refused(error.code) from None

    async def state(self, visit: str) -> CallState | None:
        now = await self._db.now()
        async with self._db.read() as conn:
            row = await visits.by_id(conn, visit)
            return None if row is None else await self._state(conn, row, now)

    async def _state(self, conn: AsyncConnection, row: RowMapping, now: datetime) -> CallState:
        return call_state(row, self._settings, now, await guests.of_visit(conn, row))

    # ---- RelayStore

    async def save_relay_call(self, visit: str, key: str, version: int, blob: bytes, expires: float) -> None:
        await store.save_relay_call(self._db, visit, key, version, blob, datetime.fromtimestamp(expires, UTC))

    async def relay_calls(self, visit: str | None) -> Sequence[bytes]:
        return [blob for _, _, blob, _ in await store.relay_calls(self._db, visit)]

    # ---- Mailbox

    async def post(self, channel: str, payload: bytes) -> None:
        await store.post(self._db, self._node, channel, payload)

    async def letters(self) -> Sequence[tuple[str, bytes]]:
        """What other nodes and the relays have posted since the last call, in order: ``(channel, payload)``."""
        rows = await store.letters(self._db, LETTER_S)
        # by what was seen, not by the last number: a transaction may commit after one with a higher number
        fresh = [
            (channel, payload) for seq, node, channel, payload in rows if seq not in self._seen and node != self._node
        ]
        self._seen = {seq for seq, *_ in rows}
        return fresh

    async def empty_mailbox(self) -> None:
        """Old letters go; they may hold ICE passwords."""
        async with self._db.write() as tx:
            await tx.conn.execute(delete(mailbox).where(mailbox.c.at < tx.now - timedelta(seconds=MAILBOX_S)))


def call_state(row: RowMapping, settings: Settings, now: datetime, third: Sequence[Guest] = ()) -> CallState:
    """What the call needs of a visit's row."""
    state = row["state"]
    phase: Phase = "waiting"
    if state in OPEN:
        phase = "admitted" if state == State.ADMITTED else "in_session"
    elif state in OVER:
        phase = "over"
    return CallState(
        visit=row["id"],
        phase=phase,
        policy=row["policy"] or settings.call_policy,
        therapist_page=row["therapist_page"],
        patient_page=row["patient_page"],
        relay_expires=store.relay_expires(row, settings, now).timestamp(),
        version=row["version"],
        reason=row["end_reason"] or "ended",
        staff=row["therapist_id"],
        phone=state in OPEN and row["phone_since"] is not None,
        patient_quality=row["patient_quality"] if state in OPEN else None,
        guests=tuple(third),
    )
