"""What the staff's boards hold of a long queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.boards import HEAD, OWN, shown
from server.waitingroom.queue import Waiting

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def waiting(number: int, staff: str | None = None, profession: str | None = None) -> list[Waiting]:
    name = f"{staff or profession or 'pool'}-"
    return [
        Waiting(f"{name}{n}", NOON + timedelta(seconds=n), staff=staff, profession=profession) for n in range(number)
    ]


def test_a_short_queue_is_shown_whole() -> None:
    order = [*waiting(30), *waiting(30, staff="li")]
    assert shown(order, ()) == [one.visit for one in order]


def test_of_a_long_one_the_first_and_the_first_of_each_viewers_own() -> None:
    """Who waits for Dr Li alone is on Dr Li's page, however many wait for anybody."""
    order = [*waiting(5000), *waiting(200, staff="li"), *waiting(200, staff="okafor"), *waiting(200, profession="OT")]
    found = shown(order, {"li"})
    assert found[:HEAD] == [f"pool-{n}" for n in range(HEAD)]
    french = [Waiting(f"fr-{n}", NOON + timedelta(days=1), language="fr") for n in range(9)]
    assert shown([*order, *french], {"li"})[-9:] == [one.visit for one in french], "who may be the next of somebody"
    assert found[HEAD:] == [f"li-{n}" for n in range(OWN)] + [f"OT-{n}" for n in range(OWN)]
