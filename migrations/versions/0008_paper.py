"""Paper mode: what comes from paper says so, and how far the paper board has come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SOURCES = "'crew', 'geofence_confirmed', 'operator', 'sms', 'system'"
ORIGINS = "'operator', 'widened'"


def _checked(table: str, name: str, column: str, values: str) -> None:
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({values})")


def upgrade() -> None:
    moment = postgresql.TIMESTAMP(timezone=True)
    _checked("stamp", "stamp_source", "source", f"{SOURCES}, 'paper'")
    _checked("assignment", "assignment_origin", "origin", f"{ORIGINS}, 'paper'")
    op.create_table(
        "paper_print",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("claimed_minute", moment, nullable=False),
        sa.Column("made_at", moment, nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("trouble_since", moment, nullable=True),
        sa.ForeignKeyConstraint(["regency_id"], ["regency.id"]),
        sa.PrimaryKeyConstraint("regency_id"),
    )
    op.execute("ALTER TABLE paper_print ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_regency ON paper_print TO semar_app "
        "USING (regency_id = semar_regency()) WITH CHECK (regency_id = semar_regency())"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON paper_print TO semar_app")


def downgrade() -> None:
    op.drop_table("paper_print")
    _checked("assignment", "assignment_origin", "origin", ORIGINS)
    _checked("stamp", "stamp_source", "source", SOURCES)
