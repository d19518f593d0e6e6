"""The waiting room with ten thousand patients: how soon a new place is known, what a page costs, who gets whom.

    python bench/waiting.py [--quick] [--pages N] [--nodes 1|2] [--store sqlite|postgresql]

Without ``--nodes`` it runs with one web process, then with two over Redis, and beside them a bare aiohttp server.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import os
import resource
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from sqlalchemy import func, select

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.load.pages import CONFIRM_S, Client, connect, keep_saying_ping, text  # noqa: E402
from bench.load.waiting_room import fill, hire  # noqa: E402
from server.audit import SYSTEM  # noqa: E402
from server.config import load  # noqa: E402
from server.consultation.store import end  # noqa: E402
from server.crypto import FieldCipher  # noqa: E402
from server.db import Database  # noqa: E402
from server.visit.tables import visit, visit_event  # noqa: E402
from tests.rig.databases import postgres_cluster  # noqa: E402
from tests.rig.processes import App, Program, free_port  # noqa: E402

PAGES, THERAPISTS, ADMISSIONS, EVERY_S = 10_000, 20, 20, 1.0
AT_ONCE = 64  # connections that are being opened
FILL = 500  # patients who come at once
IDLE_S, QUICK_IDLE_S = 15.0, 8.0
TALK_S = 0.05  # between two messages of the call that runs meanwhile
P = TypeVar("P", bound=Program)
PAGE_SIZE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def rss_kib(*pids: int) -> float:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * PAGE_SIZE / 1024


def cpu_s(*pids: int) -> float:
    """User and system time of all threads."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def quantile(values: list[float], part: float) -> float:
    """Nearest rank: no value is made up between two measured ones."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)] if values else math.nan


@dataclass
class Step:
    """One number of pages: what an admission cost, and how soon it was known."""

    pages: int
    admissions: int = 0
    told: list[float] = field(default_factory=list)  # s, of each page and admission
    missing: int = 0
    cpu_ms: list[float] = field(default_factory=list)  # of the web processes, for each admission
    spoken: list[float] = field(default_factory=list)  # s, messages of a running call meanwhile


@dataclass
class Result:
    nodes: int
    steps: list[Step] = field(default_factory=list)
    open_s: float = 0.0
    open_cpu_ms: float = 0.0
    kib: float = math.nan
    idle: float = math.nan
    idle_calls: float = math.nan
    quiet_talk: list[float] = field(default_factory=list)
    double: int = 0
    taken: int = 0


class Room:
    """All the people of the bench: the waiting, the therapists, and two who are in a call."""

    def __init__(self, ports: list[int], pids: list[int], db: Database) -> None:
        self.ports, self.pids, self.db = ports, pids, db
        self.waiting: list[Client] = []
        self.desks: list[Client] = []
        self.clicks: list[float] = []  # when each admission of this step was clicked
        self.step: Step | None = None
        self.calls: dict[str, set[str]] = defaultdict(set)  # visit -> therapists who got it
        self.busy: set[str] = set()
        self.taken = 0
        self.talk: list[float] = []
        self.talks = asyncio.Event()
        self.talks.set()
        self._sent: dict[int, float] = {}
        self._later: set[asyncio.TimerHandle] = set()

    # what pages hear

    def patient_hears(self, page: Client, now: float, data: bytes) -> None:
        if data.startswith(b'{"type":"snapshot","kind":"visit"'):
            at = data.find(b'"place":') + 8
            place = int(data[at : data.find(b",", at)]) if data[at : at + 4] != b"null" else None
            before, page.place = page.place, place
            if self.step is not None and before and place and page.data is not None:
                for passed in range(before - 1, place - 1, -1):
                    number = page.data - passed - 1  # the admission that made it so
                    if 0 <= number < len(self.clicks):
                        self.step.told.append(now - self.clicks[number])
        elif data.startswith(b'{"type":"call"'):
            page.peer = (json.loads(data)["peer"] or {}).get("instance", "")
            asyncio.get_running_loop().call_later(CONFIRM_S, page.send, text(type="confirm"))
        elif b'"type":"status"' in data:
            self._talked(now, data)

    def therapist_hears(self, page: Client, now: float, data: bytes) -> None:
        if data.startswith(b'{"type":"snapshot"'):
            page.data = data
        elif data.startswith(b'{"type":"call"'):
            content = json.loads(data)
            page.peer = (content["peer"] or {}).get("instance", "")
            self.calls[content["visit"]].add(page.key)
            self.busy.add(page.key)
        elif data.startswith(b'{"type":"refused"'):
            code = json.loads(data)["code"]
            self.taken += code == "taken"
            if code != "taken":
                note(f"a therapist's page was refused: {code}")
        elif b'"type":"status"' in data:
            self._talked(now, data)

    def _talked(self, now: float, data: bytes) -> None:
        sent = self._sent.pop(json.loads(data)["seq"], None)
        if sent is not None:
            self.talk.append(now - sent)

    # what people do

    async def open_pages(self, people: list[tuple[str, str, str]]) -> float:
        """Everybody's page, as fast as the service answers: seconds until all have their place."""
        began = monotonic()
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, key: str, address: str, token: str) -> Client:
            async with turn:
                port = self.ports[number % len(self.ports)]
                page = await connect(port, f"/v/{address}/live", f"__Host-visit={token}", self.patient_hears)
                page.key = key
                self.waiting.append(page)
                await until(lambda: page.place is not None)
                return page

        await asyncio.gather(*(one(number, *person) for number, person in enumerate(people)))
        return monotonic() - began

    async def open_desks(self, therapists: list[tuple[str, str]]) -> None:
        for number, (key, token) in enumerate(therapists):
            port = self.ports[number % len(self.ports)]
            page = await connect(port, "/desk/live", f"__Host-desk={token}", self.therapist_hears)
            page.key = key
            self.desks.append(page)
        await until(lambda: all(page.data for page in self.desks))

    def head(self, desk: Client) -> str:
        """Whom this therapist's own page shows first."""
        return str(json.loads(desk.data)["data"]["waiting"][0]["visit"])

    async def admit(self, desk: Client, rival: Client | None) -> None:
        """Both click the same patient at the same moment."""
        await until(lambda: self.head(desk) not in self.calls)  # the list is a quarter of a second behind
        head = self.head(desk)
        self.clicks.append(monotonic())
        for one in (desk, rival):
            if one is not None:
                one.send(text(type="admit", visit=head))

    async def talking(self, patient: Client, desk: Client) -> None:
        """A call that runs meanwhile: its two pages say something all the time."""
        for seq in range(1, 1_000_000):
            speaker = patient if seq % 2 else desk
            await self.talks.wait()
            self._sent[seq] = monotonic()
            speaker.send(text(type="status", to=speaker.peer, seq=seq, muted=bool(seq % 3), camera_off=False))
            await asyncio.sleep(TALK_S)

    async def measure(self, admissions: int) -> Step:
        """One admission a second, by a therapist who is free; another free one is the rival."""
        gone = set(self.calls)
        pages = [page for page in self.waiting if page.key not in gone]
        step = self.step = Step(len(pages))
        for page in pages:
            page.data = page.place
        self.clicks, self.talk = [], []
        for number in range(1, admissions + 1):
            desk, rival = (*(one for one in self.desks if one.key not in self.busy), None)[:2]
            assert desk is not None
            began, cpu = monotonic(), cpu_s(*self.pids)
            await self.admit(desk, rival)
            step.admissions += 1
            await asyncio.sleep(max(0.0, began + EVERY_S - monotonic()))
            step.cpu_ms.append((cpu_s(*self.pids) - cpu) * 1000)
            await until(lambda: len(self.calls.keys() - gone) >= number, 20)  # noqa: B023 (awaited before the next)
        await asyncio.sleep(1.0)
        step.spoken = self.talk
        # each admission is told to whoever waited behind it
        step.missing = sum(len(pages) - number for number in range(1, step.admissions + 1)) - len(step.told)
        self.step = None
        return step

    async def end_calls(self, visits: set[str]) -> None:
        for key in visits:
            async with self.db.write() as tx:
                await end(tx, key, SYSTEM, "therapist")
        self.busy.clear()
        await asyncio.sleep(3.0)  # the service finds it by looking: this process is none of its nodes

    async def idle(self, seconds: float) -> float:
        self.talks.clear()
        await asyncio.sleep(1.0)
        cpu, began = cpu_s(*self.pids), monotonic()
        await asyncio.sleep(seconds)
        self.talks.set()
        return 100 * (cpu_s(*self.pids) - cpu) / (monotonic() - began) / len(self.pids)


