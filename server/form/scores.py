"""Scores that the form shows. They are shown as numbers, without bands, and no rule reads them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from server.form.applicable import KATZ_ITEMS


def psfs_mean(document: Mapping[str, Any]) -> Decimal | None:
    """B3: sum of the scores over their count, one decimal, half up (Stratford 1995). None without a score."""
    rows = document.get("B2")
    scores = [
        row["score"]
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and type(row.get("score")) is int and 0 <= row["score"] <= 10
    ]
    if not scores:
        return None
    return (Decimal(sum(scores)) / len(scores)).quantize(Decimal("0.1"), ROUND_HALF_UP)


def katz(document: Mapping[str, Any]) -> tuple[int | None, int]:
    """(total 0-6, how many of the six are answered). No total until all six are 0 or 1 (Rush rule)."""
    if document.get("G0") == "no":
        return 6, 6
    points = [int(str(document[i])) for i in KATZ_ITEMS if str(document.get(i)) in ("0", "1")]
    return (sum(points) if len(points) == len(KATZ_ITEMS) else None), len(points)
