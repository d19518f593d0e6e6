"""What web nodes and check processes tell each other, signed: channel "check" there, "checked" back. Pure.

Envelope: 64 hexadecimal digits of HMAC-SHA256, a full stop, compact JSON with a `type` tag (as in calls.py, under
another domain). Redis only carries it: whoever can write there can neither begin a check nor report one.
"""

import hashlib
import hmac
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from signaling.check_messages import Way
from signaling.check_numbers import Numbers

MAX_POST = 32 * 1024
_DOMAIN = b"twenty-minutes check 1\0"


class ForgedPost(ValueError):
    """Not sealed with this secret, or nothing that we say."""


class _Post(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ask(_Post):
    """Web to one process: measure. `check` is drawn for this one check; `until`: unix seconds, no start after it."""

    type: Literal["ask"] = "ask"
    process: str
    check: str
    visit: str
    udp: str
    tcp: str
    until: float


class Stop(_Post):
    """Web to the processes: nobody waits for this check any more."""

    type: Literal["stop"] = "stop"
    check: str


class Look(_Post):
    """Web to the processes: say that you are there."""

    type: Literal["look"] = "look"


class Here(_Post):
    """A process's sign of life. `load`: checks that run and wait; `most`: how many run at once."""

    type: Literal["here"] = "here"
    process: str
    load: int
    most: int


class Queued(_Post):
    type: Literal["queued"] = "queued"
    check: str
    ahead: int


class Answered(_Post):
    type: Literal["answered"] = "answered"
    check: str
    way: Way
    sdp: str
    candidates: tuple[str, ...]


class Measured(_Post):
    type: Literal["measured"] = "measured"
    check: str
    numbers: Numbers


class Failed(_Post):
    type: Literal["failed"] = "failed"
    check: str
    reason: Literal["busy", "unavailable", "refused", "failed"]


ToProcess = Ask | Stop | Look
FromProcess = Here | Queued | Answered | Measured | Failed
CheckEvent = Queued | Answered | Measured | Failed
_POST: TypeAdapter[ToProcess | FromProcess] = TypeAdapter(
    Annotated[ToProcess | FromProcess, Field(discriminator="type")]
)


def seal_post(post: ToProcess | FromProcess, secret: bytes) -> bytes:
    body = post.model_dump_json().encode()
    return _mac(body, secret) + b"." + body


def unseal_post(blob: bytes, secret: bytes) -> ToProcess | FromProcess:
    """Raises `ForgedPost`."""
    mac, point, body = blob[:64], blob[64:65], blob[65:]
    if len(blob) > MAX_POST or point != b"." or not hmac.compare_digest(mac, _mac(body, secret)):
        raise ForgedPost("not sealed with this secret")
    try:
        return _POST.validate_json(body)
    except ValidationError as error:
        raise ForgedPost("no post") from error


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, _DOMAIN + body, hashlib.sha256).hexdigest().encode()
