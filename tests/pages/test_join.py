"""The walk-in form: every error at once, nothing lost, and nothing that was typed is ever run."""

from __future__ import annotations

import html
import re

import pytest

from server.i18n import translator
from server.visit import walk_in
from tests.pages.visitors import WALK_IN, Member, Site

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EMPTY = {"consent": ""}
NEEDED = (
    walk_in.E_NAME, walk_in.E_DOB, walk_in.E_REASON, walk_in.E_STREET, walk_in.E_CITY, walk_in.E_PROVINCE, walk_in.E_PHONE,
    walk_in.E_EMERGENCY_NAME, walk_in.E_EMERGENCY_PHONE, walk_in.E_LANGUAGE, walk_in.E_INTERPRETER, walk_in.E_CONSENT,
)  # fmt: skip
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("lang", ["en", "fr"])
async def test_every_error_is_told_at_once_in_the_readers_language(site: Site, li: Member, lang: str) -> None:
    answer = await site.visitor(lang).post("/join", EMPTY)
    assert answer.status == 422
    t = translator(lang)
    assert [text for text in NEEDED if t(text) not in answer.words] == []
    assert answer.words.startswith(t("Error:"))
    assert await site.count("visit") == 0


async def test_nothing_that_was_typed_is_lost(site: Site, li: Member) -> None:
    typed = {**WALK_IN, "name": 'Ana "Anita" O\'Neill & Söhne', "reason": "My shoulder\nhurts <a lot>", "phone": "12"}
    answer = await site.visitor().post("/join", typed)
    assert answer.status == 422
    values = [html.unescape(value) for value in re.findall(r'value="([^"]*)"', answer.text)]
    for field in ("name", "street", "city", "phone", "dob_day", "dob_month", "dob_year"):
        assert typed[field] in values, field
    area = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.S)
    assert area is not None
    assert html.unescape(area[1]).strip() == typed["reason"]
    assert re.search(r'<option value="CA-ON"[^>]*selected', answer.text)
    for name, value in (("language", "en"), ("interpreter", "no"), ("emergency_none", "yes")):
        assert re.search(rf'<input[^>]*name="{name}"[^>]*value="{value}"[^>]*checked', answer.text), name


async def test_hostile_text_is_only_text_on_every_page_that_shows_it(site: Site, li: Member, priya: Member) -> None:
    ana = site.visitor()
    refused = await ana.post(
        "/join", {**WALK_IN, "name": HOSTILE, "reason": HOSTILE, "city": HOSTILE, "phone": HOSTILE}
    )
    path, visit = await site.waits(ana, name=HOSTILE, reason=HOSTILE, city=HOSTILE, street=HOSTILE)
    queue, wall = await li.get("/desk"), await priya.get("/admin")
    assert (await li.post(f"/desk/visits/{visit}/admission")).status == 303
    pages = [
        refused,
        queue,
        wall,
        await ana.get(path),
        await li.get(f"/desk/visits/{visit}"),
        await li.get(f"/desk/visits/{visit}/note"),
    ]
    assert [page.status for page in pages] == [422, 200, 200, 200, 200, 200]
    for page in pages:
        assert "<script>alert" not in page.text
        assert not re.search(r"<img[^>]+onerror", page.text)
    assert html.escape(HOSTILE) in queue.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert HOSTILE in html.unescape(pages[4].text)


