"""The gate for offers and answers (RFC 8866, 8829, 8839). Pure.

`aiortc.sdp` reads the description and judges what it means; what goes on is the *original* text, filtered
line by line through an allow-list: what a browser reads is what was judged, and nothing that we do not know.
Whatever two parsers might read differently (a repeated attribute, an odd blank) is refused or left out.
"""

import re
from dataclasses import dataclass
from typing import Literal

from aiortc.sdp import MediaDescription, SessionDescription, grouplines

from signaling.calls import Leg
from signaling.messages import MAX_SDP

MAX_LINES = 1500  # Chromium's camera, microphone, screen and data: about 350
MAX_LINE = 1024

_RTP, _SCTP = "UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP"
_MOST = {"audio": 1, "video": 2, "application": 1}

_TEXT = re.compile(r"(?:[\t -~]*\r?\n)*[\t -~]*")
_MEDIA_LINE = re.compile(r"m=(audio|video|application) ([0-9]{1,5}) ([A-Z/]+)((?: [A-Za-z0-9-]{1,32}){1,64})")
_ORIGIN = re.compile(r"o=([!-~]{1,64}) ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] [!-~]{1,128}")
_BANDWIDTH = re.compile(r"b=(?:AS|TIAS|CT):[0-9]{1,10}")
_FINGERPRINT = re.compile(
    r"sha-(?:256 (?:[0-9A-Fa-f]{2}:){31}|384 (?:[0-9A-Fa-f]{2}:){47}|512 (?:[0-9A-Fa-f]{2}:){63})"
    r"[0-9A-Fa-f]{2}"
)
_ATTRIBUTE = re.compile(r"a=([A-Za-z0-9-]{1,32})(?::(.*))?")
_MID = re.compile(r"[A-Za-z0-9]{1,16}")

_SESSION_ATTRIBUTES = re.compile(
    "group|extmap-allow-mixed|msid-semantic|fingerprint|setup|ice-options|ice-ufrag|ice-pwd"
)
_MEDIA_ATTRIBUTES = re.compile(
    "rtcp|ice-ufrag|ice-pwd|ice-options|fingerprint|setup|tls-id|mid|extmap|extmap-allow-mixed|sendrecv|sendonly"
    "|recvonly|inactive|msid|rtcp-mux|rtcp-mux-only|rtcp-rsize|rtpmap|rtcp-fb|fmtp|ssrc|ssrc-group|sctp-port"
    "|sctpmap|rtcp-xr|max-message-size|bundle-only|ptime|maxptime|rid|simulcast"
)
#: at most once in a section: parsers differ in which of two they believe
_ONCE = re.compile("ice-ufrag|ice-pwd|ice-options|setup|mid|rtcp|msid-semantic|sctp-port|max-message-size|bundle-only")
_ICE_OPTIONS = re.compile(r"(?:trickle|renomination|ice2|rtp\+ecn)(?: (?:trickle|renomination|ice2|rtp\+ecn))*")


class SdpRefused(ValueError):
    """The description is not one that our pages make. The argument says why, for the log, never its text."""


@dataclass(frozen=True, slots=True)
class Passed:
    """`text` is what goes on; `leg` are its ICE credentials."""

    text: str
    leg: Leg


