"""What a patient's page shows of the visit: as a page's context and as a live snapshot, from the same function."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping

from server.waitingroom.store import Queue


def visit_data(row: RowMapping, queue: Queue, *, summary: bool) -> dict[str, Any]:
    """``row``: a visit with its therapist's name. ``summary``: the note is signed.

    No name, no length of others: a place and a range."""
    place = queue.place(row["id"])
    wait = queue.waits[place - 1] if place else None
    return {
        "state": row["state"],
        "place": place,
        "wait_min": wait[0] if wait else None,
        "wait_max": wait[1] if wait else None,
        "on_duty": queue.on_duty > 0,
        "therapist_name": row["therapist_name"],
        "end_reason": row["end_reason"],
        "after": {"summary": summary},
    }
