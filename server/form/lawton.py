"""Lawton IADL: the levels of its eight items in order, and their points (1 or 0).

The page for section H comes later; the recommendation aid already reads it. Range 0-8 for everyone: the
historical score for men, which drops three items, is not coded. "Never did this" is ``not_applicable``.
"""

from __future__ import annotations

LAWTON: dict[str, dict[str, int]] = {
    "H1": {"looks_up_and_dials": 1, "few_known_numbers": 1, "answers_only": 1, "none": 0},
    "H2": {"all": 1, "small_purchases": 0, "accompanied": 0, "unable": 0},
    "H3": {"plans_and_prepares": 1, "prepares_if_given": 0, "heats_or_inadequate": 0, "needs_meals": 0},
    "H4": {"alone_or_occasional_help": 1, "light_tasks": 1, "light_not_clean": 1, "help_with_all": 1,
           "none": 0},
    "H5": {"all": 1, "small_items": 1, "others_do_all": 0},
    "H6": {"public_or_drives": 1, "taxi": 1, "public_if_accompanied": 1, "taxi_or_car_with_help": 0,
           "none": 0},
    "H7": {"correct_doses_and_times": 1, "if_prepared": 0, "cannot": 0},
    "H8": {"independent": 1, "daily_purchases": 1, "cannot": 0},
}  # fmt: skip


def points(item: str, value: object) -> int | None:
    """1 or 0; None where the item was not answered or does not apply. Plain points ("0", 1) are taken too."""
    if isinstance(value, bool) or item not in LAWTON:
        return None
    if str(value) in ("0", "1"):
        return int(str(value))
    return LAWTON[item].get(value) if isinstance(value, str) else None
