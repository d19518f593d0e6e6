"""What only the office does with a visit: end a session that runs, and say that somebody was called back."""

from __future__ import annotations

from server.audit import Actor
from server.consultation import store as consultation
from server.db import Transaction
from server.errors import PersonError
from server.visit import store as visits
from server.visit.states import OPEN, OVER

END_REASON = "office"


async def end_session(tx: Transaction, visit_id: str, actor: Actor) -> None:
    """Ended for both sides at once; the therapist writes the note as after any visit. Twice is the same as once."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    if row["state"] in OVER and row["end_reason"] == END_REASON:
        return
    if row["state"] not in OPEN:
        raise PersonError("not_possible_now")
    await consultation.end(tx, visit_id, actor, END_REASON)


async def called(tx: Transaction, visit_id: str, actor: Actor) -> None:
    """Somebody has called who asked for a call. Twice is the same as once."""
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None:
        raise PersonError("no_such_visit")
    if row["called_back_at"] is not None:
        return
    if row["call_back_at"] is None:
        raise PersonError("not_possible_now")
    await visits.update_row(tx, visit_id, "called_back", actor, called_back_at=tx.now)
