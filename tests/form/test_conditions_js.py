"""The page decides by the same data as the server: js/lib/conditions.js against server/form/conditions.py."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.form.page import FieldView, page_model
from server.form.validate import Context
from tests.form.test_parse import TODAY, controls
from tests.notes.cases import conditions, note
from tests.notes.filled import complete

LIB = Path(__file__).parents[2] / "webclient" / "js" / "lib" / "conditions.js"
SCRIPT = """
import { readFileSync } from "node:fs";
const { holds, valuesOf } = await import(process.argv[1]);
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(({ sent, asked }) => {
  const values = valuesOf(sent);
  return asked.map(([name, show]) => [name, !holds(show, values, name.replace(/-[^-]*$/, ""))]);
})));
"""

DOCUMENTS: list[dict[str, Any]] = [
    {},
    complete(),
    complete(A1="in_person", C1="no", J1=["memory"], K3_unsafe="yes", F5=3, A10="no", G0="yes", G5="0"),
    complete(A6={"country": "US", "city": "Buffalo"}, A8={"declined": "yes"}, A4={"given_by": "sdm"}, N1=None),
    complete(A8={"name": "Me", "phone": "+14165550123"}, N1="combined", N2="ot_then_pt", N6=["other"], N5=["other"]),
    complete(D6="yes", D6_nerve="yes", D8="unable", N1="pt", C4={"kind": "post_trauma", "date": "2026-11-01"}),
    complete(N8={"none_needed": "yes"}, N11={"done": "no"}, N12={"leaves": "yes"}, N0={"reason": "technical"}),
    note(conditions("carpal_tunnel", "other"), D2="yes", D15={"level": "E"}, I1={"writing": "2"}, F4="fair"),
    note(A9=[{"name": "Ivo"}], F1_not_indicated="no", F2_not_indicated="no", C8={"radiates": "yes"}, C1="yes"),
]


def shown(view: FieldView) -> Iterator[tuple[str, str, bool]]:
    if view.show:
        yield view.name, view.show, view.hidden
    for part in (*view.parts, *(p for row in view.rows for p in row)):
        yield from shown(part)


def test_the_page_and_the_server_hide_the_same() -> None:
    cases: list[dict[str, Any]] = []
    expected: list[list[tuple[str, bool]]] = []
    for document in DOCUMENTS:
        model = page_model(document, context=Context(TODAY.today))
        views = [v for s in model.sections for v in s.fields]
        found = [*(f for v in views for f in shown(v)), *((p.level, p.show, p.hidden) for p in model.panels)]
        sent = [pair for v in views for pair in controls(v)]
        cases.append({"sent": sent, "asked": [[name, json.loads(show)] for name, show, _ in found]})
        expected.append([(name, hidden) for name, _, hidden in found])
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, LIB.as_uri()],
        input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert [[tuple(one) for one in case] for case in json.loads(ran.stdout)] == expected
    assert sum(hidden for case in expected for _, hidden in case) > 50
