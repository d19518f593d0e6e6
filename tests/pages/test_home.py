"""The first page: what this is, that it is not for emergencies, and the way in."""

from __future__ import annotations

import pytest

from tests.pages.conftest import MakeSite
from tests.pages.visitors import Member, Site

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LANGUAGES = pytest.mark.parametrize("lang", ["en", "fr"])


@LANGUAGES
async def test_the_home_page_sends_emergencies_to_911(site: Site, lang: str) -> None:
    answer = await site.visitor(lang).get("/")
    assert answer.status == 200
    assert "9-1-1" in answer.words
    assert 'href="tel:911"' in answer.text
    assert f'href="tel:{site.settings.clinic_phone}"' in answer.text


async def test_the_way_in_is_there_while_a_therapist_is_on_duty(site: Site, li: Member) -> None:
    ana = site.visitor()
    assert 'href="/join"' in (await ana.get("/")).text
    await li.post("/desk/duty", {"on": "no"})
    home = await ana.get("/")
    assert 'href="/join"' not in home.text
    assert "Monday" in home.words, "then the hours"


async def test_nobody_fills_a_form_that_nobody_would_read(site: Site) -> None:
    answer = await site.visitor().get("/join")
    assert "<textarea" not in answer.text
    assert "Monday" in answer.words


@LANGUAGES
async def test_the_clinics_name_is_in_the_readers_language(site: Site, lang: str) -> None:
    name = {"en": "Alder Street Rehab", "fr": "Réadaptation rue Alder"}[lang]
    assert name in (await site.visitor(lang).get("/")).words


async def test_the_service_says_that_it_is_well(site: Site) -> None:
    assert (await site.visitor().get("/healthz")).status == 200


async def test_a_page_that_is_not_there_says_so_kindly(site: Site) -> None:
    ana = site.visitor()
    for path in ("/nowhere", "/v/", "/desk/nowhere", "/%00", "/..%2f..%2fetc/passwd"):
        answer = await ana.get(path)
        assert (path, answer.status) == (path, 404)
        assert "This page does not exist" in answer.words, path


async def test_a_method_that_a_page_does_not_have_is_no_page(site: Site) -> None:
    ana = site.visitor()
    headers = {"Origin": ana.origin, "X-CSRF-Token": await ana.token()}
    for method, path in (("PUT", "/join"), ("DELETE", "/desk"), ("POST", "/healthz")):
        assert (await ana.send(method, path, headers=headers)).status == 404


async def test_the_hours_are_the_settings(make_site: MakeSite) -> None:
    site = await make_site(clinic_hours="sat 09:00-12:00")
    words = (await site.visitor().get("/")).words
    assert "Saturday" in words
    assert "Monday" not in words
