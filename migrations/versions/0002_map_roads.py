"""Roads as maps show them."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # empty: the next load of the regency's folder writes its roads, though nothing else has changed
    op.add_column("regency", sa.Column("roads_drawn", sa.Text(), server_default="", nullable=False))
    op.create_geospatial_table(
        "road_line",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("shape", Geometry("LINESTRING", 4326, spatial_index=False, nullable=False), nullable=False),
        sa.ForeignKeyConstraint(["regency_id"], ["regency.id"]),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_geospatial_index("road_line_shape", "road_line", ["shape"], postgresql_using="gist")
    op.execute("ALTER TABLE road_line ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_regency ON road_line TO semar_app "
        "USING (regency_id = semar_regency()) WITH CHECK (regency_id = semar_regency())"
    )
    op.execute("GRANT SELECT ON road_line TO semar_app")
    # PostGIS operators are not leakproof: under row-level security they would be asked last, and no index used
    op.execute(
        """
        CREATE FUNCTION roads_in_box(p_box geometry) RETURNS SETOF road_line
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
        AS $$ SELECT * FROM road_line WHERE regency_id = semar_regency() AND shape && p_box $$
        """
    )
    op.execute("REVOKE EXECUTE ON FUNCTION roads_in_box(geometry) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION roads_in_box(geometry) TO semar_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION roads_in_box(geometry)")
    op.drop_geospatial_table("road_line")
    op.drop_column("regency", "roads_drawn")
