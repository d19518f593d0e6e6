"""What web nodes tell each other about pages, signed: whoever can write to Redis still cannot speak.

Envelope: 64 hexadecimal digits of HMAC-SHA256, a full stop, compact JSON. Pure.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Literal

from signaling.visits import Role

MAX_SIGNAL = 256 * 1024
_DOMAIN = b"twenty-minutes signal 1\0"


class ForgedSignal(ValueError):
    """Not sealed with this secret, or no signal."""


@dataclass(frozen=True, slots=True)
class Signal:
    """From one node to all others.

    `kind`: "message" (deliver `text`, a server message, to the page), "here" and "gone" (a page of the
    visit is connected, or no longer; `reply` asks who else is), "look" (the visit has changed: read it).
    """

    node: str
    kind: Literal["message", "here", "gone", "look"]
    visit: str
    role: Role | None = None
    instance: str = ""
    text: str = ""
    reply: bool = False


def seal_signal(signal: Signal, secret: bytes) -> bytes:
    body = json.dumps(asdict(signal), separators=(",", ":")).encode()
    return _mac(body, secret) + b"." + body


def unseal_signal(blob: bytes, secret: bytes) -> Signal:
    """Raises `ForgedSignal`."""
    mac, point, body = blob[:64], blob[64:65], blob[65:]
    if len(blob) > MAX_SIGNAL or point != b"." or not hmac.compare_digest(mac, _mac(body, secret)):
        raise ForgedSignal("not sealed with this secret")
    try:
        return Signal(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise ForgedSignal("no signal") from error


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, _DOMAIN + body, hashlib.sha256).hexdigest().encode()