REFUSED = (
    ("name", "A" * 121, walk_in.E_NAME_LONG),
    ("reason", "r" * 501, walk_in.E_REASON_LONG),
    ("street", "s" * 201, walk_in.E_TOO_LONG),
    ("city", "c" * 201, walk_in.E_TOO_LONG),
    ("name", "Ana\u202eareireP", walk_in.E_CONTROL),
    ("name", "Ana\u2066Pereira", walk_in.E_CONTROL),
    ("name", "Ana\x00Pereira", walk_in.E_CONTROL),
    ("name", "Ana\nPereira", walk_in.E_CONTROL),
    ("street", "12 Alder\x1b[31m", walk_in.E_CONTROL),
    ("reason", "My \x07 shoulder", walk_in.E_CONTROL),
    ("city", "Tor\u202donto", walk_in.E_CONTROL),
    ("province", "CA-XX", walk_in.E_PROVINCE),
    ("province", "US-NY", walk_in.E_PROVINCE),
    ("language", "xx", walk_in.E_LANGUAGE),
    ("interpreter", "maybe", walk_in.E_INTERPRETER),
    ("consent", "2001-01", walk_in.E_CONSENT),
    ("dob_day", "31\u0662", walk_in.E_DOB),
    ("dob_year", "1850", walk_in.E_DOB_RANGE),
    ("dob_year", "2999", walk_in.E_DOB_RANGE),
    ("dob_year", "1" * 4000, walk_in.E_DOB),
    ("dob_month", "2", walk_in.E_DOB),
    ("phone", "911", walk_in.E_PHONE),
    ("phone", "+" * 3000, walk_in.E_PHONE),
)


async def test_what_no_form_of_ours_would_send_is_refused(site: Site, li: Member) -> None:
    ana, wrong = site.visitor(), []
    for field, value, says in REFUSED:
        changed = {"dob_day": "30"} if field == "dob_month" else {}
        answer = await ana.post("/join", {**WALK_IN, **changed, field: value})
        if answer.status != 422 or says not in answer.words:
            wrong.append((field, value[:40], answer.status))
    assert wrong == []
    assert await site.count("visit") == 0


async def test_names_of_every_script_are_welcome(site: Site, li: Member) -> None:
    names = ["آنا بيريرا", "אנה פריירה", "Zoë Müller-Þórsdóttir", "王芳", "Nguyễn Thị Ánh", "A"]
    for name in names:
        await site.waits(site.visitor(), name=name)
    words = (await li.get("/desk")).words
    assert [name for name in names if name not in words] == []


async def test_a_text_that_looks_like_sql_is_only_text(site: Site, li: Member) -> None:
    reason = "'; DROP TABLE visit; -- %s %(x)s {{ 7*7 }} \\"
    await site.waits(site.visitor(), reason=reason)
    assert reason in (await li.get("/desk")).words
    assert await site.count("visit") == 1


async def test_fields_that_the_form_does_not_have_change_nothing(site: Site, li: Member) -> None:
    more = {
        "id": "mine",
        "state": "ended",
        "therapist_id": li.id,
        "address_hash": "0",
        "proof_tries": "-9",
        "arrived_at": "2001-01-01",
    }
    row = await site.visit(await site.joins(site.visitor(), **more))
    assert (row["state"], row["therapist_id"], row["proof_tries"], row["arrived_at"]) == ("checking", None, 0, None)


async def test_a_form_that_is_far_too_long_is_not_read(site: Site, li: Member) -> None:
    answer = await site.visitor().post("/join", {**WALK_IN, "reason": "r" * 600_000})
    assert answer.status == 413
    assert "too long" in answer.words


async def test_a_file_where_a_text_belongs_is_no_failure(site: Site, li: Member) -> None:
    import aiohttp

    ana = site.visitor()
    form = aiohttp.FormData({**WALK_IN, "csrf": await ana.token(), "name": ""})
    form.add_field("name", b"\xff\xfe", filename="name.txt", content_type="application/octet-stream")
    answer = await ana.send("POST", "/join", form, {"Origin": ana.origin})
    assert answer.status in (303, 422)


async def test_consent_is_recorded_with_its_version_language_and_time(site: Site, li: Member) -> None:
    row = await site.visit(await site.joins(site.visitor("fr")))
    assert row["consent_version"] == WALK_IN["consent"]
    assert row["consent_language"] == "fr"
    assert row["consent_at"] == row["created_at"]
