"""The office's history over HTTP: the page works without a script, and its files are for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update

from server.people.tables import staff
from server.seed_month import seed_month
from tests.pages.visitors import Member, Site, Visitor


@pytest_asyncio.fixture
async def made(site: Site, li: Member, okafor: Member) -> int:
    """A few past days with two therapists."""
    return await seed_month(site.db, site.settings, days=6, a_day=(6, 6))


async def rows(who: Visitor, query: str = "") -> list[dict[str, str]]:
    answer = await who.get(f"/admin/history.csv{query}")
    assert answer.status == 200, answer.words
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="history-[\w-]+\.csv"', answer.headers["Content-Disposition"])
    assert answer.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


async def test_the_page_shows_the_same_numbers_as_the_file(site: Site, priya: Member, made: int) -> None:
    page = await priya.get("/admin/history")
    assert page.status == 200
    days = await rows(priya)
    assert len(days) == 30
    came, missed = (sum(int(day[name]) for day in days) for name in ("visits", "no_shows"))
    assert came + missed == made > 0
    assert f"All days {came} " in page.words
    assert page.text.count('role="img"') == 6
    assert "style=" not in page.text
    assert len(re.findall(r"<script(?![^>]* src=)", page.text)) == 0
    for unknown in ("nan", "None", "undefined"):
        assert unknown not in page.words


async def test_french_is_written_as_french(site: Site, made: int) -> None:
    priya = await site.member("priya", "admin", lang="fr")
    words = (await priya.get("/admin/history")).words
    for text in ("Historique", "Attente, médiane (min)", "Connexions échouées", "Ce que veulent dire les nombres"):
        assert text in words
    assert re.search(r"\d,\d", words)


async def test_the_files_name_no_patient_and_are_in_the_audit(site: Site, priya: Member, made: int) -> None:
    found = {by: await rows(priya, f"?by={by}") for by in ("day", "therapist", "visit")}
    assert len(found["visit"]) == made
    assert {"name", "patient", "phone", "reason"}.isdisjoint(found["visit"][0])
    assert sum(int(one["failed_connection"]) for one in found["visit"]) == sum(
        int(day["failed_connections"]) for day in found["day"]
    )
    exports = [row["record_id"] for row in await site.audit() if row["action"] == "export"]
    assert [one.split()[0] for one in exports] == ["day", "therapist", "visit"]


async def test_a_name_that_is_a_formula_is_only_a_name(site: Site, priya: Member, li: Member, made: int) -> None:
    async with site.db.write() as tx:
        await tx.conn.execute(update(staff).where(staff.c.id == li.id).values(name='=HYPERLINK("http://x","y")'))
    named = {row["therapist"] for row in await rows(priya, "?by=therapist")}
    assert '\'=HYPERLINK("http://x","y")' in named


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("from=yesterday", "Type each date"),
        ("from=2026-13-01", "Type each date"),
        ("from=0001-01-01&to=0001-01-02", "Type each date"),
        ("from=2026-11-20&to=2026-11-01", "The first day is after the last one"),
        ("from=2020-01-01&to=2026-11-01", "Choose at most 366 days"),
    ],
)
async def test_a_range_that_cannot_be_says_so_and_shows_the_usual_one(priya: Member, query: str, problem: str) -> None:
    page = await priya.get(f"/admin/history?{query}")
    assert page.status == 422
    assert problem in page.words
    assert "There is a problem" in page.words
    assert 'class="tiles"' in page.text
    assert (await priya.get(f"/admin/history.csv?{query}")).status == 303  # to the page that says it


async def test_a_year_goes_by_weeks_and_its_table_by_days(site: Site, priya: Member, made: int) -> None:
    today = (await site.db.now()).date() + timedelta(days=1)
    page = await priya.get(f"/admin/history?from={today - timedelta(days=365)}&to={today}")
    assert "visits a week" in page.words
    assert page.text.count("<time datetime=") >= 366


async def test_it_is_the_offices_alone(site: Site, li: Member) -> None:
    dana = await site.member("dana", "front_desk")
    assert (await dana.get("/admin/history")).status == 200
    for who in (li, site.visitor()):
        for path in ("/admin/history", "/admin/history.csv?by=visit"):
            assert (await who.get(path)).status == 303
