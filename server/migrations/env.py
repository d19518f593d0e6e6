"""Alembic's entry: one connection, handed in by :mod:`server.migrate`, or an async engine from the settings."""

from __future__ import annotations

from alembic import context

from server.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
