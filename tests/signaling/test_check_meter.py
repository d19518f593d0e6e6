"""The measurement without a network: a line of given loss and delay, and pages that lie."""

import random
import struct

import pytest

from signaling.check_meter import ECHO, LOAD, LOAD_RTT, LOAD_SIZE, PING, RATE, Best, Meter, Phase


class Line:
    """A page behind a line, in steps of 5 ms. `trip`: one way, s; `loss`: each way; `kbps`: of each way."""

    def __init__(self, *, trip: float = 0.02, loss: float = 0, kbps: float = 1e6, jitter: float = 0) -> None:
        self.trip, self.loss, self.kbps, self.jitter = trip, loss, kbps, jitter
        self.random = random.Random(1)
        self.meter = Meter(0, self.random.randbytes)
        self.now = 0.0
        self.up: list[tuple[float, bytes]] = []
        self.down: list[tuple[float, bytes]] = []
        self.free = {"up": 0.0, "down": 0.0}
        self.pings = self.sent = 0
        self.best = Best()
        self.since: float | None = None
        self.claim = 0  # bytes that the page says beyond the truth

    def send(self, way: str, packet: bytes) -> None:
        if self.random.random() < self.loss:
            return
        start = max(self.now, self.free[way])
        self.free[way] = start + len(packet) * 8 / self.kbps / 1000
        at = self.free[way] + self.trip + self.random.uniform(0, self.jitter)
        (self.up if way == "up" else self.down).append((at, packet))

    def heard(self, data: bytes) -> None:
        if data[0] == PING:
            self.pings += data[1] == Phase.STEADY
            if data[1] == Phase.UP and self.since is None:
                self.since = self.now
            elif data[1] > Phase.UP:
                self.since = None
            numbers = struct.pack("!II", self.pings, min(2**32 - 1, self.best.total + self.claim))
            self.send("up", bytes([ECHO]) + data[1:] + numbers)
        elif data[0] == LOAD:
            self.best.add(len(data), self.now)

    def run(self) -> Meter:
        while not self.meter.done:
            assert self.now < 12
            self.now += 0.005
            for at, data in [packet for packet in self.down if packet[0] <= self.now]:
                self.down.remove((at, data))
                self.heard(data)
            for at, data in [packet for packet in self.up if packet[0] <= self.now]:
                self.up.remove((at, data))
                self.meter.received(data, self.now)
            queued = int(max(0.0, self.free["down"] - self.now) * self.kbps * 125)
            for packet in self.meter.tick(self.now, queued):
                self.send("down", packet)
            waits = max(0.0, self.free["up"] - self.now) * self.kbps * 125
            if self.since is not None and waits < 8000:
                while self.sent < (self.now - self.since) * RATE / 8 / LOAD_SIZE:
                    self.send("up", struct.pack("!BI", LOAD, self.sent) + bytes(LOAD_SIZE - 5))
                    self.sent += 1
        return self.meter


def test_a_good_line() -> None:
    line = Line()
    meter = line.run()
    assert meter.rtt == pytest.approx(0.045, abs=0.006)
    assert meter.jitter == pytest.approx(0, abs=0.003)
    assert meter.loss == 0
    assert meter.kbps_up == pytest.approx(1500, rel=0.05)
    assert meter.kbps_down == pytest.approx(1500, rel=0.05)
    assert line.now < 5.5


def test_a_slow_line_is_as_slow_as_it_is() -> None:
    meter = Line(kbps=500).run()
    assert meter.kbps_up == pytest.approx(500, rel=0.15)
    assert meter.kbps_down == pytest.approx(500, rel=0.15)


def test_a_lossy_line() -> None:
    meter = Line(loss=0.1).run()
    assert 0.05 < meter.loss < 0.18
    assert meter.kbps_up is not None


def test_an_unsteady_line() -> None:
    assert Line(jitter=0.2).run().jitter == pytest.approx(0.06, abs=0.03)


@pytest.mark.parametrize("line", [Line(loss=0.4), Line(trip=LOAD_RTT / 2 + 0.05)], ids=["lossy", "far"])
def test_where_its_rate_would_say_nothing_there_is_no_load(line: Line) -> None:
    meter = line.run()
    assert (meter.kbps_up, meter.kbps_down) == (None, None)
    assert meter.rtt is not None


def test_a_page_that_answers_nothing() -> None:
    line = Line(loss=1)
    meter = line.run()
    assert meter.rtt is None
    assert line.now < 3.1


def test_a_page_cannot_claim_more_than_it_was_sent() -> None:
    line = Line()
    line.claim = 2**32
    assert line.run().kbps_down <= RATE / 1000  # type: ignore[operator]
    slow = Line(kbps=100)
    slow.claim = 2**31
    assert slow.run().kbps_down < 1500  # type: ignore[operator]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x01", b"\x02", b"\xff" * 26, b"\x03" * 1100, "text", None, b"\x03" + bytes(5000),
        bytes([ECHO]) + bytes(25), bytes([LOAD]) + b"\xff" * (LOAD_SIZE - 1),
    ],
)  # fmt: skip
def test_what_is_no_packet_of_ours_is_ignored(data: object) -> None:
    meter = Meter(0, random.Random(1).randbytes)
    meter.tick(0, 0)
    meter.received(data, 0.01)
    assert meter.rtt is None
    assert meter.kbps_up is None
    assert meter.loss == 1


def test_an_echo_counts_once() -> None:
    meter = Meter(0, random.Random(1).randbytes)
    (ping,) = meter.tick(0, 0)
    echo = bytes([ECHO]) + ping[1:] + struct.pack("!II", 1, 0)
    for _ in range(50):
        meter.received(echo, 0.02)
    assert meter.loss == 0
    assert meter.rtt == pytest.approx(0.02)
    assert meter.jitter == 0
