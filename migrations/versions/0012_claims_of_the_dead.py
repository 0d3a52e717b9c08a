"""A claim of a timer or message says whose it is: what a dead worker had in hand is due again at once."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"
_OPEN = {"timer": "done_at IS NULL", "outbox": "sent_at IS NULL AND failed_at IS NULL"}


def upgrade() -> None:
    for table, still_open in _OPEN.items():
        op.add_column(table, sa.Column("claimed_by", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column("claimed_until", sa.TIMESTAMP(timezone=True), nullable=True))
        op.create_check_constraint(f"{table}_claim", table, "(claimed_by IS NULL) = (claimed_until IS NULL)")
        op.create_index(
            f"{table}_claimed",
            table,
            ["claimed_by"],
            postgresql_where=sa.text(f"{still_open} AND due_at = claimed_until"),
        )
    sql = (SQL / "0012_claims_of_the_dead.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(sql))


def downgrade() -> None:
    op.execute("DROP FUNCTION regencies_with_dead_claims()")
    op.execute("DROP FUNCTION worker_lives(integer)")
    for table in _OPEN:
        op.drop_index(f"{table}_claimed", table)
        op.drop_constraint(f"{table}_claim", table)
        op.drop_column(table, "claimed_until")
        op.drop_column(table, "claimed_by")
