"""Staff, duty, patients, and the count of tries."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from server.audit import SYSTEM, access
from server.db import Change, Database
from server.ids import digest, new_id
from server.people import store
from server.people.passwords import verify
from server.people.tables import patient, sign_in_try
from server.seed import DEMO_PASSWORD, PEOPLE, seed
from tests.people import hire
from tests.stores import cipher, raw


async def account(db: Database, username: str = "Li", **more: object) -> str:
    given = {"name": "Dr. Mei Li", "role": "therapist", "password": "a long password"} | more
    async with db.write() as tx:
        return await store.create_staff(tx, username=username, **given)  # type: ignore[arg-type]


async def test_an_account_is_found_however_its_name_is_written(db: Database) -> None:
    staff_id = await account(db, profession="PT", registration="PT-20417")
    async with db.read() as conn:
        row = await store.staff_by_username(conn, "LI")
        listed = await store.staff_by_id(conn, staff_id)
        assert await store.staff_by_username(conn, "l") is None
    assert row is not None
    assert row["id"] == staff_id
    assert await verify("a long password", row["password"])
    assert listed is not None
    assert (listed.name, listed.profession, listed.on_duty_since) == ("Dr. Mei Li", "PT", None)


async def test_what_is_listed_of_staff_holds_no_password(db: Database) -> None:
    await account(db)
    async with db.read() as conn:
        [listed] = await store.all_staff(conn)
    assert "password" not in listed.__slots__
    assert "argon2" not in repr(listed)


async def test_a_user_name_is_one_persons(db: Database) -> None:
    await account(db, "li")
    with pytest.raises(IntegrityError):
        await account(db, "LI")


async def test_who_has_gone_is_not_found(db: Database) -> None:
    staff_id = await account(db)
    await raw(db, "UPDATE staff SET active = false")
    async with db.read() as conn:
        assert await store.staff_by_username(conn, "li") is None
        assert await store.staff_by_id(conn, staff_id) is None
        assert await store.all_staff(conn) == []


async def test_duty_is_on_or_off_and_said_once(db: Database) -> None:
    heard: list[Change] = []

    async def hear(changes: list[Change]) -> None:
        heard.extend(changes)

    async with db.write() as tx:
        dr_li = await hire(tx, "Dr. Mei Li", on_duty=False)
    db.on_commit = hear
    since = []
    for on in (True, True, False, False):
        async with db.write() as tx:
            await store.set_duty(tx, dr_li.id, on)
        async with db.read() as conn:
            listed = await store.staff_by_id(conn, dr_li.id)
            assert listed is not None
            assert await store.anyone_on_duty(conn) is on
            since.append(listed.on_duty_since)
    assert since[0] == since[1] is not None, "on duty since the first time"
    assert since[2:] == [None, None]
    assert heard == [Change("staff", dr_li.id, 2), Change("staff", dr_li.id, 3)]


@pytest.mark.parametrize("gone", ["UPDATE staff SET active = false", "UPDATE staff SET role = 'admin'"])
async def test_only_a_therapist_who_is_there_counts_as_on_duty(db: Database, gone: str) -> None:
    async with db.write() as tx:
        await hire(tx, "Dr. Mei Li")
    await raw(db, gone)
    async with db.read() as conn:
        assert not await store.anyone_on_duty(conn)


async def test_a_patient_is_kept_sealed_and_found_by_the_index(db: Database) -> None:
    ana = new_id()
    async with db.write() as tx:
        door = await access(db, tx, SYSTEM, "create", "patient", ana, subject=ana)
        await store.create_patient(tx, door, ana, name="Ana Pereira", dob=date(1961, 3, 27))
        row = (await tx.conn.execute(select(patient))).mappings().one()
    assert door.open(patient.c.name, ana, row["name"]) == "Ana Pereira"
    assert door.open(patient.c.dob, ana, row["dob"]) == "1961-03-27"
    assert row["name_index"] == cipher().blind_index("ana pereira", "patient.name")
    assert row["dob_index"] == cipher().blind_index("1961-03-27", "patient.dob")


# ---- tries


async def tries(db: Database, key: str = "li from 192.0.2.1") -> bool:
    async with db.write() as tx:
        return await store.count_try(tx, key)


async def test_ten_tries_then_no_more(db: Database) -> None:
    assert [await tries(db) for _ in range(12)] == [True] * 10 + [False] * 2
    assert await tries(db, "okafor from 192.0.2.1"), "another one's tries are their own"


async def test_after_the_window_one_may_try_again(db: Database) -> None:
    for _ in range(11):
        await tries(db)
    async with db.write() as tx:
        earlier = tx.now - store.TRY_WINDOW - timedelta(seconds=1)
        await tx.conn.execute(sign_in_try.update().values(since=earlier))
    assert await tries(db)
    async with db.read() as conn:
        assert await conn.scalar(select(sign_in_try.c.count)) == 1


async def test_a_success_forgets_the_tries(db: Database) -> None:
    for _ in range(9):
        await tries(db)
    async with db.write() as tx:
        await store.forget_tries(tx, "li from 192.0.2.1")
    assert [await tries(db) for _ in range(11)] == [True] * 10 + [False]


async def test_tries_at_once_are_all_counted(db: Database, other_node: Database) -> None:
    answers = await asyncio.gather(*(tries(node) for _ in range(10) for node in (db, other_node)))
    assert sorted(answers) == [False] * 10 + [True] * 10


async def test_the_tries_name_nobody(db: Database) -> None:
    await tries(db)
    async with db.read() as conn:
        [row] = (await conn.execute(text("SELECT * FROM sign_in_try"))).all()
    assert "192.0.2.1" not in str(row)
    assert digest("li from 192.0.2.1") in str(row)


# ---- the demonstration clinic


async def test_the_demonstration_clinic_is_made_once(db: Database) -> None:
    assert await seed(db) is True
    assert await seed(db) is False
    async with db.read() as conn:
        assert await store.demo_accounts(conn) == len(PEOPLE)
        assert sorted(p.name for p in PEOPLE) == sorted(s.name for s in await store.all_staff(conn))
        row = await store.staff_by_username(conn, "li")
    assert row is not None
    assert await verify(DEMO_PASSWORD, row["password"])
