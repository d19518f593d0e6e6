"""A visit told in order, from what the real steps have left, on both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.admin import acts, store
from server.admin.timeline import course, lines
from server.errors import PersonError
from server.i18n import translator
from server.visit import store as visits
from tests.people import Clinic, Patient, Therapist


async def told(clinic: Clinic, patient: Patient, lang: str = "en") -> list[tuple[str, str, str]]:
    async with clinic.db.read() as conn:
        found = await store.story(conn, patient.visit)
        people = await store.names(conn, [one.actor for one in found.happened])
    names = {key: name for key, (name, _) in people.items()}
    return [(one.words, one.more, one.who) for one in lines(found.happened, names, translator(lang))]


async def test_a_whole_visit_reads_as_it_went(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.media(ana, ana, "connected", "relay-tcp")
    await clinic.ends(dr_li, ana)
    assert await told(clinic, ana) == [
        ("Filled in the form", "", "Patient"),
        ("Came to the waiting room", "", "Patient"),
        ("Page opened", "patient’s side", "Patient"),
        ("Admitted", "", "Dr. Mei Li"),
        ("Patient’s page took the admission", "", "Patient"),
        ("Connection up", "therapist’s side, relay", "Dr. Mei Li"),
        ("Connection up", "patient’s side, relay", "Patient"),
        ("Connection lost", "patient’s side", "Patient"),
        ("Connection up", "patient’s side, relay, TCP", "Patient"),
        ("Visit ended", "by the therapist", "Dr. Mei Li"),
    ]
    french = await told(clinic, ana, "fr")
    assert french[1][0] == "Arrivée dans la salle d’attente"


async def test_a_loss_says_how_long_it_lasted(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    await clinic.media(ana, ana, "lost")
    await clinic.media(dr_li, ana, "lost")
    await clinic.media(ana, ana, "connected", "relay")
    await clinic.media(dr_li, ana, "connected", "relay")
    async with clinic.db.read() as conn:
        found = await store.story(conn, ana.visit)
    again = [one for one in lines(found.happened, {}, translator("en")) if one.lasted_s is not None]
    assert [one.event for one in again] == ["media_connected", "media_connected"]
    assert all(one.lasted_s is not None and 0 <= one.lasted_s < 60 for one in again)
    assert course(found.row, found.happened, await clinic.db.now()).breaks == 1  # both noticed the same one


async def test_who_came_again_has_waited_since_then(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    """Admitted, sent back, took a time instead, came again: the first admission is of another wait."""
    await clinic.in_call(dr_li, ana)
    begin = (await clinic.row(ana))["arrived_at"]
    async with clinic.db.write() as tx:
        await visits.update_row(tx, ana.visit, "test", ana.actor, arrived_at=tx.now + timedelta(seconds=1))
    async with clinic.db.read() as conn:
        found = await store.story(conn, ana.visit)
    now = await clinic.db.now()
    assert course(found.row, found.happened, now).wait_s is None
    (past,) = await store.past(clinic.db, begin, begin + timedelta(hours=1))
    assert past.first_admitted_at is None


async def test_an_event_of_another_version_still_has_a_line(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    async with clinic.db.write() as tx:
        await visits.update_row(tx, ana.visit, "teleported", dr_li.actor, detail={"secret": "zebra"})
    assert (await told(clinic, ana))[-1] == ("Something else: teleported", "", "Dr. Mei Li")


async def test_the_link_is_opened_once(clinic: Clinic, ana: Patient) -> None:
    row = await clinic.row(ana)
    for _ in range(3):
        await visits.link_opened(clinic.db, row)
    assert (await clinic.events(ana)).count("link_opened") == 1


async def test_the_office_ends_a_session_once_and_nothing_else(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    async def end() -> None:
        async with clinic.db.write() as tx:
            await acts.end_session(tx, ana.visit, dr_okafor.actor)

    with pytest.raises(PersonError, match="not_possible_now"):  # who waits is not in a session
        await end()
    await clinic.in_call(dr_li, ana)
    await end()
    await end()  # the same click twice
    row = await clinic.row(ana)
    assert (row["state"], row["end_reason"]) == ("ended", "office")
    assert (await told(clinic, ana))[-1] == ("Visit ended", "by the office", "Samuel Okafor")
    assert (await clinic.events(ana)).count("end") == 1


async def test_who_asked_for_a_call_is_called_once(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    async def call() -> None:
        async with clinic.db.write() as tx:
            await acts.called(tx, ana.visit, dr_li.actor)

    with pytest.raises(PersonError, match="not_possible_now"):  # nobody asked
        await call()
    async with clinic.db.write() as tx:
        await visits.update_row(tx, ana.visit, "call_back", ana.actor, call_back_at=tx.now)
    now = await clinic.db.now()
    async with clinic.db.read() as conn:
        assert [row["id"] for row in await store.calls(conn, [], now)] == [ana.visit]
    await call()
    await call()
    assert (await clinic.events(ana)).count("called_back") == 1
    async with clinic.db.read() as conn:
        assert await store.calls(conn, [], now) == []
