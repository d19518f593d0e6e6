"""What the note takes from the visit."""

from __future__ import annotations

from typing import Any

from server.form.prefill import prefill, serve, stamp

VISIT: dict[str, Any] = {
    "location": {"street": "12 Birch Lane", "city": "Toronto", "province": "CA-ON"}, "phone": "+14165550123",
    "emergency": {"name": "Tom", "phone": "+14165550199"}, "reason": "My back hurts", "language": "fr",
    "interpreter": True, "consent": {"version": "2026-11", "lang": "fr", "at": "2026-11-23T13:50:00-05:00"},
    "clinician": {"id": "staff-li", "name": "Dr. Li", "profession": "PT", "registration": "PT-1", "email": "x"},
    "started_at": "2026-11-23T14:00:00-05:00",
}  # fmt: skip


def test_everything_that_the_visit_knows() -> None:
    document = prefill(VISIT)
    assert document["A1"] == "video"
    assert document["A6"] == {**VISIT["location"], "country": "CA"}
    assert document["A7"] == "+14165550123"
    assert document["A8"] == VISIT["emergency"]
    assert document["A11"] == {"language": "fr", "interpreter": "yes"}
    assert document["A3"]["answer"] == "yes"
    assert document["A13"] == {"id": "staff-li", "name": "Dr. Li", "profession": "PT", "registration": "PT-1"}
    assert document["A14"] == {"started_at": VISIT["started_at"]}
    assert document["B1"] == "My back hurts"
    assert document["A12"] == "not_recorded"


def test_no_clinical_answer_is_made_up() -> None:
    assert {key[0] for key in prefill(VISIT)} == {"A", "B"}
    assert "A2" not in prefill(VISIT)
    assert "A4" not in prefill(VISIT)


def test_outside_canada_and_no_contact() -> None:
    document = prefill({"location": {"street": "1 Rue", "city": "Nice", "province": "other"}, "emergency": {}})
    assert document["A6"] == {"street": "1 Rue", "city": "Nice", "country": "other"}
    assert document["A8"] == {"declined": "yes"}
    assert prefill({}) == {"A1": "video", "A12": "not_recorded"}


def test_the_servers_fields_follow_the_visit() -> None:
    ended = serve(prefill(VISIT), {**VISIT, "ended_at": "2026-11-23T14:20:00-05:00"})
    assert ended["A14"]["ended_at"] == "2026-11-23T14:20:00-05:00"
    assert ended["B1"] == "My back hurts"


def test_identity_is_stamped_when_it_changes() -> None:
    first = stamp({"A2": {"methods": ["dob", "phone"]}}, {}, by="staff-li", at="10:00")
    assert first["A2"] == {"methods": ["dob", "phone"], "by": "staff-li", "at": "10:00"}
    assert stamp(first, first, by="staff-li", at="10:05") == first
    changed = {"A2": {**first["A2"], "methods": ["dob", "address"]}}
    assert stamp(changed, first, by="staff-li", at="10:06")["A2"]["at"] == "10:06"
    assert stamp({"B4": "x"}, first, by="s", at="t") == {"B4": "x"}
