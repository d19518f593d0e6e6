"""What a form field is. No field is defined here; see ``definition``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Any, Literal

from server.form.conditions import Condition
from server.i18n import N_

#: code: one of ``options``; multi: several of them; state4: ``yes|no|unable|not_asked``; check: one box, kept
#: as ``"yes"``; date: ``YYYY-MM-DD``; time: ``HH:MM``; moment: ``YYYY-MM-DDTHH:MM`` (both the clinic's own
#: time); group: an object of ``parts``; list: objects of ``parts``, one a row.
Kind = Literal[
    "code", "multi", "state4", "check", "text", "phone", "int", "date", "time", "moment", "group", "list"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A reminder beside a field while ``when`` holds. It never changes an answer."""

    when: Condition
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``least``/``most``: code points of a text, value of an int, entries of a multi or list.

    ``show``: the field belongs to the note only while this holds; its value is kept in the draft, but does
    not count (see ``applicable``). ``required``: needed to sign, always or while a condition holds (and only
    while the field is shown). ``server``: filled by the server, never read from a browser.
    """

    id: str
    kind: Kind
    label: str
    hint: str = ""
    required: bool | Condition = False
    show: Condition | None = None
    options: tuple[Option, ...] = ()
    parts: tuple[Field, ...] = ()
    least: int | None = None
    most: int | None = None
    lines: int = 1
    compact: bool = False
    server: bool = False
    none_label: str = ""  # list or multi: the words of the box that says "none" (kept as [])
    exclusive: str = ""  # multi: the option that excludes the others
    add_label: str = ""
    start_rows: int = 1
    folded: bool = False  # the page folds it away until it has a value
    preset: str = ""  # in a new row; never for a clinical answer
    # A button that gives this answer to the parts without one, after the therapist has asked. Never for red flags.
    fill: str = ""
    fill_label: str = ""
    prompts: tuple[Prompt, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        if self.kind == "state4":
            return tuple(o.value for o in STATE4)
        return tuple(o.value for o in self.options)

    def part(self, name: str) -> Field:
        return next(p for p in self.parts if p.id == name)


@dataclass(frozen=True, slots=True)
class Section:
    """``id`` is the letter of the paper form; ``short`` is the tab's word."""

    id: str
    title: str
    short: str
    fields: tuple[Field, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class FieldError:
    """``field``: the name of the input as on the page ("B2-0-score"); ``message``: a text to translate."""

    field: str
    message: str
    params: Mapping[str, Any] = _field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    sections: tuple[Section, ...]

    def fields(self) -> Iterator[Field]:
        for section in self.sections:
            yield from section.fields

    def get(self, field_id: str) -> Field | None:
        return next((f for f in self.fields() if f.id == field_id), None)

    def has(self, field_id: str) -> bool:
        return self.get(field_id) is not None

    def section_of(self, field_id: str) -> Section | None:
        return next((s for s in self.sections if any(f.id == field_id for f in s.fields)), None)


STATE4: tuple[Option, ...] = (
    Option("no", N_("No")),
    Option("yes", N_("Yes")),
    Option("unable", N_("Can't tell")),
    Option("not_asked", N_("Not asked")),
)
YES_NO: tuple[Option, ...] = (Option("yes", N_("Yes")), Option("no", N_("No")))
