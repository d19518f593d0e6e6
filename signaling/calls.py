"""What the web nodes and the relays tell each other about calls, signed.

A web node seals a `RelayCall` and puts it into the bus; a relay unseals it and answers with a `RelayAck`
and, under the direct policy, with `RelayVerified`. Redis only carries these blobs: whoever can write to it
still cannot open a relay, because every blob is authenticated with a key that Redis never sees.

Envelope: 64 hexadecimal digits of HMAC-SHA256, a full stop, then compact JSON with a `type` tag. The MAC
covers the whole JSON, thus content, version and expiry. Pure: no I/O, no clock.
"""

import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Literal

MAX_BLOB = 16_384  # bytes; a call's entry is under 1 kB, an acknowledgement has some 150 bytes an address
_DOMAIN = b"twenty-minutes relay 1\0"  # the key may sign other things elsewhere

# RFC 8839 §5.4: ice-char is ALPHA / DIGIT / "+" / "/". The upper bound of ufrag is 256 there; browsers
# draw 4 to 8 characters and RFC 8839 recommends no more than 32 when sending.
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,32}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_NAME = re.compile(r"[A-Za-z0-9_.~:-]{1,128}")  # parts of a key: no "/", which separates them

#: before the "visit" of a connection check's relay call: a visit's id has no colon, so the two never mix
CHECK_PREFIX = "check:"

Side = Literal["a", "b"]


class ForgedEntry(ValueError):
    """The blob is not one that the holder of the secret has sealed (or is no entry at all)."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One browser's ICE credentials, as its SDP gave them."""

    ufrag: str
    pwd: str

    @property
    def grammatical(self) -> bool:
        """Whether both follow RFC 8839's grammar; a `:` in a ufrag would make USERNAME ambiguous."""
        return bool(_UFRAG.fullmatch(self.ufrag) and _PWD.fullmatch(self.pwd))


@dataclass(frozen=True, slots=True)
class RelayCall:
    """One call that a relay may carry.

    `offerer` and `answerer` are page instance ids, `a` the offerer's credentials, `b` the answerer's.
    `expires`: unix seconds; the relay enforces it alone. A later `version` of the same key replaces an
    earlier one and may move only `expires` and `direct`. `direct`: report verified addresses.
    """

    visit: str
    offerer: str
    answerer: str
    generation: int
    a: Leg
    b: Leg
    expires: float
    version: int
    direct: bool

    @property
    def key(self) -> str:
        return f"{self.visit}/{self.offerer}/{self.answerer}/{self.generation}"

    @property
    def of_a_check(self) -> bool:
        return self.visit.startswith(CHECK_PREFIX)

    @property
    def well_formed(self) -> bool:
        names = (self.visit, self.offerer, self.answerer)
        return (
            all(_NAME.fullmatch(name) for name in names)
            and self.generation >= 0
            and self.a.grammatical
            and self.b.grammatical
            and self.a.ufrag != self.b.ufrag
        )


class ExpiredEntry(ValueError):
    """A genuine entry whose end has passed: a tombstone, or one that came late. `call` is its content."""

    def __init__(self, call: RelayCall) -> None:
        super().__init__(call.key)
        self.call = call


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """A published address of one relay process. `priority`: of the ICE candidate, higher is tried first."""

    ip: str
    port: int
    transport: Literal["udp", "tcp"]
    priority: int

    @property
    def foundation(self) -> str:
        """One foundation each, so that no browser freezes one pair for another (RFC 8445 §5.1.1.3)."""
        return str(zlib.crc32(f"{self.transport}/{self.ip}/{self.port}".encode()))

    def candidate_line(self, ufrag: str, generation: int = 0) -> str:
        """The `candidate` attribute for the browser whose *remote* description has this `ufrag`.

        Grammar and order: RFC 8839 §5.1 (`typ`, then `raddr` and `rport`, then extensions), RFC 6544 §4.5
        (`tcptype` first among them). Browsers take a passive TCP candidate only as `typ host`. Chromium
        compares network cost before priority: 999 is its highest, so anything direct wins.
        """
        head = f"candidate:{self.foundation} 1 {self.transport} {self.priority} {self.ip} {self.port}"
        if self.transport == "tcp":
            kind = "typ host tcptype passive"
        else:
            hidden = "::" if ":" in self.ip else "0.0.0.0"  # noqa: S104 - no address to bind
            kind = f"typ relay raddr {hidden} rport 0"
        return f"{head} {kind} generation {generation} ufrag {ufrag} network-cost 999"


