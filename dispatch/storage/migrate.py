"""Brings a database to the present schema, as its owner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from dispatch.storage.primary import open_engine

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"
_LOCK = 7_362_714  # any two programs that migrate one database take this advisory lock in turn


async def upgrade(owner_url: str) -> str:
    """Apply every migration that is missing and return the schema's revision. Safe to run twice at once."""
    return await _run(owner_url, lambda config, _: command.upgrade(config, "head"))


async def draft(owner_url: str, message: str) -> str:
    """Write a new migration from the difference between the tables in code and in the database."""
    return await _run(owner_url, lambda config, _: command.revision(config, message, autogenerate=True))


async def check(owner_url: str) -> str:
    """Compare the tables in code with the database.

    Raises:
        alembic.util.CommandError: they differ; a migration is missing.
    """
    return await _run(owner_url, lambda config, _: command.check(config))


async def revision(owner_url: str) -> tuple[str | None, str | None]:
    """Return the database's revision and the newest one known to this program."""
    engine = open_engine(owner_url)
    try:
        async with engine.connect() as connection:
            current = await connection.run_sync(
                lambda c: MigrationContext.configure(c).get_current_revision()
            )
    finally:
        await engine.dispose()
    return current, ScriptDirectory(str(SCRIPTS)).get_current_head()


async def _run(owner_url: str, action: Callable[[Config, Connection], object]) -> str:
    engine = open_engine(owner_url)

    def within(connection: Connection) -> str:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        action(config, connection)
        return MigrationContext.configure(connection).get_current_revision() or ""

    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            try:
                result = await connection.run_sync(within)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                await connection.commit()
            return result
    finally:
        await engine.dispose()
