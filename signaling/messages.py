"""Every message of protocol.md, one frozen type each, one closed union each way; JSON lives here alone."""

import json
from typing import Annotated, Any, Final, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from signaling.visits import GuestKind, MediaState, Path, Policy, Quality, Role

MAX_MESSAGE: Final = 64 * 1024  # bytes of a frame from a page
MAX_SDP: Final = 32 * 1024  # bytes; Chromium's offers have 11 kB, Firefox's 7 kB

Instance = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}\z", max_length=22)]
VisitId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}\z", max_length=64)]
Seq = Annotated[int, Field(ge=1, le=2**31)]
Generation = Annotated[int, Field(ge=0, le=10_000)]
Sdp = Annotated[str, Field(min_length=1, max_length=MAX_SDP)]
Candidate = Annotated[str, Field(max_length=512)]
Mid = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,16}\z", max_length=16)]
Kind = Literal["offer", "answer"]
Away = Literal["", "phone", "hidden"]
Guide = Literal["", "body", "upper", "hand", "foot"]
SafetyRun = Annotated[int, Field(ge=1, le=10_000)]
SafetyStep = Literal["commit", "nonce", "reveal", "mismatch", "unable"]
SafetyValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*\z", max_length=43)]
SAFETY_LENGTHS: Final[dict[SafetyStep, int]] = {"commit": 43, "nonce": 22, "reveal": 22, "mismatch": 0, "unable": 0}
MAX_CHAT: Final = 2000  # characters
_PRINTED = r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]*"  # and the line break
ChatText = Annotated[str, Field(max_length=MAX_CHAT, pattern=rf"^{_PRINTED}[^\x00-\x20\x7f-\xa0]{_PRINTED}\z")]
Percent = Annotated[int, Field(ge=0, le=100)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Kbps = Annotated[int, Field(ge=0, le=1_000_000)]


class ProtocolError(Exception):
    """A frame that is no message. `code`: oversize, not_json, duplicate_key, forbidden_key, bad_message."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


# Page to server


class Hello(_Message):
    type: Literal["hello"] = "hello"
    instance: Instance
    fresh: bool
    visit: VisitId | None = None


class Admit(_Message):
    type: Literal["admit"] = "admit"
    visit: VisitId
    offer: Sdp | None = None


class Confirm(_Message):
    type: Literal["confirm"] = "confirm"


class Description(_Message):
    type: Literal["description"] = "description"
    to: Instance
    seq: Seq
    kind: Kind
    generation: Generation
    sdp: Sdp


class IceCandidate(_Message):
    type: Literal["candidate"] = "candidate"
    to: Instance
    seq: Seq
    generation: Generation
    candidate: Candidate
    mid: Mid


class NeedOffer(_Message):
    type: Literal["need_offer"] = "need_offer"
    to: Instance
    seq: Seq


class Shown(_Message):
    """What the other side shows beside the picture."""

    muted: bool
    camera_off: bool
    away: Away = ""
    sharing: bool = False
    guide: Guide = ""
    sound_only: bool = False


class Status(Shown):
    type: Literal["status"] = "status"
    to: Instance
    seq: Seq


class Safety(_Message):
    type: Literal["safety"] = "safety"
    to: Instance
    seq: Seq
    run: SafetyRun
    step: SafetyStep
    value: SafetyValue

    @model_validator(mode="after")
    def _of_its_length(self) -> Self:
        if len(self.value) != SAFETY_LENGTHS[self.step]:
            raise ValueError(self.step)
        return self


class Got(_Message):
    type: Literal["got"] = "got"
    to: Instance
    seq: Seq


class Media(_Message):
    type: Literal["media"] = "media"
    state: MediaState
    path: Path | None
    generation: Generation


class Chat(_Message):
    type: Literal["chat"] = "chat"
    id: Instance
    text: ChatText


class Chats(_Message):
    type: Literal["chats"] = "chats"
    after: Annotated[int, Field(ge=0, le=2**31)]


class Phone(_Message):
    type: Literal["phone"] = "phone"
    on: bool


class QualitySample(_Message):
    type: Literal["quality"] = "quality"
    loss_in: Percent | None
    loss_out: Percent | None
    rtt_ms: Milliseconds | None
    jitter_ms: Milliseconds | None
    kbps_in: Kbps | None
    kbps_out: Kbps | None
    state: Quality
    path: Path | None


class Leave(_Message):
    type: Literal["leave"] = "leave"


class Ping(_Message):
    type: Literal["ping"] = "ping"


Numbered = Description | IceCandidate | NeedOffer | Status | Safety
Beside = Chat | Chats | Phone | QualitySample
PageMessage = Hello | Admit | Confirm | Numbered | Got | Media | Beside | Leave | Ping


# Server to page


class Welcome(_Message):
    type: Literal["welcome"] = "welcome"
    instance: str
    role: Role | Literal["admin"]
    visit: str | None
    server_now: str


class Peer(_Message):
    instance: str
    present: bool


class Other(_Message):
    """One more page that this one is connected with, or may be."""

    role: Role
    kind: GuestKind | None
    instance: str
    present: bool


class IceServer(_Message):
    """As RTCPeerConnection takes it."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Call(_Message):
    type: Literal["call"] = "call"
    visit: str
    phase: Literal["admitted", "in_session"]
    role: Role
    policy: Policy
    peer: Peer | None
    phone: bool = False
    peer_quality: Quality | None = None
    ice_servers: tuple[IceServer, ...] = ()
    others: tuple[Other, ...] = ()


class SupersededNotice(_Message):
    type: Literal["superseded"] = "superseded"


class Refusal(_Message):
    type: Literal["refused"] = "refused"
    code: str
    about: str | None
    seq: int | None = None


class _FromPeer(_Message):
    # `from` is a keyword in Python.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True)
    sender: str = Field(validation_alias="from", serialization_alias="from")
    role: Role
    seq: int


class PeerDescription(_FromPeer):
    type: Literal["description"] = "description"
    kind: Kind
    generation: int
    sdp: str


class PeerCandidate(_FromPeer):
    type: Literal["candidate"] = "candidate"
    generation: int
    candidate: str
    mid: str


class PeerNeedOffer(_FromPeer):
    type: Literal["need_offer"] = "need_offer"


class PeerStatus(_FromPeer, Shown):
    type: Literal["status"] = "status"


class PeerSafety(_FromPeer):
    type: Literal["safety"] = "safety"
    run: int
    step: SafetyStep
    value: str


class PeerGot(_FromPeer):
    type: Literal["got"] = "got"


class Skip(_FromPeer):
    type: Literal["skip"] = "skip"


class RelayCandidate(_Message):
    candidate: str
    address: str
    port: int
    protocol: Literal["udp", "tcp"]
    via: Literal["relay", "direct"]


class RelayOffer(_Message):
    type: Literal["relay"] = "relay"
    peer: str
    generation: int
    candidates: tuple[RelayCandidate, ...]


class Snapshot(_Message):
    type: Literal["snapshot"] = "snapshot"
    kind: Literal["waiting", "visit", "messages", "queue", "admin"]
    version: int
    data: dict[str, Any]


class Clock(_Message):
    """The visit's clock; instants are ISO 8601 in UTC with milliseconds."""

    type: Literal["clock"] = "clock"
    phase: Literal["before", "running", "wrap_up", "held", "ended"]
    server_now: str
    started_at: str | None
    ends_at: str | None
    wrap_ends_at: str | None
    length_s: int
    notices: tuple[int, ...]
    held: bool
    lost_s: int
    give_back: bool


class ChatLine(_Message):
    type: Literal["chat"] = "chat"
    seq: int
    id: str
    role: Role
    at: str
    text: str
    own: bool
    name: str | None = None


class ChatsTold(_Message):
    type: Literal["chats"] = "chats"
    last: int


class Ended(_Message):
    type: Literal["ended"] = "ended"
    visit: str
    reason: str


class Pong(_Message):
    type: Literal["pong"] = "pong"
    server_now: str


FromPeer = PeerDescription | PeerCandidate | PeerNeedOffer | PeerStatus | PeerSafety | PeerGot | Skip
ToPage = (
    Welcome | Call | SupersededNotice | Refusal | RelayOffer | Snapshot | Clock | ChatLine | ChatsTold | Ended | Pong
)
ServerMessage = FromPeer | ToPage

_FROM_PAGE: TypeAdapter[PageMessage] = TypeAdapter(Annotated[PageMessage, Field(discriminator="type")])
_FROM_SERVER: TypeAdapter[ServerMessage] = TypeAdapter(Annotated[ServerMessage, Field(discriminator="type")])


def parse(frame: str | bytes) -> PageMessage:
    """What a page has sent. Raises `ProtocolError`; then nothing may be done with it."""
    content = load_frame(frame, MAX_MESSAGE)
    # No message of a page nests: whatever does is refused before it is looked at.
    if any(isinstance(value, dict | list) for value in content.values()):
        raise ProtocolError("bad_message")
    try:
        return _FROM_PAGE.validate_python(content, strict=True)
    except ValidationError:
        raise ProtocolError("bad_message") from None


def dump(message: ServerMessage | PageMessage) -> str:
    """The frame's text. ASCII, so that no lone surrogate can break the sending."""
    if isinstance(message, Snapshot):  # the server's own data, large: pydantic need not walk it
        content: dict[str, Any] = {"type": "snapshot", "kind": message.kind, "version": message.version}
        content["data"] = message.data
    else:
        content = message.model_dump(by_alias=True)
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def snapshot_text(kind: str, version: int, data: str) -> str:
    """:func:`dump` of a snapshot whose data is JSON already (ASCII)."""
    return f'{{"type":"snapshot","kind":"{kind}","version":{version},"data":{data}}}'


def parse_server(text: str | bytes) -> ServerMessage:
    """A message for a page, from another node (in tests: at the page). Raises `ProtocolError`."""
    try:
        return _FROM_SERVER.validate_json(json.dumps(load_frame(text, 16 * MAX_MESSAGE)), strict=True)
    except ValidationError:
        raise ProtocolError("bad_message") from None


def load_frame(frame: str | bytes, most: int) -> dict[str, Any]:
    if len(frame) > most:
        raise ProtocolError("oversize")
    try:
        raw = frame.encode() if isinstance(frame, str) else frame
        text = raw.decode()
    except UnicodeError:
        raise ProtocolError("not_json") from None
    if len(raw) > most:
        raise ProtocolError("oversize")
    try:
        content = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("not_json") from None
    if not isinstance(content, dict):
        raise ProtocolError("bad_message")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two parsers may pick two different values of a repeated key (JSA-2023-0001)."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ProtocolError("duplicate_key")
    if "__proto__" in content:
        raise ProtocolError("forbidden_key")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
