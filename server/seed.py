"""A small invented clinic, for the first look. Never in production."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import update

from server.db import Database
from server.people.store import Role, create_staff, demo_accounts
from server.people.tables import staff

DEMO_PASSWORD = "alder street demo"  # noqa: S105 (printed at every start, refused in production)


class Person(NamedTuple):
    username: str
    name: str
    role: Role
    profession: str | None
    registration: str | None
    languages: str = "en,fr"
    language: str = "en"


PEOPLE = (
    Person("li", "Dr. Mei Li", "therapist", "PT", "PT-20417"),
    Person("okafor", "Samuel Okafor", "therapist", "PT", "PT-18832", "en"),
    Person("tremblay", "Élise Tremblay", "therapist", "OT", "OT-07315", "en,fr", "fr"),
    Person("haddad", "Nora Haddad", "therapist", "OT", "OT-09946", "en"),
    Person("reception", "Rosa Marchetti", "front_desk", None, None),
    Person("admin", "Priya Raman", "admin", None, None),
)


async def seed(db: Database) -> bool:
    """Make the clinic's people, once. False when they are there already."""
    async with db.read() as conn:
        if await demo_accounts(conn):
            return False
    async with db.write() as tx:
        for person in PEOPLE:
            staff_id = await create_staff(
                tx, username=person.username, name=person.name, role=person.role, profession=person.profession,
                registration=person.registration, language=person.language, password=DEMO_PASSWORD, demo=True,
            )  # fmt: skip
            await tx.conn.execute(
                update(staff)
                .where(staff.c.id == staff_id)
                .values(languages=person.languages, email=f"{person.username}@example.ca")
            )
    return True
