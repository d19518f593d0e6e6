"""The walk-in form: what it takes, and every error at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.visit import walk_in
from server.visit.consent import CONSENTS, CURRENT
from server.visit.walk_in import parse, parse_date
from tests.people import ANA

TODAY = date(2026, 3, 2)
SENT = {
    "name": " Ana Pereira ", "dob_day": "27", "dob_month": "3", "dob_year": "1961",
    "reason": "My shoulder hurts when I lift my arm", "street": "12 Alder Street", "city": "Toronto",
    "province": "CA-ON", "phone": "416 555 0123", "emergency_name": "Rui Pereira", "emergency_phone": "416 555 0124",
    "language": "en", "interpreter": "no", "consent": CURRENT.version,
}  # fmt: skip
FIELDS = [
    "name", "dob", "reason", "street", "city", "province", "phone", "emergency_name", "emergency_phone", "language",
    "interpreter", "consent",
]  # fmt: skip


def errors(**changes: Any) -> dict[str, str]:
    form, wrong = parse(SENT | changes, today=TODAY, page_language="en")
    assert (form is None) == bool(wrong)
    return wrong


def test_what_ana_filled_in() -> None:
    form, wrong = parse(SENT, today=TODAY, page_language="en")
    assert wrong == {}
    assert form == ANA


def test_an_empty_form_names_every_field_in_its_order() -> None:
    _, wrong = parse({}, today=TODAY, page_language="en")
    assert list(wrong) == FIELDS


def test_nobody_to_call_is_an_answer() -> None:
    form, _ = parse(SENT | {"emergency_none": "yes"}, today=TODAY, page_language="fr")
    assert form is not None
    assert form.emergency == {}
    assert form.page_language == "fr"


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"name": "  "}, "name", walk_in.E_NAME),
        ({"name": "x" * 121}, "name", walk_in.E_NAME_LONG),
        ({"dob_day": "31", "dob_month": "2"}, "dob", walk_in.E_DOB),
        ({"dob_year": "61"}, "dob", walk_in.E_DOB_RANGE),
        ({"dob_year": "1905"}, "dob", walk_in.E_DOB_RANGE),
        ({"dob_year": "2027"}, "dob", walk_in.E_DOB_RANGE),
        ({"reason": "ow"}, "reason", walk_in.E_REASON),
        ({"reason": "x" * 501}, "reason", walk_in.E_REASON_LONG),
        ({"street": ""}, "street", walk_in.E_STREET),
        ({"city": "x" * 201}, "city", walk_in.E_TOO_LONG),
        ({"province": "CA-XX"}, "province", walk_in.E_PROVINCE),
        ({"phone": "911"}, "phone", walk_in.E_PHONE),
        ({"phone": "555 0123"}, "phone", walk_in.E_PHONE),
        ({"emergency_name": ""}, "emergency_name", walk_in.E_EMERGENCY_NAME),
        ({"emergency_phone": "soon"}, "emergency_phone", walk_in.E_EMERGENCY_PHONE),
        ({"emergency_phone": "+1 (416) 555-0123"}, "emergency_phone", walk_in.E_EMERGENCY_SAME),
        ({"language": "de"}, "language", walk_in.E_LANGUAGE),
        ({"interpreter": ""}, "interpreter", walk_in.E_INTERPRETER),
        ({"consent": ""}, "consent", walk_in.E_CONSENT),
        ({"consent": "2020-01"}, "consent", walk_in.E_CONSENT),
        ({"name": "Ana\u202ePereira"}, "name", walk_in.E_CONTROL),
        ({"name": "Ana\x00"}, "name", walk_in.E_CONTROL),
        ({"city": "Toronto\x1b[2J"}, "city", walk_in.E_CONTROL),
        ({"name": "Ana\nPereira"}, "name", walk_in.E_CONTROL),
        ({"street": "12 Alder\r\nStreet"}, "street", walk_in.E_CONTROL),
    ],
)
def test_each_error_stands_at_its_field(changes: dict[str, str], field: str, error: str) -> None:
    assert errors(**changes) == {field: error}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Nguyễn Thị Minh Khai"}, {"name": "أنا بيريرا"}, {"name": "O'Brien-Łukasz Jr."},
        {"dob_day": "02", "dob_month": "03", "dob_year": "2026"}, {"dob_year": "1906"},
        {"dob_day": "29", "dob_month": "2", "dob_year": "2000"},
        {"reason": "Knee:\r\n- stairs\n- walking"}, {"province": "other"}, {"language": "other"},
        {"phone": "+33 1 42 27 81 86"}, {"interpreter": "yes"},
    ],
)  # fmt: skip
def test_what_people_really_are_called_and_say(changes: dict[str, str]) -> None:
    assert errors(**changes) == {}


def test_two_spellings_of_one_name_are_one() -> None:
    composed, decomposed = "Élise", "E\u0301lise"
    forms = [parse(SENT | {"name": name}, today=TODAY, page_language="en")[0] for name in (composed, decomposed)]
    assert forms[0] == forms[1]


@pytest.mark.parametrize(
    "parts",
    [
        ("", "", ""),
        ("0", "1", "2000"),
        ("1", "13", "2000"),
        ("a", "b", "c"),
        ("١", "1", "2000"),
        ("1.0", "1", "2000"),
        ("1", "1", "99999"),
    ],
)
def test_no_such_day(parts: tuple[str, str, str]) -> None:
    assert parse_date(*parts) is None


@given(st.dictionaries(st.sampled_from([*SENT, "emergency_none", "role", "state"]), st.text(max_size=600)))
def test_whatever_is_sent_gives_a_form_or_errors(changes: dict[str, str]) -> None:
    errors(**changes)


def test_a_field_that_the_form_does_not_have_changes_nothing() -> None:
    assert parse(SENT | {"state": "waiting", "visit_id": "x"}, today=TODAY, page_language="en")[0] == ANA


def test_the_consent_has_a_version_of_its_own() -> None:
    assert len({consent.version for consent in CONSENTS}) == len(CONSENTS)
    assert all(len(consent.version) <= 16 and consent.paragraphs for consent in CONSENTS)
