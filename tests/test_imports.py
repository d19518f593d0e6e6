"""Who may import whom: the rules of the house, read off the source (server/README.md explains them)."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = [path for top in ("server", "signaling") for path in sorted((ROOT / top).rglob("*.py"))]

#: Features along the patient's path, then the roles; each may import those of a lower number.
PATH = {"people": 0, "visit": 1, "form": 1, "booking": 2, "waitingroom": 3, "consultation": 4, "notes": 5}
PATH |= {"patient": 6, "guest": 6, "desk": 6, "admin": 7}
#: What a feature's files are, by their names; each imports its own kind and lower ones. All others are pure.
#: tables, store: SQL. snapshot: rows as what pages show. call: signaling's Visits on top of the store.
#: pages: what the views of several features share.
LAYERS = {"tables": 1, "passwords": 1, "store": 2, "sessions": 2, "room": 2, "presence": 2, "snapshot": 3, "call": 3}
LAYERS |= {"chat": 2, "guests": 2, "phone": 2, "quality": 2}  # stores of the consultation, one each
LAYERS |= {"actions": 2, "alerts": 2, "links": 2, "duty": 2, "absent": 2, "extras": 2, "earlier": 2, "act_views": 5}  # what staff do: stores as well
LAYERS |= {"intake": 2, "messages": 2, "nobody": 2, "waiting_views": 5}  # the patient while waiting
LAYERS |= {"pages": 4, "views": 5, "command": 5}
LAYERS |= {"checks": 2, "check_views": 5}  # the connection check
LAYERS |= {"acts": 2, "history_views": 5, "timeline_views": 5}  # the office's: what it does, its pages
LAYERS |= {"booked": 5, "reading": 2}  # the booked patient's page; appointments as they stand
#: What counts as pure outside of the features, and which files of signaling are shells.
PURE_SERVER = {"server.errors", "server.i18n", "server.ids", "server.formats", "server.config"}
SIGNALING_SHELLS = {"asking", "beside", "bus", "check", "check_client", "check_server", "directory", "hub", "pages", "post", "socket"}
SIGNALING_SHELLS |= {"relay_addresses", "relay_burst", "relay_control", "relay_server", "relay_sockets", "relay_udp"}
PURE_OTHERS = ("pydantic", "aiortc.sdp", "aioice.stun", "phonenumbers", "babel", "sqlalchemy.RowMapping", "icalendar")
IMPURE = {"asyncio", "http", "os", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time"}
IMPURE |= {"urllib"}
#: The program's own start, split in two files.
START = {"server.__main__", "server.processes"}
CLOCKS = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(")


def modules() -> Iterator[tuple[str, list[str], str]]:
    """(name, what it imports, its text) of every module; ``from a import b`` counts as ``a.b``."""
    for path in SOURCES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text()
        imported: list[str] = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                imported += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: imports are absolute here"
                imported += [f"{node.module}.{alias.name}" for alias in node.names]
        yield name, imported, text


MODULES = list(modules())


def of(target: str, package: str) -> bool:
    return target == package or target.startswith(package + ".")


def feature(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) > 2 and parts[0] == "server" and parts[1] in PATH else None


def layer(name: str) -> int:
    return LAYERS.get(name.split(".")[2], 0)


def is_pure(name: str) -> bool:
    if name.startswith("signaling."):
        return name.split(".")[1] not in SIGNALING_SHELLS
    return feature(name) is not None and layer(name) == 0


def test_every_feature_has_its_place_on_the_path() -> None:
    folders = {path.parent.name for path in (ROOT / "server").glob("*/*.py")} - {"migrations"}
    assert folders <= PATH.keys()


def test_signaling_knows_nothing_of_the_server() -> None:
    ours = [(name, target) for name, targets, _ in MODULES for target in targets if of(name, "signaling")]
    assert not [pair for pair in ours if of(pair[1], "server")]


def test_features_import_only_back_along_the_patients_path() -> None:
    wrong = []
    for name, targets, _ in MODULES:
        for target in targets:
            mine, other = feature(name), feature(target + ".")
            if mine and other and mine != other and PATH[other] >= PATH[mine]:
                wrong.append((name, target))
    assert not wrong


def test_in_a_feature_views_import_stores_and_stores_import_what_is_pure() -> None:
    wrong = []
    for name, targets, _ in MODULES:
        if feature(name):
            wrong += [(name, t) for t in targets if feature(t + ".") and layer(t + ".") > layer(name)]
    assert not wrong


def test_pure_files_import_only_pure_files_and_read_no_clock() -> None:
    wrong: list[tuple[str, str]] = []
    for name, targets, text in MODULES:
        if not is_pure(name):
            continue
        wrong += [(name, clock) for clock in CLOCKS.findall(text)]
        for target in targets:
            top = target.split(".")[0]
            if top == "signaling":
                fine = is_pure(target)
            elif top == "server":
                fine = is_pure(target + ".") or any(of(target, pure) for pure in PURE_SERVER)
            elif top in sys.stdlib_module_names:
                fine = top not in IMPURE
            else:
                fine = any(of(target, pure) for pure in PURE_OTHERS)
            if not fine:
                wrong.append((name, target))
    assert not wrong


def test_only_routes_imports_views_and_nobody_imports_the_app() -> None:
    wrong = []
    for name, targets, _ in MODULES:
        for target in targets:
            if feature(target + ".") and target.split(".")[2:3] == ["views"] and name != "server.routes":
                wrong.append((name, target))
            if of(target, "server.app") and name not in START:
                wrong.append((name, target))
    assert not wrong


def test_javascript_modules_import_the_library_and_the_library_knows_no_document() -> None:
    wrong = []
    for path in sorted((ROOT / "webclient" / "js").rglob("*.js")):
        text = path.read_text()
        in_library = path.parent.name == "lib"
        for target in re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""", text):
            if in_library and not re.fullmatch(r"\./[\w-]+\.js", target):
                wrong.append((path.name, target))
            if not target.startswith("."):
                wrong.append((path.name, target))
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
        if in_library and re.search(r"\b(?:document|window)\b", code):
            wrong.append((path.name, "document"))
    assert not wrong
