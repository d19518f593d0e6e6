"""Charts as geometry: a template draws them as SVG, so they need no script and no inline style. Pure.

A series is told from another by its shape or pattern; its colour only adds. All lengths are in the drawing's units,
``WIDTH`` by ``HEIGHT``; on a phone one unit is about a pixel, so that the words stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

WIDTH, HEIGHT = 400, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 24
#: labels under the drawing: more would touch each other
MOST_LABELS = 5

Shape = Literal["circle", "triangle", "square"]


@dataclass(frozen=True, slots=True)
class Series:
    """One value a place on the axis; None: nothing there. ``kind`` names its look in the style sheet."""

    name: str
    kind: str
    values: Sequence[float | None]
    shape: Shape = "circle"


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    words: str
    width: float = 0
    height: float = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series as it is drawn: marks at its values, and a line through those that follow each other."""

    name: str
    kind: str
    shape: Shape
    marks: Sequence[Mark]
    line: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """``ticks``: (y, words); ``labels``: (x, words); ``limit``: (y, words) of a line to compare with."""

    series: Sequence[Drawn]
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]
    limit: tuple[float, str] | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Axis:
    """What stands along the bottom: a short word for each place, and a longer one for what a mark says."""

    short: Sequence[str]
    long: Sequence[str] = field(default_factory=tuple)

    def words(self, index: int, series: Series, value: float) -> str:
        return f"{(self.long or self.short)[index]}: {series.name} {number(value)}"


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def nice_top(most: float) -> float:
    """The axis' end: 1, 2 or 5 times a power of ten, four steps of which reach over the highest value."""
    if most <= 0:
        return 4
    step = most / 4
    power = 10.0 ** math.floor(math.log10(step))
    return float(next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= step - 1e-9) * 4)


def _ticks(top: float) -> list[tuple[float, str]]:
    return [(_y(top * n / 4, top), number(top * n / 4)) for n in range(5)]


def _y(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(value, top) / top, 1)


def _places(count: int) -> list[float]:
    """The middle of each place along the axis."""
    step = (WIDTH - LEFT - RIGHT) / max(count, 1)
    return [round(LEFT + step * (n + 0.5), 1) for n in range(count)]


def _labels(axis: Axis) -> list[tuple[float, str]]:
    count = len(axis.short)
    every = max(1, math.ceil(count / MOST_LABELS))
    return [(x, axis.short[n]) for n, x in enumerate(_places(count)) if n % every == 0 and axis.short[n]]


def whole_top(most: float) -> float:
    """As :func:`nice_top`, for things that are counted: its quarters are whole numbers."""
    top = nice_top(most)
    return top if top >= 4 and top % 4 == 0 else max(4.0, math.ceil(top / 4) * 4.0)


def lines(axis: Axis, series: Sequence[Series], limit: tuple[float, str] | None = None) -> Chart:
    """Marks and a line through them; a day without a value leaves a gap that the line goes over."""
    most = max([value for one in series for value in one.values if value is not None] + [limit[0] if limit else 0])
    top = nice_top(most)
    xs = _places(len(axis.short))
    drawn = []
    for one in series:
        marks = [
            Mark(x, _y(value, top), axis.words(n, one, value))
            for n, (x, value) in enumerate(zip(xs, one.values, strict=True))
            if value is not None
        ]
        drawn.append(Drawn(one.name, one.kind, one.shape, marks, " ".join(f"{mark.x},{mark.y}" for mark in marks)))
    return Chart(drawn, _ticks(top), _labels(axis), (_y(limit[0], top), limit[1]) if limit else None)


def bars(axis: Axis, series: Sequence[Series]) -> Chart:
    """Bars, the series on top of each other."""
    count = len(axis.short)
    top = whole_top(max([sum(one.values[n] or 0 for one in series) for n in range(count)] + [0]))
    width = round((WIDTH - LEFT - RIGHT) / max(count, 1) * 0.72, 1)
    below = [0.0] * count
    drawn = []
    for one in series:
        marks = []
        for n, x in enumerate(_places(count)):
            value = one.values[n] or 0
            if not value:
                continue
            y, foot = _y(below[n] + value, top), _y(below[n], top)
            marks.append(
                Mark(round(x - width / 2, 1), y, axis.words(n, one, value), width, round(max(foot - y, 0.5), 1))
            )
            below[n] += value
        drawn.append(Drawn(one.name, one.kind, "square", marks))
    return Chart(drawn, _ticks(top), _labels(axis))


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: int
    percent: int
    y: float
    width: float


ROW_HEIGHT = 26


def rows(values: Sequence[tuple[str, int]], width: float = 200) -> list[Row]:
    """Bars that lie, one below the other, each with its name and number; ``width`` is that of the longest."""
    most = max([value for _, value in values] + [1])
    total = sum(value for _, value in values)
    return [
        Row(name, value, round(100 * value / total) if total else 0, n * ROW_HEIGHT, round(width * value / most, 1))
        for n, (name, value) in enumerate(values)
    ]
