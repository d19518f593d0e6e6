"""One visit, told in order: every event in words, by whom, and how long after the one before. Pure.

What is coded in an event's detail becomes words; nothing here knows a name of a patient or a word that anybody wrote.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from server.i18n import N_, Translator

#: an event's words. ``tests/admin/test_timeline_words.py`` finds every name that the code writes.
WORDS: Mapping[str, str] = {
    # before
    "created": N_("Filled in the form"),
    "booked": N_("Booked"),
    "moved": N_("Moved to another time"),
    "new_address": N_("New link made"),
    "details_given": N_("Gave the details for the visit"),
    "link_opened": N_("Link opened"),
    "proof_given": N_("Proved who they are"),
    "proof_failed": N_("Wrong date of birth"),
    "proof_unlocked": N_("Allowed to try the date of birth again"),
    "checked": N_("Connection checked"),
    "arrive": N_("Came to the waiting room"),
    "cancel": N_("Cancelled"),
    "miss": N_("Marked as a no-show"),
    # waiting
    "page_opened": N_("Page opened"),
    "put_first": N_("Put first"),
    "first_reason": N_("Reason for being first corrected"),
    "not_first": N_("No longer first"),
    "reassigned": N_("Given to another queue"),
    "away_asked": N_("Away for a while: staff were asked what to do"),
    "came_back": N_("Page is back"),
    "kept": N_("Keeps the place though away"),
    "nobody_left": N_("Nobody is on duty any more: told so"),
    "somebody_again": N_("Somebody is on duty again"),
    "rebook": N_("Took a time instead of waiting"),
    "call_back": N_("Asked for a call instead of waiting"),
    "called_back": N_("Was called"),
    "leave": N_("Left"),
    # the alert
    "alert_raised": N_("Alert to the therapist"),
    "alert_mailed": N_("Alert by mail"),
    "alert_offered": N_("Offered to others on duty"),
    "alert_wall": N_("Alert on the office’s wall"),
    "alert_seen": N_("Alert seen"),
    # the call
    "admit": N_("Admitted"),
    "confirm": N_("Patient’s page took the admission"),
    "not_confirmed": N_("Patient’s page did not answer: back in the queue"),
    "send_back": N_("Sent back to the waiting room"),
    "media_connected": N_("Connection up"),
    "media_lost": N_("Connection lost"),
    "clock_started": N_("Clock started without a picture"),
    "quality": N_("Connection quality"),
    "phone_fallback": N_("Goes on by phone"),
    "back_to_video": N_("Back from the phone to the picture"),
    "time_given_back": N_("Lost time given back"),
    "held": N_("Held open: a red flag of an emergency"),
    "released": N_("No longer held open"),
    "guest_invited": N_("Third person invited"),
    "guest_joined": N_("Third person came in"),
    "guest_left": N_("Third person left"),
    "guest_ended": N_("Third person’s invitation ended"),
    # the end
    "end": N_("Visit ended"),
    "close_incomplete": N_("Note signed: visit not completed"),
    "note_signed": N_("Note signed"),
    # of other tables
    "message": N_("Message"),
    "chat": N_("Wrote in the call"),
    "mail_sent": N_("Mail sent"),
    "mail_failed": N_("Mail could not be sent"),
    "mail_queued": N_("Mail is on its way"),
}
#: a name that is not in ``WORDS`` (an older or newer version wrote it) still has a line
UNKNOWN = N_("Something else: %(name)s")
VALUES: Mapping[str, Mapping[str, str]] = {
    "path": {"direct": N_("direct"), "relay": N_("relay"), "relay-tcp": N_("relay, TCP")},
    "verdict": {"good": N_("good"), "fair": N_("fair"), "bad": N_("bad")},
    "state": {"good": N_("good"), "weak": N_("weak"), "lost": N_("lost")},
    "kind": {"interpreter": N_("interpreter"), "carer": N_("carer"), "therapist": N_("second therapist")},
    "role": {"patient": N_("patient’s side"), "therapist": N_("therapist’s side")},
    "reason": {
        "time": N_("the time was up"),
        "therapist": N_("by the therapist"),
        "office": N_("by the office"),
        "staff": N_("by staff"),
        "left": N_("by the patient"),
        "no_show": N_("no-show"),
        "call_back": N_("a call was asked for"),
        "cancelled_by_patient": N_("cancelled by the patient"),
        "cancelled_by_staff": N_("cancelled by staff"),
        "transferred": N_("transferred"),
        "sent_back": N_("sent back"),
        "not_confirmed": N_("not confirmed"),
    },
    "profession": {"PT": N_("Physiotherapist"), "OT": N_("Occupational therapist")},
    "transfer": {"True": N_("transferred, with a line for the next therapist")},
    "again": {"True": N_("once more")},
}
#: what kind of moment it is: a shape beside the line
TONES: Mapping[str, str] = {
    **dict.fromkeys(("media_lost", "alert_wall", "mail_failed", "not_confirmed", "held", "miss"), "danger"),
    **dict.fromkeys(
        ("phone_fallback", "away_asked", "nobody_left", "alert_mailed", "alert_offered", "send_back", "proof_failed",
         "clock_started", "call_back", "leave", "cancel", "close_incomplete"), "soon",
    ),
    **dict.fromkeys(
        ("arrive", "admit", "confirm", "media_connected", "note_signed", "alert_seen", "came_back"), "good"
    ),
}  # fmt: skip
ACTORS = {"patient": N_("Patient"), "guest": N_("Third person"), "system": N_("By itself")}


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to a visit. ``actor``: the id of a member of staff, where it was one."""

    at: datetime
    event: str
    actor_kind: str
    actor: str
    detail: Mapping[str, Any]
    order: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """``after_s``: since the line before; ``lasted_s``: how long what ends here had lasted (a loss, a wait)."""

    at: datetime
    event: str
    words: str
    more: str
    who: str
    tone: str
    after_s: float | None
    lasted_s: float | None = None


