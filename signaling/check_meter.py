"""The measurement itself, at the far end: which packets to send when, and what the answers say. Pure.

Three packets, all on one data channel that neither orders nor repeats (numbers in network order):

- ping, from here: 1, phase, u32 number, 8 random bytes.
- echo, from the page: 2, and the ping's other bytes, u32 pings of phase STEADY that it has got, u32 bytes of its best
  1.25 s of load. The random bytes say that it has heard the ping.
- load, both ways: 3, u32 number, then zeros, 1100 bytes in all.

Phases: STEADY (80 small packets a second, as a call's sound: round trip, its changes, loss), UP (load from the
page), DOWN (load to it; one after the other, because a full uplink holds up what says that the rest has come),
SETTLE (the page's last word). Loss is not counted under load: SCTP gives packets up because of its own congestion.
On a line that is very lossy or far there is no load: SCTP would hold back more than the line does, and its rate
would say nothing. What the page says of itself is a claim, bounded by what was sent to it; what it sends is counted
here.
"""

import struct
from collections.abc import Callable
from enum import IntEnum
from statistics import fmean, median

PING, ECHO, LOAD = 1, 2, 3
LOAD_SIZE = 1100  # bytes: one SCTP chunk in one packet on any path
RATE = 1_500_000  # bit/s each way: a good line (1.1 Mbit/s) shows, and a phone's plan does not suffer
PING_EVERY, PING_SELDOM = 0.0125, 0.05  # s; later only to say the phase
DEAF = 3.0  # s without any echo: the way is open and carries nothing
STEADY_S, STEADY_MOST, STEADY_ECHOES = 1.5, 3.0, 20  # s after the first echo, s at most, echoes at least
LOADED_S, LOADED_TRIPS, LOADED_MOST = 1.6, 2, 2.8  # s, round trips beyond them, s at most
SETTLE_MOST = 1.2  # s for the page's last word
LOAD_LOSS, LOAD_RTT = 0.2, 0.45  # above: no load
BIN, BINS = 0.25, 5  # s; the best 1.25 s count: SCTP needs some round trips to come up
BURST = 8  # load packets at once, after a stall
MOST_BUFFERED = 8 * 1024  # bytes that wait to be sent: more would only delay the pings
_PING = struct.Struct("!BBI8s")
_ECHO = struct.Struct("!BBI8sII")
_HEAD = struct.Struct("!BI")
_MOST_LOAD = int(2 * RATE * LOADED_MOST / 8 / LOAD_SIZE)  # packets of either side that count
_PADDING = bytes(LOAD_SIZE - _HEAD.size)


class Phase(IntEnum):
    STEADY = 0
    UP = 1
    DOWN = 2
    SETTLE = 3
    DONE = 4


