"""Bring the database to the newest revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from server.db import sqlite_rules

SCRIPTS = Path(__file__).parent / "migrations"


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


async def migrate(url: str) -> None:
    """Run what is missing, all or nothing. Two nodes that start at once take turns."""
    engine = create_async_engine(url)
    if url.startswith("sqlite"):
        # the driver's own transactions leave out CREATE TABLE; Alembic changes a table by copying and dropping it,
        # which foreign keys would take for a deletion of its rows
        sqlite_rules(engine, "BEGIN IMMEDIATE", foreign_keys=False)
    try:
        async with engine.begin() as conn:
            if not url.startswith("sqlite"):
                await conn.execute(text("SELECT pg_advisory_xact_lock(21)"))
            await conn.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    command.upgrade(config(connection), "head")


async def differences(url: str) -> list[Any]:
    """What the tables in the code have that the database has not (a test asks: nothing)."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from server.tables import metadata

    engine = create_async_engine(url)
    try:
        async with engine.connect() as conn:
            return await conn.run_sync(lambda c: list(compare_metadata(MigrationContext.configure(c), metadata)))
    finally:
        await engine.dispose()
