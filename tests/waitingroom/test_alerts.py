"""Alerts: begun for who may come, taken further at set times, each step once on any number of nodes, until seen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import RowMapping, select, text, update

from server.audit import Actor
from server.config import Settings
from server.db import Database
from server.mail import outbox
from server.people.duty import set_duty_state
from server.people.tables import staff
from server.visit.tables import visit
from server.waitingroom import absent, actions, alerts
from server.waitingroom.tables import alert
from tests.consultation.races import said
from tests.people import ANA, Clinic, Patient, Therapist, hire
from tests.stores import raw, shift


class Bell:
    """The alerts of a clinic, and how their time passes."""

    def __init__(self, clinic: Clinic, other: Database) -> None:
        self.clinic, self.other = clinic, other

    async def sweeps(self) -> None:
        """Two nodes at the same moment."""
        settings = self.clinic.settings
        await asyncio.gather(alerts.sweep(self.clinic.db, settings), alerts.sweep(self.other, settings))

    async def passes(self, one: Patient, seconds: float) -> None:
        """Let so much time pass for an alert, and sweep."""
        row = await self.of(one)
        assert row is not None
        values = {
            name: row[name] - timedelta(seconds=seconds) for name in ("raised_at", "next_at", "seen_at") if row[name]
        }
        async with self.clinic.db.write() as tx:
            await tx.conn.execute(update(alert).where(alert.c.visit_id == one.visit).values(**values))
        await self.sweeps()

    async def of(self, one: Patient) -> RowMapping | None:
        async with self.clinic.db.read() as conn:
            return (await alerts.of_visits(conn, [one.visit])).get(one.visit)

    async def level(self, one: Patient) -> int | None:
        row = await self.of(one)
        return row["level"] if row else None

    async def seen(self, who: Therapist, one: Patient, node: Database | None = None) -> None:
        async with (node or self.clinic.db).write() as tx:
            await alerts.seen(tx, self.clinic.settings, one.visit, who.actor)

    async def events(self, one: Patient) -> list[str]:
        return [event for event in await self.clinic.events(one) if event.startswith("alert")]

    async def for_(self, who: Therapist, one: Patient) -> None:
        async with self.clinic.db.write() as tx:
            await actions.reassign(tx, one.visit, who.actor, staff=who.id)

    async def duty(self, who: Therapist, duty: Any) -> None:
        async with self.clinic.db.write() as tx:
            await set_duty_state(tx, who.id, duty)

    async def mails(self) -> int:
        async with self.clinic.db.read() as conn:
            return len((await conn.execute(select(outbox.c.id))).all())


@pytest.fixture
def bell(clinic: Clinic, other_node: Database) -> Bell:
    return Bell(clinic, other_node)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"away_seconds": 3600})


async def with_mail(clinic: Clinic, *people: Therapist) -> None:
    for who in people:
        await raw(clinic.db, "UPDATE staff SET email = :m WHERE id = :id", m=f"{who.id}@clinic.example", id=who.id)


async def test_an_alert_begins_once_and_goes_through_its_steps_once(
    clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await with_mail(clinic, dr_li, dr_okafor)
    await bell.for_(dr_li, ana)
    await bell.sweeps()
    assert await bell.level(ana) == 0
    await bell.passes(ana, 59)
    assert (await bell.level(ana), await bell.mails()) == (0, 0)
    await bell.passes(ana, 2)
    assert (await bell.level(ana), await bell.mails()) == (1, 1), "Dr. Li alone"
    assert await said(clinic.admits(dr_okafor, ana)) == ["no_such_visit"]
    await bell.passes(ana, 60)
    assert await bell.level(ana) == 2
    await bell.passes(ana, 120)
    assert await bell.level(ana) == 3
    await bell.passes(ana, 3600)
    assert await bell.events(ana) == ["alert_raised", "alert_mailed", "alert_offered", "alert_wall"]
    assert await bell.mails() == 1
    await clinic.admits(dr_okafor, ana)  # offered, so it can be taken
    assert await bell.of(ana) is None
    assert (await clinic.events(ana))[-2:] == ["alert_seen", "admit"]


async def test_seen_stops_it_for_a_while(
    clinic: Clinic, bell: Bell, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await with_mail(clinic, dr_li)
    await bell.sweeps()
    await asyncio.gather(bell.seen(dr_li, ana), bell.seen(dr_li, ana, other_node))
    row = await bell.of(ana)
    assert row is not None
    assert (row["seen_by"], row["level"]) == (dr_li.id, 0)
    await bell.passes(ana, 290)
    assert (await bell.events(ana), await bell.mails()) == (["alert_raised", "alert_seen"], 0)
    await bell.passes(ana, 20)  # who still waits, with somebody free, is told of again
    assert await bell.events(ana) == ["alert_raised", "alert_seen", "alert_raised"]
    again = await bell.of(ana)
    assert again is not None
    assert again["seen_at"] is None


async def test_the_pool_is_told_to_all_who_are_free(
    clinic: Clinic, bell: Bell, ana: Patient, ben: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await with_mail(clinic, dr_li, dr_okafor)
    await bell.sweeps()
    assert [await bell.level(one) for one in (ana, ben)] == [0, 0], "every guest, not only the first"
    await bell.duty(dr_okafor, "break")
    await bell.passes(ana, 61)
    assert await bell.mails() == 1, "who is on a break hears nothing"


async def test_while_all_are_in_visits_no_step_comes(
    clinic: Clinic, bell: Bell, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await with_mail(clinic, dr_li)
    await clinic.in_call(dr_li, ana)
    await bell.sweeps()
    assert await bell.of(ben) is None, "a quiet badge is enough"
    await clinic.ends(dr_li, ana)
    await bell.sweeps()
    assert await bell.level(ben) == 0
    cy = await clinic.fills_form(ANA)
    await clinic.arrives(cy)
    await clinic.in_call(dr_li, cy)
    await bell.passes(ben, 3600)
    assert (await bell.level(ben), await bell.mails()) == (0, 0)
    await clinic.ends(dr_li, cy)
    await bell.passes(ben, 61)
    assert await bell.level(ben) == 1


async def test_after_a_postponement_the_steps_keep_their_distance(
    clinic: Clinic, bell: Bell, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await bell.sweeps()
    await clinic.in_call(dr_li, ana)
    await bell.passes(ben, 3600)  # postponed: all are in visits
    await clinic.ends(dr_li, ana)
    await bell.passes(ben, 61)
    for _ in range(3):
        await bell.sweeps()
    assert await bell.level(ben) == 1, "the next step takes its time, too"
    await bell.passes(ben, 61)
    await bell.sweeps()
    assert await bell.level(ben) == 2


async def test_told_is_said_when_somebody_could_hear_it(
    clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    async def told() -> str | None:
        row = await bell.of(ana)
        assert row is not None
        return str(row["told"]) if row["told"] else None

    for who in (dr_li, dr_okafor):
        await bell.duty(who, "break")
    await bell.sweeps()
    assert await told() is None, "who is on a break hears nothing"
    await bell.passes(ana, 61)
    await bell.duty(dr_okafor, "on")
    await bell.passes(ana, 61)
    assert await told() == "told"
    await bell.for_(dr_li, ana)
    await bell.duty(dr_li, "off")
    await bell.sweeps()
    assert await told() is None, "Dr. Li has not been told of anything"
    await bell.passes(ana, 61)
    assert await told() is None, "and has no mail"
    await bell.passes(ana, 61)
    assert await told() == "other", "Dr. Okafor alone"
    await bell.duty(dr_li, "on")
    await bell.passes(ana, 121)
    assert await told() == "others"


async def test_of_a_mail_to_the_own_therapist_is_said_that_they_were_told(
    clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist
) -> None:
    await with_mail(clinic, dr_li)
    await bell.for_(dr_li, ana)
    await bell.duty(dr_li, "off")
    await bell.sweeps()
    for seconds, wanted in ((61, "told"), (61, "told"), (121, "told")):  # there is nobody else to offer it to
        await bell.passes(ana, seconds)
        row = await bell.of(ana)
        assert row is not None
        assert row["told"] == wanted


async def test_a_therapist_who_is_not_there_is_told_and_others_are_asked(
    clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await with_mail(clinic, dr_li)
    await bell.for_(dr_li, ana)
    await bell.duty(dr_li, "off")
    await bell.sweeps()
    await bell.passes(ana, 61)
    await bell.passes(ana, 60)
    assert await bell.events(ana) == ["alert_raised", "alert_mailed", "alert_offered"]
    await clinic.admits(dr_okafor, ana)


async def test_without_a_mail_address_the_next_step_still_comes(
    clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist
) -> None:
    await bell.sweeps()
    await bell.passes(ana, 61)
    await bell.passes(ana, 60)
    await bell.passes(ana, 120)
    assert await bell.events(ana) == ["alert_raised", "alert_wall"], "what did not happen is not in the timeline"


async def test_nobody_on_duty_or_a_slot_that_is_not_due_raises_none(
    clinic: Clinic, bell: Bell, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    async with clinic.db.write() as tx:
        soon = tx.now + timedelta(minutes=10)
        await tx.conn.execute(update(visit).where(visit.c.id == ben.visit).values(due_at=soon, for_staff=dr_li.id))
    await bell.sweeps()
    assert await bell.of(ben) is None, "early"
    assert await bell.level(ana) == 0
    await clinic.leaves(ana)
    await bell.sweeps()
    assert await bell.of(ana) is None
    await bell.duty(dr_li, "off")
    cy = await clinic.fills_form(ANA)
    await clinic.arrives(cy)
    await bell.sweeps()
    assert await bell.of(cy) is None


async def test_a_language_that_nobody_speaks_rings_for_nobody_and_comes_to_the_wall(
    clinic: Clinic, bell: Bell, ana: Patient, ben: Patient, dr_li: Therapist
) -> None:
    await raw(clinic.db, "UPDATE staff SET languages = 'en' WHERE id = :id", id=dr_li.id)
    await with_mail(clinic, dr_li)
    await bell.sweeps()
    for seconds in (61, 60, 120):
        await bell.passes(ben, seconds)
    assert (await bell.events(ben), await bell.mails()) == (["alert_raised", "alert_wall"], 0)


async def test_seen_and_a_step_at_once_are_one_after_the_other(
    clinic: Clinic, bell: Bell, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await with_mail(clinic, dr_li)
    await bell.sweeps()
    row = await bell.of(ana)
    assert row is not None
    async with clinic.db.write() as tx:
        await tx.conn.execute(update(alert).values(next_at=tx.now - timedelta(seconds=1)))
    await asyncio.gather(bell.sweeps(), bell.seen(dr_li, ana, other_node))
    events = await bell.events(ana)
    assert events.count("alert_seen") == 1
    assert await bell.mails() == events.count("alert_mailed"), "a mail goes out with its event, or not at all"


async def test_the_mail_names_nobody(clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist) -> None:
    await with_mail(clinic, dr_li)
    await raw(clinic.db, "UPDATE staff SET language = 'fr' WHERE id = :id", id=dr_li.id)
    await bell.sweeps()
    await bell.passes(ana, 61)
    async with clinic.db.read() as conn:
        row = (await conn.execute(select(outbox))).mappings().one()
        clear = clinic.db.cipher.decrypt(row["content"], f"outbox.content.{row['id']}")
    assert row["about_id"] == ana.visit
    assert "attend depuis" in clear
    assert "/desk" in clear
    assert "Ana" not in clear
    assert "shoulder" not in clear


# ---- away


async def test_staff_are_asked_about_who_is_away_for_long_and_nobody_is_removed(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    away = clinic.settings.model_copy(update={"away_seconds": 20, "away_ask_seconds": 600})

    async def sweeps() -> None:
        await asyncio.gather(absent.sweep(clinic.db, away), absent.sweep(other_node, away))

    await shift(clinic.db, ana.visit, 500, "patient_seen_at")
    await sweeps()
    assert (await clinic.row(ana))["asked_at"] is None
    await shift(clinic.db, ana.visit, 200, "patient_seen_at")
    await sweeps()
    await sweeps()
    assert (await clinic.row(ana))["asked_at"] is not None
    assert (await clinic.events(ana)).count("away_asked") == 1
    async with clinic.db.write() as tx:
        await actions.stay(tx, ana.visit, dr_li.actor)
    await sweeps()
    assert (await clinic.row(ana))["asked_at"] is None, "not again at once"
    async with clinic.db.write() as tx:
        earlier = (tx.now - timedelta(seconds=601)).replace(tzinfo=None)
        at = earlier if clinic.db.sqlite else tx.now - timedelta(seconds=601)
        await tx.conn.execute(
            text("UPDATE visit_event SET at = :at WHERE event = 'kept'"),
            {"at": at.isoformat(sep=" ") if clinic.db.sqlite else at},
        )
    await sweeps()
    assert (await clinic.events(ana)).count("away_asked") == 2
    await clinic.assert_waiting(ana, place=1)


async def test_who_comes_back_is_told_of_as_new(
    clinic: Clinic, bell: Bell, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    near = clinic.settings.model_copy(update={"away_seconds": 20, "away_ask_seconds": 30})
    await bell.sweeps()
    await bell.seen(dr_li, ana)
    await shift(clinic.db, ana.visit, 100, "patient_seen_at")
    await absent.sweep(clinic.db, near)
    assert (await clinic.row(ana))["asked_at"] is not None
    async with clinic.db.write() as tx:
        await tx.conn.execute(update(visit).where(visit.c.id == ana.visit).values(patient_seen_at=tx.now))
    await asyncio.gather(absent.sweep(clinic.db, near), absent.sweep(other_node, near))
    await bell.sweeps()
    assert (await clinic.row(ana))["asked_at"] is None
    assert (await clinic.events(ana)).count("came_back") == 1
    assert await bell.events(ana) == ["alert_raised", "alert_seen", "alert_raised"]


async def test_who_is_away_is_not_rung_for(clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist) -> None:
    clinic.settings = clinic.settings.model_copy(update={"away_seconds": 20})
    await shift(clinic.db, ana.visit, 100, "patient_seen_at")
    await bell.sweeps()
    assert await bell.of(ana) is None


async def test_only_staff_who_are_there_count(clinic: Clinic, bell: Bell, ana: Patient, dr_li: Therapist) -> None:
    async with clinic.db.write() as tx:
        await hire(tx, "Priya Raman", role="admin", profession=None)
        gone = await hire(tx, "Élise Tremblay")
        await tx.conn.execute(update(staff).where(staff.c.id == gone.id).values(active=False))
    async with clinic.db.read() as conn:
        assert [one.id for one in await alerts.colleagues(conn)] == [dr_li.id]
    assert Actor("staff", dr_li.id) == dr_li.actor
