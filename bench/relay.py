"""What a forwarded packet costs: our relay beside coturn, Janus, aiortc's MediaRelay and a bare loop in C.

The server has one core, the load generator (`load/generator.c`) the other. Each call is 160 packets a second each
way, of Opus's and VP8's sizes, and the packets of all calls come at even distances.

    python bench/relay.py [--quick] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.load import bare, janus, media, ours, turn  # noqa: E402
from bench.load.wires import Served, Setup, Wires, pinned, text  # noqa: E402

Serve = Callable[[Setup], AbstractAsyncContextManager[Served]]

SERVERS: dict[str, tuple[Serve, tuple[int, ...]]] = {  # in their order of importance, with the numbers of calls
    "ours": (ours.serve, (100, 800, 300, 30, 1)),
    "coturn": (turn.serve, (100, 800, 300)),
    "janus": (janus.serve, (30,)),
    "bare": (bare.serve, (100, 800)),
}
MEDIA_RELAY = "mediarelay"  # it decodes and encodes: its load is real pictures, not the generator's packets
MEDIA_SECONDS = 4.0
ALL = [*SERVERS, MEDIA_RELAY]
LOAD = Path(__file__).parent / "load"
LOST = 0.001  # the calls of one core are counted up to this part of lost packets
LATE = 0.05  # a run in which more packets than this left over 1 ms late says little about the server
QUICK_SECONDS = 40.0  # from the start; what has not begun by then is left out, and said
MOST = 2400  # calls


@dataclass(frozen=True, slots=True)
class Run:
    """What the generator has seen. Times of the delay are ms, `core_busy` is a part of 1."""

    us_per_packet: float
    core_busy: float
    p50_ms: float
    p99_ms: float
    loss: float  # with the packets of Janus: by their number
    late: float


@dataclass
class Bench:
    folder: Path
    seconds: float
    warm: float
    rounds: int
    until: float = math.inf
    runs: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    media: list[float] = field(default_factory=list)  # MediaRelay at one call, us a packet
    missing: dict[str, str] = field(default_factory=dict)  # server -> why there is nothing about it
    limited: bool = False  # the generator was at its end before the server
    cut_short: bool = False  # there was no time left to look for the most calls

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until

    async def run(self, name: str, calls: int) -> Run | None:
        """One run, kept in `runs`; None when it could not be made (`missing` says why)."""
        if self.over:
            self.missing.setdefault(f"{name} {calls}", "no time was left (--quick)")
            return None
        wires = Wires()
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                async with SERVERS[name][0](Setup(Path(folder), 0, calls, wires, self.seconds)) as served:
                    wires.release()
                    found = await self._load(wires, served)
        except (OSError, RuntimeError, AssertionError) as error:
            self.missing[f"{name} {calls}"] = str(error)
            note(f"{name}, {calls} calls: {error}")
            return None
        finally:
            wires.close()
        run = Run(*(found[key] for key in ("us_per_packet", "core_busy", "p50_ms", "p99_ms", "loss", "late")))
        self.runs.setdefault((name, calls), []).append(run)
        note(f"{name}, {calls} calls: {line(run)}")
        return run

    async def run_media(self) -> None:
        """MediaRelay at one call, kept in `media`."""
        if self.over:
            self.missing.setdefault(MEDIA_RELAY, "no time was left (--quick)")
            return
        try:
            self.media.append(await media.us_per_packet(MEDIA_SECONDS / 2 if self.rounds == 1 else MEDIA_SECONDS))
        except (OSError, RuntimeError) as error:
            self.missing[MEDIA_RELAY] = str(error)
            return
        note(f"{MEDIA_RELAY}, 1 call: {self.media[-1]:.0f} us a packet")

    async def _load(self, wires: Wires, served: Served) -> dict[str, float]:
        fd = wires.socket.fileno()
        options = [str(fd), str(self.seconds), str(self.warm), str(served.pid), "0"]
        script = [str(served.script)] if served.script else []
        generator = await asyncio.create_subprocess_exec(
            *pinned(1, str(self.folder / "generator"), *options, *script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[fd],
        )
        output, _ = await generator.communicate(text(served.lines).encode())
        if generator.returncode:
            raise RuntimeError(f"the generator ended with {generator.returncode}")
        found: dict[str, float] = json.loads(output)
        return found | {"loss": max(0.0, 1 - found["received"] / found["sent"])}

    async def most_calls(self, name: str, step: int) -> int | None:
        """The most calls with under 0.1 % loss, to `step` calls; None: none was found."""
        good = max((calls for (who, calls), runs in self.runs.items() if who == name and carried(runs)), default=0)
        bad = min((calls for (who, calls), runs in self.runs.items() if who == name and not carried(runs)), default=0)
        while (not bad or bad - good > step) and good < MOST and not self.over:
            calls = (good + bad) // 2 if bad else max(good + step, good * 5 // 4)
            calls = calls // 10 * 10
            run = await self.run(name, calls)
            if run is None:
                break
            if carried([run]):
                good = calls
            else:
                bad = calls
                self.limited = run.late > LATE and run.core_busy < 0.97
        self.cut_short = self.over and (not bad or bad - good > step) and good < MOST
        return good or None

    def median(self, name: str, calls: int, what: str) -> float | None:
        runs = self.runs.get((name, calls))
        return statistics.median(getattr(run, what) for run in runs) if runs else None


def carried(runs: list[Run]) -> bool:
    return statistics.median(run.loss for run in runs) < LOST


def line(run: Run) -> str:
    times = f"p50 {run.p50_ms:.3f} ms, p99 {run.p99_ms:.3f} ms" if run.p50_ms >= 0 else "delay not measured"
    late = f", generator late {run.late:.1%}" if run.late > LATE else ""
    return f"{run.us_per_packet:.2f} us a packet, core {run.core_busy:.0%}, {times}, lost {run.loss:.3%}{late}"


def ratio(one: float | None, other: float | None) -> float | None:
    return round(one / other, 3) if one and other else None


def note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def report(bench: Bench, names: list[str], most: int | None) -> None:
    print(f"{'':12}{'calls':>6}{'us/packet':>11}{'core':>7}{'p50 ms':>9}{'p99 ms':>9}{'lost':>10}{'late':>8}")
    costs: dict[str, dict[str, float | None]] = {}
    for name in names:
        costs[name] = {}
        for calls in sorted(SERVERS[name][1]):
            found = [bench.median(name, calls, key) for key in Run.__slots__]
            costs[name][str(calls)] = None if found[0] is None else round(found[0], 2)
            if None in found:
                print(
                    f"{name:12}{calls:6}   not measured: {bench.missing.get(f'{name} {calls}', 'left out (--quick)')}"
                )
                continue
            cost, busy, p50, p99, loss, late = (value or 0.0 for value in found)
            delays = f"{p50:9.3f}{p99:9.3f}" if p50 >= 0 else f"{'-':>9}{'-':>9}"
            print(f"{name:12}{calls:6}{cost:11.2f}{busy:7.0%}{delays}{loss:10.3%}{late:8.1%}")
    costs[MEDIA_RELAY] = {"1": round(statistics.median(bench.media), 1) if bench.media else None}
    words = (
        f"{costs[MEDIA_RELAY]['1']:11}"
        if bench.media
        else "   not measured: " + bench.missing.get(MEDIA_RELAY, "left out")
    )
    print(f"{MEDIA_RELAY:12}{1:6}{words}")
    bound = "at least (then the generator could no more) " if bench.limited else ""
    bound = "at least (no time was left to look further) " if bench.cut_short else bound
    print(f"calls that one core carries with under {LOST:.1%} loss: {bound}{most or 'not found'}")
    length = f"{bench.seconds - bench.warm:g} s"
    print(f"runs of each: {bench.rounds}, of {length}; load of the machine {os.getloadavg()[0]:.1f}")
    mine, other = (bench.median(name, 30, "us_per_packet") for name in ("ours", "janus"))
    delay, worst = (bench.median("ours", 100, key) for key in ("p50_ms", "p99_ms"))
    figures = {
        "us_per_packet": costs,
        "ratio_coturn": ratio(bench.median("ours", 100, "us_per_packet"), bench.median("coturn", 100, "us_per_packet")),
        "ratio_janus": ratio(mine, other),
        "added_p50_ms": delay and round(delay, 3),
        "added_p99_ms": worst and round(worst, 3),
        "calls_per_core": most,
        "calls_per_core_is_a_lower_bound": bench.cut_short or bench.limited,
    }
    print(json.dumps(figures))


async def measure(folder: Path, quick: bool, names: list[str]) -> None:
    media_relay = MEDIA_RELAY in names
    names = [name for name in names if name in SERVERS]
    bench = Bench(folder, seconds=2.0, warm=0.5, rounds=1, until=time.monotonic() + QUICK_SECONDS)
    if not quick:
        bench = Bench(folder, seconds=3.5, warm=0.7, rounds=3)
    for _ in range(bench.rounds):
        # The same number of calls one after the other, so that each ratio is of the same minute.
        for calls in (100, 800, 300, 1, 30):
            for name in names:
                if calls in SERVERS[name][1] and not (quick and name == "bare"):
                    await bench.run(name, calls)
        if media_relay:
            await bench.run_media()
    most = await bench.most_calls("ours", 100 if quick else 50) if "ours" in names else None
    report(bench, names, most)


def in_a_network_of_its_own() -> None:
    """Start again in a network namespace with the addresses that Janus needs; where that is refused, go on here."""
    if "--inside" in sys.argv:
        return
    shell = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    try:
        if subprocess.run([*shell, janus.NETWORK], capture_output=True).returncode:
            return
    except FileNotFoundError:
        return
    again = f'{janus.NETWORK} && exec "$@"'
    os.execvp(shell[0], [*shell, again, "sh", sys.executable, *sys.argv, "--inside"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short run of each: under 50 seconds")
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL, help="these servers alone")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    in_a_network_of_its_own()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("this benchmark needs two cores")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.sched_setaffinity(0, {1})  # the server's core is the server's alone
    with tempfile.TemporaryDirectory(prefix="tm-relay-") as folder:
        for program in ("generator", "bare"):
            subprocess.run(["gcc", "-O2", "-o", f"{folder}/{program}", str(LOAD / f"{program}.c")], check=True)
        asyncio.run(measure(Path(folder), options.quick, options.only))


if __name__ == "__main__":
    main()
