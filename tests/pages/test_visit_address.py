"""The one address of a visit: a pointer, worth nothing without the cookie or the date of birth."""

from __future__ import annotations

import asyncio
import re

import pytest
from structlog.testing import capture_logs

from server.ids import new_id
from tests.pages.conftest import MakeSite
from tests.pages.visitors import DOB, WALK_IN, Answer, Member, Site, Visitor
from tests.stores import shift

WRONG = {**DOB, "dob_day": "28"}
DAY = 86400


def seen(answer: Answer, path: str) -> tuple[int, str, list[str]]:
    """All that tells one answer from another, but for the address that was asked for and the form's token."""
    names = sorted(name for name in answer.headers if name not in ("Date", "Content-Length", "Set-Cookie"))
    return answer.status, answer.words.replace(path, "PATH"), names


@pytest.fixture
async def address(site: Site, li: Member) -> str:
    """Of somebody else's visit."""
    return (await site.waits(site.visitor()))[0]


async def test_an_unknown_a_malformed_and_a_foreign_address_all_look_the_same(site: Site, address: str) -> None:
    visitor = site.visitor()
    last = address[-1]
    paths = [
        address, f"/v/{new_id()}", "/v/x", "/v/" + "A" * 22, "/v/" + "%C3%A9" * 3, "/v/" + "A" * 3000, "/v/'%20OR%201=1--",
        address[:-1] + ("B" if last != "B" else "C"), f"{address[:3]}{address[3:].swapcase()}",
    ]  # fmt: skip
    answers = [seen(await visitor.get(path), path) for path in paths]
    assert answers[0][0] == 200
    assert "date of birth" in answers[0][1]
    assert [answer for answer in answers if answer != answers[0]] == []


async def test_a_wrong_date_is_answered_alike_whether_there_is_a_visit_or_not(site: Site, address: str) -> None:
    for form in (WRONG, {"dob_day": "x"}, {}):
        answers = []
        for path in (f"/v/{new_id()}", address):
            answers.append(seen(await site.visitor().post(f"{path}/proof", form), path))
        assert answers[0] == answers[1]


async def test_a_foreign_address_opens_nothing_else_either(site: Site, address: str) -> None:
    visitor = site.visitor()
    for path in (address, f"/v/{new_id()}"):
        for action in ("ready", "leave"):
            assert (await visitor.post(f"{path}/{action}")).status == 404
        assert (await visitor.get(f"{path}/live", {"Origin": visitor.origin})).status == 404
    assert (await site.visit(address))["state"] == "waiting"


async def test_the_date_of_birth_opens_the_visit_on_another_device(site: Site, address: str) -> None:
    phone = site.visitor()
    answer = await phone.post(f"{address}/proof", DOB)
    assert (answer.status, answer.location) == (303, address)
    assert "You are in the waiting room" in (await phone.get(address)).words


async def test_a_proof_for_one_visit_opens_no_other(site: Site, address: str) -> None:
    ben = site.visitor()
    own, _ = await site.waits(ben, name="Benoît Roy")
    assert "You are in the waiting room" in (await ben.get(own)).words
    assert "Is this your visit?" in (await ben.get(address)).words


async def test_tries_are_limited_then_staff_help(site: Site, li: Member, priya: Member) -> None:
    ana, stranger = site.visitor(), site.visitor()
    path, visit = await site.waits(ana)
    answers = [(await stranger.post(f"{path}/proof", WRONG)) for _ in range(5)]
    assert [answer.status for answer in answers] == [403, 403, 403, 403, 429]
    assert "1 more time." in answers[3].words
    right = await stranger.post(f"{path}/proof", DOB)
    assert (right.status, "Please call us" in right.words) == (429, True), "not even the right date opens it now"
    assert "You are in the waiting room" in (await ana.get(path)).words, "who was in stays in"
    assert "Ana Pereira" in (await priya.get("/admin")).words
    assert (await priya.post(f"/admin/visits/{visit}/unlock")).status == 303
    assert (await stranger.post(f"{path}/proof", DOB)).status == 303


async def test_guesses_that_come_at_once_are_counted_too(site: Site, address: str) -> None:
    strangers = [site.visitor() for _ in range(12)]
    for stranger in strangers:
        await stranger.token()
    days = [{**DOB, "dob_day": str(day)} for day in range(1, 13)]
    answers = await asyncio.gather(
        *(stranger.post(f"{address}/proof", day) for stranger, day in zip(strangers, days, strict=True))
    )
    limit = site.settings.proof_tries
    wrong = [answer.words for answer in answers if answer.status == 403]
    assert sorted(answer.status for answer in answers) == [403] * (limit - 1) + [429] * (12 - limit + 1)
    told = [int(found[1]) for words in wrong if (found := re.search(r"You can try (\d) more time", words))]
    assert sorted(told) == [1, 2, 3], "each guess was counted by itself; with four left it is not said yet"
    assert (await site.visit(address))["proof_tries"] == limit
    assert (await site.visitor().post(f"{address}/proof", DOB)).status == 429


async def test_a_right_date_begins_the_count_anew(site: Site, address: str) -> None:
    for _ in range(2):
        for _ in range(4):
            assert (await site.visitor().post(f"{address}/proof", WRONG)).status == 403
        assert (await site.visitor().post(f"{address}/proof", DOB)).status == 303


async def test_a_planted_cookie_is_not_the_one_that_a_proof_makes_good(site: Site, address: str) -> None:
    victim = site.visitor()
    victim.set_cookie("__Host-visit", "A" * 43)
    assert (await victim.post(f"{address}/proof", DOB)).status == 303
    thief = site.visitor()
    thief.set_cookie("__Host-visit", "A" * 43)
    assert "Is this your visit?" in (await thief.get(address)).words


async def test_the_summarys_page_is_readable_for_its_days(make_site: MakeSite) -> None:
    site = await make_site(summary_days=3)
    li, ana = await site.member("li"), site.visitor()
    path, visit = await site.waits(ana)
    assert (await li.post(f"/desk/visits/{visit}/admission")).status == 303
    assert (await li.post(f"/desk/visits/{visit}/end")).status == 303
    assert "Your visit is over" in (await ana.get(path)).words
    await shift(site.db, visit, 3 * DAY - 60, "ended_at")
    assert "Your visit is over" in (await ana.get(path)).words
    await shift(site.db, visit, 120, "ended_at")
    late = await ana.get(path)
    assert "This visit was a while ago" in late.words
    assert "Your visit is over" not in late.words


async def test_no_log_shows_the_address_nor_what_was_typed(site: Site, li: Member) -> None:
    with capture_logs() as logs:
        ana, stranger = site.visitor(), site.visitor()
        path, visit = await site.waits(ana, name="Zebediah Quill", reason="An unusual word: quincunx")
        await ana.get(path)
        await stranger.get(path)
        await stranger.post(f"{path}/proof", WRONG)
        await stranger.send("POST", f"{path}/proof")
        await ana.get(f"{path}/nothing")
        socket = await ana.socket(f"{path}/live")
        await socket.say("{")
        await socket.closed()
        await li.get(f"/desk/visits/{visit}")
        await ana.post(f"{path}/leave")
    text = repr(logs)
    assert len(logs) > 8, "there is a log"
    address = path.rsplit("/", 1)[-1]
    for secret in (
        address,
        "Zebediah",
        "Quill",
        "quincunx",
        WALK_IN["street"],
        "1961",
        *secrets_of(ana),
        *secrets_of(li),
    ):
        assert secret not in text


def secrets_of(visitor: Visitor) -> list[str]:
    return list(visitor.cookies().values())
