"""the waiting room

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from server.db import Encrypted, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "node",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("about_id", sa.String(length=22), nullable=True),
        sa.Column("recipient", Encrypted(), nullable=False),
        sa.Column("content", Encrypted(), nullable=False),
        sa.Column("queued_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.Column("trouble", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_about_id"), ["about_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_next_at"), ["next_at"], unique=False)

    op.create_table(
        "patient_link",
        sa.Column("patient_id", sa.String(length=22), nullable=False),
        sa.Column("same_as", sa.String(length=22), nullable=False),
        sa.Column("staff_id", sa.String(length=22), nullable=False),
        sa.Column("linked_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_link_patient_id")),
        sa.ForeignKeyConstraint(["same_as"], ["patient.id"], name=op.f("fk_patient_link_same_as")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_patient_link_staff_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_patient_link")),
    )
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_link_same_as"), ["same_as"], unique=False)

    op.create_table(
        "alert",
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("raised_at", UtcTime(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcTime(), nullable=True),
        sa.Column("seen_at", UtcTime(), nullable=True),
        sa.Column("seen_by", sa.String(length=22), nullable=True),
        sa.ForeignKeyConstraint(["seen_by"], ["staff.id"], name=op.f("fk_alert_seen_by")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_alert_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_next_at"), ["next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_raised_at"), ["raised_at"], unique=False)

    op.create_table(
        "appointment",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("therapist_id", sa.String(length=22), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("booked_by", sa.String(length=22), nullable=True),
        sa.Column("booked_at", UtcTime(), nullable=False),
        sa.Column("cancelled_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["booked_by"], ["staff.id"], name=op.f("fk_appointment_booked_by")),
        sa.ForeignKeyConstraint(["therapist_id"], ["staff.id"], name=op.f("fk_appointment_therapist_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_appointment_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appointment_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_visit_id"), ["visit_id"], unique=False)
        batch_op.create_index(
            "uq_appointment_slot",
            ["therapist_id", "starts_at"],
            unique=True,
            sqlite_where=sa.text("cancelled_at IS NULL"),
            postgresql_where=sa.text("cancelled_at IS NULL"),
        )

    op.create_table(
        "connection_check",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("udp", sa.Boolean(), nullable=True),
        sa.Column("tcp", sa.Boolean(), nullable=True),
        sa.Column("rtt_ms", sa.Integer(), nullable=True),
        sa.Column("jitter_ms", sa.Integer(), nullable=True),
        sa.Column("loss", sa.Integer(), nullable=True),
        sa.Column("kbps_up", sa.Integer(), nullable=True),
        sa.Column("kbps_down", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(length=4), nullable=False),
        sa.Column("start_mode", sa.String(length=9), nullable=False),
        sa.Column("trouble", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_connection_check_visit_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_connection_check")),
    )
    with op.batch_alter_table("connection_check", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_connection_check_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "intake",
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("document", Encrypted(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_intake_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_intake")),
    )
    op.create_table(
        "wait_message",
        sa.Column("visit_id", sa.String(length=22), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("side", sa.String(length=7), nullable=False),
        sa.Column("author", sa.String(length=22), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("text", Encrypted(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_wait_message_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", "number", name=op.f("pk_wait_message")),
        sa.UniqueConstraint("visit_id", "id", name=op.f("uq_wait_message_visit_id_id")),
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email", Encrypted(), nullable=True))

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("duty", sa.String(length=5), server_default="on", nullable=False))
        batch_op.add_column(sa.Column("languages", sa.String(length=32), server_default="en,fr", nullable=False))
        batch_op.add_column(sa.Column("email", sa.String(length=254), nullable=True))

    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("for_staff", sa.String(length=22), nullable=True))
        batch_op.add_column(sa.Column("for_profession", sa.String(length=2), nullable=True))
        batch_op.add_column(sa.Column("priority_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("priority_reason", Encrypted(), nullable=True))
        batch_op.add_column(sa.Column("hand_over", Encrypted(), nullable=True))
        batch_op.add_column(sa.Column("patient_node", sa.String(length=22), nullable=True))
        batch_op.add_column(sa.Column("check_verdict", sa.String(length=4), nullable=True))
        batch_op.add_column(sa.Column("start_mode", sa.String(length=9), nullable=True))
        batch_op.add_column(sa.Column("asked_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("nobody_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("call_back_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("called_back_at", UtcTime(), nullable=True))
        batch_op.alter_column("location", existing_type=sa.TEXT(), nullable=True)
        batch_op.alter_column("emergency", existing_type=sa.TEXT(), nullable=True)
        batch_op.alter_column("consent_version", existing_type=sa.VARCHAR(length=16), nullable=True)
        batch_op.alter_column("consent_language", existing_type=sa.VARCHAR(length=2), nullable=True)
        batch_op.alter_column("consent_at", existing_type=UtcTime(), nullable=True)
        batch_op.create_foreign_key(batch_op.f("fk_visit_for_staff"), "staff", ["for_staff"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("what patients have written while they waited is not deleted: restore a backup")
