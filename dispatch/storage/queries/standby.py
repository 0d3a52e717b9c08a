"""Whether what is stored is stored twice: the standby as any login of the database sees it."""

from __future__ import annotations

from sqlalchemy import text

from dispatch.storage.database import Database

# A standby is expected where a slot is kept for it, and in step when it is connected and commits wait for it.
_QUERY = r"""
SELECT bool_or(active) AND current_setting('synchronous_standby_names') <> ''
FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name LIKE 'semar\_standby\_%'
"""


async def standby_state(database: Database) -> bool | None:
    """Return whether every commit is on a standby's disk before it is acknowledged; None: none is set up."""
    async with database.sessions() as session:
        found = await session.scalar(text(_QUERY))
    return None if found is None else bool(found)
