"""The application's login on a database server that somebody else administers."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from dispatch.local.errors import LocalError

APP_ROLE = "semar_app"


class RoleRefused(LocalError):
    """The login cannot be made with this connection; the message holds the SQL for an administrator."""


async def ensure_app_role(owner_url: str, password: str) -> str:
    """Make sure that `semar_app` can log in with `password`; return its URL.

    An existing role whose password is another one is given this one. Raises RoleRefused, LocalError.
    """
    app_url = as_app_role(owner_url, password)
    if await _logs_in(app_url):
        return app_url
    try:
        connection = await asyncpg.connect(_libpq(owner_url))
    except (OSError, asyncpg.PostgresError) as error:
        raise LocalError(f"DATABASE_URL: {error}") from error
    try:
        exists = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", APP_ROLE
        )
        verb = "ALTER" if exists else "CREATE"
        # bypassing row security is for superusers to grant or take; `serve` refuses a login that has it
        form = f"{verb} ROLE %I LOGIN NOCREATEDB NOCREATEROLE PASSWORD %L"
        statement = await connection.fetchval(
            "SELECT format($1, $2::text, $3::text)", form, APP_ROLE, password
        )
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError as error:
            options = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
            raise RoleRefused(
                f"the user of DATABASE_URL may not {verb.lower()} roles. Let the server's administrator run\n"
                f"  {verb} ROLE {APP_ROLE} {options} PASSWORD '...';\n"
                f"and set DATABASE_APP_URL to {as_app_role(owner_url, '...')}"
            ) from error
    finally:
        await connection.close()
    if not await _logs_in(app_url):
        raise LocalError(
            f"{APP_ROLE} cannot log in to the database of DATABASE_URL: see pg_hba.conf of the server"
        )
    return app_url


def as_app_role(owner_url: str, password: str) -> str:
    """Return the URL of the same database for `semar_app`."""
    parts = urlsplit(_libpq(owner_url))
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{APP_ROLE}:{quote(password, safe='')}@{place}"))


def _libpq(url: str) -> str:
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


async def _logs_in(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.PostgresError:
        return False
    except OSError as error:
        raise LocalError(f"DATABASE_URL: {error}") from error
    await connection.close()
    return True
