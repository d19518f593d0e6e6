"""``python -m server user …`` as an administrator types it."""

from __future__ import annotations

import argparse
import base64

import pytest
from sqlalchemy import insert, select

from server.__main__ import parser
from server.audit import audit_entry, first_broken
from server.config import Settings
from server.db import Database
from server.errors import SettingsError
from server.ids import digest
from server.people.command import run_user
from server.people.passwords import verify
from server.people.store import anyone_on_duty, demo_accounts, set_duty, staff_by_username
from server.people.tables import staff, web_session
from server.seed import seed
from tests.stores import DATA_KEY, INDEX_KEY

PASSWORD = "a long password"


@pytest.fixture
def clinic_settings(database_url: str) -> Settings:
    data, index = (base64.b64encode(key).decode() for key in (DATA_KEY, INDEX_KEY))
    return Settings(database_url=database_url, data_keys=f"k1:{data}", index_key=index)


async def user(settings: Settings, line: str, password: str = PASSWORD) -> None:
    args: argparse.Namespace = parser().parse_args(["user", *line.split("|")])
    await run_user(settings, args, lambda: password)


async def hire_li(settings: Settings) -> None:
    await user(settings, "add|li|--name|Dr. Mei Li|--profession|PT|--registration|PT-20417")


async def row_of(db: Database, username: str) -> dict[str, object] | None:
    async with db.read() as conn:
        row = await staff_by_username(conn, username)
    return dict(row) if row else None


