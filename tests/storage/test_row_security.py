"""Tries to reach another tenant's rows with the application's own login."""

from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest
from log_scene import BODY, VAULT, World, as_application

from dispatch.domain.roles import SYSTEM
from dispatch.storage.database import Database
from dispatch.storage.tables import Base
from dispatch.storage.transaction import new_id, transaction

Denied = asyncpg.InsufficientPrivilegeError
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
REGENCY_TABLES = sorted(t.name for t in Base.metadata.sorted_tables if "regency_id" in t.columns)
REALM_TABLES = ["person_key", "resident", "resident_credential"]


def copy_of(table: str) -> str:
    """The statement that inserts a row given as text."""
    return f'INSERT INTO {table} SELECT (CAST($1::text AS "{table}")).*'


async def _other_row(world: World, table: str, where: str = "regency_id = $1", key: Any = None) -> str:
    """The other tenant's row of a table as text, as only the owner can see it."""
    query = f"SELECT CAST(t AS text) AS row FROM {table} t WHERE {where} LIMIT 1"
    rows = await world.as_owner(query, key or world.other.id)
    assert rows, f"the scene has no row in {table}"
    return str(rows[0]["row"])


# --- other tenants' rows ----------------------------------------------------------------------------


@pytest.mark.parametrize("table", REGENCY_TABLES)
async def test_rows_of_another_tenant_cannot_be_read(
    world: World, app: asyncpg.Connection, table: str
) -> None:
    assert await app.fetchval(f"SELECT count(*) FROM {table} WHERE regency_id = $1", world.mine.id) > 0
    assert await app.fetchval(f"SELECT count(*) FROM {table} WHERE regency_id <> $1", world.mine.id) == 0


@pytest.mark.parametrize("table", REGENCY_TABLES)
async def test_rows_of_another_tenant_cannot_be_written(
    world: World, app: asyncpg.Connection, table: str
) -> None:
    row = await _other_row(world, table)
    with pytest.raises(Denied):
        async with app.transaction():
            await app.execute(copy_of(table), row)
    try:
        async with app.transaction():
            done = await app.execute(
                f"UPDATE {table} SET regency_id = regency_id WHERE regency_id = $1", world.other.id
            )
        assert done == "UPDATE 0"
    except Denied:
        pass
    with pytest.raises(Denied):
        async with app.transaction():
            await app.execute(f"DELETE FROM {table} WHERE regency_id = $1", world.other.id)


@pytest.mark.parametrize("table", REGENCY_TABLES)
async def test_own_rows_cannot_be_given_away(world: World, app: asyncpg.Connection, table: str) -> None:
    with pytest.raises(Denied):
        await app.execute(f"UPDATE {table} SET regency_id = $1", world.other.id)


@pytest.mark.parametrize("table", REGENCY_TABLES)
async def test_without_a_tenant_there_is_nothing(world: World, table: str) -> None:
    row = await _other_row(world, table)
    async with as_application(world.database.app_url) as app:
        assert await app.fetchval(f"SELECT count(*) FROM {table}") == 0
        with pytest.raises(Denied):
            await app.execute(copy_of(table), row)


@pytest.mark.parametrize("table", REALM_TABLES)
async def test_people_of_the_other_realm_do_not_exist(world: World, table: str) -> None:
    async with as_application(world.database.app_url, world.live.tenant) as app:
        assert await app.fetchval(f"SELECT count(*) FROM {table} WHERE realm <> 'live'") == 0
        assert await app.fetchval(f"SELECT count(*) FROM {table}") > 0
        row = await _other_row(world, table, "realm = $1", "training")
        with pytest.raises(Denied):
            async with app.transaction():
                await app.execute(copy_of(table), row)
        with pytest.raises(Denied):
            async with app.transaction():
                await app.execute(f"UPDATE {table} SET realm = 'training'")
    async with as_application(world.database.app_url) as app:
        assert await app.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_setting_that_is_no_tenant_finds_nothing(world: World) -> None:
    async with as_application(world.database.app_url) as app:
        for value in ("", "0", "-1", "999999"):
            await app.execute("SELECT set_config('semar.regency', $1, true)", value)
            assert await app.fetchval("SELECT count(*) FROM incident") == 0


