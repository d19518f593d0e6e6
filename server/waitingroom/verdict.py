"""What a connection check's numbers mean, and how to begin the call. Pure.

The first three thresholds are those that Daily publishes for its own pre-call test: good below 5 % loss, 300 ms and
from 1.1 Mbit/s; bad from 10 %, 600 ms and below 0.7 Mbit/s. The others are ours: what a call needs (call.js sends
a small picture with 300 kbit/s, the sound with about 40).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signaling.check_numbers import Numbers

GOOD_LOSS, BAD_LOSS = 5, 10  # percent
GOOD_RTT, BAD_RTT = 300, 600  # ms
GOOD_KBPS, BAD_KBPS = 1100, 700
GOOD_JITTER, BAD_JITTER = 40, 120  # ms: a picture waits about 100 ms for what is late, the sound 200
PICTURE_KBPS, SOUND_KBPS = 250, 60  # below: no picture; no sound either
NO_PICTURE_LOSS, NO_SOUND_LOSS = 20, 45  # percent
PACKET_KBIT = 8.8  # of the check's load
PHONE_RTT = 1500  # ms; people talk into each other


class Verdict(StrEnum):
    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"


class StartMode(StrEnum):
    VIDEO = "video"
    LOW_VIDEO = "low_video"
    AUDIO = "audio"
    PHONE = "phone"


class Trouble(StrEnum):
    UDP_BLOCKED = "udp_blocked"  # TCP works
    NOTHING_WORKS = "nothing_works"
    SLOW_UP = "slow_up"
    SLOW_DOWN = "slow_down"
    LOSSY = "lossy"
    FAR = "far"  # the round trip
    UNSTEADY = "unsteady"  # its changes


@dataclass(frozen=True, slots=True)
class Finding:
    """``trouble``: the one thing that matters most, None when all is well."""

    verdict: Verdict
    start_mode: StartMode
    trouble: Trouble | None


def judge(numbers: Numbers) -> Finding:
    if not numbers.udp and not numbers.tcp:
        return Finding(Verdict.BAD, StartMode.PHONE, Trouble.NOTHING_WORKS)
    rtt, loss, jitter = numbers.rtt_ms or 0, numbers.loss or 0, numbers.jitter_ms or 0
    up, down = (_of_the_line(kbps, rtt, loss) for kbps in (numbers.kbps_up, numbers.kbps_down))
    found = [
        (_more(loss, GOOD_LOSS, BAD_LOSS), Trouble.LOSSY),
        (_less(up), Trouble.SLOW_UP),
        (_less(down), Trouble.SLOW_DOWN),
        (_more(rtt, GOOD_RTT, BAD_RTT), Trouble.FAR),
        (_more(jitter, GOOD_JITTER, BAD_JITTER), Trouble.UNSTEADY),
        # TCP repeats what is lost and so makes what comes after it wait: never better than fair
        (0 if numbers.udp is not False else 1, Trouble.UDP_BLOCKED),
    ]
    grade = max(grade for grade, _ in found)
    trouble = next((trouble for one, trouble in found if one == grade), None) if grade else None
    if numbers.udp is False and grade == 1:
        trouble = Trouble.UDP_BLOCKED  # what somebody can change comes first
    return Finding((Verdict.GOOD, Verdict.FAIR, Verdict.BAD)[grade], _mode(grade, rtt, loss, min(up, down)), trouble)


def _of_the_line(kbps: int | None, rtt: int, loss: int) -> int:
    """The rate, as far as it is the line's.

    SCTP slows down for what is lost, as TCP does (RFC 9260 §7.2), and then reaches about 1.22 packets a round trip over
    the root of the loss (Mathis et al., 1997). A call does not slow down so.
    """
    if kbps is None:
        return GOOD_KBPS
    if loss >= GOOD_LOSS / 2 and rtt > 0:
        held = 1.22 * PACKET_KBIT / (rtt / 1000) / (loss / 100) ** 0.5
        if kbps >= held / 2:
            return GOOD_KBPS
    return kbps


def _mode(grade: int, rtt: int, loss: int, kbps: int) -> StartMode:
    if kbps < SOUND_KBPS or loss >= NO_SOUND_LOSS or rtt >= PHONE_RTT:
        return StartMode.PHONE
    if kbps < PICTURE_KBPS or loss >= NO_PICTURE_LOSS:
        return StartMode.AUDIO
    return StartMode.VIDEO if grade == 0 else StartMode.LOW_VIDEO


def _more(value: int, good: int, bad: int) -> int:
    return (value >= good) + (value >= bad)


def _less(kbps: int) -> int:
    return (kbps < GOOD_KBPS) + (kbps < BAD_KBPS)
