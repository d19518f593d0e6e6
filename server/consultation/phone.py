""" "Continue by phone": the picture did not carry it, the visit and its clock go on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping

from server.consultation import chat, store
from server.db import Transaction
from server.errors import PersonError
from server.visit import store as visits
from server.visit.states import State
from server.visit.tables import visit


async def switch(tx: Transaction, visit_id: str, role: str, page: str, on: bool) -> RowMapping:
    """By phone, or back to the picture, as either side's current page says. Twice is the same as once.

    Time by phone is never lost time: a loss that runs ends here, and begins anew when they come back without a picture.
    """
    row = await visits.by_id(tx.conn, visit_id, lock=True)
    if row is None or row["state"] != State.IN_SESSION or row[f"{role}_page"] != page:
        raise PersonError("not_possible_now")
    if (row["phone_since"] is not None) == on:
        return row
    values: dict[str, Any] = {"phone_since": tx.now if on else None}
    if on:
        values |= {"phone_fallback": True, **store.lost_time(row, True, tx.now)}
    else:
        both = row["patient_media"] == row["therapist_media"] == "connected"
        values |= store.lost_time({**row, "phone_since": None}, both, tx.now)
    unchanged = visit.c.phone_since.is_(None) if on else visit.c.phone_since.is_not(None)
    name = "phone_fallback" if on else "back_to_video"
    actor = chat.author(row, role)
    return await visits.update_row(tx, visit_id, name, actor, conditions=[unchanged], detail={"role": role}, **values)
