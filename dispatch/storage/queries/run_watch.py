"""What the geofences need of every run that is open, or has changed since an event."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A destination whose place is only approximate has no surroundings: nobody is proposed to have arrived there.
_RUNS = text(
    """
    SELECT a.unit_id, a.id AS assignment_id, a.state, a.released_at IS NOT NULL AS ended,
           least(coalesce((SELECT max(s.occurred_at) FROM stamp s WHERE s.regency_id = a.regency_id
                           AND s.incident_id = a.incident_id AND s.assignment_id = a.id), a.created_at),
                 CAST(:now AS timestamptz)) AS since,
           ST_X(i.place) AS scene_lon, ST_Y(i.place) AS scene_lat, i.place_accuracy_m AS scene_m,
           ST_X(f.place) AS goal_lon, ST_Y(f.place) AS goal_lat, i.speed_factor
    FROM assignment a
    JOIN incident i ON i.regency_id = a.regency_id AND i.id = a.incident_id
    LEFT JOIN LATERAL (
        SELECT facility_id FROM leg
        WHERE regency_id = a.regency_id AND assignment_id = a.id AND state = 'transporting'
        ORDER BY position DESC LIMIT 1) l ON true
    LEFT JOIN facility f ON f.regency_id = a.regency_id AND f.id = l.facility_id
        AND f.position_quality = 'surveyed'
    WHERE a.regency_id = :regency AND CASE WHEN CAST(:after AS bigint) IS NULL THEN a.released_at IS NULL
        ELSE a.incident_id IN (SELECT incident_id FROM event WHERE regency_id = :regency AND seq > :after) END
    """
)


class RunRow(NamedTuple):
    """One run as the tables hold it now; `since` is its last stamp, or the present for one that a
    clock has made that was ahead. Degrees, metres, None where unknown."""

    unit_id: UUID
    assignment_id: UUID
    state: str
    ended: bool
    since: datetime
    scene_lon: float | None
    scene_lat: float | None
    scene_m: float | None
    goal_lon: float | None
    goal_lat: float | None
    speed_factor: float | None


async def watched_runs(
    session: AsyncSession, regency_id: int, now: datetime, after: int | None
) -> list[RunRow]:
    """Return every open run; with `after` the runs, ended ones too, of the cases of later events."""
    rows = await session.execute(_RUNS, {"regency": regency_id, "now": now, "after": after})
    return [RunRow(*row) for row in rows]
