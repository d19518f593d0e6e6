"""What people do and see in a call, through their pages' own controls, and what the record says of it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.pages.roles import get_ready, go_on_duty, join, sign_in
from tests.rig.browsers import PHONE, Crew, Person
from tests.rig.processes import App
from tests.rig.senses import frames_watched, hears, page_stalled, sees, watch_frames
from tests.rig.wait import until

REMOTE = "#remote-video"
#: s between two frames of a picture that nothing has interrupted
STEADY_GAP = 0.5
#: what the console says of a socket whose server is away, and of forms that fail meanwhile
SERVER_AWAY = r"WebSocket connection to|Failed to load resource: net::ERR|the note did not load"


@dataclass
class Visit:
    """A visit with its people. The therapist's camera is red and speaks at 440 Hz, the patient's blue, 660 Hz."""

    app: App
    patient: Person
    therapist: Person
    address: str
    admin: Person | None = None

    @property
    def both(self) -> tuple[Page, Page]:
        return self.patient.page, self.therapist.page

    async def both_see(self) -> None:
        await asyncio.gather(sees(self.patient.page, REMOTE, "red"), sees(self.therapist.page, REMOTE, "blue"))

    async def both_hear(self) -> None:
        await asyncio.gather(hears(self.patient.page, REMOTE, 440), hears(self.therapist.page, REMOTE, 660))

    async def watch(self) -> None:
        """Remember the longest pause of both pictures from now on."""
        await asyncio.gather(*(watch_frames(page, REMOTE) for page in self.both))

    async def assert_steady(self) -> None:
        """Neither picture has stood still since :meth:`watch`, but for the time when the machine was too busy."""
        for person in (self.patient, self.therapist):
            page = person.page

            async def watched_long(page: Page = page) -> bool:
                return (await frames_watched(page, REMOTE))[0] >= 15

            await until(watched_long, what=f"15 frames at {person.name}'s")
        stall = sum([await page_stalled(page, REMOTE) for page in self.both])
        for person in (self.patient, self.therapist):
            _, gap = await frames_watched(person.page, REMOTE)
            stood = f"{person.name}'s picture stood still for {gap:.0f} ms (the pages themselves for {stall:.0f})"
            assert gap < STEADY_GAP * 1000 + stall, stood

    def row(self) -> dict[str, Any]:
        return last_visit(self.app)


async def arrive(crew: Crew, app: App, *, name: str = "Ana Pereira", **options: Any) -> tuple[Person, str]:
    """A patient on a phone, ready, in the waiting room: (the person, the visit's address)."""
    person = await crew(name.split()[0].lower(), **{"colour": "blue", "tone": 660, "size": PHONE, **options})
    address = await join(person, app.url, name=name)
    await get_ready(person)
    return person, address


async def on_duty(crew: Crew, app: App, username: str = "li", **options: Any) -> Person:
    """A therapist at the desk, on duty, with the camera open."""
    person = await crew(username, **{"colour": "red", "tone": 440, **options})
    await sign_in(person, app.url, "desk", username)
    await go_on_duty(person)
    if options.get("devices", "granted") == "granted":
        await expect(desk(person)).to_have_attribute("data-camera", "on")
    return person


async def waiting_and_ready(crew: Crew, app: App, **options: Any) -> Visit:
    """A therapist on duty and a patient in the waiting room, whom the therapist sees."""
    therapist = await on_duty(crew, app, **options)
    patient, address = await arrive(crew, app, **options)
    await expect(queue_rows(therapist)).to_have_count(1)
    return Visit(app, patient, therapist, address)


async def in_call(crew: Crew, app: App, **options: Any) -> Visit:
    """Both in the call: each sees the other, the clock runs."""
    visit = await waiting_and_ready(crew, app, **options)
    await admit(visit.therapist)
    await visit.both_see()
    for page in visit.both:
        await expect(clock(page)).to_have_attribute("data-phase", "running")
    return visit


def desk(person: Person) -> Locator:
    return person.page.locator("#desk")


def visit_page(person: Person) -> Locator:
    return person.page.locator("#visit")


def queue_rows(person: Person) -> Locator:
    return person.page.locator("[data-queue] [data-rows] [data-visit-row]")


def clock(page: Page) -> Locator:
    return page.locator("[data-call] [data-clock]")


def notice(page: Page) -> Locator:
    """The words over the picture that a screen reader says, too."""
    return page.locator("[data-notices][role=status]")


async def admit(therapist: Person, name: str = "Ana") -> None:
    await therapist.page.get_by_role("button", name=f"Admit {name}").click()


async def control(person: Person, name: str) -> None:
    """Press a control of the call by its word."""
    controls = person.page.get_by_role("group", name="Controls of the call")
    await controls.get_by_role("button", name=name, exact=True).click()


async def end_visit(therapist: Person) -> None:
    await control(therapist, "End visit")
    dialog = therapist.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="End visit").click()


async def is_over(visit: Visit) -> None:
    """The end has reached both pages, and no relay carries the call any more."""
    await expect(visit_page(visit.patient)).to_have_attribute("data-view", "over", timeout=20_000)
    await expect(visit.therapist.page.locator("[data-over-part]")).to_be_visible(timeout=20_000)
    await expect(visit.therapist.page.locator("[data-call-part]")).to_be_hidden()
    await until(lambda: not open_relay_calls(visit.app), what="no relay entry stands")


async def seconds_left(page: Page) -> int:
    return int(await clock(page).get_attribute("data-seconds") or "-1")


async def clocks_agree(visit: Visit) -> None:
    """All who see the clock see the same time within a second. Read at once; at the turn of a second, read again."""

    async def agree() -> bool:
        wall = visit.admin.page.locator('[data-list="sessions"] [data-cell="clock"]') if visit.admin else None
        readings = [seconds_left(page) for page in visit.both]
        shown = await asyncio.gather(*readings, *([_wall_seconds(wall)] if wall else []))
        return min(shown) > 0 and max(shown) - min(shown) <= 1

    await until(agree, seconds=5, every=0.2, what="clocks within a second")


async def _wall_seconds(cell: Locator) -> int:
    return int(await cell.get_attribute("data-seconds") or "-1")


async def attached(person: Person, root: str) -> None:
    """The page's socket is open, and it says nothing of a lost connection."""
    await expect(person.page.locator(root)).to_have_attribute("data-socket", "open", timeout=45_000)
    await expect(person.page.locator("[data-connection]")).to_be_hidden()


# What the record says


def query(app: App, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of the service's own SQLite file."""
    with closing(sqlite3.connect(app.var / "clinic.sqlite3", timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


def course(row: dict[str, Any]) -> tuple[Any, ...]:
    """Which visit, and its clock: what a reload must not change."""
    return row["id"], row["state"], row["started_at"], row["ends_at"]


def last_visit(app: App) -> dict[str, Any]:
    return query(app, "SELECT * FROM visit ORDER BY created_at DESC LIMIT 1")[0]


def open_relay_calls(app: App) -> list[str]:
    rows = query(app, "SELECT key FROM relay_call WHERE expires_at > strftime('%Y-%m-%d %H:%M:%f', 'now')")
    return [str(row["key"]) for row in rows]


def instant(value: str) -> datetime:
    """An instant of the SQLite file (UTC, naive there)."""
    return datetime.fromisoformat(value)


def now(app: App) -> datetime:
    """The store's clock."""
    return instant(str(query(app, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') AS now")[0]["now"]))