def sdp_gate(text: str, kind: Literal["offer", "answer"]) -> Passed:
    """Judge and clean one description. Raises `SdpRefused`."""
    if len(text) > MAX_SDP:
        raise SdpRefused("size")
    if not _TEXT.fullmatch(text):
        raise SdpRefused("characters")
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in lines):
        raise SdpRefused("size")
    session, sections = grouplines("\n".join(lines))
    values: dict[str, set[str]] = {name: set() for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup")}
    cleaned = _section(session, _SESSION_ATTRIBUTES, values)
    if cleaned[:1] != ["v=0"] or sum(line.startswith("o=") for line in cleaned) != 1:
        raise SdpRefused("session")
    for section in sections:
        cleaned += _section(section, _MEDIA_ATTRIBUTES, values)
    result = "\r\n".join(cleaned) + "\r\n"
    leg = _credentials(values, kind)
    _judge(result, leg)
    return Passed(result, leg)


def _section(lines: list[str], allowed: re.Pattern[str], values: dict[str, set[str]]) -> list[str]:
    """The lines that go on; what must be equal everywhere is collected in `values`."""
    kept: list[str] = []
    seen: set[str] = set()
    for line in lines:
        letter = line[:2]
        if letter == "a=":
            found = _ATTRIBUTE.fullmatch(line)
            if found is None or not allowed.fullmatch(found[1]):
                continue  # candidate, remote-candidates, end-of-candidates, ice-lite, all that we do not know
            name, value = found[1], found[2]
            if name in seen and _ONCE.fullmatch(name):
                raise SdpRefused(f"repeated {name}")
            seen.add(name)
            if name in values:
                values[name].add(value or "")
            if name == "ice-options" and not _ICE_OPTIONS.fullmatch(value or ""):
                raise SdpRefused("ice-options")
            kept.append("a=rtcp:9 IN IP4 0.0.0.0" if name == "rtcp" else line)
        elif letter == "m=":
            media = _MEDIA_LINE.fullmatch(line)
            if media is None:
                raise SdpRefused("m=")
            port = "0" if int(media[2]) == 0 else "9"  # 0: bundle-only or rejected (RFC 9143 §6)
            kept.append(f"m={media[1]} {port} {media[3]}{media[4]}")
        elif letter == "c=":
            kept.append("c=IN IP4 0.0.0.0")
        elif letter == "o=":
            origin = _ORIGIN.fullmatch(line)
            if origin is None:
                raise SdpRefused("o=")
            kept.append(f"o={origin[1]} {origin[2]} {origin[3]} IN IP4 0.0.0.0")
        elif line in ("v=0", "t=0 0"):
            kept.append(line)
        elif letter == "s=":
            kept.append("s=-")
        elif _BANDWIDTH.fullmatch(line):
            kept.append(line)
        elif letter in ("v=", "t="):
            raise SdpRefused(letter)
    return kept


def _credentials(values: dict[str, set[str]], kind: Literal["offer", "answer"]) -> Leg:
    """One ufrag, pwd and fingerprint in all sections: there is one transport (RFC 9143 §7.1.3)."""
    for name in ("ice-ufrag", "ice-pwd", "fingerprint"):
        if len(values[name]) != 1:
            raise SdpRefused(f"{len(values[name])} {name}")
    leg = Leg(*values["ice-ufrag"], *values["ice-pwd"])
    if not leg.grammatical:
        raise SdpRefused("ice credentials")
    if not _FINGERPRINT.fullmatch(next(iter(values["fingerprint"]))):
        raise SdpRefused("fingerprint")
    setup = values["setup"]
    if len(setup) != 1 or not setup <= ({"actpass"} if kind == "offer" else {"active", "passive"}):
        raise SdpRefused("setup")
    return leg


def _judge(text: str, leg: Leg) -> None:
    """What the cleaned text means, as aiortc reads it."""
    try:
        description = SessionDescription.parse(text)
    except Exception as error:  # its parser asserts, indexes and converts: any of these means "not SDP"
        raise SdpRefused(f"unreadable: {type(error).__name__}") from None
    for kind in ("audio", "video", "application"):
        if sum(media.kind == kind for media in description.media) > _MOST[kind]:
            raise SdpRefused(f"too many {kind}")
    if not any(media.port or _bundled(description, media) for media in description.media):
        raise SdpRefused("no media")
    mids = [media.rtp.muxId for media in description.media]
    if len(set(mids)) != len(mids) or not all(_MID.fullmatch(mid or "") for mid in mids):
        raise SdpRefused("mid")
    bundles = [group for group in description.group if group.semantic == "BUNDLE"]
    if len(description.group) != 1 or len(bundles) != 1:
        raise SdpRefused("bundle")
    for media in description.media:
        if media.profile != (_SCTP if media.kind == "application" else _RTP):
            raise SdpRefused("profile")
        if media.port == 0 and not _bundled(description, media):
            continue  # rejected: has neither transport nor credentials
        if not _bundled(description, media):
            raise SdpRefused("outside of the bundle")
        if media.ice is None or (media.ice.usernameFragment, media.ice.password) != (leg.ufrag, leg.pwd):
            raise SdpRefused("section without credentials")
        if media.dtls is None or not media.dtls.fingerprints:
            raise SdpRefused("section without fingerprint")
        if media.kind != "application" and not media.rtcp_mux:
            raise SdpRefused("rtcp-mux")


def _bundled(description: SessionDescription, media: MediaDescription) -> bool:
    return any(media.rtp.muxId in map(str, group.items) for group in description.group)
