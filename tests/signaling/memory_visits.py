"""The visit as signalling sees it, kept in memory: what server/consultation does with SQL, without the rest."""

import time
from collections.abc import Sequence
from dataclasses import replace

from signaling.calls import ExpiredEntry, unseal
from signaling.visits import (
    CallState,
    Guest,
    GuestKind,
    Line,
    MediaState,
    Path,
    Policy,
    Refused,
    Role,
    Sample,
    Superseded,
)


class MemoryVisits:
    """`Visits`, `RelayStore` and `Mailbox` at once; several hubs may share one, as nodes share a database."""

    def __init__(self, secret: bytes, policy: Policy = "relay") -> None:
        self.secret, self.policy = secret, policy
        self.rows: dict[str, CallState] = {}
        self.blobs: dict[str, tuple[str, bytes]] = {}
        self.media_said: list[tuple[str, str, str | None]] = []
        self.posted: list[tuple[str, bytes]] = []
        self.lines: dict[str, list[Line]] = {}
        self.samples: list[tuple[str, Sample]] = []

    def wait(self, visit: str) -> None:
        """A patient waits."""
        self.rows[visit] = CallState(visit, "waiting", self.policy, None, None, 0, 1)

    def change(self, visit: str, **values: object) -> CallState:
        row = self.rows[visit]
        self.rows[visit] = replace(row, version=row.version + 1, **values)  # type: ignore[arg-type]
        return self.rows[visit]

    async def attach(self, visit: str, role: Role, staff: str | None, instance: str, fresh: bool) -> CallState:
        row = self.rows.get(visit)
        if row is None or (role == "therapist" and row.staff != staff):
            raise Refused("no_such_visit")
        current = row.page(role)
        if current == instance:
            return row
        if current is not None and not fresh:
            raise Superseded
        return self.change(visit, **{f"{role}_page": instance})

    async def admit(self, visit: str, staff: str, instance: str) -> CallState:
        row = self.rows.get(visit)
        if row is None:
            raise Refused("no_such_visit")
        if row.phase != "waiting":
            raise Refused("taken")
        return self.change(
            visit,
            phase="admitted",
            staff=staff,
            therapist_page=instance,
            relay_expires=time.time() + 120,
            policy=self.policy,
        )

    async def confirm(self, visit: str, instance: str) -> CallState:
        if self.rows[visit].phase == "in_session":
            return self.rows[visit]
        return self.change(visit, phase="in_session")

    async def media(self, visit: str, role: Role, instance: str, state: MediaState, path: Path | None) -> None:
        self.media_said.append((role, state, path))

    async def leave(self, visit: str, role: Role, instance: str) -> CallState:
        return self.change(visit, phase="over", reason="left")

    def invite(self, visit: str, guest: str, kind: GuestKind = "interpreter") -> CallState:
        return self.change(visit, guests=(*self.rows[visit].guests, Guest(guest, kind)))

    def take_back(self, visit: str, guest: str) -> CallState:
        return self.change(visit, guests=tuple(one for one in self.rows[visit].guests if one.id != guest))

    async def attach_guest(self, visit: str, guest: str, instance: str, fresh: bool) -> CallState:
        row = self.rows[visit]
        me = next((one for one in row.guests if one.id == guest), None)
        if me is None or not row.open or (me.page != instance and instance in row.pages):
            raise Refused("not_invited")
        if me.page not in (None, instance) and not fresh:
            raise Superseded
        return self._seat(visit, guest, instance)

    async def leave_guest(self, visit: str, guest: str, instance: str) -> CallState:
        return self._seat(visit, guest, None)

    def _seat(self, visit: str, guest: str, page: str | None) -> CallState:
        seats = (replace(one, page=page) if one.id == guest else one for one in self.rows[visit].guests)
        return self.change(visit, guests=tuple(seats))

    async def state(self, visit: str) -> CallState | None:
        return self.rows.get(visit)

    async def chat(self, visit: str, role: Role, instance: str, id: str, text: str) -> Line:
        if self.rows[visit].page(role) != instance:
            raise Refused("not_possible_now")
        lines = self.lines.setdefault(visit, [])
        for line in lines:
            if (line.role, line.id) == (role, id):
                return line
        lines.append(Line(len(lines) + 1, id, role, "2026-11-23T12:00:00.000Z", text, own=True))
        return lines[-1]

    async def chats(self, visit: str, role: Role, instance: str, after: int, most: int, fresh: bool) -> Sequence[Line]:
        lines = [line for line in self.lines.get(visit, ()) if line.number > after][:most]
        return [replace(line, own=line.role == role) for line in lines]

    async def phone(self, visit: str, role: Role, instance: str, on: bool) -> CallState:
        return self.change(visit, phone=on)

    async def quality(self, visit: str, role: Role, instance: str, sample: Sample) -> None:
        self.samples.append((role, sample))

    async def save_relay_call(self, visit: str, key: str, version: int, blob: bytes, expires: float) -> None:
        self.blobs[key] = (visit, blob)

    async def relay_calls(self, visit: str | None) -> Sequence[bytes]:
        return [blob for of, blob in self.blobs.values() if visit in (None, of)]

    async def post(self, channel: str, payload: bytes) -> None:
        self.posted.append((channel, payload))

    def relayed(self) -> list[str]:
        """Keys of the entries that stand."""
        keys = []
        for _, blob in self.blobs.values():
            try:
                keys.append(unseal(blob, self.secret, time.time()).key)
            except ExpiredEntry:
                continue
        return keys
