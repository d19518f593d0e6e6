"""What patients answer while they wait, in the record: one document a visit, in the ids of the note form."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access, Actor, access
from server.db import Database, Transaction
from server.errors import PersonError
from server.form.questions import answered, merge
from server.form.readable import Value, readable
from server.visit import store as visits
from server.visit.states import OPEN, State
from server.waitingroom.tables import intake

#: the last words may arrive when the therapist has admitted already
WRITABLE = frozenset({State.BOOKED, State.CHECKING, State.WAITING, *OPEN})


@dataclass(frozen=True, slots=True)
class Intake:
    """``version`` 0: nothing saved yet."""

    version: int
    document: dict[str, Any]
    saved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Saved:
    """``replaced``: what another window had saved and this one has just overwritten, by field."""

    version: int
    document: dict[str, Any]
    at: datetime
    merged: bool
    replaced: dict[str, Any]


EMPTY = Intake(0, {}, None)
#: saves of one visit that a node takes; a page of ours saves a few times a minute
MOST_SAVES, SAVES_IN_S = 60, 60.0


class Pace:
    """A page that saves without end is told to wait. In a node's memory; ``now``: seconds of any clock that goes on."""

    def __init__(self) -> None:
        self._saves: dict[str, deque[float]] = {}

    def take(self, visit_id: str, now: float) -> None:
        """Raises "too_many"."""
        if len(self._saves) > 1000:
            self._saves = {key: at for key, at in self._saves.items() if at[-1] > now - SAVES_IN_S}
        saves = self._saves.setdefault(visit_id, deque())
        while saves and saves[0] <= now - SAVES_IN_S:
            saves.popleft()
        if len(saves) >= MOST_SAVES:
            raise PersonError("too_many")
        saves.append(now)


async def row_of(conn: AsyncConnection, visit_id: str) -> RowMapping | None:
    return (await conn.execute(select(intake).where(intake.c.visit_id == visit_id))).mappings().first()


async def of_visits(conn: AsyncConnection, ids: Collection[str]) -> dict[str, RowMapping]:
    """The sealed answers of these visits; one query. ``opened`` opens one."""
    if not ids:
        return {}
    rows = (await conn.execute(select(intake).where(intake.c.visit_id.in_(ids)))).mappings()
    return {row["visit_id"]: row for row in rows}


async def newest(conn: AsyncConnection, since: datetime) -> list[tuple[str, int]]:
    """``(visit, version)`` of what was saved since then."""
    rows = await conn.execute(select(intake.c.visit_id, intake.c.version).where(intake.c.saved_at > since))
    return [(str(visit_id), int(version)) for visit_id, version in rows]


def opened(door: Access, row: RowMapping | None) -> Intake:
    """``door``: the caller's audited access to the visit."""
    if row is None:
        return EMPTY
    document = json.loads(door.open(intake.c.document, row["visit_id"], row["document"]))
    return Intake(row["version"], document, row["saved_at"])


async def save(
    db: Database,
    tx: Transaction,
    visit_id: str,
    base_version: int,
    sent: Mapping[str, Any],
    touched: Iterable[str],
) -> Saved:
    """Keep what a page of the patient holds. ``base_version``: what it was typed on; ``touched``: the fields that were
    answered there since.

    Two windows lose nothing: an answer that was given only in the other one stays; of one that was given in both the
    newest counts, and the other is handed back in ``replaced``. The same save twice is one. Raises "not_possible_now"
    when the visit is over.
    """
    found = await visits.by_id(tx.conn, visit_id)
    if found is None:
        raise PersonError("no_such_visit")
    patient = Actor("patient", found["patient_id"])
    door = await access(db, tx, patient, "change", "intake", visit_id, subject=found["patient_id"])
    found = await visits.by_id(tx.conn, visit_id, lock=True)  # two windows take turns
    if found is None or found["state"] not in WRITABLE:
        raise PersonError("not_possible_now")
    row = await row_of(tx.conn, visit_id)
    before = opened(door, row)
    document, replaced = merge(before.document, sent, touched)
    merged = before.version != base_version and before.document != {}
    if before.version and document == before.document:
        assert before.saved_at is not None
        return Saved(before.version, document, before.saved_at, merged, {})
    version = before.version + 1
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    values = {"document": door.seal(intake.c.document, visit_id, text), "version": version, "saved_at": tx.now}
    if row is None:
        await tx.conn.execute(insert(intake).values(visit_id=visit_id, **values))
    else:
        await tx.conn.execute(update(intake).where(intake.c.visit_id == visit_id).values(**values))
    tx.changed("intake", visit_id, version)
    return Saved(version, document, tx.now, merged, replaced if merged else {})


@dataclass(frozen=True, slots=True)
class Short:
    """What the queue shows of the answers. ``goal``: the patient's words; ``pain``: 0 to 10, or None; ``places`` and
    ``conditions``: message ids to translate; ``help``: None: not said; ``steps``: how many are answered."""

    goal: str
    pain: int | None
    places: tuple[str, ...]
    conditions: tuple[str, ...]
    help: bool | None
    steps: int


def short(document: Mapping[str, Any]) -> Short:
    """The answers in the fewest words; the note has them all."""
    lines = {line.id: line.entries for part in readable(document) for line in part.lines}
    pain = document.get("C2", {}).get("now") if document.get("C1") == "yes" else None
    needs = {"yes": True, "no": False}.get(str(document.get("G0")))
    goal = document.get("B4") or next((row.get("activity", "") for row in document.get("B2", ())), "")
    return Short(
        goal=str(goal),
        pain=pain if isinstance(pain, int) else None,
        places=_labels(lines.get("C3", ())),
        conditions=_labels(lines.get("E1", ())),
        help=needs,
        steps=answered(document),
    )


def _labels(entries: Iterable[tuple[Value, ...]]) -> tuple[str, ...]:
    """The first word of each row: the place, the condition."""
    return tuple(entry[0].text for entry in entries if entry and entry[0].translate)