async def test_a_tenant_ends_with_its_transaction(world: World) -> None:
    """A pooled connection does not carry one request's tenant into the next."""
    database = Database(world.database.app_url, pool_size=1, name="test")
    try:
        async with transaction(database, world.mine.tenant, VAULT, SYSTEM, "test", NOW) as tx:
            await tx.get(type(world.mine.rows["unit"]), world.mine.key("unit"))
        async with database.sessions() as session:
            counted = await session.execute(type(world.mine.rows["unit"]).__table__.select())
            assert counted.all() == []
    finally:
        await database.close()


# --- stepping around the rules ----------------------------------------------------------------------

ESCAPES = [
    "ALTER TABLE incident DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE incident NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE incident DISABLE TRIGGER ALL",
    "ALTER TABLE incident OWNER TO semar_app",
    "DROP POLICY own_regency ON incident",
    "ALTER POLICY own_regency ON incident USING (true)",
    "CREATE POLICY everything ON incident USING (true)",
    "DROP TRIGGER incident_has_event ON incident",
    "DROP TABLE incident",
    "TRUNCATE incident CASCADE",
    "TRUNCATE event",
    "SET ROLE semar_owner",
    "SET SESSION AUTHORIZATION semar_owner",
    "ALTER ROLE semar_app BYPASSRLS",
    "ALTER ROLE semar_app SUPERUSER",
    "GRANT semar_owner TO semar_app",
    "SET session_replication_role = replica",
    "CREATE TABLE public.copy AS SELECT * FROM incident",
    "CREATE FUNCTION public.semar_regency() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "CREATE OR REPLACE FUNCTION semar_regency() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "CREATE VIEW public.peek AS SELECT * FROM incident",
    "CREATE RULE peek AS ON INSERT TO incident DO NOTHING",
    "COPY incident TO '/tmp/semar-incident'",
    "COPY incident TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM position_other",
    "INSERT INTO regency OVERRIDING SYSTEM VALUE SELECT * FROM regency",
    "UPDATE regency SET settings = '{}'",
    "DELETE FROM regency",
    "DELETE FROM person_key",
    "UPDATE event_head SET seq = seq + 1",
    "DELETE FROM event_head",
    "INSERT INTO event SELECT * FROM event",
    "UPDATE event SET data = '{}'",
    "DELETE FROM event",
    "UPDATE view_log SET reason = ''",
    "DELETE FROM view_log",
    "UPDATE position SET lon = 0",
    "DELETE FROM position",
]


