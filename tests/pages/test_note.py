"""The note over HTTP, as its page sends it: kept as it is typed, one window at a time, signed once, then locked."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from sqlalchemy import text, update

from server.consultation import store as consultation
from server.ids import new_id
from server.people.store import TRY_LIMIT, TRY_WINDOW
from server.people.tables import sign_in_try
from tests.pages.note import PHYSIOTHERAPY
from tests.pages.visitors import PASSWORD, Answer, Member, Site, Visitor
from tests.stores import shift

JSON = {"Accept": "application/json"}
Fields = Mapping[str, str | Sequence[str]]


class Form(HTMLParser):
    """What a browser would send of the note's form: every control's name and value."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.held: list[tuple[str, str]] = []
        self._inside: list[str] = []
        self._field = self._text = ""
        self._choice: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        name = got.get("name") or ""
        if tag == "template":
            self._inside.append(tag)
        elif self._inside or "disabled" in got:
            return
        elif tag == "input" and name and got.get("type") not in ("submit", "button"):
            if got.get("type") not in ("radio", "checkbox") or "checked" in got:
                self.held.append((name, got.get("value") or ""))
        elif tag in ("select", "textarea"):
            self._field, self._text, self._choice = name, "", None
        elif tag == "option" and (self._choice is None or "selected" in got):
            self._choice = got.get("value") or ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._inside.pop()
        elif tag in ("select", "textarea") and not self._inside and self._field:
            self.held.append((self._field, (self._choice or "") if tag == "select" else self._text.strip()))
            self._field = ""


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def pairs(fields: Fields) -> list[tuple[str, str]]:
    return [(name, one) for name, value in fields.items() for one in ([value] if isinstance(value, str) else value)]


class Note:
    """One therapist's window on one visit's note."""

    def __init__(self, who: Member, visit: str) -> None:
        self.who, self.path = who, f"/desk/visits/{visit}/note"
        self.held: list[tuple[str, str]] = []  # what the form holds, as loaded last

    async def load(self) -> str:
        answer = await self.who.get(self.path)
        assert answer.status == 200, answer.words
        self.held = Form(answer.text).held
        return answer.text

    async def send(self, path: str, fields: Fields) -> Answer:
        held = [(name, value) for name, value in self.held if name not in fields and name != "csrf"]
        form = [("csrf", await self.who.token()), *held, *pairs(fields)]
        return await self.who.send("POST", path, form, {"Origin": self.who.origin, **JSON})

    async def save(self, version: int, **fields: str) -> Answer:
        return await self.send(self.path, {"version": str(version), **fields})

    async def review(self, fields: Fields) -> Answer:
        page = await self.load()
        own = {"version": hidden(page, "version"), "input_hash": hidden(page, "input_hash")}
        saved = await self.send(self.path, {**own, "E1-0-status": "reported", **fields})
        again = saved.json()
        await self.load()
        own = {"version": str(again["version"]), "input_hash": again["input_hash"]}
        return await self.send(f"{self.path}/signature", {**own, **fields})

    async def confirm(self, review: str, password: str = PASSWORD, **changed: str) -> Answer:
        fields = {name: hidden(review, name) for name in ("version", "input_hash", "sha256")}
        return await self.send(f"{self.path}/signature", {**fields, "confirm": "yes", "password": password, **changed})


async def runs(site: Site, visit: str) -> None:
    """Both are connected, and a minute has passed."""
    pages = {"patient": new_id(), "therapist": new_id()}
    for role, page in pages.items():
        async with site.db.write() as tx:
            await consultation.attach_page(tx, visit, role, page, fresh=True)
    async with site.db.write() as tx:
        await consultation.confirm(tx, site.settings, visit, pages["patient"])
    for role, page in pages.items():
        async with site.db.write() as tx:
            await consultation.media(tx, site.settings, visit, role, page, "connected", "relay")
    await shift(site.db, visit, 60)


@pytest.fixture
async def ana(site: Site) -> Visitor:
    return site.visitor()


@pytest.fixture
async def opened(site: Site, li: Member, ana: Visitor) -> tuple[str, str, Note]:
    """(the visit's path, its id, the therapist's note): admitted."""
    path, visit = await site.waits(ana)
    assert (await li.post(f"/desk/visits/{visit}/admission")).status == 303
    await runs(site, visit)
    note = Note(li, visit)
    await note.load()
    return path, visit, note


