"""How long a join takes: from the click on "Admit" to the first frame of the remote picture on both sides.

Three ways take turns, in the same two browsers: two bare pages (the yardstick), the product with policy
``direct+relay``, and the product with policy ``relay``. The product is driven through its own controls.

    python bench/join.py [--quick] [--rounds N] [--trace]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from playwright.async_api import BrowserContext, Page, expect

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from server.seed import DEMO_PASSWORD  # noqa: E402
from tests.pages.roles import fill_join  # noqa: E402
from tests.rig.browsers import PHONE, Person, chromium, crew, make_media  # noqa: E402
from tests.rig.processes import App, Program, free_port  # noqa: E402

ROUNDS = 20
QUICK_SECONDS = 38.0  # from the start; a round that has begun then still ends
POLICIES = {"direct": "direct+relay", "relay": "relay"}
SETTLE = 0.5  # s of quiet before the click: what the pages' loading has left behind is not measured
JOIN_SECONDS = 30.0
SKEW_MS = 5.0  # a page's clock further off than this makes a round worthless
SCRIPTS = Path(__file__).parent / "join"


class Way(Protocol):
    """One way to hold a call; ``ready`` leaves both pages so that only the click is missing."""

    name: str

    async def ready(self, therapist: Page, patient: Page) -> None: ...
    async def click(self, therapist: Page) -> None: ...
    async def end(self, therapist: Page, patient: Page) -> None: ...


@dataclass
class Bare:
    url: str
    name: str = "bare"

    async def ready(self, therapist: Page, patient: Page) -> None:
        for side, page in (("a", therapist), ("b", patient)):
            await page.goto(f"{self.url}/?side={side}")
            await expect(page.locator("body")).to_have_attribute("data-ready", "yes")

    async def click(self, therapist: Page) -> None:
        await therapist.locator("#admit").click()

    async def end(self, therapist: Page, patient: Page) -> None:
        pass  # the pages are left


@dataclass
class Product:
    url: str
    name: str

    async def sign_in(self, therapist: Page) -> None:
        await therapist.goto(f"{self.url}/desk")
        await therapist.get_by_label("User name").fill("li")
        await therapist.get_by_label("Password").fill(DEMO_PASSWORD)
        await therapist.get_by_role("button", name="Sign in").click()
        await therapist.get_by_role("button", name="Go on duty").click()
        await expect(therapist.locator("#desk")).to_have_attribute("data-on-duty", "yes")

    async def ready(self, therapist: Page, patient: Page) -> None:
        await asyncio.gather(self._desk(therapist), self._waiting(patient))
        await expect(therapist.locator("[data-visit-row]")).to_have_count(1)

    async def _desk(self, therapist: Page) -> None:
        await therapist.goto(f"{self.url}/desk")
        await expect(therapist.locator("#desk")).to_have_attribute("data-camera", "on")
        await expect(therapist.locator("#desk")).to_have_attribute("data-socket", "open")

    async def _waiting(self, patient: Page) -> None:
        await patient.goto(f"{self.url}/join")
        await fill_join(patient)
        await patient.locator("form[action='/join'] button[type=submit]").click()
        await expect(patient.locator("#visit")).to_have_attribute("data-camera", "on")
        await patient.get_by_role("button", name="I’m ready").click()
        await expect(patient.locator("#visit")).to_have_attribute("data-view", "waiting")

    async def click(self, therapist: Page) -> None:
        await therapist.locator("[data-visit-row] button").click()

    async def end(self, therapist: Page, patient: Page) -> None:
        await therapist.locator('[data-action="ask-end"]').click()
        await therapist.locator("[data-end-dialog] form button").first.click()
        await expect(therapist.locator("#desk")).to_have_attribute("data-visit-state", "ended")
        await expect(patient.locator("#visit")).to_have_attribute("data-view", "over")


@dataclass
class Lane:
    """One way and its own tab in each browser; two products on one host would share their cookies."""

    way: Way
    therapist: Page
    patient: Page
    trace: bool = False
    took: list[float] = field(default_factory=list)  # ms
    skew: float = 0.0  # ms, the worst

    async def tell(self, click: float, frames: list[float]) -> None:
        """What happened when, on both pages, in ms after the click."""
        lines = [(at, f"{who}: FIRST FRAME") for at, who in zip(frames, ("therapist", "patient"), strict=True)]
        for who, page in (("therapist", self.therapist), ("patient", self.patient)):
            lines += [(at, f"{who}: {what}") for at, what in await page.evaluate("joinTrace") if at >= click - 5]
        note(f"{self.way.name}\n" + "\n".join(f"{at - click:8.1f}  {what}" for at, what in sorted(lines)))

    async def round(self) -> None:
        await self.way.ready(self.therapist, self.patient)
        await asyncio.sleep(SETTLE)
        for page in (self.therapist, self.patient):
            self.skew = max(self.skew, abs(await page.evaluate("joinMarks.arm()")))
        await self.way.click(self.therapist)
        async with asyncio.timeout(JOIN_SECONDS):
            frames = [await page.evaluate("joinMarks.frame") for page in (self.therapist, self.patient)]
        click = await self.therapist.evaluate("joinMarks.click")
        self.took.append(max(frames) - click)
        if self.trace:
            await self.tell(click, frames)
        await self.way.end(self.therapist, self.patient)
        for page in (self.therapist, self.patient):
            await page.goto("about:blank")  # its camera is closed while the others have their turn


async def run(seconds: float, rounds: int, trace: bool) -> list[Lane]:
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tm-join-")))
        ways = await stack.enter_async_context(started(folder))
        people = await stack.enter_async_context(crew(chromium(), make_media(folder, (640, 480)), folder))
        therapist = await people("therapist", colour="red", tone=440)
        patient = await people("patient", colour="blue", tone=660, size=PHONE)
        lanes = [Lane(way, await tab(therapist, trace), await tab(patient, trace), trace) for way in ways]
        for lane in lanes:
            if isinstance(lane.way, Product):
                await lane.way.sign_in(lane.therapist)
                await lane.therapist.goto("about:blank")
        done = 0
        while done < rounds and (done == 0 or time.monotonic() - began < seconds):
            for lane in lanes[done % 3 :] + lanes[: done % 3]:  # each one is first in its turn
                await lane.round()
            done += 1
            note(f"round {done}: " + ", ".join(f"{lane.way.name} {lane.took[-1]:.0f} ms" for lane in lanes))
        return lanes


async def tab(person: Person, trace: bool) -> Page:
    context: BrowserContext = await person.browser.new_context(
        viewport=person.page.viewport_size, locale="en-CA", timezone_id="America/Toronto"
    )
    context.set_default_timeout(30_000)
    for script in ("watch.js", "trace.js") if trace else ("watch.js",):
        await context.add_init_script(path=SCRIPTS / script)
    return await context.new_page()


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[list[Way]]:
    """The three services, each in processes of its own."""
    port = free_port()
    bare = Program([sys.executable, str(ROOT / "bench" / "_bare.py"), str(port)], {}, folder / "bare.log")
    products = [App(folder / name, call_policy=policy) for name, policy in POLICIES.items()]
    try:
        bare.start()
        await asyncio.gather(bare.wait_for_http(f"http://localhost:{port}/"), *(app.up(seconds=60) for app in products))
        yield [Bare(f"http://localhost:{port}"), *(Product(app.url, app.var.name) for app in products)]
    finally:
        await asyncio.gather(bare.stop(), *(app.stop() for app in products))


def p95(values: list[float]) -> float:
    """Nearest rank: no value is made up between two measured ones."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def report(lanes: list[Lane]) -> None:
    median = {lane.way.name: statistics.median(lane.took) for lane in lanes}
    how = f"(ms, {len(lanes[0].took)} joins each, load {os.getloadavg()[0]:.1f})"
    print(f"{'':8}{'median':>10}{'p95':>10}{'ratio':>8}   {how}")
    for lane in lanes:
        name = lane.way.name
        print(f"{name:8}{median[name]:10.0f}{p95(lane.took):10.0f}{median[name] / median['bare']:8.2f}")
    figures = {f"{name}_ms": round(value, 1) for name, value in median.items()}
    ratios = {"ratio": median["direct"] / median["bare"], "ratio_relay": median["relay"] / median["bare"]}
    print(json.dumps(figures | {name: round(value, 3) for name, value in ratios.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="as many rounds as fit into 50 seconds")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="joins of each way (default: %(default)s)")
    parser.add_argument(
        "--trace", action="store_true", help="say what happened when in each join (it costs a little time)"
    )
    options = parser.parse_args()
    lanes = asyncio.run(run(QUICK_SECONDS if options.quick else math.inf, options.rounds, options.trace))
    worst = max(lane.skew for lane in lanes)
    if worst > SKEW_MS:
        sys.exit(f"the browsers' clocks are {worst:.1f} ms from the machine's: the figures would mean nothing")
    report(lanes)


if __name__ == "__main__":
    main()
