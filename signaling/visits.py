"""What signalling needs of the visit. The server implements these Protocols and passes them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["patient", "therapist"]
Policy = Literal["relay", "direct+relay"]
Phase = Literal["waiting", "admitted", "in_session", "over"]
MediaState = Literal["connected", "lost"]
Path = Literal["direct", "relay", "relay-tcp"]


@dataclass(frozen=True, slots=True)
class CallState:
    """A visit as the call sees it, read from its row.

    `phase`: "waiting" for everything before the admission, "over" for everything after the end.
    `*_page`: current page instance of each side. `relay_expires`: unix seconds until which a relay may carry
    the call without hearing more. `version`: the row's; an older state never replaces a newer one.
    `reason`: why the visit is no longer open, for `ended`. `staff`: whose visit it is.
    """

    visit: str
    phase: Phase
    policy: Policy
    therapist_page: str | None
    patient_page: str | None
    relay_expires: float
    version: int = 0
    reason: str = "ended"
    staff: str | None = None

    @property
    def open(self) -> bool:
        """A therapist and a patient belong together: signalling passes."""
        return self.phase in ("admitted", "in_session")

    def page(self, role: Role) -> str | None:
        return self.therapist_page if role == "therapist" else self.patient_page


class Refused(Exception):
    """The visit says no. `code` is one of protocol.md's table."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Superseded(Exception):
    """A newer page of this side has taken over."""


class Visits(Protocol):
    """Each call is one transaction and may raise `Refused`. Any other exception is answered `unavailable`.

    After each call the pages of both sides on all nodes are told by the hub itself; what changes a visit
    elsewhere (the end, a sweep) is told with `Hub.visit_changed`.
    """

    async def attach(self, visit: str, role: Role, staff: str | None, instance: str, fresh: bool) -> CallState:
        """Make `instance` this side's page: always when `fresh`, else only if it is current or nobody is.

        `staff` is the therapist's id, None for a patient. Raises `Superseded`, or `Refused("no_such_visit")`
        for another therapist's visit.
        """

    async def admit(self, visit: str, staff: str, instance: str) -> CallState:
        """Admission and attach in one. `Refused`: taken, busy, not_possible_now, no_such_visit."""

    async def confirm(self, visit: str, instance: str) -> CallState:
        """The patient's page has got the admission. Twice is the same as once."""

    async def media(self, visit: str, role: Role, instance: str, state: MediaState, path: Path | None) -> None:
        """What a side's current page says of its connection."""

    async def leave(self, visit: str, role: Role, instance: str) -> CallState:
        """The person at this page leaves."""

    async def state(self, visit: str) -> CallState | None:
        """As it is now; None if there is no such visit."""


class RelayStore(Protocol):
    """Relay entries in SQL: they outlive Redis and this process. Blobs hold ICE passwords: encrypt them."""

    async def save_relay_call(self, visit: str, key: str, version: int, blob: bytes, expires: float) -> None:
        """Insert or replace by `key`. `expires`: unix seconds; in the past for a tombstone."""

    async def relay_calls(self, visit: str | None) -> Sequence[bytes]:
        """The blobs of this visit, or of all, that have not expired."""


class Mailbox(Protocol):
    """Delivery between nodes while the bus is away.

    The server gives what other nodes have posted to `Hub.on_signal`, in the order of posting.
    """

    async def post(self, channel: str, payload: bytes) -> None: ...
