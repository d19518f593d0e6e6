"""Every message of the connection check's own WebSocket (protocol.md, "The connection check"). Pure.

None of them is a message of a call, and none of a call's is one of these: a page that waits and is checked hears
nothing about any call.
"""

import json
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signaling.check_sdp import MAX_CHECK_SDP
from signaling.messages import ProtocolError, load_frame

MAX_CHECK_MESSAGE: Final = 3 * MAX_CHECK_SDP

CheckSdp = Annotated[str, Field(min_length=1, max_length=MAX_CHECK_SDP)]
Way = Literal["udp", "tcp"]
#: busy: too many wait. unavailable: no check process answers. too_often: this visit was checked often enough.
#: refused: the offers were not what our page makes. failed: it broke off.
NotMeasured = Literal["busy", "unavailable", "too_often", "refused", "failed"]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class CheckBegin(_Message):
    """Page to server: the first message and the only one."""

    type: Literal["check_begin"] = "check_begin"
    udp: CheckSdp
    tcp: CheckSdp


class CheckQueued(_Message):
    type: Literal["check_queued"] = "check_queued"
    ahead: int


class CheckAnswer(_Message):
    type: Literal["check_answer"] = "check_answer"
    way: Way
    sdp: str
    candidates: tuple[str, ...]


class CheckResult(_Message):
    type: Literal["check_result"] = "check_result"
    verdict: str
    start_mode: str
    trouble: str | None
    udp: bool | None
    tcp: bool | None
    rtt_ms: int | None
    jitter_ms: int | None
    loss: int | None
    kbps_up: int | None
    kbps_down: int | None


class CheckFailed(_Message):
    type: Literal["check_failed"] = "check_failed"
    reason: NotMeasured


CheckMessage = CheckQueued | CheckAnswer | CheckResult | CheckFailed


def parse_begin(frame: str | bytes) -> CheckBegin:
    """What a page has sent. Raises `ProtocolError`; then nothing may be done with it."""
    content = load_frame(frame, MAX_CHECK_MESSAGE)
    try:
        return CheckBegin.model_validate(content, strict=True)
    except ValidationError:
        raise ProtocolError("bad_message") from None


def dump_check(message: CheckMessage) -> str:
    return json.dumps(message.model_dump(), separators=(",", ":"), allow_nan=False)