class Best:
    """The most bytes that came in 1.25 s."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._bins: list[int] = []

    def add(self, size: int, now: float) -> None:
        if self._first is None:
            self._first = now
        number = int((now - self._first) / BIN)
        if number < 4 * LOADED_MOST / BIN:
            self._bins += [0] * (number + 1 - len(self._bins))
            self._bins[number] += size

    @property
    def total(self) -> int:
        return max(sum(self._bins[at : at + BINS]) for at in range(max(1, len(self._bins) - BINS + 1)))


class Meter:
    """One way's measurement. `now`: seconds of any clock that never goes back; `token` gives random bytes."""

    def __init__(self, now: float, token: Callable[[int], bytes]) -> None:
        self.phase = Phase.STEADY
        self._token = token
        self._since = now
        self._first_echo: float | None = None
        self._next_ping = now
        self._pings = self._steady_pings = 0
        self._pending: dict[bytes, tuple[float, Phase]] = {}
        self._trips: list[float] = []  # s, of the steady phase
        self._sent = 0  # load packets
        self._got: set[int] = set()
        self._best = Best()
        self._claimed_pings = self._claimed_bytes = 0
        self._last_word = False

    @property
    def done(self) -> bool:
        return self.phase is Phase.DONE

    def tick(self, now: float, buffered: int) -> list[bytes]:
        """What to send now; `buffered`: bytes that wait in the channel. Call it each 10 ms or so."""
        self._advance(now)
        sends: list[bytes] = []
        if self.phase is Phase.DONE:
            return sends
        if now >= self._next_ping:
            every = PING_EVERY if self.phase is Phase.STEADY else PING_SELDOM
            self._next_ping = max(self._next_ping + every, now)
            sends.append(self._ping(now))
        if self.phase is Phase.DOWN:
            due = min(_MOST_LOAD, int((now - self._since) * RATE / 8 / LOAD_SIZE) + 1)
            burst = min(due - self._sent, BURST, max(0, (MOST_BUFFERED - buffered) // LOAD_SIZE))
            for _ in range(burst):
                sends.append(_HEAD.pack(LOAD, self._sent) + _PADDING)
                self._sent += 1
        return sends

    def received(self, data: object, now: float) -> None:
        """Whatever came over the channel; what is no packet of ours is ignored."""
        if not isinstance(data, bytes) or not data:
            return
        if data[0] == LOAD and len(data) == LOAD_SIZE:
            number = _HEAD.unpack_from(data)[1]
            if number < _MOST_LOAD and number not in self._got:
                self._got.add(number)
                self._best.add(LOAD_SIZE, now)
        elif data[0] == ECHO and len(data) == _ECHO.size:
            _, _, _, nonce, pings, best = _ECHO.unpack(data)
            asked = self._pending.pop(nonce, None)
            if asked is None:
                return
            if asked[1] is Phase.STEADY:
                if self._first_echo is None:
                    self._first_echo = now
                self._trips.append(now - asked[0])
            self._last_word = asked[1] is Phase.SETTLE
            self._claimed_pings = max(pings, self._claimed_pings)
            self._claimed_bytes = max(best, self._claimed_bytes)

    def _advance(self, now: float) -> None:
        elapsed = now - self._since
        match self.phase:
            case Phase.STEADY if self._first_echo is None:
                if elapsed >= DEAF:
                    self.phase = Phase.DONE
            case Phase.STEADY:
                lasted = now - (self._first_echo or now)
                if lasted >= STEADY_MOST or (lasted >= STEADY_S and len(self._trips) >= STEADY_ECHOES):
                    loads = self.loss < LOAD_LOSS and (self.rtt or 0) < LOAD_RTT
                    self._enter(Phase.UP if loads else Phase.SETTLE, now)
            case Phase.UP if elapsed >= self._loaded:
                self._enter(Phase.DOWN, now)
            case Phase.DOWN if elapsed >= self._loaded:
                self._enter(Phase.SETTLE, now)
            case Phase.SETTLE if self._last_word or elapsed >= SETTLE_MOST:
                self.phase = Phase.DONE

    @property
    def _loaded(self) -> float:
        return min(LOADED_MOST, LOADED_S + LOADED_TRIPS * (self.rtt or 0))

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase, self._since, self._next_ping = phase, now, now

    def _ping(self, now: float) -> bytes:
        nonce = self._token(8)
        self._pending[nonce] = (now, self.phase)
        self._pings += 1
        self._steady_pings += self.phase is Phase.STEADY
        return _PING.pack(PING, self.phase, self._pings, nonce)

    # What was found

    @property
    def rtt(self) -> float | None:
        """The middle round trip, in s."""
        return median(self._trips) if self._trips else None

    @property
    def jitter(self) -> float | None:
        """How far the round trips are from the middle one, on average, in s."""
        middle = self.rtt
        return None if middle is None else fmean(abs(trip - middle) for trip in self._trips)

    @property
    def loss(self) -> float:
        """The worse of both ways, 0 to 1."""
        echoes = len(self._trips)
        heard = min(self._steady_pings, max(self._claimed_pings, echoes))  # by the page
        return max(_lost(self._steady_pings, heard), _lost(heard, echoes))

    @property
    def kbps_up(self) -> float | None:
        """None: there was no load."""
        return _kbps(self._best.total) if self._sent else None

    @property
    def kbps_down(self) -> float | None:
        """As the page says, and no more than it was sent. None: there was no load."""
        return _kbps(min(self._claimed_bytes, self._sent * LOAD_SIZE)) if self._sent else None


def _lost(sent: int, got: int) -> float:
    return max(0.0, 1 - got / sent) if sent else 1.0


def _kbps(size: int) -> float:
    """What came after a pause may come faster than it was sent: it says no more than the rate."""
    return min(RATE / 1000, size * 8 / (BIN * BINS) / 1000)
