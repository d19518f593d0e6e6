"""An open page, and whose it is."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from signaling.messages import Call, ServerMessage
from signaling.visits import Role


@dataclass(frozen=True, slots=True)
class Who:
    """Whose WebSocket it is, from the web session. `session` names the web session, for `Hub.revoke`."""

    role: Role | Literal["admin"]
    session: str
    visit: str | None = None  # a patient's or a guest's, fixed by the address
    staff: str | None = None  # a therapist's or an admin's
    guest: str | None = None  # a third person's invitation


class Page:
    """One page of this node. `visit`: the one that it is attached to."""

    __slots__ = ("__weakref__", "asked", "asking", "call", "chat", "instance", "visit", "who")

    def __init__(self, who: Who) -> None:
        self.who = who
        self.instance = ""
        self.visit: str | None = None
        self.call: Call | None = None  # the last that it was told
        self.chat: int | None = None  # number of the last line of chat that it was sent; None: it has not asked
        self.asked = 0  # questions to the visit that wait for their answer; `asking` is the last one's task
        self.asking: asyncio.Task[None] | None = None

    def send(self, message: ServerMessage) -> None:
        """Queue a message; a page that stays behind is closed."""
        raise NotImplementedError

    def show(self, kind: str, version: int, data: str) -> None:
        """Queue a snapshot whose data is JSON already (ASCII)."""
        raise NotImplementedError

    def close(self, code: int) -> None:
        """End the connection, after what is queued."""
        raise NotImplementedError

    @property
    def side(self) -> Role | None:
        return None if self.who.role == "admin" else self.who.role


def iso(now: float) -> str:
    """Unix seconds as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