async def test_what_is_typed_is_kept_and_shown_again(opened: tuple[str, str, Note]) -> None:
    _, _, note = opened
    first = await note.save(0, B1="Dressing hurts", B4="Dress <b>alone</b>")
    assert first.status == 200
    assert first.json()["version"] == 1
    page = await note.load()
    assert hidden(page, "version") == "1"
    assert "Dressing hurts" in page
    assert "Dress &lt;b&gt;alone&lt;/b&gt;" in page
    assert (await note.save(1, B1="Dressing hurts a lot")).json()["version"] == 2


async def test_two_windows_do_not_overwrite_each_other(opened: tuple[str, str, Note]) -> None:
    _, _, note = opened
    assert (await note.save(0, B1="from the first window")).status == 200
    late = await note.save(0, B1="from the second window")
    assert (late.status, late.json()["error"]) == (409, "note_changed")
    assert "from the first window" in await note.load()
    for version in ("", "-1", "1.5", "x", "9" * 30):
        assert (await note.send(note.path, {"version": version, "B1": "x"})).status == 409, version


async def test_the_form_is_refused_until_it_is_complete(opened: tuple[str, str, Note]) -> None:
    _, _, note = opened
    answer = await note.review({"B1": "Shoulder"})
    assert answer.status == 422
    assert len(answer.json()["errors"]) > 5, "every error at once"


async def test_a_note_is_reviewed_signed_and_then_locked(
    site: Site, li: Member, ana: Visitor, opened: tuple[str, str, Note]
) -> None:
    path, visit, note = opened
    assert (await li.post(f"/desk/visits/{visit}/end")).status == 303
    review = await note.review(PHYSIOTHERAPY)
    assert review.status == 200, review.json()["errors"]
    assert "Your therapist is writing your summary" in (await ana.get(path)).words, "nothing before the signature"
    page = review.json()["html"]
    assert (await note.confirm(page, "wrong password")).status == 403
    assert (await note.confirm(page, sha256="0" * 64)).status == 409
    assert (await note.confirm(page, version="1")).status == 409
    assert (await note.confirm(page, input_hash="0" * 64)).status in (409, 422)
    assert (await note.confirm(page)).json()["signed"] is True
    summary = (await ana.get(path)).words
    assert "Your summary" in summary
    assert "physiotherap" in summary.casefold()

    for answer in (
        await note.save(2, B1="changed"),
        await note.confirm(page),
        await note.send(f"{note.path}/signature", {"B1": "x", "version": "3"}),
    ):
        assert (answer.status, answer.json()["error"]) == (409, "note_signed")
    shown = await note.load()
    assert "data-signed" in shown
    assert "<textarea" not in shown


async def test_the_store_itself_keeps_a_signed_note(site: Site, li: Member, opened: tuple[str, str, Note]) -> None:
    _, visit, note = opened
    await li.post(f"/desk/visits/{visit}/end")
    assert (await note.confirm((await note.review(PHYSIOTHERAPY)).json()["html"])).status == 200
    for statement in ("UPDATE note SET author_id = 'x'", "DELETE FROM note", "UPDATE note SET signed_at = NULL"):
        with pytest.raises(Exception, match=r"(?i)signed|locked"):
            async with site.db.write() as tx:
                await tx.conn.execute(text(statement))


