"""The STUN (RFC 8489) that the relay reads and writes: Binding messages with short-term credentials.

`aioice.stun` computes integrity and fingerprint and writes messages. The reading is our own, because the
relay must see a message as the receiving browser does: `aioice.stun.parse_message` lets the *last* of
repeated attributes win and raises `struct.error` on some malformed ones. Pure.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from struct import Struct

from aioice import stun

REQUEST, RESPONSE, ERROR = 0x0001, 0x0101, 0x0111  # message types of the method Binding

XOR_MAPPED_ADDRESS = 0x0020
USERNAME = 0x0006
USE_CANDIDATE = 0x0025
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A
_MESSAGE_INTEGRITY = 0x0008
_FINGERPRINT = 0x8028

_HEADER = Struct("!HHI12s")
_ATTRIBUTE = Struct("!HH")
_CROSSING = stun.COOKIE.to_bytes(4, "big")

# The lowest of all: should a browser meet the challenge before it has our candidate, the peer-reflexive
# candidate that it makes of it must outrank nothing.
_PRIORITY = 1
_LOWEST, _HIGHEST = b"\0" * 8, b"\xff" * 8  # tie-breakers


@dataclass(slots=True)
class Packet:
    """One well-formed Binding message. `attributes`: the first of each type, up to MESSAGE-INTEGRITY."""

    data: bytes
    type: int
    transaction: bytes
    attributes: dict[int, bytes]
    integrity_at: int  # offset of MESSAGE-INTEGRITY, 0: there is none
    integrity: bytes


def parse(data: bytes) -> Packet | None:
    """Read a Binding request, response or error; None for anything else and anything malformed.

    Attributes after MESSAGE-INTEGRITY other than FINGERPRINT are ignored (RFC 8489 §14.5), as are repeated
    ones (§14); a FINGERPRINT must be right and last.
    """
    size = len(data)
    if size < 20 or size % 4:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if length != size - 20 or cookie != stun.COOKIE or kind not in (REQUEST, RESPONSE, ERROR):
        return None
    attributes: dict[int, bytes] = {}
    integrity_at, integrity, at = 0, b"", 20
    while at < size:  # all lengths are multiples of 4, so a whole attribute header is there
        name, length = _ATTRIBUTE.unpack_from(data, at)
        end = at + 4 + length
        if end > size:
            return None
        if name == _FINGERPRINT:
            if length != 4 or end != size:
                return None
            if int.from_bytes(data[at + 4 : end], "big") != stun.message_fingerprint(data[:at]):
                return None
        elif not integrity_at:
            if name == _MESSAGE_INTEGRITY:
                integrity_at, integrity = at, data[at + 4 : end]
            elif name not in attributes:
                attributes[name] = data[at + 4 : end]
        at = end + (-length % 4)
    return Packet(data, kind, transaction, attributes, integrity_at, integrity) if at == size else None


def intact(packet: Packet, key: bytes) -> bool:
    """Whether MESSAGE-INTEGRITY is there and made with `key`, compared in constant time."""
    if not packet.integrity_at:
        return False
    right = stun.message_integrity(packet.data[: packet.integrity_at], key)
    return hmac.compare_digest(packet.integrity, right)


def challenge(transaction: bytes, username: str, key: bytes, *, controlling: bool) -> bytes:
    """A Binding request of the relay's own, which only the browser with password `key` can answer.

    `controlling` is the role that the relay claims: the opposite of the browser's. Should the browser have
    changed its role meanwhile, the tie-breaker is the one that makes it answer 487 and never change its
    role because of us (RFC 8445 §7.3.1.1).
    """
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = _PRIORITY
    if controlling:
        message.attributes["ICE-CONTROLLING"] = int.from_bytes(_LOWEST, "big")
    else:
        message.attributes["ICE-CONTROLLED"] = int.from_bytes(_HIGHEST, "big")
    message.add_message_integrity(key)
    return bytes(message)


def is_challenge(packet: Packet) -> bool:
    """Whether a request (intact) is a relay's, by its tie-breaker: browsers draw theirs of 64 random bits."""
    return packet.attributes.get(ICE_CONTROLLING) == _LOWEST or packet.attributes.get(ICE_CONTROLLED) == _HIGHEST


def mapped_address(packet: Packet) -> tuple[str, int] | None:
    """XOR-MAPPED-ADDRESS: the source that the answering side saw, as (ip, port)."""
    value = packet.attributes.get(XOR_MAPPED_ADDRESS, b"")
    if (len(value), value[1:2]) not in ((8, b"\x01"), (20, b"\x02")):
        return None
    pad = _CROSSING + packet.transaction
    port = int.from_bytes(value[2:4], "big") ^ (stun.COOKIE >> 16)
    packed = bytes(x ^ y for x, y in zip(value[4:], pad, strict=False))
    return str(ipaddress.ip_address(packed)), port
