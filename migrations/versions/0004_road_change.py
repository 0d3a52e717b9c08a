"""Closures and slow stretches of road, for as long as they last."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = postgresql.TIMESTAMP(timezone=True)
    op.create_geospatial_table(
        "road_change",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("shape", Geometry("GEOMETRY", 4326, spatial_index=False, nullable=False), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("speed_factor", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("starts_at", moment, nullable=False),
        sa.Column("ends_at", moment, nullable=True),
        sa.Column("lifted_at", moment, nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("effect IN ('close', 'slow')", name="road_change_effect"),
        sa.CheckConstraint(
            "reason IN ('flood', 'landslide', 'fallen_tree', 'broken_bridge', 'accident', 'works', 'event', "
            "'congestion', 'other')",
            name="road_change_reason",
        ),
        sa.CheckConstraint(
            "(effect = 'slow') = (speed_factor IS NOT NULL) "
            "AND (speed_factor IS NULL OR speed_factor BETWEEN 0.05 AND 0.95)",
            name="road_change_speed",
        ),
        sa.CheckConstraint("ends_at > starts_at", name="road_change_order"),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="road_change_lifted"),
        sa.ForeignKeyConstraint(["regency_id"], ["regency.id"]),
        sa.ForeignKeyConstraint(["regency_id", "author_id"], ["staff_user.regency_id", "staff_user.id"]),
        sa.ForeignKeyConstraint(["regency_id", "lifted_by"], ["staff_user.regency_id", "staff_user.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "road_change_standing",
        "road_change",
        ["regency_id", "ends_at"],
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.execute("ALTER TABLE road_change ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_regency ON road_change TO semar_app "
        "USING (regency_id = semar_regency()) WITH CHECK (regency_id = semar_regency())"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON road_change TO semar_app")
    op.execute(
        "CREATE CONSTRAINT TRIGGER road_change_has_event AFTER INSERT OR UPDATE OR DELETE ON road_change "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_event()"
    )


def downgrade() -> None:
    op.drop_geospatial_table("road_change")
