"""what the office's history reads

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from server.db import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outcome",
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("signed_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_outcome_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_outcome")),
    )
    op.create_index(op.f("ix_visit_arrived_at"), "visit", ["arrived_at"])
    op.create_index(op.f("ix_visit_due_at"), "visit", ["due_at"])
    to_call = sa.text("call_back_at IS NOT NULL AND called_back_at IS NULL")
    op.create_index("ix_visit_to_call", "visit", ["call_back_at"], sqlite_where=to_call, postgresql_where=to_call)


def downgrade() -> None:
    op.drop_index("ix_visit_to_call", "visit")
    op.drop_index(op.f("ix_visit_due_at"), "visit")
    op.drop_index(op.f("ix_visit_arrived_at"), "visit")
    op.drop_table("outcome")