async def test_a_therapist_is_added_and_can_sign_in(clinic_settings: Settings, db: Database) -> None:
    await hire_li(clinic_settings)
    row = await row_of(db, "li")
    assert row is not None
    assert (row["role"], row["profession"], row["registration"], row["demo"]) == ("therapist", "PT", "PT-20417", False)
    assert await verify(PASSWORD, str(row["password"]))
    async with db.read() as conn:
        entry = (await conn.execute(select(audit_entry))).mappings().one()
    assert (entry["action"], entry["record"], entry["record_id"]) == ("create", "staff", row["id"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("add", "needs the user name"),
        ("add|li", "--name and --profession and --registration"),
        ("add|li|--name|Dr. Mei Li|--profession|PT", "--registration"),
        ("add|front|--role|front_desk", "needs --name too"),
        ("password|nobody", "there is no nobody"),
        ("remove|nobody", "there is no nobody"),
        ("remove", "needs the user name"),
        ("set|nobody|--languages|en", "there is no nobody"),
        ("set|nobody", "needs --email or --languages"),
        ("set|nobody|--languages|en,de", "codes of en,fr"),
        ("add|li|--name|Li|--role|admin|--email|li at clinic", "no mail address"),
    ],
)
async def test_what_is_missing_is_named_and_nothing_is_changed(
    clinic_settings: Settings, db: Database, line: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        await user(clinic_settings, line)
    assert await row_of(db, "li") is None


async def test_where_alerts_go_and_what_is_spoken(clinic_settings: Settings, db: Database) -> None:
    more = "--email|li@clinic.example|--languages|EN"
    await user(clinic_settings, f"add|li|--name|Dr. Mei Li|--profession|PT|--registration|PT-20417|{more}")
    row = await row_of(db, "li")
    assert row is not None
    assert (row["email"], row["languages"]) == ("li@clinic.example", "en")
    await user(clinic_settings, "set|LI|--languages|fr, en|--email|")
    changed = await row_of(db, "li")
    assert changed is not None
    assert (changed["email"], changed["languages"], changed["version"]) == (None, "en,fr", int(str(row["version"])) + 1)
    assert await first_broken(db) is None


async def test_a_short_password_is_refused(clinic_settings: Settings, db: Database) -> None:
    with pytest.raises(SettingsError, match="has 5 characters"):
        await user(clinic_settings, "add|a|--name|A|--role|admin", "short")
    assert await row_of(db, "a") is None


async def test_a_user_name_that_is_taken_is_refused(clinic_settings: Settings) -> None:
    await hire_li(clinic_settings)
    with pytest.raises(SettingsError, match="there is a LI already"):
        await user(clinic_settings, "add|LI|--name|Another|--role|admin")


async def test_a_new_password_signs_out_everywhere(clinic_settings: Settings, db: Database) -> None:
    await hire_li(clinic_settings)
    row = await row_of(db, "li")
    assert row is not None
    async with db.write() as tx:
        session = {"key": digest("token"), "realm": "desk", "staff_id": row["id"], "data": "{}"}
        await tx.conn.execute(insert(web_session).values(**session, created_at=tx.now, expires_at=tx.now))
    await user(clinic_settings, "password|LI", "another long one")
    changed = await row_of(db, "li")
    assert changed is not None
    assert await verify("another long one", str(changed["password"]))
    assert not await verify(PASSWORD, str(changed["password"]))
    async with db.read() as conn:
        assert await conn.scalar(select(web_session.c.key)) is None


async def test_who_is_removed_is_out_at_once(clinic_settings: Settings, db: Database) -> None:
    await hire_li(clinic_settings)
    row = await row_of(db, "li")
    assert row is not None
    async with db.write() as tx:
        await set_duty(tx, str(row["id"]), True)
    await user(clinic_settings, "remove|li")
    assert await row_of(db, "li") is None
    async with db.read() as conn:
        assert not await anyone_on_duty(conn)
    assert await first_broken(db) is None


async def test_a_removed_persons_name_is_free_for_a_new_account_that_owns_nothing_of_before(
    clinic_settings: Settings, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = []
    for number in range(3):  # more than once: each row of before keeps its place
        await user(clinic_settings, f"add|LI|--name|Lin {number}|--role|admin", f"{PASSWORD} {number}")
        row = await row_of(db, "li")
        assert row is not None
        ids.append(row["id"])
        assert await verify(f"{PASSWORD} {number}", str(row["password"]))
        capsys.readouterr()
        await user(clinic_settings, "remove|Li")
        assert "free: `user add` makes a new account" in capsys.readouterr().out
        assert await row_of(db, "li") is None
    assert len(set(ids)) == 3
    async with db.read() as conn:
        kept = {row.id: row.name for row in await conn.execute(select(staff))}
        entries = (await conn.execute(select(audit_entry).order_by(audit_entry.c.seq))).mappings().all()
    assert kept == {staff_id: f"Lin {number}" for number, staff_id in enumerate(ids)}, "who wrote what is still known"
    assert [entry["record_id"] for entry in entries if entry["action"] == "create"] == ids
    with pytest.raises(SettingsError, match="there is no li"):
        await user(clinic_settings, "password|li")


async def test_a_clinic_can_use_the_names_of_the_demonstration(clinic_settings: Settings, db: Database) -> None:
    await seed(db)
    await user(clinic_settings, "remove-demo")
    await user(clinic_settings, "add|admin|--name|Priya|--role|admin")
    row = await row_of(db, "admin")
    assert row is not None
    assert (row["name"], row["demo"]) == ("Priya", False)


async def test_the_longest_user_name_is_free_again_too(clinic_settings: Settings, db: Database) -> None:
    longest = "x" * 64
    for _ in range(2):
        await user(clinic_settings, f"add|{longest}|--name|X|--role|admin")
        await user(clinic_settings, f"remove|{longest}")


async def test_the_demonstration_accounts_are_removed(
    clinic_settings: Settings, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await seed(db)
    await hire_one_of_our_own(clinic_settings)
    await user(clinic_settings, "remove-demo")
    async with db.read() as conn:
        assert await demo_accounts(conn) == 0
    await user(clinic_settings, "remove-demo")  # production asks for it: again must not be an error
    capsys.readouterr()
    await user(clinic_settings, "list")
    assert capsys.readouterr().out == "priya\tadmin\t-\tPriya\ten,fr\t-\n"


async def hire_one_of_our_own(settings: Settings) -> None:
    await user(settings, "add|priya|--name|Priya|--role|admin")


async def test_the_list_shows_no_password(clinic_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await hire_li(clinic_settings)
    await user(clinic_settings, "list")
    assert "argon2" not in capsys.readouterr().out
