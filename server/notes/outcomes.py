"""What a signed note came to, as one code: for counting, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.form.applicable import is_not_completed

#: the values of N1, and what has none
KINDS = (
    "pt", "ot", "combined", "urgent_referral", "in_person_assessment", "none_self_care", "not_completed", "other",
)  # fmt: skip


def kind_of(document: Mapping[str, Any]) -> str:
    """One of ``KINDS``. ``document``: as it was signed."""
    if is_not_completed(document):
        return "not_completed"
    chosen = document.get("N1")
    return chosen if chosen in KINDS else "other"
