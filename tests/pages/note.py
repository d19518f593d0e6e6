"""How a therapist fills the note: control by control, as on the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, Page, expect

from server.seed import DEMO_PASSWORD
from tests.rig.browsers import Person

Answers = Mapping[str, str | list[str]]

HAND_TASKS = ("writing", "typing", "buttons_zips", "utensils", "opening_jars", "phone_use", "tools")
NO_FLAGS = {f"D{number}": "no" for number in range(1, 15)}

#: A shoulder; everything that signing asks for, but for what the walk-in form has filled in already.
SHOULDER: Answers = {
    "A2-methods": ["full_name", "dob"],
    "A4-capable": "yes",
    "A4-answer": "yes",
    "A4-given_by": "patient",
    "A9-none": "yes",
    "A10": "yes",
    "B2-0-activity": "put on a coat",
    "B2-0-category": "self_care",
    "B2-0-score": "4",
    "B2-1-activity": "reach the top shelf",
    "B2-1-category": "home",
    "B2-1-score": "3",
    "B4": "Dress without pain before the wedding in spring",
    "C1": "yes",
    "C2-now": "4",
    "C2-best": "1",
    "C2-worst": "7",
    "C3-0-region": "shoulder",
    "C3-0-side": "right",
    "C4-weeks_ago": "8",
    "C4-kind": "gradual",
    "C8-pattern": "intermittent",
    "C8-night_pain": "no",
    "C8-radiates": "no",
    "C8-numb_tingle": "no",
    **NO_FLAGS,
    "E1-0-condition": "shoulder_tendonitis",
    "F9": "worse",
    "F1-0-joint": "shoulder",
    "F1-0-side": "right",
    "F1-0-finding": "limited_moderate",
    "F1-0-painful": "yes",
    "F2-0-region": "arm",
    "F2-0-side": "right",
    "F2-0-level": "normal",
    "F3": "independent",
    "F5": "0",
    "F4": "good",
    "F7": "independent",
    "G0": "no",
    **dict.fromkeys((f"I1-{task}" for task in HAND_TASKS), "0"),
    "J1": ["none"],
    "K1-none": "yes",
    "K3": "retired",
    "K3_unsafe": "no",
    "K4": "clinic",
    "N4": "Shoulder motion is limited and gets worse; no red flag. The goals are about reach and dressing.",
    "N7-sessions": "6",
    "N7-setting": "clinic",
    "N7-in_person": "yes",
    "N8-when": str((datetime.now(UTC) + timedelta(days=14)).date()),
    "N8-who": "Dr. Mei Li",
    "N8-mode": "video",
    "N9": "Swing your arm a little each hour.",
    "N10": "yes",
    "N11-done": "yes",
    "N12-leaves": "no",
}
PHYSIOTHERAPY: Answers = {"N1": "pt", "N5": ["specific_exercises", "education_advice"], **SHOULDER}
BOTH_IN_ORDER: Answers = {
    "N1": "combined",
    "N2": "pt_then_ot",
    "N2_criterion": "the arm can be lifted to the shoulder",
    "N5": ["specific_exercises"],
    "N6": ["dressing"],
    **SHOULDER,
}


def form(page: Page) -> Locator:
    return page.locator("#note-form")


async def fill_note(page: Page, answers: Answers) -> None:
    """Give every answer by its control, as a therapist does; afterwards the form holds them all."""
    await expect(form(page)).to_have_attribute("data-module-started", "note")
    for name in answers:
        if row := re.fullmatch(r"([A-Z]\d+)-(\d+)-\w+", name):
            await _rows(page, row[1], int(row[2]) + 1)
    kinds: dict[str, str] = dict(await form(page).evaluate("form => [...form.elements].map(c => [c.name, c.type])"))
    for name, given in answers.items():
        control = form(page).locator(f'[name="{name}"]')
        if kinds[name] in ("radio", "checkbox"):
            for value in given if isinstance(given, list) else [given]:
                # the box itself is drawn by its label
                await form(page).locator(f'label:has([name="{name}"][value="{value}"])').click()
        elif kinds[name] == "select-one":
            await control.select_option(given)
        else:
            await control.fill(str(given))
    held = await typed(page)
    assert {name: held.get(name) for name in answers} == {
        name: given if isinstance(given, list) else [given] for name, given in answers.items()
    }


async def _rows(page: Page, name: str, wanted: int) -> None:
    rows = form(page).locator(f'[data-list="{name}"]')
    while await rows.locator("[data-row]").count() < wanted:
        await rows.locator("[data-add-row]").click()


async def is_saved(page: Page) -> None:
    """Everything typed so far is with the server."""
    await expect(page.locator("#note-form [data-status]")).to_have_attribute("data-state", re.compile("saved|invalid"))


async def typed(page: Page) -> dict[str, list[str]]:
    """What the form holds now, by the name of the control; without what the machine keeps there for itself."""
    pairs: list[list[str]] = await form(page).evaluate("form => [...new FormData(form)]")
    held: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in ("csrf", "version", "input_hash") and value:
            held.setdefault(name, []).append(value)
    return held


async def review_and_sign(therapist: Person) -> None:
    page = therapist.page
    await page.get_by_role("button", name="Review and sign").click()
    await expect(page.get_by_role("heading", name="Read it once more, then sign")).to_be_visible()
    await page.get_by_label("Your password").fill(DEMO_PASSWORD)
    await page.get_by_role("button", name="Sign the note").click()
    await expect(page.locator("[data-signed]")).to_be_visible()
    await expect(page.locator(".over-sign"), "nothing asks for a signature any more").to_be_hidden()
