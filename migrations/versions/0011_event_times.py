"""An event's time is later than that of the one before, also while the server's clock is behind the log's."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"


def upgrade() -> None:
    _execute((SQL / "0011_event_times.sql").read_text())


def downgrade() -> None:
    before = (SQL / "0001_event_log.sql").read_text()
    first = before[before.index("CREATE FUNCTION append_events") : before.index("REVOKE EXECUTE")]
    _execute(first.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def _execute(sql: str) -> None:
    # over the driver's own connection: a percent sign is one there
    op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(sql))
