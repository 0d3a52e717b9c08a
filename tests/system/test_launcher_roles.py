"""The application's login on somebody else's server, where passwords count."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from dispatch.local.errors import LocalError
from dispatch.local.postgres import PrivatePostgres
from dispatch.local.roles import RoleRefused, as_app_role, ensure_app_role


@pytest.fixture(scope="module")
def strict_server(server_folder: Path) -> Iterator[PrivatePostgres]:
    """A server that asks the application's role for its password."""
    rules = server_folder / "pg_hba.conf"
    trusted = [f"local all {role} trust" for role in ("postgres", "semar_owner", "modest")]
    rules.write_text("\n".join([*trusted, "local all all scram-sha-256", ""]))
    rules.chmod(0o644)
    server = PrivatePostgres(server_folder / "strict", settings={"fsync": "off", "hba_file": str(rules)})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fresh(strict_server: PrivatePostgres) -> PrivatePostgres:
    """The server without the application's role."""
    strict_server.execute("DROP ROLE IF EXISTS semar_app")
    return strict_server


async def test_the_role_is_made_with_the_password(fresh: PrivatePostgres) -> None:
    url = await ensure_app_role(fresh.owner_url, "kata'sandi @/")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT current_user") == "semar_app"
    await connection.close()
    strength = "rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole"
    assert fresh.execute(f"SELECT {strength} FROM pg_roles WHERE rolname = 'semar_app'") == "f"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(as_app_role(fresh.owner_url, "wrong"))


async def test_a_password_that_works_is_left_alone(fresh: PrivatePostgres) -> None:
    await ensure_app_role(fresh.owner_url, "first")
    stored = fresh.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'semar_app'")
    await ensure_app_role(fresh.owner_url, "first")
    assert fresh.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'semar_app'") == stored


async def test_an_owner_that_may_not_make_roles_is_told_what_to_run(fresh: PrivatePostgres) -> None:
    fresh.execute("DROP ROLE IF EXISTS modest; CREATE ROLE modest LOGIN")
    with pytest.raises(RoleRefused, match=r"CREATE ROLE semar_app LOGIN NOSUPERUSER NOBYPASSRLS .* PASSWORD"):
        await ensure_app_role(fresh.url("modest"), "x")


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="DATABASE_URL"):
        await ensure_app_role(f"postgresql://semar_owner@/semar?host={tmp_path}", "x")


def test_the_url_keeps_everything_but_the_user() -> None:
    url = as_app_role("postgresql+asyncpg://boss:secret@db.example:5433/semar?sslmode=require", "a/b")
    assert url == "postgresql://semar_app:a%2Fb@db.example:5433/semar?sslmode=require"
