"""The time for which the log's head is held, on a server whose disk is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from log_scene import BODY, make_tenant

from bench.head_clock import CLOCKED_APPEND, TABLE, held
from dispatch.local.postgres import DATABASE, PrivatePostgres
from dispatch.storage.connection import Connection
from dispatch.storage.migrate import upgrade
from dispatch.storage.transaction import binding

FLUSH_MS = 60


@pytest.fixture
def slow_disk(server_folder: Path) -> Iterator[PrivatePostgres]:
    """A migrated server that waits before each flush of a commit; fsync has to be on for that."""
    waits = {"commit_delay": str(FLUSH_MS * 1000), "commit_siblings": "0"}
    server = PrivatePostgres(server_folder / "slow-disk", settings=waits)
    server.start()
    try:
        with ThreadPoolExecutor(1) as aside:  # the migrations run an event loop of their own
            aside.submit(asyncio.run, upgrade(server.url("semar_owner"))).result()
        server.execute(TABLE, DATABASE)
        yield server
    finally:
        server.stop()


async def test_the_flush_of_the_commit_belongs_to_the_time_the_head_is_held(
    slow_disk: PrivatePostgres,
) -> None:
    since = datetime.now(UTC)
    owner = slow_disk.url("semar_owner")
    tenant = await make_tenant(owner, "99.01", "training")
    wires: list[Connection] = [
        await asyncpg.connect(slow_disk.url("semar_app"), connection_class=Connection) for _ in range(2)
    ]

    async def append(wire: Connection) -> None:
        for _ in range(3):
            wire.open_with(f"SELECT set_config('semar.drafts', '{BODY}', true);{binding(tenant)}")
            wire.close_with(CLOCKED_APPEND)
            async with wire.transaction():
                pass

    try:
        await asyncio.gather(*map(append, wires))
    finally:
        for wire in wires:
            await wire.close()
    head = await held(owner, tenant.id, since)
    assert head.count == 6
    assert head.p50 >= FLUSH_MS
