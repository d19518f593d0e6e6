"""Every event that the code writes has words, in both languages."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

from server.admin.timeline import WORDS
from server.i18n import translator
from server.visit.states import Event
from signaling.visits import MediaState

ROOT = Path(__file__).parent.parent.parent
#: calls that write an event: the places where its name may stand among the arguments
WRITERS = {"update_row": (2,), "_log": (2, 3)}


def names_of(node: ast.expr, function: ast.AST) -> set[str]:
    """The texts that an expression can be, as far as its function says; nothing for a function's own parameter."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.IfExp):
        return names_of(node.body, function) | names_of(node.orelse, function)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
        assert parts == ["media_", "*"], f"an event's name is put together at line {node.lineno}"
        return {f"media_{state}" for state in get_args(MediaState)}
    if not isinstance(node, ast.Name):  # str(event): the table of states has it
        return set()
    found: set[str] = set()
    for step in ast.walk(function):
        targets = step.targets if isinstance(step, ast.Assign) else []
        if any(node.id in {name.id for name in ast.walk(t) if isinstance(name, ast.Name)} for t in targets):
            assert isinstance(step, ast.Assign)
            found |= texts(step.value)
    return found


def texts(value: ast.expr) -> set[str]:
    """What may become the name: a text, one of two, or the first of a pair; the keys of a detail are none."""
    if isinstance(value, ast.Tuple):
        return texts(value.elts[0])
    if isinstance(value, ast.IfExp):
        return texts(value.body) | texts(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def written() -> dict[str, str]:
    """{event: where}."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "server").rglob("*.py")):
        if path.name == "seed_month.py":  # a copy of what the others write
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for call in ast.walk(function):
                if not isinstance(call, ast.Call):
                    continue
                called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                for place in WRITERS.get(called, ()):
                    for name in names_of(call.args[place], function) if len(call.args) > place else ():
                        found[name] = f"{path.relative_to(ROOT)}:{call.lineno}"
    return found


def test_every_event_that_is_written_has_words() -> None:
    found = written()
    assert len(found) > 25, "the search is broken"
    assert {
        "created",
        "media_connected",
        "media_lost",
        "phone_fallback",
        "held",
        "released",
        "guest_joined",
    } <= found.keys()
    missing = {name: where for name, where in found.items() if name not in WORDS}
    assert missing == {}
    assert {str(event) for event in Event} - WORDS.keys() == set()


def test_the_words_are_french_too() -> None:
    french = translator("fr")
    for words in WORDS.values():
        assert french(words) != words or words in {"Message"}, words
