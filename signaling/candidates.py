"""The gate for trickled candidates (RFC 8839 §5.1): who may learn whose address. Pure."""

import ipaddress
import re
from collections.abc import Collection

from signaling.visits import Policy

LONGEST = 512  # characters; Chromium's have about 170

_CANDIDATE = re.compile(
    r"(?:a=)?candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) (?P<component>[0-9]{1,3})"
    r" (?P<transport>[A-Za-z]{3}) (?P<priority>[0-9]{1,10})"
    r" (?P<address>[0-9A-Za-z.:-]{1,64}) (?P<port>[0-9]{1,5}) typ (?P<type>host|srflx|prflx|relay)"
    r"(?: raddr [0-9A-Za-z.:-]{1,64} rport [0-9]{1,5})?(?P<rest>(?: [!-~]{1,64} [!-~]{1,256}){0,8})",
    re.ASCII,
)
# draft-ietf-mmusic-mdns-ice-candidates §3.1.1: a version 4 UUID under .local
_MDNS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.local", re.IGNORECASE)
_EXTENSIONS = {
    "tcptype": re.compile(r"active|passive|so"),
    "generation": re.compile(r"[0-9]{1,5}"),
    "ufrag": re.compile(r"[A-Za-z0-9+/]{4,32}"),
    "network-id": re.compile(r"[0-9]{1,5}"),
    "network-cost": re.compile(r"[0-9]{1,3}"),
}
_DISCARD_PORT = 9  # what an active TCP candidate carries (RFC 6544 §4.5)
_LOWEST_PORT = 1024  # no browser gathers below; a claimed one would aim checks at a service


class CandidateRefused(ValueError):
    """No candidate that a browser gathers."""


def candidate_gate(line: str, policy: Policy, *, turn: Collection[str] = (), loopback: bool = False) -> str | None:
    """The line to forward, rebuilt from its parts, or None where policy or protocol keeps it back.

    `turn`: addresses of the clinic's TURN servers. Under policy "relay" only a candidate with such an
    *address* passes: the type that a client claims is worth nothing. `loopback`: both browsers are on one
    machine (development, tests). Private addresses pass under "direct+relay" (two people may share a
    network); the related address never does. Raises `CandidateRefused`.
    """
    if not line:
        return None  # end of candidates: never forwarded, the relay's come later
    found = _CANDIDATE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        raise CandidateRefused("syntax")
    transport, kind, port = found["transport"].lower(), found["type"], int(found["port"])
    extensions = _extensions(found["rest"])
    if transport not in ("udp", "tcp") or int(found["component"]) not in (1, 2):
        raise CandidateRefused("transport")
    if (transport == "tcp") != ("tcptype" in extensions) or int(found["priority"]) >= 2**32:
        raise CandidateRefused("syntax")
    if int(found["component"]) != 1:
        return None  # RTCP is multiplexed
    address = _address(found["address"], loopback)
    if address in turn and transport == "udp":
        kind = "relay"
    elif policy == "relay" or kind not in ("host", "srflx"):
        return None
    if address.endswith(".local") and kind != "host":
        raise CandidateRefused("name")
    if not (_LOWEST_PORT <= port <= 65535) and not (port == _DISCARD_PORT and extensions.get("tcptype") == "active"):
        raise CandidateRefused("port")
    nowhere = "::" if ":" in address else "0.0.0.0"  # noqa: S104 (in a candidate it says "not told")
    related = "" if kind == "host" else f" raddr {nowhere} rport 0"
    rest = "".join(f" {name} {value}" for name, value in extensions.items())
    head = f"candidate:{found['foundation']} 1 {transport} {found['priority']} {address} {port}"
    return f"{head} typ {kind}{related}{rest}"


def _extensions(rest: str) -> dict[str, str]:
    """The known ones; others are left out, a known one that is repeated or malformed is refused."""
    words = rest.split()
    known: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if (grammar := _EXTENSIONS.get(name)) is None:
            continue
        if name in known or not grammar.fullmatch(value):
            raise CandidateRefused("extension")
        known[name] = value
    return known


def _address(text: str, loopback: bool) -> str:
    """Normalised. An address that a browser cannot have gathered is refused; so is every name but mDNS."""
    if _MDNS.fullmatch(text):
        return text
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise CandidateRefused("name") from None
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo):
        raise CandidateRefused("address")  # another address in disguise (CVE-2026-27624)
    if address.is_unspecified or address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        raise CandidateRefused("address")
    if address.is_loopback and not loopback:
        raise CandidateRefused("address")
    return str(address)
