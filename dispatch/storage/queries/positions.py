"""Stores batches of fixes, and moves the markers they may move, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix that is to be stored.

    `device_at` is the phone's own clock, `clock_offset_s` server minus phone as measured, and `fixed_at` the
    server's time of the fix: corrected where the phone's clock was wrong.
    """

    installation_id: UUID
    sequence: int
    device_at: datetime
    fixed_at: datetime
    unit_id: UUID
    clock_offset_s: float
    received_at: datetime
    lon: float
    lat: float
    accuracy_m: float | None
    speed_ms: float | None
    heading_deg: float | None
    battery: float | None
    source: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class MovedUnit:
    """A unit whose marker has moved, and the case it is on, if any."""

    unit_id: UUID
    lon: float
    lat: float
    fixed_at: datetime
    speed_ms: float | None
    heading_deg: float | None
    incident_id: UUID | None


# `position` is keyed and partitioned by the phone's own time, so that the same fix sent again is recognised
# however its clock was measured meanwhile. A marker moves to the higher sequence of its installation, or to
# a later fix of another one, and only by a fix that was not stored before.
_STORE = text(
    """
    WITH given AS (
        SELECT * FROM unnest(
            CAST(:installation_id AS uuid[]), CAST(:sequence AS bigint[]), CAST(:device_at AS timestamptz[]),
            CAST(:fixed_at AS timestamptz[]), CAST(:unit_id AS uuid[]), CAST(:clock_offset_s AS float8[]),
            CAST(:received_at AS timestamptz[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]),
            CAST(:accuracy_m AS float8[]), CAST(:speed_ms AS float8[]), CAST(:heading_deg AS float8[]),
            CAST(:battery AS float8[]), CAST(:source AS text[]), CAST(:replayed AS boolean[]))
        AS g(installation_id, sequence, device_at, fixed_at, unit_id, clock_offset_s, received_at, lon, lat,
             accuracy_m, speed_ms, heading_deg, battery, source, replayed)
    ), stored AS (
        INSERT INTO position (regency_id, installation_id, sequence, fixed_at, unit_id, clock_offset_s,
                              received_at, lon, lat, accuracy_m, speed_ms, heading_deg, battery, source,
                              replayed)
        SELECT :regency, installation_id, sequence, device_at, unit_id, clock_offset_s, received_at, lon, lat,
               accuracy_m, speed_ms, heading_deg, battery, source, replayed
        FROM given
        ON CONFLICT DO NOTHING
        RETURNING installation_id, sequence, position.fixed_at AS device_at
    ), newest AS (
        SELECT DISTINCT ON (unit_id, installation_id) given.*
        FROM given JOIN stored USING (installation_id, sequence, device_at)
        ORDER BY unit_id, installation_id, sequence DESC
    ), winner AS (
        SELECT DISTINCT ON (unit_id) * FROM newest ORDER BY unit_id, fixed_at DESC, installation_id
    ), moved AS (
        INSERT INTO latest_position AS latest (regency_id, unit_id, installation_id, sequence, fixed_at,
                                               received_at, lon, lat, accuracy_m, speed_ms, heading_deg,
                                               battery, source)
        SELECT :regency, unit_id, installation_id, sequence, fixed_at, received_at, lon, lat, accuracy_m,
               speed_ms, heading_deg, battery, source
        FROM winner ORDER BY unit_id
        ON CONFLICT (regency_id, unit_id) DO UPDATE SET
            installation_id = excluded.installation_id, sequence = excluded.sequence,
            fixed_at = excluded.fixed_at, received_at = excluded.received_at, lon = excluded.lon,
            lat = excluded.lat, accuracy_m = excluded.accuracy_m, speed_ms = excluded.speed_ms,
            heading_deg = excluded.heading_deg, battery = excluded.battery, source = excluded.source
        WHERE CASE WHEN latest.installation_id = excluded.installation_id
                   THEN excluded.sequence > latest.sequence ELSE excluded.fixed_at > latest.fixed_at END
        RETURNING unit_id, lon, lat, fixed_at, speed_ms, heading_deg
    )
    SELECT moved.*, a.incident_id FROM moved
    LEFT JOIN assignment a ON a.regency_id = :regency AND a.unit_id = moved.unit_id AND a.released_at IS NULL
    """
)


async def store_fixes(session: AsyncSession, regency_id: int, fixes: Sequence[Fix]) -> list[MovedUnit]:
    """Store the fixes that are not stored yet; return the units whose marker moved."""
    columns = {name: [getattr(fix, name) for fix in fixes] for name in Fix.__slots__}
    rows = await session.execute(_STORE, {"regency": regency_id, **columns})
    return [MovedUnit(*row) for row in rows]
