"""What a connection check's numbers mean."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.waitingroom.verdict import Finding, StartMode, Trouble, Verdict, judge
from signaling.check_numbers import Numbers

WELL = Numbers(udp=True, tcp=True, rtt_ms=40, jitter_ms=3, loss=0, kbps_up=1500, kbps_down=1500)


def having(**changed: int | bool | None) -> Numbers:
    return dataclasses.replace(WELL, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (WELL, "good video None"),
        # the thresholds that Daily publishes: good, and the first value that is not; then bad
        (having(loss=4), "good video None"),
        (having(loss=5), "fair low_video lossy"),
        (having(loss=9), "fair low_video lossy"),
        (having(loss=10), "bad low_video lossy"),
        (having(rtt_ms=299), "good video None"),
        (having(rtt_ms=300), "fair low_video far"),
        (having(rtt_ms=600), "bad low_video far"),
        (having(kbps_up=1100), "good video None"),
        (having(kbps_up=1099), "fair low_video slow_up"),
        (having(kbps_up=699), "bad low_video slow_up"),
        (having(kbps_down=1099), "fair low_video slow_down"),
        (having(kbps_down=699), "bad low_video slow_down"),
        (having(jitter_ms=40), "fair low_video unsteady"),
        (having(jitter_ms=120), "bad low_video unsteady"),
        # how to begin
        (having(kbps_up=249), "bad audio slow_up"),
        (having(kbps_down=59), "bad phone slow_down"),
        (having(loss=20, kbps_up=None, kbps_down=None), "bad audio lossy"),
        (having(loss=45, kbps_up=None, kbps_down=None), "bad phone lossy"),
        (having(rtt_ms=1500, kbps_up=None, kbps_down=None), "bad phone far"),
        # far: SCTP could not say how much goes through
        (having(rtt_ms=624, kbps_up=None, kbps_down=None), "bad low_video far"),
        # what SCTP made of 3, 7 and 4 % loss on lines that were not slow (measured)
        (having(rtt_ms=54, loss=6, kbps_up=957, kbps_down=901), "fair low_video lossy"),
        (having(rtt_ms=56, loss=11, kbps_up=817, kbps_down=753), "bad low_video lossy"),
        (having(rtt_ms=155, loss=7, kbps_up=282, kbps_down=352), "fair low_video lossy"),
        # lossy and slow as well: far below what the loss explains
        (having(rtt_ms=54, loss=6, kbps_up=200), "bad audio slow_up"),
        # ways
        (having(udp=False), "fair low_video udp_blocked"),
        (having(udp=False, kbps_up=900), "fair low_video udp_blocked"),
        (having(udp=False, kbps_up=600), "bad low_video slow_up"),
        (having(tcp=False), "good video None"),
        (having(tcp=None), "good video None"),
        (Numbers(udp=False, tcp=False), "bad phone nothing_works"),
        (Numbers(udp=False, tcp=None), "bad phone nothing_works"),
    ],
)
def test_each_kind_of_line(numbers: Numbers, words: str) -> None:
    found = judge(numbers)
    assert f"{found.verdict} {found.start_mode} {found.trouble}" == words


ANY = st.builds(
    Numbers,
    udp=st.sampled_from([True, False, None]),
    tcp=st.sampled_from([True, False, None]),
    rtt_ms=st.integers(0, 10_000),
    jitter_ms=st.integers(0, 10_000),
    loss=st.integers(0, 100),
    kbps_up=st.none() | st.integers(0, 1500),
    kbps_down=st.none() | st.integers(0, 1500),
)
WORSE = list(Verdict)
MODES = list(StartMode)


@given(ANY)
def test_a_trouble_is_named_exactly_when_not_all_is_well(numbers: Numbers) -> None:
    found = judge(numbers)
    assert (found.trouble is None) == (found.verdict is Verdict.GOOD)
    assert (found.start_mode is StartMode.VIDEO) <= (found.verdict is Verdict.GOOD)
    assert found != Finding(Verdict.GOOD, StartMode.PHONE, None)
    assert (found.trouble is Trouble.NOTHING_WORKS) == (not numbers.udp and not numbers.tcp)


@given(ANY, st.integers(0, 2000), st.integers(0, 100))
def test_a_line_that_is_farther_or_slower_is_never_judged_better(numbers: Numbers, farther: int, slower: int) -> None:
    if numbers.loss and numbers.loss >= 2:
        numbers = dataclasses.replace(numbers, loss=0)  # with loss the same rate may be all that SCTP makes of the line
    before = judge(numbers)
    rtt = (numbers.rtt_ms or 0) + farther
    up = None if numbers.kbps_up is None else max(0, numbers.kbps_up - slower)
    after = judge(dataclasses.replace(numbers, rtt_ms=rtt, kbps_up=up))
    assert WORSE.index(after.verdict) >= WORSE.index(before.verdict)
    assert MODES.index(after.start_mode) >= MODES.index(before.start_mode)
