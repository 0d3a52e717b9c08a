"""The application may make temporary tables: fixes are copied into one, and stored from there."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PostgreSQL grants it to everybody, unless somebody has taken it back
    op.execute(
        """
        DO $$ BEGIN
            IF NOT has_database_privilege('semar_app', current_database(), 'TEMPORARY') THEN
                EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO semar_app', current_database());
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    pass  # what was granted may have been granted before
