"""The catalogue of the migrated database: what future migrations must not forget."""

import re
from pathlib import Path

import pytest
from log_scene import World

from dispatch.storage.database import Database
from dispatch.storage.tables import Base

REPOSITORY = Path(__file__).resolve().parents[2]
REGENCY_TABLES = {t.name for t in Base.metadata.sorted_tables if "regency_id" in t.columns}
EVENTED = sorted(m.class_.__tablename__ for m in Base.registry.mappers if m.class_.evented)


TABLES = """
SELECT c.relname, c.relrowsecurity AS secured, c.relispartition AS partition,
    EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) AS policy,
    EXISTS (SELECT 1 FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'regency_id' AND NOT a.attisdropped) AS keyed,
    has_table_privilege('semar_app', c.oid, 'SELECT, INSERT, UPDATE') AS reachable,
    has_table_privilege('semar_app', c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER') AS removable
FROM pg_class c
WHERE c.relnamespace = CAST('public' AS regnamespace) AND c.relkind IN ('r', 'p', 'f')
    AND c.relname NOT IN ('spatial_ref_sys', 'alembic_version')
"""


async def test_every_table_has_row_security_and_a_policy(world: World) -> None:
    for row in await world.as_owner(TABLES):
        assert not row["removable"], f"{row['relname']}: the application may delete"
        if row["partition"]:
            assert not row["reachable"], f"{row['relname']}: a partition bypasses its table's policy"
            continue
        assert row["secured"], f"{row['relname']}: row-level security is off"
        assert row["policy"], f"{row['relname']}: no policy"


async def test_the_code_knows_every_table_with_a_regency(world: World) -> None:
    """Else the tests that try to break in would not try them."""
    keyed = [row for row in await world.as_owner(TABLES) if row["keyed"] and not row["partition"]]
    assert {row["relname"] for row in keyed} == REGENCY_TABLES


async def test_no_policy_is_wider_than_the_tenant(world: World) -> None:
    policies = await world.as_owner("SELECT tablename, qual, with_check, cmd FROM pg_policies")
    wanted = {"(regency_id = semar_regency())", "(realm = semar_realm())"}
    for row in policies:
        if row["tablename"] == "regency":
            assert (row["cmd"], row["qual"]) == ("SELECT", "true")  # the directory of tenants is public
            continue
        assert {row["qual"], row["with_check"]} <= wanted, row["tablename"]


TRIGGERS = """
SELECT CAST(tgrelid::regclass AS text) AS name, tgdeferrable, tginitdeferred, tgenabled, tgtype
FROM pg_trigger WHERE tgfoid = CAST('require_event' AS regproc)
"""


async def test_every_evented_table_demands_its_event(world: World) -> None:
    triggers = await world.as_owner(TRIGGERS)
    assert sorted(row["name"] for row in triggers) == EVENTED
    for row in triggers:
        assert row["tgdeferrable"]
        assert row["tginitdeferred"]
        assert row["tgenabled"] == b"O"
        assert row["tgtype"] == 1 + 4 + 8 + 16  # each row, on insert, delete and update


FOREIGN_KEYS = """
SELECT CAST(conrelid::regclass AS text) AS source, CAST(confrelid::regclass AS text) AS target,
    pg_get_constraintdef(oid) AS words
FROM pg_constraint WHERE contype = 'f' AND connamespace = CAST('public' AS regnamespace)
"""


async def test_foreign_keys_between_tables_of_tenants_carry_the_regency(world: World) -> None:
    for row in await world.as_owner(FOREIGN_KEYS):
        if row["target"] in REGENCY_TABLES:
            columns = re.match(r"FOREIGN KEY \((.*?)\)", row["words"])
            assert columns is not None
            assert "regency_id" in columns[1].split(", "), f"{row['source']}: {row['words']}"


async def test_the_login_is_weak_and_owns_nothing(world: World) -> None:
    role = (await world.as_owner("SELECT * FROM pg_roles WHERE rolname = 'semar_app'"))[0]
    for power in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication"):
        assert role[power] is False
    owned = "SELECT 1 FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = 'semar_app')"
    assert await world.as_owner(owned) == []
    member = "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolname = 'semar_app'"
    assert await world.as_owner(member) == []


FUNCTIONS = """
SELECT proname, proconfig FROM pg_proc
WHERE prosecdef AND pronamespace = CAST('public' AS regnamespace)
    AND proowner = (SELECT oid FROM pg_roles WHERE rolname = 'semar_owner')
"""


async def test_functions_with_the_owners_power_fix_their_search_path(world: World) -> None:
    functions = await world.as_owner(FUNCTIONS)
    assert {row["proname"] for row in functions} >= {"append_events", "session_by_token"}
    for row in functions:
        assert any(setting.startswith("search_path=public, pg_temp") for setting in row["proconfig"] or [])


CLOCK = re.compile(
    r"\b(clock_timestamp|(?:current|statement|transaction|local)_?(?:timestamp|date|time))\b|(?<![.\w])now\(\)",
    re.IGNORECASE,
)
ASKS_THE_TIME = """
SELECT format('default of %s.%s', c.relname, a.attname) AS place, pg_get_expr(d.adbin, d.adrelid) AS words
FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE c.relnamespace = CAST('public' AS regnamespace)
UNION ALL
SELECT p.proname, p.prosrc FROM pg_proc p
WHERE p.pronamespace = CAST('public' AS regnamespace)
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')
"""


async def test_only_the_logs_own_time_is_the_databases(world: World) -> None:
    """Everything else goes by the one clock of the program, which tests and replays can set."""
    found = {row["place"] for row in await world.as_owner(ASKS_THE_TIME) if CLOCK.search(row["words"])}
    assert found == {"append_events"}
    code = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "dispatch").rglob("*.py")
        if CLOCK.search(path.read_text())
    }
    # the clock itself; and what time the server has, told with a backup of it
    assert code == {"dispatch/clock.py", "dispatch/local/backup_source.py"}


async def test_a_strong_login_is_refused_by_the_program(world: World) -> None:
    for url, strong in ((world.database.owner_url, True), (world.database.app_url, False)):
        database = Database(url, pool_size=1, name="test")
        try:
            if strong:
                with pytest.raises(RuntimeError, match="semar_app"):
                    await database.refuse_a_strong_role()
            else:
                await database.refuse_a_strong_role()
        finally:
            await database.close()