def happened(row: Mapping[str, Any]) -> Happened:
    """A row of the visit's events."""
    detail = json.loads(row["detail"]) if row["detail"] else {}
    return Happened(
        row["at"], row["event"], row["actor_kind"], row["actor"], detail if isinstance(detail, dict) else {}, row["seq"]
    )


def lines(events: Iterable[Happened], names: Mapping[str, str], t: Translator) -> list[Line]:
    """In order of time, in one language. ``names``: of staff, by id. What follows itself at once is said once."""
    found: list[Line] = []
    lost: dict[str, datetime] = {}
    before: Happened | None = None
    for one in sorted(events, key=lambda one: (one.at, one.order)):
        lasted = None
        side = str(one.detail.get("role", one.actor_kind))
        if one.event == "media_lost":
            lost.setdefault(side, one.at)
        elif one.event == "media_connected" and side in lost:
            lasted = (one.at - lost.pop(side)).total_seconds()
        line = Line(
            one.at,
            one.event,
            t(WORDS[one.event]) if one.event in WORDS else t(UNKNOWN, name=one.event),
            details(one.detail, names, t, event=one.event),
            who(one, names, t),
            TONES.get(one.event, "neutral"),
            (one.at - before.at).total_seconds() if before else None,
            lasted,
        )
        same = found and (found[-1].event, found[-1].who, found[-1].more) == (line.event, line.who, line.more)
        if same and one.event in ("chat", "page_opened"):
            continue  # a conversation is one line, and so is a page that is loaded again and again
        before = one
        found.append(line)
    return found


def who(one: Happened, names: Mapping[str, str], t: Translator) -> str:
    if one.actor_kind == "staff":
        return names.get(one.actor) or t(N_("Staff"))
    return t(ACTORS.get(one.actor_kind, ACTORS["system"]))


def details(detail: Mapping[str, Any], names: Mapping[str, str], t: Translator, *, event: str = "") -> str:
    """The coded parts of an event as words; what is not known is left out."""
    said = []
    for name, value in detail.items():
        if name == "role" and event.startswith(("media_", "page_opened", "phone", "back_")):
            said.append(t(VALUES["role"].get(str(value), "")))
        elif name == "for_staff":
            said.append(names.get(str(value), ""))
        elif name == "for_profession":
            said.append(t(VALUES["profession"].get(str(value), "")))
        elif name == "seconds":
            said.append(t(N_("%(n)s seconds"), n=value))
        elif name in VALUES and name != "role":
            words = VALUES[name].get(str(value))
            said.append(t(words) if words else "")
    return ", ".join(part for part in said if part)


@dataclass(frozen=True, slots=True)
class Course:
    """The visit in five numbers; seconds, None where it did not happen."""

    wait_s: float | None
    length_s: float | None
    breaks: int
    lost_s: float
    path: str | None


def course(row: Mapping[str, Any] | RowMapping, events: Sequence[Happened], now: datetime) -> Course:
    """``row``: the visit's. A wait or a session that goes on is counted until now."""
    waiting = row["state"] == "waiting"
    arrived = row["arrived_at"]  # who took a time and came again has waited only since then
    admissions = (one.at for one in events if one.event == "admit" and arrived and one.at >= arrived)
    admitted = next(admissions, now if waiting else None)
    begun, over = row["started_at"], row["ended_at"] or now
    lost = row["lost_ms"] / 1000
    if row["lost_since"] and row["ended_at"] is None:
        lost += max(0.0, (now - row["lost_since"]).total_seconds())
    # both pages notice the same break, one after the other
    breaks = Counter(str(one.detail.get("role", one.actor_kind)) for one in events if one.event == "media_lost")
    return Course(
        (admitted - arrived).total_seconds() if admitted and arrived else None,
        (over - begun).total_seconds() if begun else None,
        max(breaks.values(), default=0),
        lost,
        row["path"],
    )
