"""A month of invented visits, so that the office's history has something to show. Demo data, never in production.

The rows are what the real steps would have left: the same states, events in the same order, sealed fields, locked notes
that could have been signed (``tests/admin/test_seed_month.py`` holds them against the table of states and the rules of
signing). They are written at once, because 400 visits through the real steps take a minute. The same ``seed`` and
``until`` give the same clinic.
"""

from __future__ import annotations

import heapq
import json
import random
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, Table, insert, select

from server.audit import SYSTEM, Access, Actor, access
from server.booking.tables import appointment
from server.config import Settings
from server.consultation.tables import quality_sample
from server.db import Database
from server.formats import iso
from server.ids import digest
from server.notes.outcomes import kind_of
from server.notes.tables import note, outcome
from server.people.tables import patient, staff
from server.seed_notes import signable, signed
from server.visit.consent import CURRENT
from server.visit.hours import parse_hours
from server.visit.states import State
from server.visit.tables import visit, visit_event
from server.waitingroom.tables import connection_check

SAMPLE_EVERY_S = 60
FIRST = (
    "Ana", "Ben", "Chloé", "David", "Elena", "Farid", "Grace", "Hugo", "Inès", "Jack", "Karim", "Léa", "Maya", "Noah",
)  # fmt: skip
LAST = ("Adams", "Bouchard", "Chen", "Diaz", "Evans", "Fortin", "Gagnon", "Hassan", "Khan", "Leblanc", "Moreau", "Park")
REASONS = (
    "My back hurts since I moved house",
    "My shoulder hurts when I dress",
    "I cannot button my shirt any more",
    "My knee is stiff after the operation",
    "My neck and hands after a day at the desk",
)
OUTCOMES = {
    "pt": 40, "ot": 22, "combined": 20, "urgent_referral": 3, "in_person_assessment": 6, "none_self_care": 7,
    "not_completed": 2,
}  # fmt: skip
VERDICTS = {"good": 70, "fair": 20, "bad": 10}
MODES = {"good": "video", "fair": "low_video", "bad": "audio"}


@dataclass
class _Rows:
    """What will be inserted, by table."""

    of: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: Table, **values: Any) -> None:
        self.of.setdefault(table, []).append(values)


@dataclass
class _Story:
    """One visit as it is made up: its row, and its timeline."""

    row: dict[str, Any]
    who: Actor
    rows: _Rows
    state: str = State.CHECKING
    version: int = 0

    def event(self, at: datetime, name: str, actor: Actor, state: str | None = None, **detail: Any) -> None:
        self.state = state or self.state
        self.version += 1
        self.rows.add(
            visit_event, visit_id=self.row["id"], version=self.version, at=at, event=name, state=self.state,
            actor_kind=actor.kind, actor=actor.id, detail=json.dumps(detail) if detail else None,
        )  # fmt: skip
        self.row |= {"state": self.state, "version": self.version, "changed_at": at}


async def seed_month(
    db: Database,
    settings: Settings,
    *,
    days: int = 30,
    until: date | None = None,
    a_day: tuple[int, int] = (14, 24),
    seed: int = 20,
) -> int:
    """``days`` days before ``until`` (default: today), with so many visits on each open one; how many were made."""
    if not settings.development:
        raise ValueError("invented visits are for development")
    zone = ZoneInfo(settings.clinic_zone)
    async with db.write() as tx:
        c = staff.c
        people = select(staff).where(c.role == "therapist", c.active).order_by(c.username)
        therapists = (await tx.conn.execute(people)).mappings().all()
        if not therapists:
            return 0
        door = await access(db, tx, SYSTEM, "create", "demo", "invented visits")
        maker = _Month(settings, zone, door, therapists, random.Random(seed))
        last = until or tx.now.astimezone(zone).date()
        made = sum(maker.day(last - timedelta(days=n), a_day) for n in range(days, 0, -1))
        for table, rows in maker.rows.of.items():
            await tx.conn.execute(insert(table), rows)
    return made


