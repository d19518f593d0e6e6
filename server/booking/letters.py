"""The mails about an appointment, and its calendar file: when, the link, the phone. Nothing about health. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from server import formats
from server.i18n import N_, Translator, translator

DAYS = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"))
#: the kind of all of them in the outbox: they go out in their order
KIND = "appointment"


@dataclass(frozen=True, slots=True)
class Clinic:
    name: str
    phone: str  # E.164
    zone: str


def long_date(at: datetime, lang: str, zone: str) -> str:
    """``Tuesday, November 24, 2026``, in French ``mardi 24 novembre 2026``."""
    day = translator(lang)(DAYS[at.astimezone(ZoneInfo(zone)).weekday()])
    return f"{day.lower()} {formats.date(at, lang, zone)}" if lang == "fr" else f"{day}, {formats.date(at, lang, zone)}"


def clock(at: datetime, lang: str, zone: str) -> str:
    """``14:20 (EST)``: the zone is said, for people who are elsewhere and for the hour that comes twice."""
    short = at.astimezone(ZoneInfo(zone)).strftime("%Z")
    if lang == "fr":
        short = _FRENCH_ZONES.get(short, short)
    return f"{formats.time(at, lang, zone)} ({short})"


#: as people in Canada write them
_FRENCH_ZONES = {
    "EST": "HNE", "EDT": "HAE", "CST": "HNC", "CDT": "HAC", "MST": "HNR", "MDT": "HAR", "PST": "HNP", "PDT": "HAP",
    "AST": "HNA", "ADT": "HAA", "NST": "HNT", "NDT": "HAT",
}  # fmt: skip


def invitation(clinic: Clinic, lang: str, starts_at: datetime, therapist: str, link: str) -> tuple[str, str]:
    """Subject and text of the mail with the link."""
    t = translator(lang)
    return t(N_("Your video visit on %(day)s"), day=_day(clinic, lang, starts_at)), _text(
        t,
        clinic,
        _when(t, clinic, lang, starts_at, therapist),
        t(N_("Open this link on that day, in the hour before your visit:")) + "\n" + link,
        t(
            N_(
                "You need a phone or a computer with a camera, and a quiet place. The page asks for your date of "
                "birth, and lets you try your camera before the visit."
            )
        ),
        t(N_("The link is yours alone: do not pass it on. On the same page you can cancel the visit.")),
        t(N_("To change the time, call us at %(phone)s."), phone=formats.phone(clinic.phone)),
    )


def moved(clinic: Clinic, lang: str, starts_at: datetime, therapist: str) -> tuple[str, str]:
    t = translator(lang)
    return t(N_("New time for your video visit: %(day)s"), day=_day(clinic, lang, starts_at)), _text(
        t,
        clinic,
        t(N_("Your video visit has another time.")),
        _when(t, clinic, lang, starts_at, therapist),
        t(N_("The link from our first mail stays the same.")),
        t(
            N_("If you cannot find it, or the new time does not suit you, call us at %(phone)s."),
            phone=formats.phone(clinic.phone),
        ),
    )


def cancelled(clinic: Clinic, lang: str, starts_at: datetime) -> tuple[str, str]:
    t = translator(lang)
    return t(N_("Your video visit on %(day)s is cancelled"), day=_day(clinic, lang, starts_at)), _text(
        t,
        clinic,
        t(
            N_("Your video visit on %(day)s at %(time)s is cancelled."),
            day=_day(clinic, lang, starts_at),
            time=clock(starts_at, lang, clinic.zone),
        ),
        t(
            N_("If you did not expect this, or want another time, call us at %(phone)s."),
            phone=formats.phone(clinic.phone),
        ),
    )


def _day(clinic: Clinic, lang: str, at: datetime) -> str:
    return long_date(at, lang, clinic.zone)


def _when(t: Translator, clinic: Clinic, lang: str, at: datetime, therapist: str) -> str:
    lines = (
        (t(N_("Day")), _day(clinic, lang, at)),
        (t(N_("Time")), clock(at, lang, clinic.zone)),
        (t(N_("With")), therapist),
    )
    colon = "\u00a0:" if lang == "fr" else ":"
    return "\n".join(f"{name}{colon} {value}" for name, value in lines)


def _text(t: Translator, clinic: Clinic, *paragraphs: str) -> str:
    ends = (
        t(N_("This visit is not for emergencies. In an emergency, call 9-1-1.")),
        f"{clinic.name}\n{formats.phone(clinic.phone)}",
    )
    return "\n\n".join((t(N_("Hello,")), *paragraphs, *ends)) + "\n"
