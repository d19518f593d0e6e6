"""whom an alert has really reached, and when a therapist's page was last open

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from server.db import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert", sa.Column("told", sa.String(length=6), nullable=True))
    op.add_column("staff", sa.Column("seen_at", UtcTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("staff", "seen_at")
    op.drop_column("alert", "told")
