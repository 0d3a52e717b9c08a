"""Where in a tenant's log a moment lies: the log has no index by time, and needs none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# `recorded_at` never runs backwards within a log, so the place is found by halving: 20 rows of a million. A
# join instead of the subquery has the planner read the whole log at every halving.
_LAST_UP_TO = text(
    """
    WITH RECURSIVE halving AS (
        SELECT CAST(0 AS bigint) AS low, head.seq AS high
        FROM event_head head WHERE head.regency_id = :regency
        UNION ALL
        SELECT CASE WHEN known THEN middle ELSE low END, CASE WHEN known THEN high ELSE middle - 1 END
        FROM (
            SELECT low, high, (low + high + 1) / 2 AS middle,
                   (SELECT recorded_at FROM event
                    WHERE regency_id = :regency AND seq = (low + high + 1) / 2) <= :moment AS known
            FROM halving WHERE low < high
        ) AS step
    )
    SELECT low FROM halving WHERE low >= high
    """
)
_RECORDED = text("SELECT recorded_at FROM event WHERE regency_id = :regency AND seq = :seq")


async def last_event_up_to(session: AsyncSession, regency_id: int, moment: datetime) -> int:
    """Return the sequence of the last event recorded up to a moment; 0 when there was none yet."""
    found = (
        await session.execute(_LAST_UP_TO, {"regency": regency_id, "moment": moment})
    ).scalar_one_or_none()
    return int(found or 0)


async def recorded_at(session: AsyncSession, regency_id: int, seq: int) -> datetime | None:
    """Return when an event was recorded; None when the log has none of that number."""
    found: datetime | None = (
        await session.execute(_RECORDED, {"regency": regency_id, "seq": seq})
    ).scalar_one_or_none()
    return found
