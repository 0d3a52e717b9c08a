"""Whether what is stored is stored elsewhere, too: the database's copies as any of its logins sees them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from dispatch.storage.database import Database

# A copy is expected where a slot is kept for it. A standby is in step when it is connected and commits wait.
_QUERY = r"""
SELECT bool_or(active AND current_setting('synchronous_standby_names') <> '')
         FILTER (WHERE slot_name LIKE 'semar\_standby\_%') AS standby,
       bool_or(active) FILTER (WHERE slot_name = 'semar_archive') AS archive
FROM pg_replication_slots WHERE slot_type = 'physical'
"""


@dataclass(frozen=True, slots=True)
class Copies:
    """standby: every commit is on its disk before it is acknowledged. archive: the log is received now.

    None where none is set up.
    """

    standby: bool | None
    archive: bool | None


async def state_of_copies(database: Database) -> Copies:
    """Ask the database for its copies."""
    async with database.sessions() as session:
        row = (await session.execute(text(_QUERY))).one()
    return Copies(row.standby, row.archive)
