"""The docs say what is true: every setting, every message, every module that a template names."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest

from server.config import PREFIX, Settings
from server.visit.states import diagram
from signaling import messages

ROOT = Path(__file__).parent.parent


def settings_table() -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in ("", None) else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def test_readme_lists_every_setting() -> None:
    assert settings_table() in (ROOT / "README.md").read_text()


def test_docs_draw_the_states_from_the_table() -> None:
    assert diagram() in (ROOT / "docs" / "visit.md").read_text()


def _members(union: object) -> typing.Iterable[typing.Any]:
    """The types in ``A | B`` or ``Annotated[A | B, …]``."""
    inner = typing.get_args(union)[0] if typing.get_origin(union) is typing.Annotated else union
    return typing.get_args(inner)


def test_protocol_names_every_message() -> None:
    prose = (ROOT / "signaling" / "protocol.md").read_text()
    named = set(re.findall(r"\*\*`(\w+)`\*\*", prose))
    sent = [*_members(messages.PageMessage), *_members(messages.ServerMessage)]
    types = {typing.get_args(one.model_fields["type"].annotation)[0] for one in sent}
    assert types == named


@pytest.mark.parametrize("template", sorted((ROOT / "webclient" / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_modules_in_templates_exist(template: Path) -> None:
    for name in re.findall(r'data-module="([\w-]+)"', template.read_text()):
        assert (ROOT / "webclient" / "js" / "modules" / f"{name}.js").exists(), name


if __name__ == "__main__":  # the table, to paste into the README
    print(settings_table())
