"""How the connection was, as both pages measured it: samples for the record, the newest state on the visit."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from server.consultation.chat import author
from server.consultation.tables import quality_sample
from server.db import Transaction
from server.errors import PersonError
from server.visit import store as visits
from server.visit.states import OPEN
from signaling.visits import Sample

#: a page has one row in this time: what comes sooner takes the row's place
ROW_EVERY = timedelta(seconds=5)
#: a page that says more than this is not ours; its words cost nothing
AT_MOST_EVERY = timedelta(seconds=1)
#: rows of one side: a whole visit has about 120 of them
MOST_A_SIDE = 300


async def keep(tx: Transaction, visit_id: str, role: str, page: str, sample: Sample) -> None:
    """Store a sample of this side's current page. A change of its state is told to everybody who sees the visit."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["state"] not in OPEN or row[f"{role}_page"] != page:
        raise PersonError("not_possible_now")
    c = quality_sample.c
    mine = (c.visit_id == visit_id, c.role == role)
    newest = select(quality_sample).where(*mine).order_by(c.seq.desc()).limit(1)
    last = (await tx.conn.execute(newest)).mappings().first()
    since = tx.now - last["at"] if last is not None else None
    if since is not None and since < AT_MOST_EVERY:
        return
    values: dict[str, Any] = asdict(sample)
    if last is not None and (
        (since is not None and since < ROW_EVERY)
        or int(await tx.conn.scalar(select(func.count()).where(*mine)) or 0) >= MOST_A_SIDE
    ):
        await tx.conn.execute(update(quality_sample).where(c.seq == last["seq"]).values(**values))
    else:
        await tx.conn.execute(insert(quality_sample).values(visit_id=visit_id, role=role, at=tx.now, **values))
    if row[f"{role}_quality"] != sample.state:
        told = {f"{role}_quality": sample.state}
        detail = {"role": role, "state": sample.state}
        await visits.update_row(tx, visit_id, "quality", author(row, role), detail=detail, **told)
