"""``python -m server user …``: staff accounts from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError

from server.audit import SYSTEM, access
from server.config import Settings
from server.crypto import FieldCipher
from server.db import Database
from server.errors import SettingsError
from server.formats import parse_email
from server.i18n import LANGUAGES
from server.people.passwords import MIN_LENGTH, hash_password
from server.people.store import create_staff
from server.people.tables import staff, web_session


async def run_user(settings: Settings, args: argparse.Namespace, ask_password: Callable[[], str]) -> None:
    db = Database(settings.db_url, FieldCipher.from_settings(settings.data_keys, settings.index_key))
    try:
        if args.action == "list":
            async with db.read() as conn:
                for row in await conn.execute(select(staff).where(staff.c.active).order_by(staff.c.username)):
                    print(
                        f"{row.username}\t{row.role}\t{row.profession or '-'}\t{row.name}\t"
                        f"{row.languages}\t{row.email or '-'}"
                    )
        elif args.action == "remove-demo":
            await _deactivate(db, staff.c.demo)
        elif not args.username:
            raise SettingsError([f"`user {args.action}` needs the user name: python -m server user {args.action} NAME"])
        elif args.action == "remove":
            if not await _deactivate(db, staff.c.username == args.username.casefold()):
                raise SettingsError([f"there is no {args.username}"])
        elif args.action == "password":
            await _password(db, args.username, _long_enough(ask_password()))
        elif args.action == "set":
            await _change(db, args)
        else:
            await _add(db, args, ask_password)
    finally:
        await db.close()


def _long_enough(password: str) -> str:
    if len(password) < MIN_LENGTH:
        raise SettingsError(
            [f"the password has {len(password)} characters: it needs {MIN_LENGTH} or more; nothing was changed"]
        )
    return password


def _reachable(args: argparse.Namespace) -> dict[str, str | None]:
    """What was said of the mail address and the languages. An address that is empty is none."""
    values: dict[str, str | None] = {}
    if args.email is not None:
        values["email"] = parse_email(args.email) if args.email.strip() else None
        if args.email.strip() and values["email"] is None:
            raise SettingsError(["--email is no mail address: it looks like name@example.ca; nothing was changed"])
    if args.languages is not None:
        said = {one.strip().casefold() for one in args.languages.split(",")}
        if not said <= set(LANGUAGES):
            known = ",".join(LANGUAGES)
            raise SettingsError([f"--languages takes codes of {known}, with commas; nothing was changed"])
        values["languages"] = ",".join(one for one in LANGUAGES if one in said)
    return values


async def _change(db: Database, args: argparse.Namespace) -> None:
    values = _reachable(args)
    if not values:
        raise SettingsError(["`user set` needs --email or --languages, or both"])
    async with db.write() as tx:
        query = update(staff).where(staff.c.username == args.username.casefold(), staff.c.active)
        changed = (
            await tx.conn.execute(
                query.values(**values, version=staff.c.version + 1, changed_at=tx.now).returning(
                    staff.c.id, staff.c.version
                )
            )
        ).first()
        if changed is None:
            raise SettingsError([f"there is no {args.username}"])
        await access(db, tx, SYSTEM, "change", "staff", changed.id, note=",".join(sorted(values)))
        tx.changed("staff", changed.id, changed.version)
    print(f"{args.username} is changed.")


async def _add(db: Database, args: argparse.Namespace, ask_password: Callable[[], str]) -> None:
    missing = [flag for flag, value in (("--name", args.name),
               ("--profession", args.role != "therapist" or args.profession),
               ("--registration", args.role != "therapist" or args.registration)) if not value]  # fmt: skip
    if missing:
        raise SettingsError([f"a {args.role} needs {' and '.join(missing)} too"])
    values = _reachable(args)
    password = _long_enough(ask_password())
    try:
        async with db.write() as tx:
            staff_id = await create_staff(
                tx, username=args.username, name=args.name, role=args.role, password=password,
                profession=args.profession, registration=args.registration,
            )  # fmt: skip
            if values:
                await tx.conn.execute(update(staff).where(staff.c.id == staff_id).values(**values))
            await access(db, tx, SYSTEM, "create", "staff", staff_id)
    except IntegrityError:
        raise SettingsError([f"there is a {args.username} already: choose another user name"]) from None
    print(f"{args.username} can sign in now.")


async def _password(db: Database, username: str, password: str) -> None:
    async with db.write() as tx:
        query = update(staff).where(staff.c.username == username.casefold(), staff.c.active)
        staff_id = (
            await tx.conn.execute(query.values(password=hash_password(password)).returning(staff.c.id))
        ).scalar_one_or_none()
        if staff_id is None:
            raise SettingsError([f"there is no {username}"])
        await tx.conn.execute(delete(web_session).where(web_session.c.staff_id == staff_id))
        await access(db, tx, SYSTEM, "password", "staff", staff_id)
    print(f"{username} has a new password and is signed out everywhere.")


async def _deactivate(db: Database, which: ColumnElement[bool]) -> int:
    """The row stays (notes name their author); the right to sign in ends at once."""
    async with db.write() as tx:
        query = (
            update(staff)
            .where(which, staff.c.active)
            .values(active=False, on_duty_since=None, version=staff.c.version + 1, changed_at=tx.now)
        )
        gone = (await tx.conn.execute(query.returning(staff.c.id))).scalars().all()
        for staff_id in gone:
            await tx.conn.execute(delete(web_session).where(web_session.c.staff_id == staff_id))
            await access(db, tx, SYSTEM, "deactivate", "staff", staff_id)
    print(f"{len(gone)} account(s) can no longer sign in.")
    if gone:
        print("What they wrote keeps its author. The name is free: `user add` makes a new account, with nothing of it.")
    return len(gone)
