"""Conditions as data: "shown when", "required when". Evaluated here and, from the same JSON, in the browser.

A path names a value of the document: ``C1`` (a field), ``A4.given_by`` (a part of a group),
``E1[].condition`` (that part of any row of a list), ``.condition`` (a sibling in the same row or group).
``X[]`` alone is the list itself as codes (a multi-choice field gives its codes the same way with ``X``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Is:
    """Any value at ``path`` is one of ``values``. A four-state item that is absent reads as ``not_asked``."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Any whole number at ``path`` is ``least`` or more."""

    path: str
    least: int


@dataclass(frozen=True, slots=True)
class Filled:
    """Something is written at ``path`` (an empty list counts as filled: it says "none")."""

    path: str


@dataclass(frozen=True, slots=True)
class Same:
    """The same phone number stands at both paths (compared by its last ten digits)."""

    path: str
    other: str


@dataclass(frozen=True, slots=True)
class Any_:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: Condition


Condition = Is | AtLeast | Filled | Same | Any_ | All | Not


def look_up(document: Document, path: str, row: Mapping[str, Any] | None = None) -> list[Any]:
    """Every value at ``path``; an absent one gives nothing. Lists of codes are flattened."""
    if path.startswith("."):
        values = [row.get(path[1:])] if row is not None else []
    elif "[]." in path:
        name, part = path.split("[].", 1)
        rows = document.get(name)
        values = [r.get(part) for r in rows if isinstance(r, Mapping)] if isinstance(rows, list) else []
    elif "." in path:
        name, part = path.split(".", 1)
        group = document.get(name)
        values = [group.get(part)] if isinstance(group, Mapping) else []
    else:
        values = [document.get(path)]
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list):
            flat.extend(v for v in value if isinstance(v, str))
        elif value is not None:
            flat.append(value)
    return flat


def _filled(document: Document, path: str, row: Mapping[str, Any] | None) -> bool:
    if path.endswith("[]"):
        return isinstance(document.get(path[:-2]), list)
    return any(v not in ("", "not_asked") for v in look_up(document, path, row))


def holds(condition: Condition, document: Document, row: Mapping[str, Any] | None = None) -> bool:
    match condition:
        case Is(path, values):
            found = look_up(document, path, row)
            if not found:
                return "not_asked" in values
            return any(str(v) in values for v in found if not isinstance(v, Mapping))
        case AtLeast(path, least):
            return any(isinstance(n, int) and n >= least for n in (_number(v) for v in look_up(document, path, row)))
        case Filled(path):
            return _filled(document, path, row)
        case Same(path, other):
            numbers = [[_digits(v) for v in look_up(document, p, row)] for p in (path, other)]
            return any(n and n in numbers[1] for n in numbers[0])
        case Any_(of):
            return any(holds(c, document, row) for c in of)
        case All(of):
            return all(holds(c, document, row) for c in of)
        case Not(of=inner):
            return not holds(inner, document, row)


def _digits(value: Any) -> str:
    return "".join(c for c in str(value) if c.isascii() and c.isdigit())[-10:]


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return None


def as_json(condition: Condition) -> list[Any]:
    """For the page: ``["is", path, [values]]``, ``["atLeast", path, n]``, ``["any", …]`` and so on."""
    match condition:
        case Is(path, values):
            return ["is", path, list(values)]
        case AtLeast(path, least):
            return ["atLeast", path, least]
        case Filled(path):
            return ["filled", path]
        case Same(path, other):
            return ["same", path, other]
        case Any_(of):
            return ["any", *(as_json(c) for c in of)]
        case All(of):
            return ["all", *(as_json(c) for c in of)]
        case Not(of=inner):
            return ["not", as_json(inner)]
