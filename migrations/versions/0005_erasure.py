"""Keys of persons are destroyed only together with the event that says so."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql" / "0005_erasure.sql"


def upgrade() -> None:
    # over the driver's own connection: prepared statements take one at a time
    op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(SQL.read_text()))


def downgrade() -> None:
    op.execute("DROP TRIGGER person_key_has_event ON person_key")
    op.execute("DROP TRIGGER person_key_guarded ON person_key")
    op.execute("DROP FUNCTION require_erasure_event()")
    op.execute("DROP FUNCTION guard_person_key()")
