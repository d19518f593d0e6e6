"""Times, dates and phone numbers as people here write them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import formats

ZONE = "America/Toronto"
WINTER = dt.datetime(2026, 3, 2, 19, 20, tzinfo=dt.UTC)  # 14:20 in Toronto
NB = "\u00a0"


@pytest.mark.parametrize(
    ("at", "english", "french"),
    [
        (WINTER, "14:20", "14 h 20"),
        (WINTER.replace(month=7), "15:20", "15 h 20"),
        (dt.datetime(2026, 3, 2, 14, 5, tzinfo=dt.UTC), "9:05", "9 h 05"),
        (dt.datetime(2026, 3, 2, 5, 0, tzinfo=dt.UTC), "0:00", "0 h 00"),
    ],
)
def test_the_time_is_the_clinics(at: dt.datetime, english: str, french: str) -> None:
    assert formats.time(at, "en", ZONE) == english
    assert formats.time(at, "fr", ZONE) == french.replace(" ", NB)


@pytest.mark.parametrize(
    ("at", "english", "french"),
    [
        (WINTER, "March 2, 2026", "2 mars 2026"),
        (dt.date(2026, 8, 1), "August 1, 2026", "1er août 2026"),
        (dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC), "December 31, 2025", "31 décembre 2025"),
    ],
)
def test_the_date_is_the_clinics(at: dt.date, english: str, french: str) -> None:
    assert formats.date(at, "en", ZONE).replace(NB, " ") == english
    assert formats.date(at, "fr", ZONE).replace(NB, " ") == french


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+14165550142", "(416) 555-0142"), ("+33142278186", "+33 1 42 27 81 86"), ("abc", "abc"), ("", "")],
)
def test_a_number_is_shown_as_it_is_dialled_here(number: str, shown: str) -> None:
    assert formats.phone(number) == shown


@pytest.mark.parametrize("typed", ["416 555 0123", "(416) 555-0123", "1-416-555-0123", "+1 416.555.0123", "4165550123"])
def test_a_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert formats.parse_phone(typed) == "+14165550123"


def test_a_number_from_abroad_is_understood_with_its_country() -> None:
    assert formats.parse_phone("+33 1 42 27 81 86") == "+33142278186"


@pytest.mark.parametrize("typed", ["", "911", "555 0123", "416 555", "call me", "416 555 0123 45 67", "+999 123"])
def test_what_cannot_be_called_back_is_no_number(typed: str) -> None:
    assert formats.parse_phone(typed) is None


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = formats.parse_phone(text)
    assert number is None or number.startswith("+")
    formats.phone(text)


def test_an_instant_for_a_page_is_utc_with_milliseconds() -> None:
    toronto = dt.datetime(2026, 3, 2, 14, 20, 1, 234567, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert formats.iso(toronto) == "2026-03-02T19:20:01.234Z"
    assert formats.iso(None) is None
