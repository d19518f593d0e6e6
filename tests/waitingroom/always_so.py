"""What is always so in a day of the waiting room: the record, both nodes and the paper agree (test_machine.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hypothesis.stateful import invariant
from sqlalchemy import RowMapping, func, select

from server.people.tables import staff
from server.visit.states import OPEN
from server.visit.tables import visit, visit_event
from server.waitingroom.queue import Therapist, next_for
from server.waitingroom.store import away, queue
from tests.rig.wait import until
from tests.waitingroom.queue_model import (
    Node,
    Paper,
    Told,
)


class AlwaysSo(Paper):
    """The invariants."""

    # ---- what is always so

    @invariant()
    def the_record_says_what_the_paper_says(self) -> None:
        rows, logged = self.run(self.look())
        assert rows.keys() == self.book.keys(), "no one is lost, no one is there twice"
        for visit_id, row in rows.items():
            one = self.book[visit_id]
            assert (row["state"], row["therapist_id"] if one.state in OPEN else None) == (
                one.state, one.therapist if one.state in OPEN else None,
            )  # fmt: skip
            assert (row["for_staff"], row["for_profession"]) == (one.staff, one.profession)
            assert row["version"] == logged[visit_id], "every change is one version, logged once"
            assert (row["priority_at"] is not None) == (one.first is not None)
        with_one = [row["therapist_id"] for row in rows.values() if row["state"] in OPEN]
        assert None not in with_one
        assert len(with_one) == len(set(with_one)), "one therapist, one visit"
        duties = self.run(self.duties())
        assert duties == {doctor.id: doctor.duty for doctor in self.doctors}

    @invariant()
    def every_node_shows_the_order_on_the_paper(self) -> None:
        paper = [one.visit for one in self.order()]
        whom = {doctor.id: one.visit if (one := self.next_for(doctor)) else None for doctor in self.doctors}

        async def shown(node: Node) -> list[str]:
            return [one.visit for one in (await node.line()).order]

        async def look() -> None:
            for node in self.nodes:
                if not node.alive:
                    continue
                seen: list[list[str]] = []

                async def right(node: Node = node, seen: list[list[str]] = seen) -> bool:
                    seen[:] = [await shown(node)]
                    return seen[0] == paper

                try:
                    await until(right, seconds=5, every=0.002)
                except AssertionError:
                    raise AssertionError(f"node {self.nodes.index(node)} shows {seen[0]}, the paper {paper}") from None
                line = await node.line()
                assert set(line.standing) == set(paper)
                async with node.db.read() as conn:
                    now = await node.db.now()
                    record = await queue(conn, now, node.settings.visit_seconds, node.settings.wrap_up_seconds)
                    gone = await away(conn, now, timedelta(seconds=node.settings.away_seconds))
                assert [one.visit for one in record.order] == paper
                places = {one: standing.place for one, standing in line.standing.items()}
                assert places == {one: standing.place for one, standing in record.standing.items()}
                assert set(gone) & set(paper) == {one.visit for one in self.order() if self.is_away(one)}
                for doctor in self.doctors:
                    me = Therapist(doctor.id, doctor.profession, frozenset(doctor.languages))
                    found = next_for(me, line.order, gone)
                    assert (found.visit if found else None) == whom[doctor.id]

        self.run(look())

    @invariant()
    def nobody_who_stayed_has_somebody_new_ahead_without_a_reason(self) -> None:
        """Told by the record alone: the order that a node shows, and the rows, at two looks one after the other."""
        node = self.living(0)

        async def look() -> Told:
            line = await node.line()
            return Told([one.visit for one in line.order], await self.rows(), await node.db.now())

        before, after = self.told, self.run(look())
        self.told = after
        for me in set(before.order) & set(after.order):
            was_ahead = before.order[: before.order.index(me)]
            for other in after.order[: after.order.index(me)]:
                if other not in was_ahead:
                    assert reason(me, other, before, after), f"{other} is ahead of {me} for no reason"

    async def rows(self) -> Mapping[str, RowMapping]:
        async with self.living(0).db.read() as conn:
            found = (await conn.execute(select(visit).where(visit.c.id.in_(self.book)))).mappings().all()
        assert len(found) == len({row["id"] for row in found})
        return {row["id"]: row for row in found}

    async def look(self) -> tuple[Mapping[str, RowMapping], dict[str, int]]:
        async with self.living(0).db.read() as conn:
            counted = select(visit_event.c.visit_id, func.count()).group_by(visit_event.c.visit_id)
            events = await conn.execute(counted.where(visit_event.c.visit_id.in_(self.book)))
            return await self.rows(), {row[0]: row[1] for row in events}

    async def duties(self) -> dict[str, str]:
        async with self.living(0).db.read() as conn:
            rows = await conn.execute(select(staff.c.id, staff.c.duty, staff.c.on_duty_since))
        return {row.id: row.duty if row.on_duty_since else "off" for row in rows}


def reason(me: str, other: str, before: Told, after: Told) -> bool:
    """Whether ``other`` may be ahead of ``me`` now, and was not."""
    mine, theirs = after.rows[me], after.rows[other]
    was_there = other in before.order
    if mine["priority_at"] != before.rows[me]["priority_at"]:
        return True  # mine was taken back
    if theirs["priority_at"] and not (was_there and before.rows[other]["priority_at"]):
        return True  # staff put them first, or they had been and are back
    if theirs["due_at"] and theirs["due_at"] <= after.at and not (was_there and theirs["due_at"] <= before.at):
        return True  # their slot has come, or they have
    if mine["due_at"] and mine["due_at"] > after.at:
        return True  # I am early
    return not was_there and bool(theirs["arrived_at"] < mine["arrived_at"])  # they are back, and had come before me
