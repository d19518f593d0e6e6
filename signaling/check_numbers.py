"""What a connection check has found. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the far end of a check has measured, by its own clock.

    `udp`, `tcp`: whether that way opened; None: it was not tried. The rest is of the way that was measured, UDP
    if it opened, None where there is nothing to say. Times in ms, `loss` in percent (the worse of both ways),
    `kbps_up` from the patient, `kbps_down` to the patient (None: so lossy or far that SCTP's rate says nothing).
    """

    udp: bool | None
    tcp: bool | None
    rtt_ms: int | None = None
    jitter_ms: int | None = None
    loss: int | None = None
    kbps_up: int | None = None
    kbps_down: int | None = None