async def until(check: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 (anything may make it true)
            await asyncio.sleep(0.02)


async def run(folder: Path, nodes: int, steps: list[int], store: str, idle_s: float) -> Result:
    result = Result(nodes)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(record(folder, store))
        settings = {"database_url": url} if url else {}
        app = await stack.enter_async_context(program(App(folder / "var", **settings)))
        webs = [app]
        for _ in range(nodes - 1):
            webs.append(await stack.enter_async_context(program(App(folder / "var", "web", **settings))))
        pids = [app.child("-m", "server", "web"), *(one.pid for one in webs[1:])]
        own = load({"TM_VAR": str(folder / "var"), **({"TM_DATABASE_URL": url} if url else {})})
        db = Database(own.db_url, FieldCipher.from_settings(own.data_keys, own.index_key))
        stack.push_async_callback(db.close)
        room = Room([one.port for one in webs], pids, db)

        # one call runs all the time; opening its pages and a few more has loaded what is loaded once
        (caller, *few), desks = await fill(db, 21), await hire(db, THERAPISTS + 1)
        await room.open_desks(desks)
        await room.open_pages([caller, *few])
        calling, desk = room.waiting[0], room.desks.pop()
        calling = next(page for page in room.waiting if page.key == caller[0])
        desk.send(text(type="admit", visit=caller[0]))
        await until(lambda: calling.peer and desk.peer)
        await asyncio.sleep(1.0)
        talking = asyncio.create_task(room.talking(calling, desk))
        pinging = asyncio.create_task(keep_saying_ping(room.waiting))
        stack.callback(talking.cancel)
        stack.callback(pinging.cancel)
        await asyncio.sleep(3.0)
        result.quiet_talk, room.talk = room.talk, []
        before, already = rss_kib(*pids), len(room.waiting)

        for number in steps:
            last = number == steps[-1]
            wanted, cpu, took = number - (len(room.waiting) - len(room.calls)), cpu_s(*pids), 0.0
            for start in range(0, wanted, FILL):  # whoever waits without a page would soon count as away
                people = await fill(db, min(FILL, wanted - start))
                took += await room.open_pages(people)
            gc.freeze()
            result.open_cpu_ms = (cpu_s(*pids) - cpu) * 1000 / wanted
            note(
                f"{nodes} web: {wanted} pages opened in {took:.1f} s, {result.open_cpu_ms:.1f} ms CPU each, "
                f"{(rss_kib(*pids) - before) / (len(room.waiting) - already):.1f} KiB a page so far"
            )
            result.open_s = took / wanted
            await asyncio.sleep(3.0)
            if last:
                result.idle = await room.idle(idle_s)
                opened = rss_kib(*pids)
            known = set(room.calls)
            step = await room.measure(ADMISSIONS if last else 4)
            result.steps.append(step)
            note(
                f"{nodes} web, {step.pages} pages: p50 {statistics.median(step.told) * 1000:.0f}, "
                f"p99 {quantile(step.told, 0.99) * 1000:.0f} ms, {statistics.median(step.cpu_ms):.0f} ms CPU, "
                f"{step.missing} untold"
            )
            if not last:
                await room.end_calls(set(room.calls) - known)
        after = max(opened, rss_kib(*pids))
        result.kib = (after - before) / (len(room.waiting) - already)
        result.idle_calls = await room.idle(idle_s)
        result.taken = room.taken
        result.double = await twice(db, room)
        gone = [page for page in room.waiting if page.closed is not None]
        if gone:
            note(f"{len(gone)} pages were closed by the service: {gone[0].closed}")
    return result


async def twice(db: Database, room: Room) -> int:
    """Visits that two therapists were given, by what the pages heard and by the record."""
    async with db.read() as conn:
        admitted = await conn.execute(
            select(visit_event.c.visit_id).where(visit_event.c.event == "admit").group_by(visit_event.c.visit_id)
            .having(func.count() > 1)
        )  # fmt: skip
        rows = {row.visit_id for row in admitted}
        busy = await conn.execute(
            select(visit.c.therapist_id).where(visit.c.state.in_(("admitted", "in_session")))
            .group_by(visit.c.therapist_id).having(func.count() > 1)
        )  # fmt: skip
        more = len(busy.all())
    return len(rows | {key for key, people in room.calls.items() if len(people) > 1}) + more


@dataclass
class Bare:
    kib: float
    told: list[float]
    idle: float


async def run_bare(folder: Path, pages: int, idle_s: float) -> Bare:
    """As many sockets at a bare aiohttp server, and one text to all of them."""
    port = free_port()
    server = Program([sys.executable, str(ROOT / "bench" / "_bare_waiting.py"), str(port)], {}, folder / "bare.log")
    heard: list[float] = []

    def hears(page: Client, now: float, data: bytes) -> None:
        if data.startswith(b"place"):
            heard.append(now)

    async with program(server):
        await server.wait_for_http(f"http://localhost:{port}/", status=404)
        few = [await connect(port, "/live", "a=b", hears, hello=False) for _ in range(20)]
        await asyncio.sleep(0.5)
        before = rss_kib(server.pid)
        turn = asyncio.Semaphore(AT_ONCE)

        async def one() -> Client:
            async with turn:
                return await connect(port, "/live", "__Host-visit=" + "x" * 43, hears, hello=False)

        clients = await asyncio.gather(*(one() for _ in range(pages)))
        pinging = asyncio.create_task(keep_saying_ping(clients))
        await asyncio.sleep(2.0)
        kib = (rss_kib(server.pid) - before) / pages
        cpu, began = cpu_s(server.pid), monotonic()
        await asyncio.sleep(idle_s)
        idle = 100 * (cpu_s(server.pid) - cpu) / (monotonic() - began)
        told: list[float] = []
        for _ in range(5):
            heard.clear()
            clicked = monotonic()
            few[0].send(text(type="say", text="place" + "x" * 500))
            await until(lambda: len(heard) >= pages + 20, 20)
            told += [at - clicked for at in heard]
            await asyncio.sleep(0.5)
        pinging.cancel()
    return Bare(kib, told, idle)


@asynccontextmanager
async def program(one: P) -> AsyncIterator[P]:
    if isinstance(one, App):
        await one.up(seconds=90)
    else:
        one.start()
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def record(folder: Path, store: str) -> AsyncIterator[str]:
    """The database's URL; empty: SQLite in the service's own folder."""
    if store == "sqlite":
        yield ""
        return
    with postgres_cluster() as cluster:
        yield cluster.url(cluster.create())


def ms(values: list[float], part: float) -> str:
    return f"{quantile(values, part) * 1000:.0f}"


def report(results: list[Result], bare: Bare, store: str) -> None:
    where = f"{store}, {os.cpu_count()} cores, clients on the same machine, load {os.getloadavg()[0]:.1f}"
    print(f"The waiting room ({where})\n")
    names = ("web", "pages", "p50", "p99", "worst", "untold", "CPU ms", "µs/page", "call p99")
    print("".join(f"{name:>9}" for name in names))
    for result in results:
        for step in result.steps:
            cpu = statistics.median(step.cpu_ms)
            told = [ms(step.told, part) for part in (0.5, 0.99, 1.0)]
            row = (result.nodes, step.pages, *told, step.missing, f"{cpu:.0f}", f"{cpu * 1000 / step.pages:.0f}")
            print("".join(f"{cell:>9}" for cell in (*row, ms(step.spoken, 0.99))))
    print(
        "".join(f"{cell:>9}" for cell in ("bare", len(bare.told) // 5, *(ms(bare.told, p) for p in (0.5, 0.99, 1.0))))
    )
    print(
        "\nms from the click on Admit to a page's new place; CPU of all web processes in the second of one admission,"
    )
    print("pings and the desks' boards included; call p99: a message between two pages in a call meanwhile, ms\n")
    for result in results:
        idle = (
            f"CPU {result.idle:.1f} % of a core each when nothing changes, {result.idle_calls:.1f} % with calls running"
        )
        opened = f"a page opened every {result.open_s * 1000:.1f} ms for {result.open_cpu_ms:.1f} ms CPU"
        print(f"{result.nodes} web: {result.kib:.1f} KiB a page, {idle}, {opened}, {result.taken} rivals refused,")
        print(f"       {result.double} double admissions, quiet call p99 {ms(result.quiet_talk, 0.99)} ms")
    print(f"bare: {bare.kib:.1f} KiB a socket, CPU {bare.idle:.1f} %")
    one = results[0]
    figures: dict[str, Any] = {
        "waiting": one.steps[-1].pages,
        "change_p99_ms": round(quantile(one.steps[-1].told, 0.99) * 1000),
        "kib_per_patient": round(one.kib, 1),
        "double_admissions": sum(result.double for result in results),
        "idle_cpu_percent": round(one.idle, 1),
    }
    if results[-1] is not one:
        figures |= {"nodes2_change_p99_ms": round(quantile(results[-1].steps[-1].told, 0.99) * 1000)}
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one web process, no smaller numbers first, a shorter idle time"
    )
    parser.add_argument("--pages", type=int, default=PAGES, help="patients who wait (default: %(default)s)")
    parser.add_argument("--nodes", type=int, choices=(1, 2), help="web processes (default: one, then two)")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < options.pages + 1000:
        sys.exit(f"this needs {options.pages + 1000} open files, and the system allows {hard}: raise `ulimit -n`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (options.pages * 2 + 1000 if hard == -1 else hard, hard))
    steps = [options.pages] if options.quick else [options.pages // part for part in (8, 4, 2, 1)]
    idle_s = QUICK_IDLE_S if options.quick else IDLE_S
    gc.disable()  # this process only reads clocks and counts; a pause of it would be counted as the service's
    counts = [options.nodes] if options.nodes else [1] if options.quick else [1, 2]
    results = []
    for nodes in counts:
        with tempfile.TemporaryDirectory(prefix="tm-wait-") as folder:
            some = steps if nodes == 1 else steps[-1:]
            results.append(asyncio.run(run(Path(folder), nodes, some, options.store, idle_s)))
    with tempfile.TemporaryDirectory(prefix="tm-wait-") as folder:
        bare = asyncio.run(run_bare(Path(folder), options.pages, idle_s))
    report(results, bare, options.store)


if __name__ == "__main__":
    main()
