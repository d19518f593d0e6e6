"""Where a call's browsers were last, so that a relay that was killed can ask there at once. Pure.

A hint proves nothing: it makes an address be challenged, as a check of its browser does. It is sealed for one relay
and one call, so that whoever can write to Redis cannot make a relay send anything anywhere.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

from signaling.calls import MAX_BLOB, ForgedEntry, Side
from signaling.relay_leg import FIRST_CONNECTION, Address, OpenCall

_DOMAIN = b"twenty-minutes relay hints 1\0"


@dataclass(frozen=True, slots=True)
class Hint:
    """Leg `side` was at `address` behind our published `place` (ip, port); `controlling`: its ICE role."""

    side: Side
    place: tuple[str, int]
    address: Address
    controlling: bool


def hints_of(call: OpenCall, published: dict[int, tuple[str, int]]) -> tuple[Hint, ...]:
    """The addresses in use, UDP alone: a TCP connection ends with the process."""
    found = []
    for leg in (call.a, call.b):
        path = leg.active
        if path is None or path.controlling is None or path.source[0] >= FIRST_CONNECTION:
            continue
        if (place := published.get(path.source[0])) is not None:
            found.append(Hint(leg.side, place, path.source[1], path.controlling))
    return tuple(found)


def seal_hints(relay: str, key: str, hints: tuple[Hint, ...], secret: bytes) -> bytes:
    """`relay` and `key`: whose hints, of which call."""
    rows = [[hint.side, *hint.place, list(hint.address), hint.controlling] for hint in hints]
    body = json.dumps(rows, separators=(",", ":")).encode()
    return _mac(relay, key, body, secret) + b"." + body


def unseal_hints(blob: bytes, relay: str, key: str, secret: bytes) -> tuple[Hint, ...]:
    """Raises `ForgedEntry`, also for another relay's or another call's."""
    mac, point, body = blob[:64], blob[64:65], blob[65:]
    if len(blob) > MAX_BLOB or point != b"." or not hmac.compare_digest(mac, _mac(relay, key, body, secret)):
        raise ForgedEntry("no hints of ours")
    return tuple(Hint(row[0], (row[1], row[2]), tuple(row[3]), row[4]) for row in json.loads(body))


def _mac(relay: str, key: str, body: bytes, secret: bytes) -> bytes:
    whose = json.dumps([relay, key]).encode()
    return hmac.new(secret, _DOMAIN + whose + b"\0" + body, hashlib.sha256).hexdigest().encode()
