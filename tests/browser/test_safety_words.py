"""The safety words on the real pages: equal at both ends, in each reader's language, new with each connection."""

import json
import re

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.conftest import RunApp
from tests.pages.call import Visit, admit, arrive, in_call, on_duty, queue_rows
from tests.pages.roles import get_ready, join
from tests.rig.browsers import PHONE, Crew, Person
from tests.rig.senses import axe, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.sample("safety words", 2)]

Words = list[tuple[str, str]]


def safety(page: Page) -> Locator:
    return page.locator("[data-safety]")


async def words(page: Page) -> Words:
    """(number, word) of each of the four, as a person reads them; waits until they are there."""
    box = safety(page)
    await expect(box).to_have_attribute("data-phase", "words")
    if not await box.evaluate("details => details.open"):
        await box.locator("summary").click()
    items = box.get_by_role("list").get_by_role("listitem")
    await expect(items).to_have_count(4)
    lines = [(await item.inner_text()).split() for item in await items.all()]
    return [(number, word) for number, word in lines]


def numbers(lines: Words) -> list[str]:
    return [number for number, _ in lines]


async def assert_in_language(page: Page, language: str, lines: Words) -> None:
    table = await page.evaluate("async () => (await import('/static/js/lib/safety-words.js')).WORDS")
    assert [word for _, word in lines] == [table[language][int(number)] for number in numbers(lines)]


async def join_and_wait(person: Person, url: str) -> str:
    address = await join(person, url)
    await get_ready(person)
    return address


async def assert_good(person: Person, name: str) -> None:
    await screenshot(person, name, full=False)
    assert await axe(person.page) == []


async def test_both_read_the_same_words_and_new_ones_after_a_reload(run_app: RunApp, people: Crew) -> None:
    app = await run_app()
    visit = await in_call(people, app)
    patient, therapist = visit.both
    for page in visit.both:
        await expect(safety(page)).to_have_attribute("data-phase", "words")
        await expect(page.get_by_text("Read these words to each other.")).to_be_hidden()
    await assert_good(visit.patient, "safety-closed-390")
    first = await words(therapist)
    assert await words(patient) == first
    await assert_in_language(therapist, "en", first)
    for person, name in ((visit.patient, "safety-390"), (visit.therapist, "safety-1280")):
        await expect(person.page.get_by_text("Read these words to each other.")).to_be_visible()
        await expect(person.page.get_by_text("It comes from our server.")).to_be_visible()
        await assert_good(person, name)

    # another page of the patient's is another connection; who has read the first words hears of it
    await safety(therapist).locator("summary").click()
    await patient.reload()
    await visit.both_see()
    new = safety(therapist).get_by_text("New safety words")
    await expect(new).to_be_visible()
    await assert_good(visit.therapist, "safety-new-1280")
    second = await words(therapist)
    assert await words(patient) == second
    assert numbers(second) != numbers(first)
    await expect(therapist.get_by_text("These words are new")).to_be_visible()
    await expect(new).to_be_hidden()
    await expect(patient.get_by_text("These words are new")).to_be_hidden()


async def test_each_reads_in_their_language_and_by_keyboard(run_app: RunApp, people: Crew) -> None:
    """An English desk and a French phone: the same numbers, and words of the same meaning."""
    app = await run_app()
    li = await on_duty(people, app, dark=True)
    ana, address = await arrive(people, app, locale="fr-CA", dark=True)
    await expect(queue_rows(li)).to_have_count(1)
    await admit(li)
    await Visit(app, ana, li, address).both_see()
    page = ana.page
    await expect(safety(page)).to_have_attribute("data-phase", "words")
    button = safety(page).locator("summary")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Lisez-vous ces mots")).to_be_visible()
    tree = await safety(page).aria_snapshot()
    assert "Mots de sécurité" in tree
    assert tree.count("listitem") == 4
    french = await words(page)
    await assert_good(ana, "safety-fr-dark-390")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Lisez-vous ces mots")).to_be_hidden()
    await expect(button).to_be_focused()
    english = await words(li.page)
    await assert_good(li, "safety-dark-1280")
    assert numbers(english) == numbers(french)
    await assert_in_language(page, "fr", french)
    await assert_in_language(li.page, "en", english)


async def test_a_commitment_that_does_not_fit_is_said_plainly_to_both(run_app: RunApp, people: Crew) -> None:
    """The service changes what the therapist's page shows of its nonce."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", colour="blue", tone=660, size=PHONE)
    revealed = []

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["type"] == "safety" and message["step"] == "reveal":
                revealed.append(message["value"])
                message["value"] = message["value"][::-1][1:] + "A"
            page.send(json.dumps(message))

        server.on_message(pass_on)

    await ana.page.route_web_socket(re.compile(r"/live$"), between)
    await join_and_wait(ana, app.url)
    await expect(queue_rows(li)).to_have_count(1)
    await admit(li)
    for person, what_now in ((ana, "Leave the call and phone us"), (li, "End the visit and call the patient by phone")):
        alert = person.page.get_by_role("alert").filter(has_text="The safety check failed")
        await expect(alert).to_contain_text(what_now)
        await expect(safety(person.page).get_by_text("Safety check failed")).to_be_visible()
        await expect(safety(person.page).get_by_role("listitem")).to_have_count(0)
        await safety(person.page).locator("summary").click()
        await expect(person.page.get_by_text("do not see the same certificates")).to_be_visible()
    assert revealed
    await assert_good(ana, "safety-mismatch-390")
    await assert_good(li, "safety-mismatch-1280")


async def test_a_browser_that_hides_its_certificates_gets_an_honest_sentence(run_app: RunApp, people: Crew) -> None:
    """As Firefox does. The call goes on as ever."""
    app = await run_app()
    li = await on_duty(people, app)
    ana = await people("ana", colour="blue", tone=660, size=PHONE)
    await ana.page.add_init_script(
        "delete RTCDtlsTransport.prototype.getRemoteCertificates;"
        "const all = RTCPeerConnection.prototype.getStats;"
        "RTCPeerConnection.prototype.getStats = async function (...options) {"
        "  const stats = await all.apply(this, options);"
        "  return new Map([...stats].filter(([, { type }]) => type !== 'certificate'));"
        "};"
    )
    address = await join_and_wait(ana, app.url)
    await expect(queue_rows(li)).to_have_count(1)
    await admit(li)
    await Visit(app, ana, li, address).both_see()
    for person in (ana, li):
        await expect(safety(person.page)).to_have_attribute("data-phase", "unable")
        await safety(person.page).locator("summary").click()
        await expect(
            person.page.get_by_text("There are no words in this call, so nothing was checked.")
        ).to_be_visible()
        await expect(person.page.get_by_role("alert").filter(has_text="safety check")).to_have_count(0)
