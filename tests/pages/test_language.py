"""Every page in both languages: said in its ``lang``, and no text of the one left in the other."""

from __future__ import annotations

import html
import re

import pytest
from babel.messages.pofile import read_po

from server.i18n import LOCALES
from server.routes import ROUTES
from tests.pages.test_csrf import path_of
from tests.pages.visitors import Answer, Site, Visitor

#: what is tested here does not depend on the kind of store
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WORDS_ENOUGH = 3  # shorter texts stand in the other language by accident


def catalogue() -> list[tuple[str, str]]:
    """(English, French) of every text that has no place to fill and is long enough to be no accident."""
    texts = []
    for path in sorted((LOCALES / "fr").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="fr"):
                english, french = message.id, message.string
                if not isinstance(english, str) or not isinstance(french, str) or english == french:
                    continue
                if len(english.split()) >= WORDS_ENOUGH and not re.search(r"%\(|[{}]", english):
                    texts.append((english, french))
    return texts


async def pages(site: Site, lang: str) -> dict[str, Answer]:
    """Every GET page as a visitor, a patient in each part of a visit, a therapist and an admin see it."""
    who = site.visitor(lang)
    await site.hire("li")
    await site.hire("priya", "admin")
    found = {"sign in": await who.get("/desk/sign-in"), "admin sign in": await who.get("/admin/sign-in")}
    for realm, name in (("desk", "li"), ("admin", "priya")):
        await who.post(f"/{realm}/sign-in", {"username": name, "password": "alder street tests"})
    path = await site.joins(who, language="fr")
    visit, address = (await site.visit(path))["id"], path.rsplit("/", 1)[-1]
    found["checking"] = await who.get(path)
    await who.post(f"{path}/ready", {"devices": "both"})
    found["waiting"], found["queue"] = await who.get(path), await who.get("/desk")
    await who.post(f"/desk/visits/{visit}/admission")
    found |= {
        route.path: await who.get(path_of(route.path, visit, address))
        for route in ROUTES
        if route.method == "GET" and not route.path.endswith("/live") and route.name not in ("design", "healthz")
    }
    stranger = site.visitor(lang)
    found["proof"] = await stranger.get(path)
    found["wrong proof"] = await stranger.post(f"{path}/proof", {"dob_day": "1", "dob_month": "1", "dob_year": "1950"})
    found["errors"] = await who.post("/join")
    found["wrong password"] = await stranger.post("/desk/sign-in", {"username": "x", "password": "x"})
    found["no page"] = await who.get("/nowhere")
    found["no form"] = await who.send("POST", "/language")
    found["no visit"] = await who.get("/desk/visits/AAAAAAAAAAAAAAAAAAAAAA")
    await who.post(f"/desk/visits/{visit}/end")
    found["over"], found["desk after"] = await who.get(path), await who.get(f"/desk/visits/{visit}")
    return found


@pytest.mark.parametrize("lang, html_lang", [("en", "en-CA"), ("fr", "fr-CA")])
async def test_every_page_is_wholly_in_its_language(site: Site, lang: str, html_lang: str) -> None:
    texts = [(en, fr) if lang == "fr" else (fr, en) for en, fr in catalogue()]
    assert len(texts) > 200
    left = []
    for name, page in (await pages(site, lang)).items():
        if "<html" in page.text:
            assert f'<html lang="{html_lang}"' in page.text, name
            assert page.headers["Content-Language"] == html_lang, name
        body = re.sub(r'<(\w+)[^>]*\blang="[^"]*"[^>]*>.*?</\1>', " ", page.text.split("<body", 1)[-1], flags=re.S)
        seen = re.sub(r"[ \t\r\n]+", " ", html.unescape(re.sub(r"</?(?:a|b|strong|em|span|br)\b[^>]*>", "", body)))
        left += [
            (name, wrong)
            for wrong, right in texts
            if wrong in seen and re.search(rf"(?<!\w){re.escape(wrong)}(?!\w)", seen) and wrong not in right
        ]
    assert left == []


async def change(who: Visitor, lang: str, target: str = "/join") -> Answer:
    return await who.post("/language", {"lang": lang, "next": target})


async def test_the_choice_stays_and_beats_the_browsers_wish(site: Site) -> None:
    who = site.visitor("en")
    assert (await change(who, "fr")).location == "/join"
    assert '<html lang="fr-CA"' in (await who.get("/")).text
    assert (await change(who, "en")).status == 303
    assert '<html lang="en-CA"' in (await who.get("/")).text


@pytest.mark.parametrize("lang", ["", "de", "xx" * 500, "en\r\nSet-Cookie: x=y", "../fr"])
async def test_a_language_that_we_do_not_speak_changes_nothing(site: Site, lang: str) -> None:
    who = site.visitor("fr")
    answer = await change(who, lang)
    assert answer.status == 303
    assert "__Host-language" not in who.cookies()
    assert '<html lang="fr-CA"' in (await who.get("/")).text


@pytest.mark.parametrize(
    "wish, lang",
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,fr;q=0.5", "fr"),
        ("de", "en"),
        ("en;q=0.2,fr;q=0.1", "en"),
        (";;;q=x", "en"),
        ("*", "en"),
    ],
)
async def test_the_first_page_is_in_the_browsers_language(site: Site, wish: str, lang: str) -> None:
    answer = await site.visitor(wish).get("/")
    assert f'<html lang="{lang}-CA"' in answer.text
