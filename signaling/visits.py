"""What signalling needs of the visit. The server implements these Protocols and passes them in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["patient", "therapist", "guest"]
GuestKind = Literal["interpreter", "carer", "therapist"]
Policy = Literal["relay", "direct+relay"]
Phase = Literal["waiting", "admitted", "in_session", "over"]
MediaState = Literal["connected", "lost"]
Path = Literal["direct", "relay", "relay-tcp"]
Quality = Literal["good", "weak", "lost"]


@dataclass(frozen=True, slots=True)
class Guest:
    """A third person whom the therapist has invited. `page`: their current page instance; None: not here yet."""

    id: str
    kind: GuestKind
    page: str | None = None


@dataclass(frozen=True, slots=True)
class CallState:
    """A visit as the call sees it, read from its row.

    `phase`: "waiting" for everything before the admission, "over" for everything after the end.
    `*_page`: current page instance of each side. `relay_expires`: unix seconds until which a relay may carry
    the call without hearing more. `version`: the row's; an older state never replaces a newer one.
    `reason`: why the visit is no longer open, for `ended`. `staff`: whose visit it is. `phone`: the two go on by
    phone. `patient_quality`: of the patient's connection, as their page says. `guests`: whose invitation stands.
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
    phone: bool = False
    patient_quality: Quality | None = None
    guests: tuple[Guest, ...] = ()

    @property
    def open(self) -> bool:
        """A therapist and a patient belong together: signalling passes."""
        return self.phase in ("admitted", "in_session")

    def page(self, role: Role, guest: str | None = None) -> str | None:
        """The current page of this side; `guest`: of which one."""
        if role == "guest":
            return next((one.page for one in self.guests if one.id == guest), None)
        return self.therapist_page if role == "therapist" else self.patient_page

    @property
    def pages(self) -> dict[str, Role]:
        """Every current page's instance, and whose it is."""
        pages: dict[str, Role] = {one.page: "guest" for one in self.guests if one.page is not None}
        if self.patient_page is not None:
            pages[self.patient_page] = "patient"
        if self.therapist_page is not None:
            pages[self.therapist_page] = "therapist"
        return pages


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a visit's chat. `number` counts from 1 without holes; `at`: ISO 8601 in UTC. `own`: whoever
    reads it has written it; `name`: the therapist who has, None for the patient's."""

    number: int
    id: str
    role: Role
    at: str
    text: str
    own: bool
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """How a page's connection was in the last seconds: percent, ms, kbit/s; None where it cannot tell."""

    loss_in: int | None
    loss_out: int | None
    rtt_ms: int | None
    jitter_ms: int | None
    kbps_in: int | None
    kbps_out: int | None
    state: Quality
    path: Path | None


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

    async def attach_guest(self, visit: str, guest: str, instance: str, fresh: bool) -> CallState:
        """As `attach`, for a third person. `Refused("not_invited")` when the invitation does not stand."""

    async def leave_guest(self, visit: str, guest: str, instance: str) -> CallState:
        """The third person at this page leaves; the same link leads back."""

    async def state(self, visit: str) -> CallState | None:
        """As it is now; None if there is no such visit."""

    async def chat(self, visit: str, role: Role, instance: str, id: str, text: str) -> Line:
        """Store what this side's current page says; the same `id` again changes nothing and gives what was stored."""

    async def chats(self, visit: str, role: Role, instance: str, after: int, most: int, fresh: bool) -> Sequence[Line]:
        """Up to `most` messages above number `after`, in order. `fresh`: the page shows them for the first time."""

    async def phone(self, visit: str, role: Role, instance: str, on: bool) -> CallState:
        """Go on by phone, or come back to the picture. Twice is the same as once."""

    async def quality(self, visit: str, role: Role, instance: str, sample: Sample) -> None:
        """What a side's current page has measured."""


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
