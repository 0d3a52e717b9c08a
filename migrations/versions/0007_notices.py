"""Silences of units, what crews must acknowledge, and phones that take push messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    _unit_silence()
    _crew_notice()
    _push_subscription()
    for table in ("unit_silence", "crew_notice", "push_subscription"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_regency ON {table} TO semar_app "
            "USING (regency_id = semar_regency()) WITH CHECK (regency_id = semar_regency())"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO semar_app")
    for table in ("unit_silence", "crew_notice"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_has_event AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_event()"
        )
    # what waits to be sent about a notice that has ended is not sent
    op.create_index(
        "outbox_waiting",
        "outbox",
        ["regency_id", "subject_id"],
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )


def _unit_silence() -> None:
    op.create_table(
        "unit_silence",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("heard_at", _MOMENT, nullable=False),
        sa.Column("noticed_at", _MOMENT, nullable=False),
        sa.Column("on_run", sa.Boolean(), nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ended_why IN ('heard', 'off_duty')", name="unit_silence_why"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="unit_silence_end"),
        sa.ForeignKeyConstraint(["regency_id", "unit_id"], ["unit.regency_id", "unit.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "unit_silence_open",
        "unit_silence",
        ["regency_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _crew_notice() -> None:
    op.create_table(
        "crew_notice",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("shown_at", _MOMENT, nullable=True),
        sa.Column("push_at", _MOMENT, nullable=True),
        sa.Column("push_phones", sa.Integer(), nullable=False),
        sa.Column("sms_at", _MOMENT, nullable=True),
        sa.Column("sms_phones", sa.Integer(), nullable=False),
        sa.Column("call_at", _MOMENT, nullable=True),
        sa.Column("call_owner", sa.Uuid(), nullable=True),
        sa.Column("call_tries", sa.Integer(), nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('offer', 'stand_down', 'destination')", name="crew_notice_kind"),
        sa.CheckConstraint("ended_why IN ('acknowledged', 'phoned', 'moot')", name="crew_notice_why"),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="crew_notice_end"),
        sa.ForeignKeyConstraint(["regency_id", "assignment_id"], ["assignment.regency_id", "assignment.id"]),
        sa.ForeignKeyConstraint(["regency_id", "unit_id"], ["unit.regency_id", "unit.id"]),
        sa.ForeignKeyConstraint(["regency_id", "call_owner"], ["staff_user.regency_id", "staff_user.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "crew_notice_open",
        "crew_notice",
        ["regency_id", "assignment_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("crew_notice_assignment", "crew_notice", ["regency_id", "assignment_id"])


def _push_subscription() -> None:
    op.create_table(
        "push_subscription",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(ended_at IS NULL) = (sealed IS NOT NULL)", name="push_subscription_end"),
        sa.ForeignKeyConstraint(["regency_id"], ["regency.id"]),
        sa.ForeignKeyConstraint(["key_id"], ["person_key.id"]),
        sa.ForeignKeyConstraint(["regency_id", "staff_id"], ["staff_user.regency_id", "staff_user.id"]),
        sa.ForeignKeyConstraint(["regency_id", "session_id"], ["session.regency_id", "session.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "push_subscription_open",
        "push_subscription",
        ["regency_id", "endpoint_hash"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("push_subscription_staff", "push_subscription", ["regency_id", "staff_id"])


def downgrade() -> None:
    op.drop_index("outbox_waiting", "outbox")
    for table in ("push_subscription", "crew_notice", "unit_silence"):
        op.drop_table(table)
