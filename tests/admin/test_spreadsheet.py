"""A CSV file that a spreadsheet opens, and that opens nothing in the spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.admin.spreadsheet import harmless, to_csv

FORMULAS = (
    "=1+1", "=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1",
    "=cmd|' /C calc'!A0", "\uff1d1", "-2+3+cmd|' /C calc'!A0",
)  # fmt: skip


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(text: str) -> None:
    ((cell,),) = read(to_csv([text], []))
    assert cell == "'" + text
    ((_,), (cell,)) = read(to_csv(["x"], [[text]]))
    assert cell == "'" + text


def test_numbers_stay_numbers() -> None:
    data = to_csv(["n"], [[-5], [1.25], [-0.5], [None, 1], ['Élise, "PT"\nToronto']])
    assert data == b"\xef\xbb\xbfn\r\n-5\r\n1.25\r\n-0.5\r\n,1\r\n" + '"Élise, ""PT""\nToronto"\r\n'.encode()


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=4)))
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    assert read(to_csv(["a", "b"], rows))[1:] == [[harmless(cell) for cell in row] for row in rows]
    for row in read(to_csv(["a", "b"], rows)):
        assert not any(cell.lstrip(" \u00a0").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
