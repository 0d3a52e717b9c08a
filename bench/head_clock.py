"""How long a transaction holds the head of the log: from its lock until others may have it.

The commit's own time stamp will not do: the server takes it before it brings the commit to the disk, and
frees the locks after that. So the message that appends and commits goes on with one more statement, which
writes the moment down once the commit is through and all locks are free. On a busy machine that statement may
itself have to wait for a core; so where the next one has locked the head before, that moment counts.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from dispatch.storage.transaction import APPEND

TABLE = """
CREATE UNLOGGED TABLE bench_released (writer xid NOT NULL, at timestamptz NOT NULL);
GRANT INSERT ON bench_released TO semar_app;
GRANT SELECT ON bench_released TO semar_owner
"""
"""For the superuser. Unlogged: its rows wait for no disk, and nobody waits for them."""

CLOCKED_APPEND = (
    "SELECT set_config('bench.writer', pg_current_xact_id()::xid::text, false);"  # before the head is locked
    f"{APPEND};COMMIT;"
    "INSERT INTO bench_released VALUES (current_setting('bench.writer')::xid, clock_timestamp());"
    "BEGIN"  # for the COMMIT that `Connection` sends behind these words
)
"""In the place of `APPEND`. The clock is read late by little, never early."""

_HELD = """
WITH locked AS (
    SELECT xmin AS writer, min(recorded_at) AS at, lead(min(recorded_at)) OVER (ORDER BY min(seq)) AS next_at
    FROM event WHERE regency_id = $1 AND recorded_at > $2 GROUP BY xmin
)
SELECT (extract(epoch FROM least(released.at, locked.next_at) - locked.at) * 1000)::float8 AS ms
FROM locked JOIN bench_released AS released USING (writer)
"""


@dataclass(frozen=True, slots=True)
class Held:
    """How long the head was held, in milliseconds, and by how many transactions."""

    p50: float
    p99: float
    count: int


async def held(owner_url: str, regency_id: int, since: datetime) -> Held:
    """Return it for all clocked transactions of a regency since then, by the database's own clock.

    The head is locked when its transaction dates its first event.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        times = [row["ms"] for row in await connection.fetch(_HELD, regency_id, since)]
    finally:
        await connection.close()
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Held(cuts[49], cuts[98], len(times))
