"""The gate for the connection check's offers: the call's gate, and then nothing but one data channel. Pure."""

from aiortc.sdp import SessionDescription

from signaling.sdp import Passed, SdpRefused, sdp_gate

MAX_CHECK_SDP = 4 * 1024  # bytes; Chromium's has 600, Firefox's 700


def check_gate(text: str) -> Passed:
    """Judge and clean an offer. Its candidates are taken out with all else that we do not know. Raises `SdpRefused`."""
    if len(text) > MAX_CHECK_SDP:
        raise SdpRefused("size")
    passed = sdp_gate(text, "offer")
    media = SessionDescription.parse(passed.text).media
    if len(media) != 1 or media[0].kind != "application":
        raise SdpRefused("more than a data channel")
    return passed


def own_answer(text: str) -> str:
    """Our own answer without our addresses: the page gets the relay's, beside it."""
    kept = []
    for line in text.splitlines():
        if line.startswith(("a=candidate", "a=end-of-candidates")):
            continue
        if line.startswith("c="):
            line = "c=IN IP4 0.0.0.0"
        elif line.startswith("m="):
            words = line.split(" ")
            line = " ".join([words[0], "9", *words[2:]])
        kept.append(line)
    return "\r\n".join(kept) + "\r\n"
