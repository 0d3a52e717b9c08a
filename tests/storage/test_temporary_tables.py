"""The application may make the temporary tables it stores fixes from, also where others may not."""

from __future__ import annotations

from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres
from dispatch.storage.migrate import upgrade


async def test_a_right_that_was_taken_from_everybody_is_given_to_the_application(
    postgres_server: PrivatePostgres,
) -> None:
    name = "without_temporary_tables"
    postgres_server.create_database(name)
    try:
        postgres_server.execute("CREATE EXTENSION postgis; CREATE EXTENSION pg_trgm", name)
        postgres_server.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
        may = f"SELECT has_database_privilege('{APP_ROLE}', '{name}', 'TEMPORARY')"
        assert postgres_server.execute(may).strip() == "f"
        await upgrade(postgres_server.url(OWNER_ROLE, name))
        assert postgres_server.execute(may).strip() == "t"
    finally:
        postgres_server.drop_database(name)
