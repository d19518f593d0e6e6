"""Ten million random and mutated datagrams: no exception, nothing left in memory, nothing to who has not proved himself.

The rules stand in relay_storm.py. `make test` sends eighteen thousand; `make test-long` all of them.
"""

import gc
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.relay_frames import LONGEST, Frames, NotFrames, framed
from tests.signaling.relay_storm import Storm

ALL, PARTS = 10_000_000, 20
GROWTH = 4 << 20  # bytes that the process may grow by after the first part


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_storm_leaves_nothing() -> None:
    storm = Storm(2)
    storm.blow(6_000)
    storm.rest()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        storm.blow(12_000)
        storm.rest()
        gc.collect()
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = [tracemalloc.Filter(True, "*/signaling/relay*.py"), tracemalloc.Filter(False, "*/tests/*")]
    grown = after.filter_traces(ours).compare_to(before.filter_traces(ours), "filename")
    assert sum(each.size_diff for each in grown) < 100_000, "\n".join(map(str, grown))
    assert storm.delivered > 3000, "the storm has browsers that talk"
    assert storm.to_strangers > 300, "and Eve is challenged"


@pytest.mark.long
def test_ten_million_datagrams() -> None:
    storm = Storm(1)
    base = 0
    for part in range(PARTS):
        storm.blow(ALL // PARTS)
        storm.rest()
        gc.collect()
        print(f"{storm.steps:,} datagrams, {resident() >> 20} MiB, {len(gc.get_objects()):,} objects")
        if part == 0:
            base = resident()
    assert resident() - base < GROWTH
    assert storm.steps >= ALL
    counters = storm.relay.counters.as_dict()
    print(counters)
    untouched = {name for name, count in counters.items() if not count}
    # of the shell (forged entries), of a full table, and of calls that reach their end: other tests'
    assert untouched <= {"calls_forged", "calls_full", "calls_expired"}, "the storm reaches every refusal"


# Frames


def frames_of(stream: bytes, cuts: list[int]) -> tuple[list[bytes], bool]:
    """What comes out of a stream that arrives in pieces, and whether it was refused."""
    frames, at = Frames(), 0
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        try:
            found += frames.feed(stream[at : at + cut])
        except NotFrames:
            return found, True
        assert frames.waiting <= LONGEST + 1
        at += cut
    return found, False


cuts = st.lists(st.integers(0, 50), max_size=40)


@given(st.lists(st.binary(max_size=60), max_size=12), cuts)
def test_frames_come_out_whole_wherever_the_stream_is_cut(sent: list[bytes], cuts: list[int]) -> None:
    assert frames_of(b"".join(map(framed, sent)), cuts) == (sent, False)


@given(st.binary(max_size=400), cuts)
def test_any_stream_gives_the_same_frames_in_any_pieces(stream: bytes, cuts: list[int]) -> None:
    assert frames_of(stream, cuts) == frames_of(stream, [])


def test_a_frame_too_long_ends_the_stream_after_those_before_it() -> None:
    stream = framed(b"first") + framed(b"x" * LONGEST) + (LONGEST + 1).to_bytes(2, "big")
    assert frames_of(stream, []) == ([b"first", b"x" * LONGEST], True)
