"""A therapist cannot miss a patient: the alert repeats until seen, for every guest; one key admits; a visit is handed
over with a line."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.conftest import RunApp
from tests.pages.call import desk, on_duty
from tests.pages.visitors import WALK_IN, Socket, Visitor
from tests.rig.browsers import Crew, Person
from tests.rig.wait import until

pytestmark = [pytest.mark.browser, pytest.mark.sample("dashboards", 3)]


class Guests:
    """Patients whose page is open, without a browser each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.open: list[tuple[Visitor, Socket]] = []

    async def arrives(self, name: str) -> None:
        who = Visitor(self.url + "/")
        path = (await who.post("/join", WALK_IN | {"name": name})).location
        await who.post(f"{path}/ready", {"devices": "both"})
        self.open.append((who, await who.socket(f"{path}/live")))

    async def leave(self) -> None:
        for who, page in self.open:
            await page.close()
            await who.close()


async def rung(li: Person) -> int:
    return int(await desk(li).get_attribute("data-rung") or 0)


async def test_a_therapist_cannot_miss_a_patient(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    li, okafor = await asyncio.gather(on_duty(people, app), on_duty(people, app, username="okafor", devices="none"))
    guests = Guests(app.url)
    try:
        await the_alert_repeats_until_seen(li, guests)
        await one_key_admits(li)
        await nothing_sounds_in_a_call_and_a_colleague_gets_the_line(li, okafor)
    finally:
        await guests.leave()


async def the_alert_repeats_until_seen(li: Person, guests: Guests) -> None:
    banner = li.page.locator("[data-ringing]")
    await li.context.grant_permissions(["notifications"])
    await guests.arrives("Ana Pereira")
    await expect(banner).to_contain_text("Ana Pereira is waiting for you")
    await expect(li.page).to_have_title(re.compile(r"^🔔 \(1\) "))

    async def again() -> bool:
        return await rung(li) >= 2

    await until(again, seconds=20, what="a second sound")
    before = await rung(li)
    await guests.arrives("Ben Roy")
    await expect(banner).to_contain_text("2 people are waiting for you")
    assert await rung(li) > before, "every guest is heard, not only the first"
    await expect(desk(li)).to_have_attribute("data-noticed", re.compile("[2-9]"))
    await banner.get_by_role("button", name="Seen").click()
    await expect(banner).to_be_hidden()
    await expect(li.page).to_have_title(re.compile(r"^\(2\) "))
    await expect(li.page.locator("[data-cell=seen]").first).to_contain_text("seen by")
    await guests.arrives("Cy Dean")
    await expect(banner).to_contain_text("Cy Dean is waiting for you")


async def one_key_admits(li: Person) -> None:
    await expect(li.page.get_by_role("button", name="Admit next: Ana")).to_be_visible()
    await li.page.get_by_role("link", name="More about Ana Pereira").click()
    await li.page.get_by_label("Write to the patient").press_sequentially("nnn")
    await li.page.keyboard.press("Escape")
    await expect(li.page.locator("dialog[open]")).to_have_count(0)
    await expect(desk(li)).to_have_attribute("data-view", "queue")
    keys = li.page.get_by_label("The key N admits the next person")
    await keys.uncheck()
    await li.page.keyboard.press("n")
    await keys.check()
    await expect(desk(li)).to_have_attribute("data-view", "queue")
    await li.page.keyboard.press("n")
    await expect(desk(li)).to_have_attribute("data-view", "visit")
    await expect(li.page.locator(".patient-name")).to_have_text("Ana Pereira")


async def nothing_sounds_in_a_call_and_a_colleague_gets_the_line(li: Person, okafor: Person) -> None:
    await expect(li.page).to_have_title(re.compile(r"^\(2\) Ana Pereira"))
    before = await rung(li)
    await li.page.get_by_role("button", name="More", exact=True).click()
    await li.page.get_by_role("button", name="Hand over or send back").click()
    await li.page.get_by_label("To whom").select_option(label="Samuel Okafor, physiotherapist: free")
    await li.page.get_by_label("What they need to know").fill("Numb fingers, please look")
    assert await rung(li) == before, "no sound over the patient's voice"
    await li.page.get_by_role("button", name="Hand over", exact=True).click()
    await expect(desk(li)).to_have_attribute("data-view", "queue")
    await expect(li.page.locator("[data-visit-row]")).to_have_count(2)
    await expect(okafor.page.locator("[data-visit-row]").first).to_contain_text(
        "Handed over: Numb fingers, please look"
    )
    await okafor.page.get_by_role("button", name="Admit Ana").click()
    await expect(okafor.page.locator("[data-hand-over]")).to_contain_text("Numb fingers, please look")
