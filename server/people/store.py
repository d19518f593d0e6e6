"""Staff and patients in the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Access
from server.db import Transaction
from server.ids import digest, new_id
from server.people.passwords import hash_password
from server.people.tables import patient, sign_in_try, staff

Role = Literal["therapist", "front_desk", "admin"]
TRY_LIMIT = 10
TRY_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Staff:
    """A signed-in or listed member of staff. Nothing of it is secret."""

    id: str
    username: str
    name: str
    role: str
    profession: str | None
    registration: str | None
    language: str
    on_duty_since: datetime | None
    duty: str
    languages: str
    version: int

    @classmethod
    def of(cls, row: RowMapping) -> Staff:
        return cls(**{name: row[name] for name in cls.__slots__})


async def create_staff(
    tx: Transaction,
    *,
    username: str,
    name: str,
    role: Role,
    password: str,
    profession: str | None = None,
    registration: str | None = None,
    language: str = "en",
    demo: bool = False,
) -> str:
    """A new account; its id. The username must be free (IntegrityError otherwise); one that was removed is."""
    staff_id = new_id()
    username = username.casefold()
    # notes, visits and the audit name an account by its id, so a name can be given again; the old row gets another
    await tx.conn.execute(
        update(staff)
        .where(staff.c.username == username, staff.c.active.is_(False))
        .values(username=username[:40] + "~" + staff.c.id, version=staff.c.version + 1, changed_at=tx.now)
    )
    await tx.conn.execute(
        insert(staff).values(
            id=staff_id,
            username=username,
            name=name,
            role=role,
            profession=profession,
            registration=registration,
            language=language,
            demo=demo,
            password=hash_password(password),
            changed_at=tx.now,
        )
    )
    return staff_id


async def staff_by_username(conn: AsyncConnection, username: str) -> RowMapping | None:
    query = select(staff).where(staff.c.username == username.casefold(), staff.c.active)
    return (await conn.execute(query)).mappings().first()


async def staff_by_id(conn: AsyncConnection, staff_id: str) -> Staff | None:
    row = (await conn.execute(select(staff).where(staff.c.id == staff_id, staff.c.active))).mappings().first()
    return Staff.of(row) if row else None


async def all_staff(conn: AsyncConnection) -> Sequence[Staff]:
    rows = await conn.execute(select(staff).where(staff.c.active).order_by(staff.c.name))
    return [Staff.of(row) for row in rows.mappings()]


async def set_duty(tx: Transaction, staff_id: str, on: bool) -> None:
    """On or off duty; setting what is already so changes nothing."""
    was = staff.c.on_duty_since.is_(None) if on else staff.c.on_duty_since.is_not(None)
    changed = await tx.conn.execute(
        update(staff)
        .where(staff.c.id == staff_id, was)
        .values(on_duty_since=tx.now if on else None, duty="on", version=staff.c.version + 1, changed_at=tx.now)
        .returning(staff.c.version)
    )
    version = changed.scalar_one_or_none()
    if version is not None:
        tx.changed("staff", staff_id, version)


async def anyone_on_duty(conn: AsyncConnection) -> bool:
    query = (
        select(staff.c.id)
        .where(staff.c.on_duty_since.is_not(None), staff.c.active, staff.c.role == "therapist")
        .limit(1)
    )
    return (await conn.execute(query)).first() is not None


async def demo_accounts(conn: AsyncConnection) -> int:
    rows = await conn.execute(select(staff.c.id).where(staff.c.demo, staff.c.active))
    return len(rows.all())


async def create_patient(
    tx: Transaction, access: Access, patient_id: str, *, name: str, dob: date, email: str | None = None
) -> None:
    c = patient.c
    await tx.conn.execute(
        insert(patient).values(
            id=patient_id,
            name=access.seal(c.name, patient_id, name),
            name_index=access.blind_index(name, "patient.name"),
            dob=access.seal(c.dob, patient_id, dob.isoformat()),
            dob_index=access.blind_index(dob.isoformat(), "patient.dob"),
            email=access.seal(c.email, patient_id, email),
            created_at=tx.now,
        )
    )


async def count_try(tx: Transaction, key: str) -> bool:
    """Count one try; False once there were too many within the window. The row keeps no name and no address."""
    c = sign_in_try.c
    mine = c.key == digest(key)
    await tx.conn.execute(delete(sign_in_try).where(c.since < tx.now - TRY_WINDOW))
    one_more = update(sign_in_try).where(mine).values(count=c.count + 1).returning(c.count)
    count = await tx.conn.scalar(one_more)
    if count is None:
        try:
            async with tx.conn.begin_nested():
                await tx.conn.execute(insert(sign_in_try).values(key=digest(key), count=1, since=tx.now))
            return True
        except IntegrityError:  # another try of the same one has just been the first
            count = await tx.conn.scalar(one_more)
    return count is not None and count <= TRY_LIMIT


async def forget_tries(tx: Transaction, key: str) -> None:
    await tx.conn.execute(delete(sign_in_try).where(sign_in_try.c.key == digest(key)))
