"""A page that saves its answers without end is told to wait."""

from __future__ import annotations

import pytest

from server.errors import PersonError
from server.waitingroom.intake import MOST_SAVES, SAVES_IN_S, Pace


def test_so_many_a_minute_for_each_visit_and_none_is_kept_for_ever() -> None:
    pace = Pace()
    for n in range(MOST_SAVES):
        pace.take("a", n / 10)
    with pytest.raises(PersonError) as caught:
        pace.take("a", SAVES_IN_S - 1)
    assert caught.value.code == "too_many"
    pace.take("b", SAVES_IN_S - 1)
    pace.take("a", SAVES_IN_S)  # the first one is a minute old
    for n in range(1500):
        pace.take(f"other {n}", 1000.0 + n)
    assert len(pace._saves) < 1100
