"""Fills a waiting room: patients who wait, therapists who are on duty, and their web sessions, straight in SQL."""

from __future__ import annotations

import json
import secrets
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from server.audit import Access
from server.db import Database, Transaction
from server.ids import digest, new_id
from server.people.tables import patient, staff, web_session
from server.visit.consent import CURRENT
from server.visit.states import State
from server.visit.tables import visit, visit_event

AT_ONCE = 1000


async def fill(db: Database, number: int) -> list[tuple[str, str, str]]:
    """``number`` walk-ins who wait, in this order: (visit, its path's address, the cookie's token)."""
    made: list[tuple[str, str, str]] = []
    async with db.read() as conn:
        before = int(await conn.scalar(select(func.count()).select_from(visit)) or 0)
    for start in range(0, number, AT_ONCE):
        async with db.write() as tx:
            some = [(new_id(), new_id(), secrets.token_urlsafe(32)) for _ in range(min(AT_ONCE, number - start))]
            await _write(db, tx, some, before + start)
        made += some
    return made


async def _write(db: Database, tx: Transaction, some: list[tuple[str, str, str]], first: int) -> None:
    """What create_walk_in, "I'm ready" and the date of birth leave behind, but for their audit entries."""
    door, v, p = Access(db.cipher), visit.c, patient.c
    patients: list[dict[str, Any]] = []
    visits: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    sessions: list[dict[str, Any]] = []
    for number, (key, address, token) in enumerate(some, first):
        who, arrived = new_id(), tx.now - timedelta(hours=3) + timedelta(milliseconds=number * 100)
        born = date(1950, 1, 1) + timedelta(days=number)
        patients.append(
            {
                "id": who,
                "name": door.seal(p.name, who, f"Patient Number {number}"),
                "name_index": door.blind_index(f"Patient Number {number}", "patient.name"),
                "dob": door.seal(p.dob, who, born.isoformat()),
                "dob_index": door.blind_index(born.isoformat(), "patient.dob"),
                "created_at": arrived,
            }
        )
        visits.append(
            {
                "id": key,
                "address_hash": digest(address),
                "patient_id": who,
                "state": State.WAITING,
                "version": 2,
                "changed_at": arrived,
                "created_at": arrived,
                "arrived_at": arrived,
                "patient_seen_at": tx.now,
                "reason": door.seal(v.reason, key, "My shoulder hurts when I lift my arm"),
                "location": door.seal(v.location, key, '{"street":"12 Alder St","city":"Toronto","province":"CA-ON"}'),
                "phone": door.seal(v.phone, key, "+14165550123"),
                "emergency": door.seal(v.emergency, key, '{"declined":"yes"}'),
                "language": ("en", "en", "fr", "other")[number % 4],
                "page_language": "en",
                "interpreter": number % 4 == 3,
                "consent_version": CURRENT.version,
                "consent_language": "en",
                "consent_at": arrived,
                "held": False,
                "lost_ms": 0,
                "given_back_ms": 0,
                "proof_tries": 0,
            }
        )
        for version, (event, state) in enumerate((("created", State.CHECKING), ("arrive", State.WAITING)), 1):
            events.append(
                {
                    "visit_id": key, "version": version, "at": arrived, "event": event, "state": state,
                    "actor_kind": "patient", "actor": who,
                }
            )  # fmt: skip
        sessions.append(_session(tx, "visit", token, {"visits": [key]}))
    for table, rows in ((patient, patients), (visit, visits), (visit_event, events), (web_session, sessions)):
        await tx.conn.execute(insert(table), rows)


async def hire(db: Database, number: int) -> list[tuple[str, str]]:
    """Therapists on duty and nobody else: (id, the desk's token)."""
    made = []
    async with db.write() as tx:
        await tx.conn.execute(staff.update().values(on_duty_since=None))
        for index in range(number):
            key, token = new_id(), secrets.token_urlsafe(32)
            await tx.conn.execute(
                insert(staff).values(
                    id=key, username=f"bench{index}{key[:4]}", name=f"Dr. Number {index}", role="therapist",
                    profession=("PT", "OT")[index % 2], password="-", changed_at=tx.now, on_duty_since=tx.now,
                    languages="en,fr",
                )
            )  # fmt: skip
            await tx.conn.execute(insert(web_session), [_session(tx, "desk", token, {"staff": key}, key)])
            made.append((key, token))
            tx.changed("staff", key, 1)
    return made


def _session(
    tx: Transaction, realm: str, token: str, data: dict[str, Any], staff_id: str | None = None
) -> dict[str, Any]:
    """As server/people/sessions.py keeps one."""
    return {
        "key": digest(token), "realm": realm, "staff_id": staff_id, "data": json.dumps(data),
        "created_at": tx.now, "expires_at": tx.now + timedelta(hours=12),
    }  # fmt: skip
