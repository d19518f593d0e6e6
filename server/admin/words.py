"""Dates and amounts as the office's pages write them. Pure."""

from __future__ import annotations

from datetime import date, datetime

_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FR = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc.")


def short_date(day: date, lang: str) -> str:
    """``Nov 3``, in French ``3 nov.``"""
    return f"{day.day}\u00a0{_FR[day.month - 1]}" if lang == "fr" else f"{_EN[day.month - 1]}\u00a0{day.day}"


def minutes(seconds: float | None, lang: str) -> str:
    """Minutes with one decimal; a dash for none."""
    return "–" if seconds is None else decimal(seconds / 60, lang)


def decimal(value: float, lang: str) -> str:
    text = f"{value:.1f}"
    return text.replace(".", ",") if lang == "fr" else text


def amount(seconds: float) -> tuple[int, int, int]:
    """Hours, minutes, seconds."""
    whole = max(0, round(seconds))
    return whole // 3600, whole // 60 % 60, whole % 60


def stopwatch(seconds: float) -> str:
    """``0:05``, ``12:30``, ``1:02:03``: how long something took."""
    hours, rest, last = amount(seconds)
    return f"{hours}:{rest:02}:{last:02}" if hours else f"{rest}:{last:02}"


def minutes_since(since: str, now: str) -> int:
    """Whole minutes between two instants as pages have them (ISO 8601), never negative. The script says the same."""
    return max(0, int((datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds() // 60))