async def test_tries_of_the_password_are_limited_and_nothing_is_lost(
    site: Site, li: Member, okafor: Member, opened: tuple[str, str, Note]
) -> None:
    _, visit, note = opened
    await li.post(f"/desk/visits/{visit}/end")
    review = (await note.review(PHYSIOTHERAPY)).json()["html"]
    for _ in range(TRY_LIMIT):
        refused = await note.confirm(review, "wrong password")
        assert refused.status == 403
        assert "Your password is not right" in refused.json()["html"]
    refused = await note.confirm(review)
    assert refused.status == 429, "not even the right one, as at sign-in"
    assert "too many wrong passwords. Your note is kept: wait 15 minutes" in refused.json()["html"]
    plain = {name: hidden(review, name) for name in ("version", "input_hash", "sha256")}
    li.set_cookie("__Host-language", "fr")
    page = await li.post(f"{note.path}/signature", {**plain, "confirm": "yes", "password": PASSWORD})
    assert page.status == 429
    assert "Votre note est conservée\u00a0: attendez 15 minutes" in page.words, "without a script, in French"

    _, other = await site.waits(site.visitor())
    assert (await okafor.post(f"/desk/visits/{other}/admission")).status == 303
    await runs(site, other)
    await okafor.post(f"/desk/visits/{other}/end")
    hers = Note(okafor, other)
    assert (await hers.confirm((await hers.review(PHYSIOTHERAPY)).json()["html"])).status == 200, "the limit is li's"

    again = refused.json()["html"]
    assert [hidden(again, name) for name in plain] == list(plain.values()), "the same content, ready to be signed"
    assert str(PHYSIOTHERAPY["N4"]) in html.unescape(await note.load())
    async with site.db.write() as tx:
        await tx.conn.execute(update(sign_in_try).values(since=tx.now - TRY_WINDOW - timedelta(seconds=1)))
    assert (await note.confirm(again)).json()["signed"] is True
    assert "Confirmée par\u00a0:" in await note.load(), "and the record reads as French does"


async def test_a_right_password_begins_the_count_anew(li: Member, opened: tuple[str, str, Note]) -> None:
    _, visit, note = opened
    await li.post(f"/desk/visits/{visit}/end")
    review = (await note.review(PHYSIOTHERAPY)).json()["html"]
    for password in ("wrong password", PASSWORD, "wrong password"):
        for _ in range(TRY_LIMIT - 1):
            assert (await note.confirm(review, password, sha256="0" * 64)).status == 409
    assert (await note.confirm(review)).status == 200


async def test_guesses_of_the_password_that_come_at_once_are_counted_too(
    li: Member, opened: tuple[str, str, Note]
) -> None:
    _, visit, note = opened
    await li.post(f"/desk/visits/{visit}/end")
    review = (await note.review(PHYSIOTHERAPY)).json()["html"]
    answers = await asyncio.gather(*(note.confirm(review, f"guess {n}") for n in range(TRY_LIMIT + 4)))
    assert sorted(answer.status for answer in answers) == [403] * TRY_LIMIT + [429] * 4


async def test_nobody_signs_for_another(site: Site, li: Member, okafor: Member, opened: tuple[str, str, Note]) -> None:
    _, visit, note = opened
    await li.post(f"/desk/visits/{visit}/end")
    review = (await note.review(PHYSIOTHERAPY)).json()["html"]
    assert (await Note(okafor, visit).confirm(review)).status == 404
    signed = await note.confirm(review, author_id=okafor.id, signed_at="2001-01-01", clinician=okafor.id)
    assert signed.status == 200
    assert "Dr. Li" in await note.load()
    assert "Okafor" not in await note.load()


async def test_a_waiting_patients_note_is_not_there_to_be_written(site: Site, li: Member) -> None:
    _, visit = await site.waits(site.visitor())
    assert (await Note(li, visit).save(0, B1="too early")).status == 404


async def test_an_open_emergency_holds_the_clock(site: Site, opened: tuple[str, str, Note]) -> None:
    _, visit, note = opened
    assert (await note.save(0, D1="yes")).status == 200
    assert (await site.by_id(visit))["held"] is True
    assert "9-1-1" in await note.load()
    assert (await note.save(1, D1="no")).status == 200
    assert (await site.by_id(visit))["held"] is False


async def test_fields_that_no_note_has_are_not_kept(site: Site, li: Member, opened: tuple[str, str, Note]) -> None:
    _, _, note = opened
    answer = await note.save(0, B1="kept", N3="forged", A13="forged", __proto__="x", signed_at="2001", author_id="x")
    assert answer.status == 200
    page = await note.load()
    assert "kept" in page
    assert "forged" not in page


async def test_the_plain_form_works_without_a_script(li: Member, opened: tuple[str, str, Note]) -> None:
    _, visit, note = opened
    answer = await li.post(note.path, {"version": "0", "section": "B", "B1": "by the plain form"})
    assert (answer.status, answer.location) == (303, f"/desk/visits/{visit}#note")
    assert "by the plain form" in (await li.get(f"/desk/visits/{visit}")).text
