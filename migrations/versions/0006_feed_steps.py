"""Fixes say how far they are believed, markers where they lie on the roads; vehicles may carry a tracker."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = postgresql.TIMESTAMP(timezone=True)
    op.add_column("position", sa.Column("quality", sa.Text(), nullable=False, server_default="good"))
    op.create_check_constraint("position_quality", "position", "quality IN ('good', 'coarse', 'jump')")
    op.add_column("latest_position", sa.Column("road_lon", sa.Double(), nullable=True))
    op.add_column("latest_position", sa.Column("road_lat", sa.Double(), nullable=True))
    op.create_table(
        "tracker",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identifier_hash", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", moment, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["regency_id"], ["regency.id"]),
        sa.ForeignKeyConstraint(["regency_id", "unit_id"], ["unit.regency_id", "unit.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "tracker_identifier",
        "tracker",
        ["identifier_hash"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.execute("ALTER TABLE tracker ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_regency ON tracker TO semar_app "
        "USING (regency_id = semar_regency()) WITH CHECK (regency_id = semar_regency())"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON tracker TO semar_app")
    op.execute(
        "CREATE CONSTRAINT TRIGGER tracker_has_event AFTER INSERT OR UPDATE OR DELETE ON tracker "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_event()"
    )
    # a tracker names itself before its tenant is known: found by its secret only, as sessions are
    op.execute(
        "CREATE FUNCTION tracker_by_identifier(p_hash bytea) "
        "RETURNS TABLE (regency_id integer, tracker_id uuid, unit_id uuid) "
        "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS "
        "$$ SELECT regency_id, id, unit_id FROM tracker "
        "WHERE identifier_hash = p_hash AND revoked_at IS NULL $$"
    )
    op.execute("REVOKE EXECUTE ON FUNCTION tracker_by_identifier(bytea) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION tracker_by_identifier(bytea) TO semar_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION tracker_by_identifier(bytea)")
    op.drop_table("tracker")
    op.drop_column("latest_position", "road_lat")
    op.drop_column("latest_position", "road_lon")
    op.drop_constraint("position_quality", "position", type_="check")
    op.drop_column("position", "quality")
