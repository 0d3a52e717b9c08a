"""Tables, tenancy and the event log."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parents[1] / "sql"


def _run_script(script: str) -> None:
    """Run many statements over the driver's own connection: prepared statements take one at a time."""
    op.get_bind().connection.dbapi_connection.run_async(lambda driver: driver.execute(script))


def upgrade() -> None:
    for extension in ("postgis", "pg_trgm"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    # the launcher or the administrator makes the login; without one the role is made for them to grant
    op.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'semar_app') THEN "
        "CREATE ROLE semar_app NOLOGIN; END IF; END $$"
    )
    op.create_table(
        "person_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("destroyed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_geospatial_table(
        "regency",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number_prefix", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column(
            "boundary",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("bundle_digest", sa.Text(), nullable=False),
        sa.Column("roads_store", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("loaded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("realm IN ('live', 'training')", name="regency_realm"),
        sa.CheckConstraint(
            "slug = CASE realm WHEN 'live' THEN code ELSE code || '-latihan' END", name="regency_slug"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "realm"),
        sa.UniqueConstraint("id", "realm"),
        sa.UniqueConstraint("slug"),
    )
    op.create_geospatial_table(
        "district",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "shape",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "code"),
    )
    op.create_table(
        "event",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "seq"),
    )
    op.create_index("event_incident", "event", ["regency_id", "incident_id", "seq"], unique=False)
    op.create_table(
        "event_head",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id"),
    )
    op.create_geospatial_table(
        "facility",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column(
            "place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("position_quality", sa.Text(), nullable=False),
        sa.Column("capabilities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.Column("ems_status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ems_status IN ('normal', 'advisory', 'closed')", name="facility_status"),
        sa.CheckConstraint("kind IN ('hospital', 'puskesmas', 'clinic')", name="facility_kind"),
        sa.CheckConstraint("position_quality IN ('surveyed', 'approximate')", name="facility_position"),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("regency_id", "code"),
    )
    op.create_table(
        "incident_counter",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "day"),
    )
    op.create_table(
        "outbox",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("failed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'push', 'file')", name="outbox_channel"),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )
    op.create_table(
        "position",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("fixed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("clock_offset_s", sa.Double(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_ms", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "installation_id", "sequence", "fixed_at"),
        postgresql_partition_by="RANGE (fixed_at)",
    )
    op.create_index("position_unit", "position", ["regency_id", "unit_id", "fixed_at"], unique=False)
    op.create_table(
        "resident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("home_regency_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nik_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("home_point_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nik_hash", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("verification", sa.Text(), nullable=False),
        sa.Column("verification_detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("verified_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("registered_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("erased_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("trust IN ('verified', 'unverified', 'doubtful')", name="resident_trust"),
        sa.CheckConstraint(
            "verification IN ('match', 'mismatch', 'not_found', 'unverified')", name="resident_verification"
        ),
        sa.ForeignKeyConstraint(
            ["home_regency_id", "realm"],
            ["regency.id", "regency.realm"],
        ),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "realm"),
    )
    op.create_index("resident_email", "resident", ["realm", "email_hash"], unique=True)
    op.create_index("resident_nik", "resident", ["realm", "nik_hash"], unique=True)
    op.create_index("resident_phone", "resident", ["realm", "phone_hash"], unique=True)
    op.create_table(
        "timer",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("done_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "timer_due", "timer", ["due_at"], unique=False, postgresql_where=sa.text("done_at IS NULL")
    )
    op.create_index(
        "timer_open",
        "timer",
        ["regency_id", "kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "view_log",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(op.f("ix_view_log_key_id"), "view_log", ["key_id"], unique=False)
    op.create_index("view_log_viewer", "view_log", ["regency_id", "viewer", "at"], unique=False)
    op.create_table(
        "resident_credential",
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column(
            "realm", sa.Text(), server_default=sa.text("current_setting('semar.realm')"), nullable=False
        ),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["resident_id"],
            ["resident.id"],
        ),
        sa.PrimaryKeyConstraint("resident_id"),
    )
    op.create_table(
        "staff_user",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("added_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role <> 'facility' OR facility_id IS NOT NULL", name="staff_facility"),
        sa.CheckConstraint(
            "role IN ('operator', 'driver', 'facility', 'health_office', 'auditor', 'admin')",
            name="staff_role",
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "facility_id"],
            ["facility.regency_id", "facility.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "staff_username", "staff_user", ["regency_id", sa.literal_column("lower(username)")], unique=True
    )
    op.create_geospatial_table(
        "unit",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("call_sign", sa.Text(), nullable=False),
        sa.Column("plate", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("capabilities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("base_facility_id", sa.Uuid(), nullable=True),
        sa.Column(
            "base",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("tracking IN ('app', 'manual')", name="unit_tracking"),
        sa.ForeignKeyConstraint(
            ["regency_id", "base_facility_id"],
            ["facility.regency_id", "facility.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("regency_id", "call_sign"),
    )
    op.create_geospatial_table(
        "village",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("district_code", sa.Text(), nullable=False),
        sa.Column(
            "shape",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "district_code"],
            ["district.regency_id", "district.code"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "code"),
    )
    op.create_geospatial_index(
        "village_shape", "village", ["shape"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "incident",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("triage", sa.Text(), nullable=True),
        sa.Column("triage_answers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("needs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column(
            "place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("place_note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("village_code", sa.Text(), nullable=True),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("reported_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("waiting_since", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closing_code", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("forwarded_to", sa.Text(), nullable=True),
        sa.Column("speed_factor", sa.Double(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(state = 'closed') = (closing_code IS NOT NULL)", name="incident_closed"),
        sa.CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="incident_merged"),
        sa.CheckConstraint(
            "kind IN ('emergency', 'interfacility', 'scheduled', 'standby', 'home_or_mortuary')",
            name="incident_kind",
        ),
        sa.CheckConstraint("speed_factor IS NULL OR realm = 'training'", name="incident_speed"),
        sa.CheckConstraint(
            "state IN ('reported', 'confirmed', 'closed', 'cancelled', 'merged', 'forwarded')",
            name="incident_state",
        ),
        sa.CheckConstraint("triage IN ('red', 'yellow', 'green', 'black')", name="incident_triage"),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "merged_into"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "realm"],
            ["regency.id", "regency.realm"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "village_code"],
            ["village.regency_id", "village.code"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("regency_id", "number"),
    )
    op.create_index(
        "incident_open",
        "incident",
        ["regency_id", "reported_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('reported', 'confirmed')"),
    )
    op.create_index("incident_reported", "incident", ["regency_id", "reported_at"], unique=False)
    op.create_table(
        "latest_position",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("fixed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_ms", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id", "unit_id"],
            ["unit.regency_id", "unit.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "unit_id"),
    )
    op.create_table(
        "session",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("resident_id", sa.Uuid(), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(staff_id, resident_id) = 1", name="session_owner"),
        sa.ForeignKeyConstraint(
            ["regency_id", "staff_id"],
            ["staff_user.regency_id", "staff_user.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"],
            ["resident.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("session_resident", "session", ["resident_id"], unique=False)
    op.create_index("session_staff", "session", ["regency_id", "staff_id"], unique=False)
    op.create_table(
        "shift",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("desk", sa.Text(), nullable=True),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("start_check", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("origin IN ('roster', 'ad_hoc')", name="shift_origin"),
        sa.CheckConstraint("ends_at > starts_at", name="shift_order"),
        sa.CheckConstraint("num_nonnulls(unit_id, desk) = 1", name="shift_of"),
        sa.ForeignKeyConstraint(
            ["regency_id", "unit_id"],
            ["unit.regency_id", "unit.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "shift_due",
        "shift",
        ["regency_id", "starts_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "shift_open",
        "shift",
        ["regency_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("opened_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "shift_roster",
        "shift",
        ["regency_id", "unit_id", "starts_at"],
        unique=True,
        postgresql_where=sa.text("origin = 'roster'"),
    )
    op.create_table(
        "staff_credential",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id", "staff_id"],
            ["staff_user.regency_id", "staff_user.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "staff_id"),
    )
    op.create_table(
        "unavailability",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("began_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expected_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('breakdown', 'fuel', 'cleaning', 'rest', 'failed_check', 'other')",
            name="unavailability_reason",
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "unit_id"],
            ["unit.regency_id", "unit.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "unavailability_open",
        "unavailability",
        ["regency_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_geospatial_table(
        "assignment",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("origin_incident_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("predicted_s", sa.Double(), nullable=True),
        sa.Column("predicted_m", sa.Double(), nullable=True),
        sa.Column("roads_version", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("acknowledged_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stand_down_acknowledged_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("exit_reason", sa.Text(), nullable=True),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "freed_place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(released_at IS NULL) = (state NOT IN ('cleared', 'declined', 'timed_out', 'stood_down', 'diverted', 'completed_without_transport'))",
            name="assignment_released",
        ),
        sa.CheckConstraint("origin IN ('operator', 'widened')", name="assignment_origin"),
        sa.ForeignKeyConstraint(
            ["regency_id", "incident_id"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "origin_incident_id"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "unit_id"],
            ["unit.regency_id", "unit.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index("assignment_incident", "assignment", ["regency_id", "incident_id"], unique=False)
    op.create_index(
        "assignment_one_open_per_unit",
        "assignment",
        ["regency_id", "unit_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "assignment_released_last", "assignment", ["regency_id", "unit_id", "released_at"], unique=False
    )
    op.create_geospatial_table(
        "call",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("caller_name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("caller_phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("caller_phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("caller_trust", sa.Text(), nullable=False),
        sa.Column(
            "place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("place_accuracy_m", sa.Double(), nullable=True),
        sa.Column("place_source", sa.Text(), nullable=True),
        sa.Column("located_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("village_code", sa.Text(), nullable=True),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cancel_asked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("disposal", sa.Text(), nullable=True),
        sa.Column("disposed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("speed_factor", sa.Double(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(state = 'disposed') = (disposal IS NOT NULL)", name="call_disposed"),
        sa.CheckConstraint("(state = 'linked') = (incident_id IS NOT NULL)", name="call_linked"),
        sa.CheckConstraint("channel IN ('app', 'phone', 'sms', 'walk_in', 'partner')", name="call_channel"),
        sa.CheckConstraint("speed_factor IS NULL OR realm = 'training'", name="call_speed"),
        sa.CheckConstraint("state IN ('ringing', 'taken', 'linked', 'disposed')", name="call_state"),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "incident_id"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "realm"],
            ["regency.id", "regency.realm"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "taken_by"],
            ["staff_user.regency_id", "staff_user.id"],
        ),
        sa.ForeignKeyConstraint(
            ["resident_id", "realm"],
            ["resident.id", "resident.realm"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("call_caller", "call", ["regency_id", "caller_phone_hash", "received_at"], unique=False)
    op.create_index("call_incident", "call", ["regency_id", "incident_id"], unique=False)
    op.create_index("call_resident", "call", ["resident_id", "received_at"], unique=False)
    op.create_index(
        "call_waiting",
        "call",
        ["regency_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ringing','taken')"),
    )
    op.create_table(
        "crew_membership",
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("joined_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("left_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id", "shift_id"],
            ["shift.regency_id", "shift.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "staff_id"],
            ["staff_user.regency_id", "staff_user.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index(
        "crew_aboard",
        "crew_membership",
        ["regency_id", "staff_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.create_table(
        "patient",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nik_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("guardian_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("notes_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("age_years", sa.Integer(), nullable=True),
        sa.Column("minor", sa.Boolean(), nullable=True),
        sa.Column("triage", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome_detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('handed_over', 'treated_on_scene', 'refused', 'not_found', 'died', 'referred')",
            name="patient_outcome",
        ),
        sa.CheckConstraint("triage IN ('red', 'yellow', 'green', 'black')", name="patient_triage"),
        sa.CheckConstraint("(outcome IS NULL) = (outcome_at IS NULL)", name="patient_outcome_time"),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "incident_id"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint("regency_id", "incident_id", "position"),
    )
    op.create_table(
        "callback",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("attempted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('answered', 'no_answer', 'busy', 'unreachable')", name="callback_outcome"
        ),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["person_key.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "call_id"],
            ["call.regency_id", "call.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "staff_id"],
            ["staff_user.regency_id", "staff_user.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index("callback_call", "callback", ["regency_id", "call_id"], unique=False)
    op.create_table(
        "leg",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=True),
        sa.Column("outside_name", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_reason", sa.Text(), nullable=True),
        sa.Column("answered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("bed", sa.Text(), nullable=True),
        sa.Column("receiver_name", sa.Text(), nullable=True),
        sa.Column("room", sa.Text(), nullable=True),
        sa.Column("countersigned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("countersigned_by", sa.Uuid(), nullable=True),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state <> 'handed_over' OR (receiver_name IS NOT NULL AND room IS NOT NULL)", name="leg_receiver"
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'transporting', 'at_facility', 'handed_over', 'diverted')", name="leg_state"
        ),
        sa.CheckConstraint("num_nonnulls(facility_id, outside_name) <= 1", name="leg_destination"),
        sa.ForeignKeyConstraint(
            ["regency_id", "assignment_id"],
            ["assignment.regency_id", "assignment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "facility_id"],
            ["facility.regency_id", "facility.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_index("leg_assignment", "leg", ["regency_id", "assignment_id"], unique=False)
    op.create_index("leg_facility", "leg", ["regency_id", "facility_id", "created_at"], unique=False)
    op.create_table(
        "reported_fact",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state_then", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id", "assignment_id"],
            ["assignment.regency_id", "assignment.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
    )
    op.create_table(
        "leg_patient",
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("leg_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regency_id", "leg_id"],
            ["leg.regency_id", "leg.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "patient_id"],
            ["patient.regency_id", "patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id"],
            ["regency.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "leg_id", "patient_id"),
    )
    op.create_table(
        "stamp",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("leg_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("clock_corrected", sa.Boolean(), nullable=False),
        sa.Column("regency_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "name IN ('called_at', 'taken_at', 'confirmed_at', 'assigned_at', 'offered_at', 'accepted_at', 'en_route_at', 'staged_at', 'on_scene_at', 'at_patient_at', 'left_scene_at', 'at_facility_at', 'handed_over_at', 'available_at', 'stood_down_at')",
            name="stamp_name",
        ),
        sa.CheckConstraint(
            "source IN ('crew', 'geofence_confirmed', 'operator', 'sms', 'system')", name="stamp_source"
        ),
        sa.CheckConstraint("leg_id IS NULL OR assignment_id IS NOT NULL", name="stamp_leg"),
        sa.ForeignKeyConstraint(
            ["regency_id", "assignment_id"],
            ["assignment.regency_id", "assignment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "incident_id"],
            ["incident.regency_id", "incident.id"],
        ),
        sa.ForeignKeyConstraint(
            ["regency_id", "leg_id"],
            ["leg.regency_id", "leg.id"],
        ),
        sa.PrimaryKeyConstraint("regency_id", "id"),
        sa.UniqueConstraint(
            "regency_id", "incident_id", "assignment_id", "leg_id", "name", postgresql_nulls_not_distinct=True
        ),
    )
    for name in ("0001_tenancy.sql", "0001_event_log.sql"):
        _run_script((SQL / name).read_text())


def downgrade() -> None:
    raise NotImplementedError("nothing lies before the first migration: restore a backup instead")