class _Month:
    def __init__(self, settings: Settings, zone: ZoneInfo, door: Access, therapists: Any, rng: random.Random) -> None:
        self.settings, self.zone, self.door, self.rng = settings, zone, door, rng
        self.therapists: list[RowMapping] = list(therapists)
        self.openings = parse_hours(settings.clinic_hours)
        self.rows = _Rows({table: [] for table in (patient, visit)})
        self._taken: set[tuple[str, datetime]] = set()

    def id(self) -> str:
        return urlsafe_b64encode(self.rng.randbytes(16)).rstrip(b"=").decode()

    def pick(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def day(self, day: date, a_day: tuple[int, int]) -> int:
        """One day of the clinic: who comes, in order, and who takes whom."""
        opening = next((one for one in self.openings if one.day == day.weekday()), None)
        count = self.rng.randint(*a_day)
        if opening is None:
            return 0
        begin = datetime.combine(day, opening.opens, self.zone).astimezone(UTC)
        end = datetime.combine(day, opening.closes, self.zone).astimezone(UTC)
        on_duty = self.rng.sample(self.therapists, min(len(self.therapists), max(2, count // 13)))
        free: list[tuple[datetime, int]] = [(begin, n) for n in range(len(on_duty))]
        heapq.heapify(free)
        arrivals = sorted(begin + self._moment(end - begin - timedelta(minutes=45)) for _ in range(count))
        for n, at in enumerate(arrivals):
            slot = None
            if n % 3 == 0:  # booked: every third
                slot = begin + timedelta(minutes=30 * round((at - begin).total_seconds() / 1800))
                at = slot - timedelta(seconds=self.rng.uniform(-200, 400))
            story = self._arrives(at, slot, on_duty[n % len(on_duty)])
            if story.state == State.NO_SHOW:
                continue
            until, index = heapq.heappop(free)
            taken = max(at, until) + timedelta(seconds=self.rng.uniform(15, 110))
            if taken - at > timedelta(minutes=self.rng.expovariate(1 / 60) + 6):
                self._gives_up(story, at + timedelta(minutes=self.rng.uniform(6, 20)))
                heapq.heappush(free, (until, index))
                continue
            ended = self._session(story, taken, on_duty[index])
            heapq.heappush(free, (ended + timedelta(seconds=self.rng.uniform(60, 240)), index))
        return count

    def _moment(self, span: timedelta) -> timedelta:
        """Most people come in the middle of the morning and after lunch."""
        if self.rng.random() < 0.3:
            return span * self.rng.random()
        part = self.rng.gauss(self.rng.choice([0.2, 0.65]), 0.05)
        return span * min(max(part, 0.0), 1.0)

    # ---- before

    def _arrives(self, at: datetime, slot: datetime | None, therapist: RowMapping) -> _Story:
        rng, door = self.rng, self.door
        visit_id, patient_id = self.id(), self.id()
        made = at - timedelta(days=rng.randint(1, 6)) if slot else at - timedelta(seconds=rng.uniform(90, 300))
        who, person = Actor("patient", patient_id), f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        dob = date(rng.randint(1938, 2004), rng.randint(1, 12), rng.randint(1, 28)).isoformat()
        language = rng.choices(["en", "fr", "other"], [70, 26, 4])[0]
        p, c = patient.c, visit.c
        self.rows.add(
            patient, id=patient_id, name=door.seal(p.name, patient_id, person),
            name_index=door.blind_index(person, "patient.name"), dob=door.seal(p.dob, patient_id, dob),
            dob_index=door.blind_index(dob, "patient.dob"), created_at=made,
        )  # fmt: skip
        place = json.dumps({"street": "12 Birch Lane", "city": "Toronto", "province": "CA-ON"})
        row: dict[str, Any] = {column.name: None for column in visit.columns}
        row |= {
            "id": visit_id, "address_hash": digest(secrets.token_urlsafe(16)), "patient_id": patient_id,
            "created_at": made, "language": language, "page_language": "fr" if language == "fr" else "en",
            "interpreter": language == "other", "consent_version": CURRENT.version, "consent_at": made,
            "consent_language": "fr" if language == "fr" else "en", "due_at": slot,
            "for_staff": therapist["id"] if slot else None, "held": False, "lost_ms": 0, "given_back_ms": 0,
            "proof_tries": 0, "phone_fallback": False,
            "reason": door.seal(c.reason, visit_id, rng.choice(REASONS)),
            "location": door.seal(c.location, visit_id, place),
            "phone": door.seal(c.phone, visit_id, "+14165550123"),
            "emergency": door.seal(c.emergency, visit_id, "{}"),
        }  # fmt: skip
        self.rows.of[visit].append(row)
        story = _Story(row, who, self.rows, State.BOOKED if slot else State.CHECKING)
        story.event(made, "booked" if slot else "created", Actor("staff", therapist["id"]) if slot else who)
        if slot:
            self.rows.add(
                appointment, id=self.id(), visit_id=visit_id, therapist_id=therapist["id"], starts_at=slot,
                ends_at=slot + timedelta(minutes=30), booked_by=therapist["id"], booked_at=made,
                cancelled_at=slot - timedelta(hours=1) if not self._slot_free(therapist["id"], slot) else None,
            )  # fmt: skip
            if rng.random() < 0.16:
                staff_member = Actor("staff", therapist["id"])
                over = slot + timedelta(minutes=30)
                row |= {"ended_at": over, "end_reason": "no_show"}
                story.event(over, "miss", staff_member, State.NO_SHOW)
                return story
        opened = max(made + timedelta(seconds=2), at - timedelta(seconds=rng.uniform(70, 200)))
        story.event(opened, "link_opened", who)
        self._check(story, opened + timedelta(seconds=rng.uniform(15, 50)))
        row |= {"arrived_at": at, "patient_seen_at": at}
        story.event(at, "arrive", who, State.WAITING)
        story.event(at + timedelta(seconds=0.4), "page_opened", who, role="patient")
        story.event(at + timedelta(seconds=1), "alert_raised", SYSTEM)
        return story

    def _slot_free(self, therapist: str, slot: datetime) -> bool:
        """One standing appointment a slot; a second one was given up."""
        free = (therapist, slot) not in self._taken
        self._taken.add((therapist, slot))
        return free

    def _check(self, story: _Story, at: datetime) -> None:
        rng = self.rng
        if rng.random() < 0.05:
            return  # went on without it
        verdict = self.pick(VERDICTS)
        rtt, loss, up = {"good": (40, 0, 2600), "fair": (180, 4, 900), "bad": (420, 11, 400)}[verdict]
        self.rows.add(
            connection_check, visit_id=story.row["id"], at=at, udp=rng.random() > 0.07, tcp=True,
            rtt_ms=rtt + rng.randint(0, 60), jitter_ms=rng.randint(1, 25), loss=loss + rng.randint(0, 2),
            kbps_up=up + rng.randint(0, 400), kbps_down=up + rng.randint(0, 900), verdict=verdict,
            start_mode=MODES[verdict], trouble=None if verdict == "good" else "slow_up",
        )  # fmt: skip
        story.row |= {"check_verdict": verdict, "start_mode": MODES[verdict]}
        story.event(at, "checked", story.who, verdict=verdict)

    def _gives_up(self, story: _Story, at: datetime) -> None:
        story.row |= {"ended_at": at, "end_reason": "left"}
        story.event(at, "leave", story.who, State.LEFT)

    # ---- the session

    def _session(self, story: _Story, at: datetime, therapist: RowMapping) -> datetime:
        """From the admission to the signed note; when it ended."""
        rng, row, who = self.rng, story.row, story.who
        one = Actor("staff", therapist["id"])
        second = timedelta(seconds=1)
        story.event(at - 5 * second, "alert_seen", one)
        story.event(at, "admit", one, State.ADMITTED)
        story.event(at + 0.3 * second, "page_opened", one, role="therapist")
        confirmed = at + rng.uniform(0.5, 6) * second
        story.event(confirmed, "confirm", who, State.IN_SESSION)
        fate = rng.choices(["well", "shaky", "phone", "never"], [80, 11, 5, 4])[0]
        up = confirmed + rng.uniform(0.6, 3) * second
        path = self.pick({"relay": 80, "direct": 8, "relay-tcp": 12})
        if fate != "never":
            story.event(up, "media_connected", one, role="therapist", path=path)
            story.event(up + 0.2 * second, "media_connected", who, role="patient", path=path)
        started = up + 0.2 * second if fate != "never" else at + 60 * second
        if fate == "never":
            story.event(started, "clock_started", SYSTEM)
        length = min(max(rng.gauss(1050, 190), 240), 1320) * second
        ended = started + length
        lost = 0
        if fate == "shaky":
            lost = self._breaks(story, started, length, path)
        kind = "not_completed" if fate == "never" and rng.random() < 0.6 else self.pick(OUTCOMES)
        if fate == "phone" or (fate == "never" and kind != "not_completed"):
            by_phone = started + length * rng.uniform(0.1, 0.4)
            story.event(by_phone, "phone_fallback", one, role="therapist")
            row |= {"phone_fallback": True, "phone_since": by_phone}
        planned = timedelta(seconds=self.settings.visit_seconds)
        reason = "time" if length >= planned + timedelta(seconds=self.settings.wrap_up_seconds) else "therapist"
        row |= {
            "therapist_id": therapist["id"], "admitted_at": at, "confirmed_at": confirmed, "started_at": started,
            "ends_at": started + planned, "ended_at": ended, "end_reason": reason, "lost_ms": lost,
            "wrap_ends_at": started + planned + timedelta(seconds=self.settings.wrap_up_seconds),
            "policy": "relay", "patient_seen_at": ended, "path": path if fate != "never" else None,
            "patient_media": "connected" if fate != "never" else None,
            "therapist_media": "connected" if fate != "never" else None,
        }  # fmt: skip
        self._samples(story, started, ended, path, fate)
        story.event(ended, "end", SYSTEM if reason == "time" else one, State.ENDED, reason=reason)
        self._note(story, therapist, kind, ended + rng.uniform(60, 900) * second)
        return ended

    def _breaks(self, story: _Story, started: datetime, length: timedelta, path: str) -> int:
        """The patient's connection breaks and comes back, up to three times; ms lost."""
        lost = 0
        at = started
        for _ in range(self.rng.randint(1, 3)):
            at += length * self.rng.uniform(0.1, 0.25)
            away = timedelta(milliseconds=self.rng.randint(2000, 40000))
            story.event(at, "media_lost", story.who, role="patient", path=None)
            at += away
            story.event(at, "media_connected", story.who, role="patient", path=path)
            lost += int(away.total_seconds() * 1000)
        return lost

    def _samples(self, story: _Story, started: datetime, ended: datetime, path: str, fate: str) -> None:
        if fate == "never":
            return
        count = int((ended - started).total_seconds() // SAMPLE_EVERY_S)
        base = {"well": (0, 45, 1800), "shaky": (3, 140, 900), "phone": (9, 320, 300)}[fate]
        for role in ("patient", "therapist"):
            state = "good"
            for n in range(1, count + 1):
                loss = max(0, round(self.rng.gauss(base[0], 1 + base[0] / 2)))
                now = "lost" if loss > 15 else "weak" if loss > 5 else "good"
                state = now
                self.rows.add(
                    quality_sample, visit_id=story.row["id"], role=role,
                    at=started + timedelta(seconds=n * SAMPLE_EVERY_S), loss_in=loss, loss_out=max(0, loss - 1),
                    rtt_ms=base[1] + self.rng.randint(0, 50), jitter_ms=self.rng.randint(1, 20),
                    kbps_in=base[2] + self.rng.randint(-200, 300), kbps_out=base[2] + self.rng.randint(-200, 300),
                    state=now, path=path,
                )  # fmt: skip
            story.row[f"{role}_quality"] = state

    def _note(self, story: _Story, therapist: RowMapping, kind: str, at: datetime) -> None:
        row, note_id = story.row, self.id()
        local = {
            name: row[name].astimezone(self.zone).isoformat(timespec="seconds") for name in ("started_at", "ended_at")
        }
        clinician = {name: therapist[name] for name in ("id", "name", "profession", "registration")}
        document, shown = signable(
            kind,
            at.astimezone(self.zone).date() + timedelta(days=14),
            A1="phone_fallback" if row["phone_since"] else "video",
            A2={"methods": ["full_name", "dob"], "at": local["started_at"], "by": therapist["id"]},
            A3={"answer": "yes", "version": row["consent_version"], "lang": row["consent_language"],
                "at": row["consent_at"].astimezone(self.zone).isoformat(timespec="seconds")},
            A13=clinician,
            A14=local,
        )  # fmt: skip
        content, sha256 = signed(document, shown)
        signature = {
            "clinician": therapist["id"], "name": therapist["name"], "profession": therapist["profession"],
            "registration": therapist["registration"], "statement": "I saw this patient and wrote this note.",
            "at": iso(at),
        }  # fmt: skip
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        self.rows.add(
            note, id=note_id, visit_id=row["id"], author_id=therapist["id"], version=2, saved_at=at, signed_at=at,
            document=self.door.seal(note.c.document, note_id, text), content_sha256=sha256,
            signature=json.dumps(signature, sort_keys=True),
        )  # fmt: skip
        self.rows.add(outcome, visit_id=row["id"], kind=kind_of(content), signed_at=at)
        one = Actor("staff", therapist["id"])
        if kind == "not_completed":
            story.event(at, "close_incomplete", one, State.NOT_COMPLETED)
        else:
            story.event(at, "note_signed", one)