@dataclass(frozen=True, slots=True)
class RelayAck:
    """The relay `relay` carries version `version` of call `key` at these addresses."""

    key: str
    version: int
    relay: str
    candidates: tuple[RelayAddress, ...]


@dataclass(frozen=True, slots=True)
class RelayVerified:
    """A leg's browser has proved that it receives at this UDP address, as the relay's socket sees it."""

    key: str
    leg: Side
    ip: str
    port: int


Entry = RelayCall | RelayAck | RelayVerified


def seal(entry: Entry, secret: bytes) -> bytes:
    """The signed blob of an entry, under 2 kB for a call."""
    match entry:
        case RelayCall():
            content: dict[str, object] = {"type": "call", **asdict(entry)}
            content["a"], content["b"] = astuple(entry.a), astuple(entry.b)
        case RelayAck():
            content = {"type": "ack", **asdict(entry)}
            content["candidates"] = [astuple(address) for address in entry.candidates]
        case RelayVerified():
            content = {"type": "verified", **asdict(entry)}
    body = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return _mac(body, secret) + b"." + body


def unseal(blob: bytes, secret: bytes, now: float) -> RelayCall:
    """The call in `blob`. Raises `ForgedEntry`, or `ExpiredEntry` when it ended by `now` (unix seconds)."""
    content = _open(blob, secret)
    try:
        call = RelayCall(
            visit=_str(content, "visit"),
            offerer=_str(content, "offerer"),
            answerer=_str(content, "answerer"),
            generation=_int(content, "generation"),
            a=_leg(content["a"]),
            b=_leg(content["b"]),
            expires=_float(content, "expires"),
            version=_int(content, "version"),
            direct=content["direct"] is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ForgedEntry("no call") from error
    if content.get("type") != "call":
        raise ForgedEntry("no call")
    if call.expires <= now:
        raise ExpiredEntry(call)
    return call


def unseal_report(blob: bytes, secret: bytes) -> RelayAck | RelayVerified:
    """What a relay reports on channel "relay". Raises `ForgedEntry`."""
    content = _open(blob, secret)
    try:
        if content.get("type") == "ack":
            return RelayAck(
                key=_str(content, "key"),
                version=_int(content, "version"),
                relay=_str(content, "relay"),
                candidates=tuple(_address(row) for row in _list(content["candidates"])),
            )
        if content.get("type") == "verified":
            leg = content["leg"]
            if leg != "a" and leg != "b":
                raise ForgedEntry("no leg")
            return RelayVerified(_str(content, "key"), leg, _str(content, "ip"), _int(content, "port"))
    except (KeyError, TypeError, ValueError) as error:
        raise ForgedEntry("no report") from error
    raise ForgedEntry("no report")


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, _DOMAIN + body, hashlib.sha256).hexdigest().encode()


def _open(blob: bytes, secret: bytes) -> Mapping[str, object]:
    """The JSON object of a blob, read only after its MAC was found right."""
    mac, point, body = blob[:64], blob[64:65], blob[65:]
    if len(blob) > MAX_BLOB or point != b"." or not hmac.compare_digest(mac, _mac(body, secret)):
        raise ForgedEntry("not sealed with this secret")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ForgedEntry("no JSON") from error
    if not isinstance(content, dict):
        raise ForgedEntry("no object")
    return content


def _str(content: Mapping[str, object], name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _int(content: Mapping[str, object], name: str) -> int:
    value = content[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(name)
    return value


def _float(content: Mapping[str, object], name: str) -> float:
    value = content[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e12:
        raise TypeError(name)
    return float(value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _leg(value: object) -> Leg:
    match value:
        case [str(ufrag), str(pwd)]:
            return Leg(ufrag, pwd)
    raise TypeError("no leg")


def _address(value: object) -> RelayAddress:
    match value:
        case [str(ip), int(port), "udp" | "tcp" as transport, int(priority)]:
            return RelayAddress(ip, port, "tcp" if transport == "tcp" else "udp", priority)
    raise TypeError("no address")
