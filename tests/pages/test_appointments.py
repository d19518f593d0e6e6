"""Booking by hand, the day, moving and cancelling; and the booked patient's way from the link to the waiting room."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from icalendar import Calendar
from markupsafe import escape
from sqlalchemy import select, text, update

from server import mail
from server.booking.tables import appointment
from server.ids import new_id
from server.mail import outbox
from server.people.tables import staff
from server.visit.consent import CURRENT
from server.visit.tables import visit
from server.waitingroom import messages
from tests.pages.conftest import MakeSite
from tests.pages.visitors import DOB, Answer, Member, Site, Visitor

CLARA = {
    "name": "Clara Nguyen", "dob_day": "27", "dob_month": "3", "dob_year": "1961", "phone": "416 555 0177", "email": "",
    "reason": "Pain in my knee", "language": "en", "interpreter": "no",
}  # fmt: skip
TODAY = {
    "street": "12 Alder Street", "city": "Toronto", "province": "CA-ON", "phone": "416 555 0178", "emergency_none": "yes",
    "consent": CURRENT.version,
}  # fmt: skip
Books = Callable[..., Awaitable["Appointment"]]


class Appointment:
    def __init__(self, site: Site, by: Member, base: str, visit_id: str, link: str) -> None:
        self.site, self.by, self.base, self.visit = site, by, base, visit_id
        self.path = "/v/" + link.rsplit("/", 1)[-1] if link else ""

    @property
    def page(self) -> str:
        return f"{self.base}/{self.visit}"

    async def due_in(self, span: timedelta) -> None:
        """The slot is so far away from now."""
        at = await self.site.db.now() + span
        async with self.site.db.write() as tx:
            c = appointment.c
            await tx.conn.execute(update(visit).where(visit.c.id == self.visit).values(due_at=at))
            await tx.conn.execute(
                update(appointment)
                .where(c.visit_id == self.visit)
                .values(starts_at=at, ends_at=at + timedelta(minutes=30))
            )

    async def patient(self, lang: str = "en") -> Visitor:
        """Somebody with the link, who has given the date of birth."""
        ana = self.site.visitor(lang)
        assert (await ana.post(f"{self.path}/proof", DOB)).status == 303
        return ana


@pytest_asyncio.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site(clinic_hours="mon-sun 00:00-23:30")


@pytest_asyncio.fixture
async def rosa(site: Site) -> Member:
    """The front desk."""
    return await site.member("rosa", "front_desk")


def times(answer: Answer) -> list[str]:
    """The free times that a form offers."""
    return re.findall(r'name="slot" value="([^"]+)"', answer.text)


def once(answer: Answer) -> str:
    (found,) = re.findall(r'name="once" value="([^"]+)"', answer.text)
    return str(found)


def shown_link(answer: Answer) -> str:
    found = re.search(r'value="([^"]+)" data-visit-link', answer.text)
    return html.unescape(found[1]) if found else ""


@pytest.fixture
def books(site: Site) -> Books:
    async def make(by: Member, base: str = "/admin/appointments", nth: int = -1, **changed: str) -> Appointment:
        form = await by.get(f"{base}/new" + (f"?who={changed['who']}" if "who" in changed else ""))
        sent = CLARA | {"who": "PT", "once": once(form), "slot": times(form)[nth]} | changed
        answer = await by.post(f"{base}/new", sent)
        assert answer.status == 303, answer.words
        made = await by.get(answer.location)
        return Appointment(site, by, base, answer.location.rsplit("/", 1)[-1], shown_link(made))

    return make


async def row(site: Site, visit_id: str) -> dict[str, Any]:
    return dict(await site.by_id(visit_id))


async def letters(site: Site) -> list[mail.Mail]:
    return [one for _, one in reversed(await mail.latest(site.db, 50))]


# ---- booking


async def test_the_front_desk_books_and_the_link_is_shown_once(
    site: Site, li: Member, rosa: Member, books: Books
) -> None:
    booked = await books(rosa, email="clara@example.ca", interpreter="yes", who=li.id)
    found = await row(site, booked.visit)
    assert (found["state"], found["for_staff"], found["interpreter"], found["location"]) == (
        "booked",
        li.id,
        True,
        None,
    )
    assert booked.path, "the link is on the page"
    again = await rosa.get(booked.page)
    assert shown_link(again) == "", "and only once"
    assert "Clara Nguyen" in again.words
    assert "(416) 555-0177" in again.words
    address = booked.path.rsplit("/", 1)[-1]
    async with site.db.read() as conn:
        for table in ("visit", "patient", "appointment", "web_session", "outbox", "visit_event", "audit_entry"):
            kept = str((await conn.execute(text(f"SELECT * FROM {table}"))).all())
            assert address not in kept, table
            assert "Clara" not in kept, table
    (letter,) = await letters(site)
    assert (letter.recipient, letter.lang) == ("clara@example.ca", "en")
    assert address in letter.text
    assert "knee" not in letter.text + letter.subject, "no health data"
    assert "Clara" not in letter.text + letter.subject
    assert {("create", rosa.id), ("read", rosa.id)} <= {(one["action"], one["actor"]) for one in await site.audit()}


async def test_the_letter_is_in_the_patients_language(site: Site, li: Member, rosa: Member, books: Books) -> None:
    await books(rosa, email="clara@example.ca", language="fr")
    (letter,) = await letters(site)
    assert letter.lang == "fr"
    assert letter.text.startswith("Bonjour,")
    assert letter.subject.startswith("Votre consultation vidéo du ")
    assert re.search(r"Heure\u00a0: \d+\u00a0h\u00a0\d\d \(H[AN]E\)", letter.text)


async def test_a_real_double_click_books_once(site: Site, li: Member, okafor: Member, rosa: Member) -> None:
    form = await rosa.get("/admin/appointments/new")
    sent = CLARA | {"who": "PT", "once": once(form), "slot": times(form)[-1]}
    answers = await asyncio.gather(*(rosa.post("/admin/appointments/new", sent) for _ in range(3)))
    assert [answer.status for answer in answers] == [303] * 3
    assert len({answer.location for answer in answers}) == 1
    assert await site.count("visit") == 1


async def test_sending_the_form_twice_books_once(site: Site, li: Member, rosa: Member) -> None:
    form = await rosa.get("/admin/appointments/new")
    sent = CLARA | {"who": "PT", "once": once(form), "slot": times(form)[0], "email": "clara@example.ca"}
    first, second = [await rosa.post("/admin/appointments/new", sent) for _ in range(2)]
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert (await site.count("appointment"), await site.count("outbox")) == (1, 1)


async def test_two_take_one_time_and_the_other_loses_nothing(
    site: Site, li: Member, rosa: Member, priya: Member
) -> None:
    forms = [await by.get(f"/admin/appointments/new?who={li.id}") for by in (rosa, priya)]
    slot = times(forms[0])[0]
    answers = await asyncio.gather(
        *(
            by.post("/admin/appointments/new", CLARA | {"who": li.id, "once": once(form), "slot": slot, "name": name})
            for by, form, name in zip((rosa, priya), forms, ("Clara Nguyen", "Ben Roy"), strict=True)
        )
    )
    assert sorted(answer.status for answer in answers) == [303, 409]
    lost = next(answer for answer in answers if answer.status == 409)
    assert "just been taken" in lost.words
    assert 'value="Ben Roy"' in lost.text or 'value="Clara Nguyen"' in lost.text
    assert "Pain in my knee" in lost.text
    assert slot not in times(lost)
    assert (await site.count("visit"), await site.count("appointment")) == (1, 1)


async def test_nobody_is_booked_with_who_does_not_speak_the_language(
    site: Site, li: Member, okafor: Member, rosa: Member, books: Books
) -> None:
    """The queue would never offer the visit to that therapist."""
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == li.id).values(languages="en"))
    french = await books(rosa, language="fr", nth=0)
    assert (await row(site, french.visit))["for_staff"] == okafor.id
    form = await rosa.get("/admin/appointments/new")
    sent = CLARA | {"language": "fr", "once": new_id(), "slot": times(form)[0]}
    anew = await rosa.post("/admin/appointments/new", sent | {"who": "PT", "show": "1"})
    assert sent["slot"] not in times(anew), "only times at which somebody speaks it"
    alone = await rosa.post("/admin/appointments/new", sent | {"who": "PT"})
    assert "Nobody who speaks that language" in alone.words, "okafor has that time already"
    named = await rosa.post("/admin/appointments/new", sent | {"who": li.id})
    assert 'id="language-error"' in named.text
    assert (await books(rosa, language="fr", who=li.id, interpreter="yes")).path
    english = await books(rosa, who=okafor.id, nth=-2)
    assert (await rosa.post(f"{english.page}/move", {"who": li.id, "slot": sent["slot"]})).status == 303


async def test_another_day_keeps_what_was_typed(site: Site, li: Member, rosa: Member) -> None:
    day = (await site.db.now() + timedelta(days=3)).date().isoformat()
    answer = await rosa.post(
        "/admin/appointments/new", CLARA | {"who": li.id, "day": day, "show": "1", "once": new_id()}
    )
    assert answer.status == 200
    assert 'value="Clara Nguyen"' in answer.text
    assert {datetime.fromisoformat(one) for one in times(answer)}
    assert await site.count("visit") == 0


async def test_every_error_is_beside_its_field(site: Site, li: Member, rosa: Member) -> None:
    wrong = {"name": "", "dob_day": "31", "dob_month": "2", "dob_year": "1961", "phone": "12", "reason": "x",
             "email": "a@b, c@d.ca", "language": "xx", "interpreter": "", "who": "PT", "slot": "noon", "once": new_id()}  # fmt: skip
    answer = await rosa.post("/admin/appointments/new", wrong)
    assert answer.status == 422
    for name in ("name", "dob", "phone", "reason", "email", "language", "interpreter", "slot"):
        assert f'id="{name}-error"' in answer.text, name
    assert await site.count("visit") == 0


async def test_a_name_is_shown_as_it_is(site: Site, li: Member, rosa: Member, books: Books) -> None:
    name = "<b>Ana</b> O'Neil & “Söhne”"
    answer = await rosa.get((await books(rosa, name=name)).page)
    assert str(escape(name)) in answer.text
    assert "<b>Ana</b>" not in answer.text


# ---- who may


async def test_a_therapist_books_for_themselves_alone(site: Site, li: Member, okafor: Member, books: Books) -> None:
    booked = await books(li, "/desk/appointments", who=okafor.id)
    assert (await row(site, booked.visit))["for_staff"] == li.id, "whoever is named"
    assert (await li.get(booked.page)).status == 200
    for step in ("", "/move", "/cancel", "/no-show", "/link", "/mail"):
        answer = await (okafor.post(booked.page + step) if step else okafor.get(booked.page))
        assert answer.status == 404, step
    assert "Clara" not in (await okafor.get("/desk/appointments")).words
    assert (await row(site, booked.visit))["state"] == "booked"


async def test_nobody_else_may(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    stranger = site.visitor()
    for path in ("/admin/appointments", booked.page, "/desk/appointments"):
        assert (await stranger.get(path)).status == 303
    assert (await stranger.post(f"{booked.page}/cancel")).status == 403
    assert (await li.get("/admin/appointments")).status == 303, "another realm"
    assert (await stranger.get("/mail")).status == 200, "development"


async def test_the_mail_page_is_not_there_in_production() -> None:
    from server.routes import ROUTES

    (route,) = [one for one in ROUTES if one.path == "/mail"]
    assert route.development


# ---- the day


async def test_the_day_shows_who_comes_and_who_did_not(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(-timedelta(hours=1))
    day = (await site.db.now() - timedelta(hours=1)).astimezone(ZoneInfo(site.settings.clinic_zone))
    page = f"/admin/appointments?day={day.date().isoformat()}"
    answer = await rosa.get(page)
    assert "did not come" in answer.words
    assert (await rosa.post(f"{booked.page}/no-show")).status == 303
    assert (await rosa.post(f"{booked.page}/no-show")).status == 303, "twice is once"
    assert "no-show" in (await rosa.get(page)).words
    assert (await row(site, booked.visit))["state"] == "no_show"


async def test_no_show_before_the_time_is_over_is_refused(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    answer = await rosa.post(f"{booked.page}/no-show")
    assert answer.status == 409
    assert "not over yet" in answer.words


async def test_any_day_can_be_asked_for(site: Site, rosa: Member) -> None:
    for day in ("", "nonsense", "0001-01-01", "9999-12-31", "2026-02-30"):
        for path in ("/admin/appointments", "/admin/appointments/new"):
            assert (await rosa.get(f"{path}?day={day}")).status == 200


async def test_moved_with_a_mail(site: Site, li: Member, okafor: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa, who=li.id, email="clara@example.ca")
    form = await rosa.post(f"{booked.page}/move", {"who": okafor.id, "show": "1"})
    slot = times(form)[-1]
    assert (await rosa.post(f"{booked.page}/move", {"who": okafor.id, "slot": slot})).status == 303
    found = await row(site, booked.visit)
    assert (found["for_staff"], found["due_at"]) == (okafor.id, datetime.fromisoformat(slot))
    assert (await rosa.post(f"{booked.page}/move", {"who": okafor.id, "slot": slot})).status == 303, "twice is once"
    first, second = await letters(site)
    assert booked.path in first.text
    assert "another time" in second.text
    assert "/v/" not in second.text, "nobody has the address any more"


async def test_the_same_time_again_is_with_the_same_therapist_and_one_event_in_a_calendar(
    site: Site, li: Member, okafor: Member, rosa: Member, books: Books
) -> None:
    booked = await books(rosa, who=li.id)
    at = (await row(site, booked.visit))["due_at"].isoformat()
    assert (await rosa.post(f"{booked.page}/move", {"who": "PT", "slot": at})).status == 303
    assert (await row(site, booked.visit))["for_staff"] == li.id
    ana = await booked.patient()
    (before,) = Calendar.from_ical((await ana.get(f"{booked.path}/visit.ics")).text).events
    form = await rosa.post(f"{booked.page}/move", {"who": okafor.id, "show": "1"})
    assert (await rosa.post(f"{booked.page}/move", {"who": okafor.id, "slot": times(form)[0]})).status == 303
    (after,) = Calendar.from_ical((await ana.get(f"{booked.path}/visit.ics")).text).events
    assert (after["uid"], after.start != before.start) == (before["uid"], True)
    assert int(str(after["sequence"])) > int(str(before["sequence"]))
    for never in ("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"):
        assert (await rosa.post(f"{booked.page}/move", {"who": "PT", "slot": never})).status < 500


async def test_moved_to_a_time_that_is_taken(site: Site, li: Member, rosa: Member, books: Books) -> None:
    one, two = await books(rosa, who=li.id, nth=0), await books(rosa, who=li.id, nth=-1)
    taken = (await row(site, two.visit))["due_at"]
    answer = await rosa.post(f"{one.page}/move", {"who": li.id, "slot": taken.isoformat()})
    assert answer.status == 409
    assert "just been taken" in answer.words
    assert (await row(site, one.visit))["due_at"] != taken


async def test_cancelled_with_a_mail_and_once(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa, email="clara@example.ca")
    for _ in range(2):
        assert (await rosa.post(f"{booked.page}/cancel")).status == 303
    assert (await row(site, booked.visit))["state"] == "cancelled"
    assert len(await letters(site)) == 2
    day = (await row(site, booked.visit))["due_at"]
    local = day.astimezone(ZoneInfo(site.settings.clinic_zone)).date()
    assert "Cancelled: 1" in (await rosa.get(f"/admin/appointments?day={local.isoformat()}")).words


async def test_a_lost_link_is_replaced(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    answer = await rosa.post(f"{booked.page}/link")
    fresh = shown_link(await rosa.get(answer.location)).rsplit("/", 1)[-1]
    assert fresh
    assert fresh not in booked.path
    ana = site.visitor()
    assert (await ana.post(f"/v/{fresh}/proof", DOB)).status == 303
    assert (await ana.post(f"{booked.path}/proof", DOB)).status == 403, "as any address that does not exist"


async def test_mail_that_failed_is_shown_and_tried_again(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa, email="clara@example.ca")
    async with site.db.write() as tx:
        await tx.conn.execute(update(outbox).values(state="failed", next_at=None, trouble="recipient_refused"))
        mail_id = str(await tx.conn.scalar(select(outbox.c.id)))
    answer = await rosa.get("/admin/appointments")
    assert "could not be delivered" in answer.words
    assert "no such address" in answer.words
    assert (await rosa.post(f"{booked.page}/mail", {"mail": mail_id})).status == 303
    assert "could not be delivered" not in (await rosa.get("/admin/appointments")).words


# ---- the booked patient


async def test_days_before_the_page_says_when_to_come_back(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(timedelta(days=3))
    stranger = site.visitor()
    assert "Clara" not in (await stranger.get(booked.path)).text, "not without the proof"
    ana = await booked.patient()
    answer = await ana.get(booked.path)
    assert 'data-when="early"' in answer.text
    assert "Clara Nguyen" in answer.words
    assert "Dr. Li" in answer.words
    assert "Come back to this page on" in answer.words
    assert (await ana.post(f"{booked.path}/details", TODAY)).status == 303
    assert (await ana.post(f"{booked.path}/ready")).status == 303
    assert (await row(site, booked.visit))["state"] == "booked", "nothing happens before its time"


async def test_who_is_booked_reads_the_clinics_message_and_answers(
    site: Site, li: Member, rosa: Member, books: Books
) -> None:
    booked = await books(rosa)
    await booked.due_in(timedelta(days=3))
    ana = await booked.patient()
    assert "data-message-form" not in (await ana.get(booked.path)).text, "days before nobody would read it"
    await booked.due_in(timedelta(hours=2))
    async with site.db.write() as tx:
        await messages.say(site.db, tx, booked.visit, "staff", rosa.id, new_id(), "We start ten minutes later")
    page = await ana.get(booked.path)
    assert "We start ten minutes later" in page.words
    id = re.search(r'name="id" value="([^"]+)"', page.text)
    assert id
    answer = await ana.post(f"{booked.path}/messages", {"id": id[1], "text": "All right"})
    assert (answer.status, answer.location) == (303, booked.path)
    assert "All right" in (await ana.get(booked.path)).words
    await booked.due_in(timedelta(minutes=5))
    text = (await ana.get(booked.path)).text
    assert 0 < text.index("All right") < text.index('name="street"'), "an answer costs nobody a form that is half filled"
    await booked.due_in(timedelta(days=3))
    late = await ana.get(booked.path)
    assert "All right" in late.words
    assert "data-message-form" not in late.text


async def test_on_the_day_from_the_link_to_the_waiting_room(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(timedelta(minutes=25))
    ana = await booked.patient()
    answer = await ana.get(booked.path)
    assert re.search(r"(Today|Tomorrow) at \d+:\d\d , in 2[45] minutes", answer.words), answer.words
    assert 'value="(416) 555-0177"' in answer.text, "what is known is not asked again"
    wrong = await ana.post(f"{booked.path}/details", TODAY | {"city": "", "consent": ""})
    assert wrong.status == 422
    assert 'id="city-error"' in wrong.text
    assert 'id="consent-error"' in wrong.text
    assert 'value="12 Alder Street"' in wrong.text
    assert (await ana.post(f"{booked.path}/ready")).status == 303
    assert (await row(site, booked.visit))["state"] == "booked", "not without knowing where help should go"
    assert (await ana.post(f"{booked.path}/details", TODAY)).status == 303
    check = await ana.get(booked.path)
    assert 'data-view="checking"' in check.text
    assert "Clara Nguyen" in check.words
    before = await site.db.now()
    for _ in range(2):
        assert (await ana.post(f"{booked.path}/ready", {"devices": "both"})).status == 303
    found = await row(site, booked.visit)
    assert found["state"] == "waiting"
    assert before <= found["arrived_at"] <= await site.db.now()
    assert (found["consent_version"], found["consent_language"]) == (CURRENT.version, "en")
    assert 'data-view="waiting"' in (await ana.get(booked.path)).text


async def test_the_open_page_hears_that_it_was_moved(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(timedelta(minutes=10))
    ana = await booked.patient()
    await ana.post(f"{booked.path}/details", TODAY)
    socket = await ana.socket(f"{booked.path}/live", hello=False)
    await socket.say({"type": "hello", "instance": socket.instance, "fresh": True})
    assert (await socket.hear("snapshot"))["data"]["state"] == "checking"
    form = await rosa.post(f"{booked.page}/move", {"who": li.id, "show": "1"})
    assert (await rosa.post(f"{booked.page}/move", {"who": li.id, "slot": times(form)[-1]})).status == 303
    while (await socket.hear("snapshot"))["data"]["state"] != "booked":
        pass
    await socket.close()


async def test_who_comes_late_can_still_come_in(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(-timedelta(minutes=20))
    ana = await booked.patient()
    assert 'data-when="late"' in (await ana.get(booked.path)).text
    await ana.post(f"{booked.path}/details", TODAY)
    await ana.post(f"{booked.path}/ready", {"devices": "none"})
    assert (await row(site, booked.visit))["state"] == "waiting"


async def test_long_after_the_slot_the_page_asks_to_call(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(-timedelta(hours=13))
    ana = await booked.patient()
    assert 'data-when="past"' in (await ana.get(booked.path)).text
    await ana.post(f"{booked.path}/details", TODAY)
    await ana.post(f"{booked.path}/ready")
    assert (await row(site, booked.visit))["state"] == "booked"


async def test_the_patient_cancels_after_a_question(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa, email="clara@example.ca", language="fr")
    ana = await booked.patient()
    answer = await ana.get(f"{booked.path}/cancel")
    assert "Keep my visit" in answer.words
    assert (await row(site, booked.visit))["state"] == "booked", "the question alone cancels nothing"
    for _ in range(2):
        assert (await ana.post(f"{booked.path}/cancel")).status == 303
    found = await row(site, booked.visit)
    assert (found["state"], found["end_reason"]) == ("cancelled", "cancelled_by_patient")
    assert "annulée" in (await letters(site))[-1].subject
    assert (await ana.get(booked.path)).status == 200
    stranger = site.visitor()
    assert (await stranger.post(f"{booked.path}/cancel")).status == 404


async def test_the_calendar_file_is_in_utc(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    ana = await booked.patient()
    answer = await ana.get(f"{booked.path}/visit.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(answer.text).events
    found = await row(site, booked.visit)
    assert event.start == found["due_at"]
    assert f"DTSTART:{found['due_at'].astimezone(UTC):%Y%m%dT%H%M%SZ}" in answer.text
    assert booked.path in str(event["url"])
    assert "knee" not in answer.text
    assert "Clara" not in answer.text
    stranger = site.visitor()
    assert (await stranger.get(f"{booked.path}/visit.ics")).status == 404


async def test_what_was_answered_is_sealed(site: Site, li: Member, rosa: Member, books: Books) -> None:
    booked = await books(rosa)
    await booked.due_in(timedelta(minutes=5))
    ana = await booked.patient()
    await ana.post(f"{booked.path}/details", TODAY)
    kept = json.dumps(await row(site, booked.visit), default=str)
    assert "Alder" not in kept
    assert "0178" not in kept
    assert ("change", "patient") in [(one["action"], one["actor_kind"]) for one in await site.audit()]
