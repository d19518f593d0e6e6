"""chat, the way by phone, quality samples

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from server.db import Encrypted, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat_message",
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False),
        sa.Column("author", sa.String(length=22), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("text", Encrypted(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_chat_message_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", "number", name=op.f("pk_chat_message")),
        sa.UniqueConstraint("visit_id", "role", "id", name=op.f("uq_chat_message_visit_id_role_id")),
    )
    with op.batch_alter_table("chat_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chat_message_at"), ["at"], unique=False)

    op.create_table(
        "quality_sample",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("loss_in", sa.Integer(), nullable=True),
        sa.Column("loss_out", sa.Integer(), nullable=True),
        sa.Column("rtt_ms", sa.Integer(), nullable=True),
        sa.Column("jitter_ms", sa.Integer(), nullable=True),
        sa.Column("kbps_in", sa.Integer(), nullable=True),
        sa.Column("kbps_out", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=4), nullable=False),
        sa.Column("path", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_quality_sample_visit_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_quality_sample")),
    )
    with op.batch_alter_table("quality_sample", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quality_sample_visit_id"), ["visit_id"], unique=False)

    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone_fallback", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("phone_since", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("patient_quality", sa.String(length=4), nullable=True))
        batch_op.add_column(sa.Column("therapist_quality", sa.String(length=4), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("what was said in a visit is not deleted: restore a backup")
