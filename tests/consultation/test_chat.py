"""What the two write to each other is stored once, in order, sealed; and every reading of it is on the record."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest
from sqlalchemy import select, text

from server.audit import Actor, audit_entry
from server.consultation import chat
from server.consultation.call import Consultations
from server.consultation.tables import chat_message
from server.crypto import Undecryptable
from server.db import Database
from server.ids import new_id
from signaling.visits import Refused
from tests.consultation.races import said
from tests.people import Clinic, Patient, Therapist
from tests.stores import raw


def side(who: Patient | Therapist) -> Literal["patient", "therapist"]:
    return "patient" if isinstance(who, Patient) else "therapist"


async def says(
    clinic: Clinic, who: Patient | Therapist, ana: Patient, words: str, *, id: str = "", page: str = ""
) -> int:
    line = await chat.say(clinic.db, ana.visit, side(who), page or who.page, id or new_id(), words)
    return line.number


async def reads(clinic: Clinic, who: Patient | Therapist, ana: Patient, after: int = 0) -> list[tuple[int, str, str]]:
    lines = await chat.since(clinic.db, ana.visit, side(who), who.page, after, 100, fresh=True)
    return [(line.number, line.role, line.text) for line in lines]


async def readings(db: Database) -> list[tuple[str, str]]:
    async with db.read() as conn:
        rows = (await conn.execute(select(audit_entry).where(audit_entry.c.record == "chat"))).mappings().all()
    return [(row["action"], row["actor_kind"]) for row in rows]


async def test_both_read_the_same_in_one_order(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.admits(dr_li, ana)
    assert await says(clinic, dr_li, ana, "Can you hear me?") == 1
    await clinic.confirms(ana)
    assert await says(clinic, ana, ana, "Non.\nÉcrivez-moi ✓") == 2
    whole = [(1, "therapist", "Can you hear me?"), (2, "patient", "Non.\nÉcrivez-moi ✓")]
    assert await reads(clinic, ana, ana) == await reads(clinic, dr_li, ana) == whole
    assert await reads(clinic, ana, ana, after=1) == whole[1:]
    assert await chat.conversation(clinic.db, ana.visit, (await clinic.row(ana))["patient_id"], dr_li.actor) != []


async def test_what_is_sent_again_is_stored_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    """Also when both tries come at the same moment, to two nodes."""
    await clinic.in_call(dr_li, ana)
    one = new_id()
    page = (ana.visit, "patient", ana.page, one, "Hello")
    lines = await asyncio.gather(*(chat.say(node, *page) for node in (clinic.db, other_node) for _ in range(3)))  # type: ignore[arg-type]
    assert {line.number for line in lines} == {1}
    assert await reads(clinic, ana, ana) == [(1, "patient", "Hello")]
    # the other side cannot take a number by naming the same id
    assert await says(clinic, dr_li, ana, "Hi", id=one) == 2


async def test_numbers_have_no_holes_when_both_write_at_once(
    clinic: Clinic, other_node: Database, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await asyncio.gather(
        *(chat.say(clinic.db, ana.visit, "patient", ana.page, new_id(), f"a{n}") for n in range(6)),
        *(chat.say(other_node, ana.visit, "therapist", dr_li.page, new_id(), f"l{n}") for n in range(6)),
    )
    lines = await reads(clinic, dr_li, ana)
    assert [number for number, _, _ in lines] == list(range(1, 13))


async def test_only_current_pages_of_an_open_visit_write_and_read(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    assert await said(says(clinic, ana, ana, "too early")) == ["not_possible_now"]
    await clinic.in_call(dr_li, ana)
    await says(clinic, ana, ana, "for Dr. Li")
    for words in (
        says(clinic, ana, ana, "from an old window", page=new_id()), says(clinic, dr_okafor, ana, "not mine"),
        says(clinic, ana, ana, "with a bad id", id="short"),
    ):  # fmt: skip
        assert await said(words) == ["not_possible_now"]
    assert await said(reads(clinic, dr_okafor, ana)) == ["not_possible_now"]
    await clinic.ends(dr_li, ana)
    assert await said(says(clinic, ana, ana, "too late")) == ["not_possible_now"]
    assert await said(reads(clinic, ana, ana)) == ["not_possible_now"]
    patient_id = (await clinic.row(ana))["patient_id"]
    lines = await chat.conversation(clinic.db, ana.visit, patient_id, dr_li.actor)
    assert [(line["role"], line["text"]) for line in lines] == [("patient", "for Dr. Li")]


async def test_after_a_transfer_the_first_therapists_lines_are_not_the_seconds(
    clinic: Clinic, ana: Patient, dr_li: Therapist, dr_okafor: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await says(clinic, ana, ana, "It burns")
    await says(clinic, dr_li, ana, "Since when?")
    await clinic.sends_back(dr_li, ana)
    await clinic.in_call(dr_okafor, ana)
    await says(clinic, dr_okafor, ana, "Good morning")

    async def seen(who: Patient | Therapist) -> list[tuple[bool, str | None]]:
        return [(line.own, line.name) for line in await chat.since(clinic.db, ana.visit, side(who), who.page, 0, 9, fresh=True)]

    assert await seen(dr_okafor) == [(False, None), (False, dr_li.name), (True, dr_okafor.name)]
    assert await seen(ana) == [(True, None), (False, dr_li.name), (False, dr_okafor.name)]


async def test_every_word_and_every_reading_is_on_the_record(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    patient_id = (await clinic.row(ana))["patient_id"]
    assert await chat.conversation(clinic.db, ana.visit, patient_id, dr_li.actor) == []
    assert await readings(clinic.db) == [], "nothing was there to read"
    await says(clinic, ana, ana, "It burns")
    await reads(clinic, dr_li, ana)
    await chat.since(clinic.db, ana.visit, "therapist", dr_li.page, 0, 9, fresh=False)  # the same page goes on
    await chat.conversation(clinic.db, ana.visit, patient_id, Actor("staff", dr_li.id))
    assert await readings(clinic.db) == [("create", "patient"), ("read", "staff"), ("read", "staff")]


async def test_the_store_holds_no_clear_text_and_no_message_can_change_its_place(
    clinic: Clinic, ana: Patient, dr_li: Therapist
) -> None:
    await clinic.in_call(dr_li, ana)
    await says(clinic, ana, ana, "It burns")
    async with clinic.db.read() as conn:
        (stored,) = (await conn.execute(text("SELECT text FROM chat_message"))).scalars()
    assert "burns" not in stored
    await raw(clinic.db, "UPDATE chat_message SET role = 'therapist'")
    with pytest.raises(Undecryptable):
        await reads(clinic, dr_li, ana)


async def test_a_flood_is_refused_before_it_fills_the_disk(
    clinic: Clinic, ana: Patient, dr_li: Therapist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "MOST_A_VISIT", 3)
    await clinic.in_call(dr_li, ana)
    for n in range(3):
        await says(clinic, ana, ana, str(n))
    assert await said(says(clinic, ana, ana, "4")) == ["not_possible_now"]


async def test_signaling_hears_refusals_in_its_own_words(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    consultations = Consultations(clinic.db, clinic.settings, "node")
    with pytest.raises(Refused, match="not_possible_now"):
        await consultations.chat(ana.visit, "patient", ana.page, new_id(), "too early")
    await clinic.in_call(dr_li, ana)
    await consultations.chat(ana.visit, "patient", ana.page, new_id(), "now")
    with pytest.raises(Refused, match="not_possible_now"):
        await consultations.chats(ana.visit, "therapist", new_id(), 0, 9, True)


async def test_a_poll_finds_what_an_event_has_lost(clinic: Clinic, ana: Patient, dr_li: Therapist) -> None:
    await clinic.in_call(dr_li, ana)
    before = await clinic.db.now()
    for words in ("one", "two"):
        await says(clinic, ana, ana, words)
    async with clinic.db.read() as conn:
        assert await chat.newest(conn, before) == [(ana.visit, 2)]
        assert await chat.newest(conn, await clinic.db.now()) == []
        assert (await conn.execute(select(chat_message.c.author))).scalars().first() == (await clinic.row(ana))[
            "patient_id"
        ]
