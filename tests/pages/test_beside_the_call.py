"""Chat, the way by phone and quality, over the pages' sockets: on one node, on two, and with no Redis between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from server.ids import new_id
from tests.pages.conftest import MakeSite
from tests.pages.visitors import Member, Site, Socket, Visitor


class Session:
    """A visit in session; both pages are open, each at its own node."""

    def __init__(self, site: Site, path: str, visit: str, ana: Visitor, li: Member) -> None:
        self.site, self.path, self.visit, self.ana, self.li = site, path, visit, ana, li
        self.patient: Socket
        self.therapist: Socket

    async def confirmed(self) -> None:
        await self.therapist.say({"type": "admit", "visit": self.visit})
        await self.patient.hear("call")
        await self.patient.say({"type": "confirm"})
        for socket in (self.patient, self.therapist):
            await socket.hear("call", phase="in_session")


async def session(site: Site, other: Site | None = None) -> Session:
    li = await site.member("li")
    ana = site.visitor()
    path, visit = await site.waits(ana)
    made = Session(site, path, visit, ana, li)
    if other is not None:  # the patient's page is at the other node; the cookies are good there too
        cookies, ana = ana.cookies(), other.visitor()
        for name, value in cookies.items():
            ana.set_cookie(name, value)
        made.ana = ana
    made.patient = await ana.socket(f"{path}/live")
    made.therapist = await li.socket("/desk/live")
    await made.confirmed()
    return made


async def hear_chat(socket: Socket, seq: int) -> tuple[str, str]:
    message = await socket.hear("chat", seq=seq)
    return message["role"], message["text"]


def sample(**changed: Any) -> dict[str, Any]:
    return {
        "type": "quality", "loss_in": 1, "loss_out": None, "rtt_ms": 40, "jitter_ms": 4, "kbps_in": 900, "kbps_out": 800,
        "state": "good", "path": "relay", **changed,
    }  # fmt: skip


async def test_what_one_writes_the_other_reads_and_a_reload_shows_it_all(site: Site) -> None:
    both = await session(site)
    for socket in (both.patient, both.therapist):
        await socket.say({"type": "chats", "after": 0})
        assert (await socket.hear("chats"))["last"] == 0
    mine = new_id()
    await both.patient.say({"type": "chat", "id": mine, "text": "Je n’entends rien <b>"})
    assert (await both.patient.hear("chat", id=mine))["seq"] == 1, "the sender hears that it is stored"
    heard = await both.therapist.hear("chat", seq=1)
    assert (heard["id"], heard["role"], heard["text"]) == (mine, "patient", "Je n’entends rien <b>")
    assert heard["at"].endswith("Z")
    await both.patient.say({"type": "chat", "id": mine, "text": "Je n’entends rien <b>"})
    assert (await both.patient.hear("chat", id=mine))["seq"] == 1, "sent again: stored once"
    await both.therapist.say({"type": "chat", "id": new_id(), "text": "One moment"})
    assert await hear_chat(both.patient, 2) == ("therapist", "One moment")

    # both of the therapist's windows die while the patient writes; the next one reads what it has missed
    await both.therapist.close()
    await both.patient.say({"type": "chat", "id": new_id(), "text": "Are you there?"})
    await both.patient.hear("chat", seq=3)
    again = await both.li.socket("/desk/live", visit=both.visit)
    await again.say({"type": "chats", "after": 1})
    assert [(await hear_chat(again, seq))[1] for seq in (2, 3)] == ["One moment", "Are you there?"]
    assert (await again.hear("chats"))["last"] == 3
    reload = await both.ana.socket(f"{both.path}/live")
    await reload.say({"type": "chats", "after": 0})
    assert [(await hear_chat(reload, seq))[0] for seq in (1, 2, 3)] == ["patient", "therapist", "patient"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_page_that_has_not_asked_is_told_nothing(site: Site) -> None:
    both = await session(site)
    await both.patient.say({"type": "chat", "id": new_id(), "text": "Hello"})
    await both.patient.hear("chat", seq=1)
    await both.therapist.say({"type": "chats", "after": 0})
    await both.therapist.hear("chats")
    assert [message["seq"] for message in both.therapist.heard if message["type"] == "chat"] == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_long_conversation_comes_in_parts(site: Site) -> None:
    both = await session(site)
    for number in range(1, 41):
        await both.patient.say({"type": "chat", "id": new_id(), "text": f"{number} " + "é" * 1900})
        await both.patient.hear("chat", seq=number)
    await both.therapist.say({"type": "chats", "after": 0})
    assert (await both.therapist.hear("chats"))["last"] == 31
    await both.therapist.say({"type": "chats", "after": 30})
    assert (await both.therapist.hear("chats"))["last"] == 40
    seen = [message["seq"] for message in both.therapist.heard if message["type"] == "chat"]
    assert seen == list(range(1, 41))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_passes_before_the_admission_nor_after_the_end(site: Site) -> None:
    li = await site.member("li")
    ana = site.visitor()
    path, visit = await site.waits(ana)
    patient, therapist = await ana.socket(f"{path}/live"), await li.socket("/desk/live")
    beside = (
        {"type": "chat", "id": new_id(), "text": "Hello"},
        {"type": "chats", "after": 0},
        {"type": "phone", "on": True},
        sample(),
    )
    for message in beside:
        await patient.say(message)
        assert (await patient.hear("refused"))["code"] == "not_admitted"
    await therapist.say({"type": "admit", "visit": visit})
    await patient.hear("call")
    await li.post(f"/desk/visits/{visit}/end")
    await patient.hear("ended")
    for message in beside:
        await patient.say(message)
        assert (await patient.hear("refused"))["code"] == "not_admitted"
    assert (await site.count("chat_message"), await site.count("quality_sample")) == (0, 0)


@pytest.mark.parametrize("redis", [True, False], ids=["redis", "no-redis"])
async def test_two_nodes_show_one_conversation(make_site: MakeSite, tmp_path: Path, redis: bool) -> None:
    away: dict[str, Any] = {} if redis else {"redis_url": f"unix://{tmp_path}/nobody.sock"}
    one, two = await make_site(**away), await make_site(**away)
    both = await session(one, two)
    for socket in (both.patient, both.therapist):
        await socket.say({"type": "chats", "after": 0})
        await socket.hear("chats")
    await both.patient.say({"type": "chat", "id": new_id(), "text": "From afar"})
    assert await hear_chat(both.therapist, 1) == ("patient", "From afar")
    await both.therapist.say({"type": "phone", "on": True})
    assert (await both.patient.hear("call", phone=True))["phase"] == "in_session"


async def test_by_phone_both_hear_it_at_once_and_only_the_patient_the_end_of_the_number(site: Site) -> None:
    both = await session(site)
    await both.patient.say({"type": "phone", "on": True})
    for socket in (both.patient, both.therapist):
        await socket.hear("call", phone=True)
    while "phone_end" not in (shown := await both.patient.hear("snapshot", kind="visit"))["data"]:
        pass
    assert shown["data"]["phone_end"] == "0123"
    patient_id = (await site.by_id(both.visit))["patient_id"]
    assert ("patient", patient_id, "read", "visit") in [
        (row["actor_kind"], row["actor"], row["action"], row["record"]) for row in await site.audit()
    ]
    row = await site.by_id(both.visit)
    assert row["phone_fallback"]
    note = await both.li.get(f"/desk/visits/{both.visit}/note")
    checked = note.text.split('value="phone_fallback"')[1].split(">")[0]
    assert "checked" in checked, "the note begins with how they met"
    await both.therapist.say({"type": "phone", "on": False})
    for socket in (both.patient, both.therapist):
        await socket.hear("call", phone=False)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_therapist_and_the_wall_see_how_the_patients_connection_is(site: Site, priya: Member) -> None:
    both = await session(site)
    wall = await priya.socket("/admin/live")
    await both.patient.say(sample(state="weak", loss_in=25))
    assert (await both.therapist.hear("call", peer_quality="weak"))["peer"]["instance"] == both.patient.instance
    while (shown := await wall.hear("snapshot", kind="admin"))["data"]["sessions"][0]["quality"] != "weak":
        pass
    assert shown["data"]["sessions"][0]["media"] == "connecting"
    assert all(message["peer_quality"] is None for message in both.patient.heard if message["type"] == "call")
    async with site.db.read() as conn:
        columns = (await conn.execute(text("SELECT * FROM quality_sample"))).mappings().one()
    assert (columns["loss_in"], columns["loss_out"], columns["path"]) == (25, None, "relay")


async def test_the_conversation_stands_beside_the_note_after_the_call(site: Site, okafor: Member) -> None:
    both = await session(site)
    await both.patient.say({"type": "chat", "id": new_id(), "text": "My number is <new>"})
    await both.patient.hear("chat", seq=1)
    address = f"/desk/visits/{both.visit}"
    assert "My number is" not in (await both.li.get(address)).words, "while it runs the socket brings it"
    await both.li.post(f"{address}/end")
    before = len(await site.audit())
    page = await both.li.get(address)
    assert "My number is <new>" in page.words
    read = [(row["actor"], row["action"], row["record"]) for row in (await site.audit())[before:]]
    assert (both.li.id, "read", "chat") in read
    assert "My number" not in (await okafor.get(address)).text
    assert "My number" not in (await both.ana.get(both.path)).text
