"""Which calls a relay carries: opening, moving the end, generations, closing. Pure."""

import heapq
from enum import StrEnum

from signaling.calls import RelayCall
from signaling.relay_leg import Leg, OpenCall
from signaling.relay_limits import Counters

MAX_CALLS = 4000
MAX_TOMBSTONES = 20_000
TOMBSTONE_LIFE = 6 * 3600.0  # s; longer than any sealed entry of ours is valid
RETIRE_AFTER = 30.0  # s an old generation stays when the new one does not come about
# s that it stays when both new legs are verified: media runs on the old pair until the browsers have
# nominated the new one, some tenths of a second later.
RETIRE_LINGER = 2.0


class Put(StrEnum):
    """What became of a put. The first three mean that the relay carries this version: it acknowledges."""

    OPENED = "opened"
    MOVED = "moved"  # a later version: only the end (and `direct`) changes
    REPEATED = "repeated"
    CLOSED = "closed"  # its end has passed
    STALE = "stale"  # an older version, or of a call that was closed
    OLD_GENERATION = "old generation"
    MALFORMED = "malformed"
    CHANGED = "changed"  # other credentials under a known key
    TAKEN = "taken"  # the pair of ufrags is open for another call
    FULL = "full"

    @property
    def final(self) -> bool:
        """The same entry will never fare otherwise."""
        return self not in (Put.TAKEN, Put.FULL)

    @property
    def carried(self) -> bool:
        return self in (Put.OPENED, Put.MOVED, Put.REPEATED)


class CallTable:
    """`usernames`: the USERNAME of a leg's requests -> that leg."""

    def __init__(self, counters: Counters, max_calls: int = MAX_CALLS) -> None:
        self.usernames: dict[bytes, Leg] = {}
        self.calls: dict[str, OpenCall] = {}
        self.closed: list[OpenCall] = []  # for the relay to take their addresses away
        self._groups: dict[tuple[str, str, str], dict[int, OpenCall]] = {}
        # Closed keys and the version that closed them, so that an old entry, sent again, opens nothing.
        self._graves: dict[str, tuple[int, float]] = {}
        self._counters = counters
        self._max = max_calls
        self._ends: list[tuple[float, int, str]] = []  # a heap; entries that no longer hold are skipped
        self._count = 0

    def put(self, call: RelayCall, now: float, unix: float) -> Put:
        """Open, move or close. `unix` is the clock of `call.expires`, `now` the clock of everything else."""
        result = self._put(call, now, unix)
        if result is Put.FULL:
            self._counters.calls_full += 1
        elif result in (Put.MALFORMED, Put.CHANGED, Put.TAKEN):
            self._counters.calls_refused += 1
        return result

    def _put(self, call: RelayCall, now: float, unix: float) -> Put:
        if not call.well_formed:
            return Put.MALFORMED
        ends = now + call.expires - unix
        known = self.calls.get(call.key)
        if known is not None:
            if (call.a, call.b) != (known.call.a, known.call.b):
                return Put.CHANGED
            if call.version < known.call.version:
                return Put.STALE
            if ends <= now:
                self.close(known, now, call.version)
                return Put.CLOSED
            if call.version == known.call.version:
                return Put.REPEATED
            known.call, known.ends = call, ends
            self._schedule(known)
            return Put.MOVED
        closed = self._graves.get(call.key)
        if closed is not None and call.version <= closed[0]:
            return Put.STALE
        if ends <= now:
            self._bury(call.key, call.version, now)
            return Put.CLOSED
        return self._open(call, ends, now)

    def _open(self, call: RelayCall, ends: float, now: float) -> Put:
        group = self._groups.get((call.visit, call.offerer, call.answerer), {})
        if group and call.generation < max(group):
            return Put.OLD_GENERATION  # gone, or overtaken: what the newer one replaced never comes back
        opened = OpenCall(call, ends, group, now)
        legs = (opened.a, opened.b)
        if any(leg.username in self.usernames for leg in legs):
            return Put.TAKEN
        if len(self.calls) >= self._max:
            return Put.FULL
        while len(group) >= 2:
            self.close(group[min(group)], now)
        for older in group.values():
            self.retire(older, now + RETIRE_AFTER)
        group[call.generation] = opened
        self._groups[call.visit, call.offerer, call.answerer] = group
        self.calls[call.key] = opened
        for leg in legs:
            self.usernames[leg.username] = leg
        self._schedule(opened)
        return Put.OPENED

    def retire(self, call: OpenCall, at: float) -> None:
        if at < call.retires:
            call.retires = at
            self._schedule(call)

    def both_verified(self, call: OpenCall, now: float) -> None:
        """Both legs of `call` have verified addresses: older generations go."""
        for generation, older in call.generations.items():
            if generation < call.call.generation:
                self.retire(older, now + RETIRE_LINGER)

    def close(self, call: OpenCall, now: float, version: int | None = None) -> None:
        if self.calls.get(call.key) is not call:
            return
        del self.calls[call.key]
        self.closed.append(call)
        for leg in (call.a, call.b):
            del self.usernames[leg.username]
        call.generations.pop(call.call.generation)
        if not call.generations:
            self._groups.pop((call.call.visit, call.call.offerer, call.call.answerer), None)
        self._bury(call.key, call.call.version if version is None else version, now)

    def due(self, now: float) -> list[OpenCall]:
        """The calls whose end has come; they are still open: the caller closes them."""
        found = []
        while self._ends and self._ends[0][0] <= now:
            _, _, key = heapq.heappop(self._ends)
            call = self.calls.get(key)
            if call is not None and call.closes <= now:
                found.append(call)
        return found

    @property
    def next_end(self) -> float | None:
        return self._ends[0][0] if self._ends else None

    def _schedule(self, call: OpenCall) -> None:
        self._count += 1
        heapq.heappush(self._ends, (call.closes, self._count, call.key))

    def _bury(self, key: str, version: int, now: float) -> None:
        self._graves.pop(key, None)
        while self._graves:  # in the order of their ends
            oldest = next(iter(self._graves))
            if len(self._graves) < MAX_TOMBSTONES and self._graves[oldest][1] > now:
                break
            del self._graves[oldest]
        self._graves[key] = (version, now + TOMBSTONE_LIFE)
