"""What the office must see at once, the most urgent first; empty most of the day. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping

from server.i18n import N_, Translator
from server.waitingroom.queue import EARLY, Therapist, Waiting, kind_of, may_take, speaks

LONG_WAIT = timedelta(minutes=15)
#: a page that is loaded again loses its connection for a moment
LOST_FOR = timedelta(seconds=5)
#: so many names stand in one line
MOST_NAMES = 3
#: of escalation.WALL: nobody has answered the alert, and the office is told
WALL_LEVEL = 3

HELD = N_("An emergency is open in a session: %(names)s")
NOBODY = N_("Nobody is on duty, and people are waiting: %(names)s")
UNANSWERED = N_("No therapist has answered the alert: %(names)s")
LOST = N_("Connection lost: %(names)s")
BAD = N_("Connection bad: %(names)s")
NOT_THIS_ONE = N_("%(therapist)s is not on duty, and is waited for by %(names)s")
NO_PT = N_("No physiotherapist is on duty for %(names)s")
NO_OT = N_("No occupational therapist is on duty for %(names)s")
NO_ENGLISH = N_("Nobody on duty speaks English with %(names)s")
NO_FRENCH = N_("Nobody on duty speaks French with %(names)s")
LONG = N_("Waiting for more than 15 minutes: %(names)s")
OVER = N_("Over the time: %(names)s")
AWAY = N_("Away for a while, what should happen? %(names)s")
CALLS = N_("To be called back: %(names)s")
MAIL = N_("Mail that could not be sent: %(count)s")
MORE = N_("%(names)s and %(count)s more")


@dataclass(frozen=True, slots=True)
class Alarm:
    """``visit``: where a press leads, if it is about one."""

    key: str
    tone: Literal["danger", "soon"]
    text: str
    visit: str | None = None

    def data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the wall knows. ``names``: of the patients, by visit; ``staff``: names by id; ``on_duty``: also who is on a
    break; ``clock_over``: visits past their time."""

    waiting: Sequence[Waiting]
    running: Sequence[RowMapping]
    names: Mapping[str, str]
    staff: Mapping[str, str]
    on_duty: Sequence[Therapist]
    alerts: Mapping[str, RowMapping]
    asked: Sequence[str]
    calls: Sequence[str]
    failed_mails: int
    clock_over: Sequence[str]


def alarms(seen: Seen, now: datetime, t: Translator) -> list[Alarm]:
    found: list[Alarm] = []

    def add(key: str, tone: Literal["danger", "soon"], text: str, visits: Iterable[str], **more: str) -> None:
        ids = [one for one in visits if one in seen.names]
        if ids:
            words = t(text, names=_names([seen.names[one] for one in ids], t), **more)
            found.append(Alarm(key, tone, words, ids[0] if len(ids) == 1 else None))

    running = seen.running
    here = [one for one in seen.waiting if kind_of(one, now) != EARLY]  # who is early is waited for by nobody yet
    add("held", "danger", HELD, (row["id"] for row in running if row["held"]))
    if not seen.on_duty:
        add("nobody", "danger", NOBODY, (one.visit for one in here))
    add("unanswered", "danger", UNANSWERED, (key for key in _ids(seen) if _unanswered(seen.alerts.get(key))))
    lost = [row["id"] for row in running if row["lost_since"] and now - row["lost_since"] > LOST_FOR]
    add("lost", "danger", LOST, lost)
    bad = (row["id"] for row in running if row["id"] not in lost and not row["phone_since"] and _bad(row))
    add("bad", "danger", BAD, bad)
    if seen.on_duty:
        for key, (text, more, visits) in _unfit(seen, here).items():
            add(f"unfit-{key}", "danger", text, visits, **more)
    add("long", "danger", LONG, (one.visit for one in here if now - _since(one) > LONG_WAIT))
    add("over", "soon", OVER, seen.clock_over)
    add("away", "soon", AWAY, seen.asked)
    add("calls", "soon", CALLS, seen.calls)
    if seen.failed_mails:
        found.append(Alarm("mail", "soon", t(MAIL, count=seen.failed_mails)))
    return found


def _since(one: Waiting) -> datetime:
    """From when on a wait counts: nobody is late for who came before the slot."""
    return max(one.arrived_at, one.due_at) if one.due_at else one.arrived_at


def _ids(seen: Seen) -> list[str]:
    return [one.visit for one in seen.waiting]


def _unanswered(alert: RowMapping | None) -> bool:
    return alert is not None and alert["level"] >= WALL_LEVEL and alert["seen_at"] is None


def _bad(row: RowMapping) -> bool:
    return "lost" in (row["patient_quality"], row["therapist_quality"])


def _unfit(seen: Seen, here: Sequence[Waiting]) -> Mapping[str, tuple[str, dict[str, str], list[str]]]:
    """Who waits for somebody who is not there, by what is missing."""
    missing: dict[str, tuple[str, dict[str, str], list[str]]] = {}
    visits: dict[str, list[str]] = defaultdict(list)
    for one in here:
        theirs = [each for each in seen.on_duty if may_take(each, one)]
        if any(speaks(each, one) for each in theirs):
            continue
        if not theirs and one.staff is not None:
            key, text = one.staff, NOT_THIS_ONE
        elif not theirs:
            key, text = str(one.profession), NO_PT if one.profession == "PT" else NO_OT
        else:
            key, text = one.language, NO_FRENCH if one.language == "fr" else NO_ENGLISH
        visits[key].append(one.visit)
        missing[key] = (text, {"therapist": seen.staff.get(key, "?")}, visits[key])
    return missing


def _names(names: Sequence[str], t: Callable[..., str]) -> str:
    """``Ana, Ben, Chloé and 4 more``."""
    first = ", ".join(names[:MOST_NAMES])
    left = len(names) - MOST_NAMES
    return t(MORE, names=first, count=left) if left > 0 else first
