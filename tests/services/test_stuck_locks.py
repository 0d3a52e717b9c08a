"""A lock that somebody keeps: refused for now, nothing half stored, and taken when it is asked again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from case_scene import NOON, Case, open_case, regency_row
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dispatch.domain.events import EventKind
from dispatch.storage import database as database_module
from dispatch.storage.connection import KEEP_ALIVE
from dispatch.storage.outages import DatabaseAway, database_needed
from dispatch.storage.primary import open_engine
from dispatch.storage.regency_loading import begin_load, loading, write_areas
from dispatch.storage.transaction import new_id


@pytest.fixture
async def hasty(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Case]:
    """A case whose statements wait for no lock."""
    async with open_case(database, tmp_path) as case:
        monkeypatch.setattr(database_module, "LOCK_WITHIN_MS", 50)
        await case.centre.database.close()
        case.centre.database = database_module.Database(database.app_url, name="hasty")
        yield case


@pytest.mark.parametrize("kept", ["event_head", "regency"], ids=["the commit waits", "a statement waits"])
async def test_a_lock_that_is_kept_is_waited_for_no_longer_than_said(
    hasty: Case, database: Any, kept: str
) -> None:
    call = new_id()
    holder = await asyncpg.connect(database.owner_url)
    async with holder.transaction():
        await holder.execute(f"SELECT 1 FROM {kept} FOR UPDATE")
        with pytest.raises(DBAPIError, match="lock timeout") as refused:
            await hasty.ring(id=call)
        with pytest.raises(DatabaseAway), database_needed():
            raise refused.value
        assert await hasty.value("SELECT count(*) FROM call") == 0
        assert await hasty.events(EventKind.CALL_RECEIVED) == []
    await holder.close()
    assert (await hasty.ring(id=call)).call_id == call
    assert await hasty.value("SELECT count(*) FROM call") == 1
    await hasty.check_log()


async def test_the_owners_long_work_waits_for_its_locks(database: Any) -> None:
    engine = open_engine(database.owner_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW lock_timeout"))).scalar() == "0"
    await engine.dispose()


async def test_a_load_of_the_regency_keeps_no_call_waiting(hasty: Case, database: Any) -> None:
    """Its transaction draws all roads: it may take longer than anybody waits for a lock."""
    row, district, village = regency_row()
    async with loading(database.owner_url, row.slug) as connection:
        regency_id = await begin_load(connection, row, NOON)
        await write_areas(connection, regency_id, [district], [village])
        await hasty.send("A-1", await hasty.incident())
        await connection.commit()


async def test_the_server_is_told_how_soon_a_silent_machine_is_gone(case: Case) -> None:
    """A unix socket has no keep-alive: what the session would begin a connection by TCP with is asked."""
    about = text("SELECT name, reset_val FROM pg_settings WHERE name LIKE 'tcp%'")
    async with case.centre.database.sessions() as session:
        assert {row.name: row.reset_val for row in await session.execute(about)} == KEEP_ALIVE
