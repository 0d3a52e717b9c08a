"""What the watcher writes down and changes, at a real primary whose standby is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from dispatch.local.postgres import PrivatePostgres
from dispatch.local.standby_note import read_note
from dispatch.local.standby_servers import REPLICATION
from dispatch.local.standby_watch import Watcher

pytestmark = pytest.mark.timeout(120)
NAMES = "SHOW synchronous_standby_names"


@pytest.fixture(scope="module")
def primary(server_folder: Path) -> Iterator[PrivatePostgres]:
    """A primary that has commits wait for a standby which is not there."""
    server = PrivatePostgres(server_folder / "watched", settings=REPLICATION, say=lambda _: None)
    server.start()
    server.execute("SELECT pg_create_physical_replication_slot('semar_standby_b', true)")
    yield server
    server.stop()


@pytest.fixture
async def connection(primary: PrivatePostgres) -> AsyncIterator[asyncpg.Connection]:
    """Commits wait when it is handed out."""
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'semar_standby_b'")
    primary.execute("SELECT pg_reload_conf()")
    opened = await asyncpg.connect(primary.admin_url)
    while await opened.fetchval(NAMES) == "":
        pass  # the session reads the change between two commands
    yield opened
    await opened.close()


async def test_a_new_watcher_does_not_note_a_standby_in_step_that_it_has_not_seen(
    primary: PrivatePostgres, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    watcher = Watcher(primary.admin_url, tmp_path, patience_s=1000.0)
    for now in (100.0, 101.0, 110.0):
        await watcher.look(connection, now)
    assert read_note(tmp_path) is None


async def test_between_two_machines_commits_wait_for_a_standby_that_was_never_seen(
    primary: PrivatePostgres, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    told: list[str] = []
    watcher = Watcher(primary.admin_url, tmp_path, fenced=False, told=told.append)
    for now in (100.0, 101.0, 200.0):
        await watcher.look(connection, now)
    assert await connection.fetchval(NAMES) == "semar_standby_b"
    assert read_note(tmp_path) is None
    assert len(told) == 1
    assert "ALL COMMITS WAIT" in told[0]


async def test_where_a_replaced_primary_is_fenced_they_go_on(
    primary: PrivatePostgres, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    watcher = Watcher(primary.admin_url, tmp_path, told=lambda _: None)
    for now in (100.0, 200.0):
        await watcher.look(connection, now)
    while await connection.fetchval(NAMES) != "":
        pass
    note = read_note(tmp_path)
    assert note is not None
    assert not note.synchronous
