"""The alarms of the wall: each appears when it must, says whom it is about, and goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.admin.alarms import Seen, alarms
from server.i18n import translator
from server.waitingroom.queue import Therapist, Waiting

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
NAMES = {"a": "Ana", "b": "Ben", "c": "Chloé", "d": "David", "e": "Elena"}
LI = Therapist("li", "PT", frozenset({"en"}))
TREMBLAY = Therapist("tremblay", "OT", frozenset({"en", "fr"}))


def waits(visit: str = "a", minutes: float = 1, **more: Any) -> Waiting:
    return Waiting(visit, NOW - timedelta(minutes=minutes), **more)


def runs(visit: str = "a", **more: Any) -> Any:
    return {
        "id": visit, "held": False, "lost_since": None, "phone_since": None, "patient_quality": "good",
        "therapist_quality": "good", **more,
    }  # fmt: skip


def ring(lang: str = "en", **seen: Any) -> list[tuple[str, str, str | None]]:
    fields: dict[str, Any] = {
        "waiting": [], "running": [], "names": NAMES, "staff": {"li": "Dr. Li"}, "on_duty": [LI, TREMBLAY],
        "alerts": {}, "asked": [], "calls": [], "failed_mails": 0, "clock_over": [],
    }  # fmt: skip
    found = alarms(Seen(**{**fields, **seen}), NOW, translator(lang))
    return [(one.key, one.text, one.visit) for one in found]


def test_most_of_the_day_there_is_none() -> None:
    assert ring() == []
    quiet = [
        waits("b", language="fr"),
        waits("c", profession="PT"),
        waits("d", staff="li"),
        waits("e", interpreter=True),
    ]
    assert ring(running=[runs()], waiting=quiet) == []
    assert ring(on_duty=[]) == []  # nobody waits: nobody is missed


@pytest.mark.parametrize(
    ("seen", "key", "text"),
    [
        ({"running": [runs(held=True)]}, "held", "An emergency is open in a session: Ana"),
        ({"waiting": [waits()], "on_duty": []}, "nobody", "Nobody is on duty, and people are waiting: Ana"),
        (
            {"waiting": [waits()], "alerts": {"a": {"level": 3, "seen_at": None}}},
            "unanswered",
            "No therapist has answered the alert: Ana",
        ),
        ({"running": [runs(lost_since=NOW - timedelta(seconds=9))]}, "lost", "Connection lost: Ana"),
        ({"running": [runs(patient_quality="lost")]}, "bad", "Connection bad: Ana"),
        (
            {"waiting": [waits(language="fr")], "on_duty": [LI]},
            "unfit-fr",
            "Nobody on duty speaks French with Ana",
        ),
        (
            {"waiting": [waits(profession="OT")], "on_duty": [LI]},
            "unfit-OT",
            "No occupational therapist is on duty for Ana",
        ),
        (
            {"waiting": [waits(staff="li")], "on_duty": [TREMBLAY]},
            "unfit-li",
            "Dr. Li is not on duty, and is waited for by Ana",
        ),
        ({"waiting": [waits(minutes=15.1)]}, "long", "Waiting for more than 15 minutes: Ana"),
        ({"clock_over": ["a"]}, "over", "Over the time: Ana"),
        ({"asked": ["a"]}, "away", "Away for a while, what should happen? Ana"),
        ({"calls": ["a"]}, "calls", "To be called back: Ana"),
    ],
)
def test_each_says_whom_it_is_about_and_leads_there(seen: dict[str, Any], key: str, text: str) -> None:
    assert ring(**seen) == [(key, text, "a")]


@pytest.mark.parametrize(
    "seen",
    [
        {"waiting": [waits(minutes=14.9)]},
        {"running": [runs(lost_since=NOW - timedelta(seconds=4))]},  # a reload
        {"running": [runs(patient_quality="weak")]},
        {"running": [runs(patient_quality="lost", phone_since=NOW)]},  # they talk by phone
        {"waiting": [waits()], "alerts": {"a": {"level": 3, "seen_at": NOW}}},
        {"waiting": [waits()], "alerts": {"a": {"level": 2, "seen_at": None}}},
        {"waiting": [waits(minutes=20, staff="li", due_at=SOON)], "on_duty": [TREMBLAY]},  # early
        {"waiting": [waits(minutes=20, staff="li", due_at=SOON)], "on_duty": []},
        {"waiting": [waits(minutes=30, staff="li", due_at=NOW - timedelta(minutes=10))]},  # 10 minutes after the slot
        {"waiting": [waits(language="other")], "on_duty": [LI]},  # an interpreter is found by people
    ],
)
def test_what_is_no_alarm(seen: dict[str, Any]) -> None:
    assert ring(**seen) == []


def test_many_are_one_line_and_lead_nowhere() -> None:
    (alarm,) = ring(waiting=[waits(visit, 20) for visit in NAMES])
    assert alarm == ("long", "Waiting for more than 15 minutes: Ana, Ben, Chloé and 2 more", None)


def test_mail_that_failed_is_a_number() -> None:
    assert ring(failed_mails=2) == [("mail", "Mail that could not be sent: 2", None)]


def test_the_most_urgent_comes_first_and_in_french_too() -> None:
    found = ring("fr", running=[runs(held=True)], waiting=[waits("b", 20)], calls=["c"])
    assert [key for key, _, _ in found] == ["held", "long", "calls"]
    assert found[2][1] == "À rappeler\u00a0: Chloé"