@pytest.mark.parametrize("statement", ESCAPES)
async def test_the_application_may_not(app: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(Denied):
        await app.execute(statement)


async def test_row_security_cannot_be_switched_off(app: asyncpg.Connection) -> None:
    await app.execute("SET row_security = off")
    with pytest.raises(Denied, match="row-level security"):
        await app.fetch("SELECT * FROM incident")


async def test_copy_sees_own_rows_only(world: World, app: asyncpg.Connection) -> None:
    seen: list[bytes] = []

    async def keep(part: bytes) -> None:
        seen.append(part)

    await app.copy_from_query("SELECT regency_id FROM event", output=keep)
    assert set(b"".join(seen).split()) == {str(world.mine.id).encode()}
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        await app.copy_records_to_table("timer", records=[], columns=["regency_id"])


async def test_daily_partitions_cannot_be_entered_directly(app: asyncpg.Connection) -> None:
    assert await app.fetchval("SELECT make_position_partitions($1, 2)", date(2027, 1, 1)) == 2
    for partition in ("position_20270101", "position_other"):
        for statement in ("SELECT * FROM", "DELETE FROM", "TRUNCATE"):
            with pytest.raises(Denied):
                async with app.transaction():
                    await app.execute(f"{statement} {partition}")


async def test_an_index_probe_tells_nothing_about_other_tenants(
    world: World, app: asyncpg.Connection
) -> None:
    """A condition that would fail on foreign rows is not evaluated on them before the policy is."""
    query = "SELECT * FROM incident WHERE 1 / CAST(regency_id = $1 AS integer) > 0"
    assert len(await app.fetch(query, world.mine.id)) == 1


# --- events -----------------------------------------------------------------------------------------


async def test_events_go_to_the_own_log_only(world: World, app: asyncpg.Connection) -> None:
    with pytest.raises(Denied):
        async with app.transaction():
            await app.execute("SELECT append_events($1, $2)", world.other.id, [BODY])
    async with as_application(world.database.app_url) as nobody:
        with pytest.raises(Denied):
            await nobody.execute("SELECT append_events($1, $2)", world.mine.id, [BODY])


async def test_a_shadowing_table_does_not_catch_the_events(world: World, app: asyncpg.Connection) -> None:
    before = await app.fetchval("SELECT seq FROM event_head")
    await app.execute("CREATE TEMPORARY TABLE event_head (LIKE public.event_head)")
    await app.execute("CREATE TEMPORARY TABLE event (LIKE public.event)")
    await app.execute("SET LOCAL search_path = pg_temp, public")
    await app.execute("SELECT append_events($1, $2)", world.mine.id, [BODY])
    assert await app.fetchval("SELECT seq FROM public.event_head") == before + 1
    assert await app.fetchval("SELECT count(*) FROM pg_temp.event") == 0


# --- rows of two tenants joined up ------------------------------------------------------------------

JOINS = [
    ("shift", "unit_id", "unit"),
    ("unit", "base_facility_id", "facility"),
    ("unavailability", "unit_id", "unit"),
    ("crew_membership", "shift_id", "shift"),
    ("crew_membership", "staff_id", "staff_user"),
    ("staff_user", "facility_id", "facility"),
    ("call", "incident_id", "incident"),
    ("call", "taken_by", "staff_user"),
    ("callback", "call_id", "call"),
    ("patient", "incident_id", "incident"),
    ("assignment", "incident_id", "incident"),
    ("assignment", "origin_incident_id", "incident"),
    ("assignment", "unit_id", "unit"),
    ("leg", "assignment_id", "assignment"),
    ("leg", "facility_id", "facility"),
    ("leg_patient", "leg_id", "leg"),
    ("leg_patient", "patient_id", "patient"),
    ("reported_fact", "assignment_id", "assignment"),
    ("stamp", "incident_id", "incident"),
    ("stamp", "assignment_id", "assignment"),
    ("stamp", "leg_id", "leg"),
    ("session", "staff_id", "staff_user"),
    ("latest_position", "unit_id", "unit"),
]


@pytest.mark.parametrize(("table", "column", "target"), JOINS)
async def test_a_row_cannot_point_into_another_tenant(
    world: World, app: asyncpg.Connection, table: str, column: str, target: str
) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await app.execute(f"UPDATE {table} SET {column} = $1", world.other.key(target))


async def test_training_and_live_people_are_kept_apart(world: World) -> None:
    """Not even the owner links a live call to a training resident."""
    linked = "UPDATE call SET resident_id = $1 WHERE regency_id = $2"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.refused_to_owner(linked, world.mine.key("resident"), world.live.id)


# --- the doors that cross tenants -------------------------------------------------------------------


async def test_a_session_is_found_by_its_secret_only(world: World) -> None:
    async with as_application(world.database.app_url) as app:
        found = await app.fetch("SELECT * FROM session_by_token($1)", world.other.token_hash)
        assert [row["regency_id"] for row in found] == [world.other.id]
        assert await app.fetch("SELECT * FROM session_by_token($1)", bytes(32)) == []


async def test_a_used_call_id_is_told_without_the_row(world: World, app: asyncpg.Connection) -> None:
    taken = "SELECT call_id_taken_elsewhere($1)"
    assert await app.fetchval(taken, world.other.key("call")) is True
    assert await app.fetchval(taken, world.mine.key("call")) is False
    assert await app.fetchval(taken, new_id()) is False
