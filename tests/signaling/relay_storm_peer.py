"""STUN as a browser of the relay's storm writes it: our own, so that the relay's reading and writing meet another's."""

import hashlib
import hmac
import zlib
from dataclasses import dataclass
from struct import Struct

from signaling.calls import Leg, RelayCall
from signaling.relay import Source

HEAD = Struct("!HHI12s")
COOKIE = 0x2112A442


def attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def stun(kind: int, transaction: bytes, body: bytes, key: bytes | None, finger: bool = False) -> bytes:
    """A STUN message; written here, so that the relay's own reading and writing meet another's."""
    if key is not None:
        head = HEAD.pack(kind, len(body) + 24, COOKIE, transaction)
        body += attribute(8, hmac.digest(key, head + body, hashlib.sha1))
    if finger:
        head = HEAD.pack(kind, len(body) + 8, COOKIE, transaction)
        body += attribute(0x8028, (zlib.crc32(head + body) ^ 0x5354554E).to_bytes(4, "big"))
    return HEAD.pack(kind, len(body), COOKIE, transaction) + body


def signed(data: bytes, key: bytes) -> bool:
    """Whether a MESSAGE-INTEGRITY in `data` is made with `key`, wherever it stands."""
    at = 20
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at : at + 2] == b"\0\x08" and length == 20:
            head = data[:2] + (at + 4).to_bytes(2, "big") + data[4:20]
            if data[at + 4 : at + 24] == hmac.digest(key, head + data[20:at], hashlib.sha1):
                return True
        at += 4 + length + -length % 4
    return False


@dataclass(slots=True)
class Browser:
    """One end of a call. `sources`: where it receives."""

    call: RelayCall
    own: Leg
    peer: Leg
    sources: list[Source]
    controlling: bool

    def check(self, transaction: bytes, use: bool, finger: bool) -> bytes:
        body = attribute(6, f"{self.peer.ufrag}:{self.own.ufrag}".encode()) + attribute(0x24, b"\x6e\0\1\xff")
        body += attribute(0x802A if self.controlling else 0x8029, b"sevenof9")
        if use:
            body += attribute(0x25, b"")
        return stun(1, transaction, body, self.peer.pwd.encode(), finger)

    def answer(self, transaction: bytes, finger: bool) -> bytes:
        mapped = attribute(0x20, b"\0\1\x11\x11\1\2\3\4")
        return stun(0x0101, transaction, mapped, self.own.pwd.encode(), finger)
