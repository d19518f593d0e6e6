"""A small invented clinic, for the first look. Never in production."""

from __future__ import annotations

from typing import NamedTuple

from server.db import Database
from server.people.store import Role, create_staff, demo_accounts

DEMO_PASSWORD = "alder street demo"  # noqa: S105 (printed at every start, refused in production)


class Person(NamedTuple):
    username: str
    name: str
    role: Role
    profession: str | None
    registration: str | None


PEOPLE = (
    Person("li", "Dr. Mei Li", "therapist", "PT", "PT-20417"),
    Person("okafor", "Samuel Okafor", "therapist", "PT", "PT-18832"),
    Person("tremblay", "Élise Tremblay", "therapist", "OT", "OT-07315"),
    Person("haddad", "Nora Haddad", "therapist", "OT", "OT-09946"),
    Person("admin", "Priya Raman", "admin", None, None),
)


async def seed(db: Database) -> bool:
    """Make the clinic's people, once. False when they are there already."""
    async with db.read() as conn:
        if await demo_accounts(conn):
            return False
    async with db.write() as tx:
        for person in PEOPLE:
            await create_staff(tx, **person._asdict(), password=DEMO_PASSWORD, demo=True)
    return True
