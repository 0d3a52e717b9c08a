"""Stores batches of fixes, and moves the markers they may move, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from asyncpg.pgproto import pgproto
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.position import APART_M, COARSE_M, HOLD_IDLE_S, HOLD_S, LEFT_BEHIND_S, Seen

_NOBODY = pgproto.UUID(bytes(16))


def quick_uuid(same: UUID) -> UUID:
    """Return an id in the form that the driver of the database writes, hashes and compares without calls."""
    return same if isinstance(same, pgproto.UUID) else pgproto.UUID(same.bytes)


class Fix(msgspec.Struct, gc=False):
    """One fix that is to be stored; thousands a second, so no tuple that the collector would look through.

    Times are seconds since 1970, exact to the microsecond. `device_at` is the phone's own clock,
    `clock_offset_s` server minus phone as measured, and `at` the server's time of the fix: corrected where
    the phone's clock was wrong. `moves` says whether it may move the unit's marker.
    """

    installation_id: UUID
    sequence: int
    device_at: float
    received_at: float
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_ms: float | None = None
    heading_deg: float | None = None
    battery: float | None = None
    replayed: bool = False
    source: str = "app"
    clock_offset_s: float = 0.0
    at: float = 0.0
    unit_id: UUID = _NOBODY
    quality: str = "good"
    moves: bool = True


class RoadPlaces(NamedTuple):
    """Where on a road each fix of a batch lies; None where it lies on none."""

    lon: list[float | None]
    lat: list[float | None]


def no_roads(count: int) -> RoadPlaces:
    """Return the places of fixes of which none lies on a road."""
    return RoadPlaces([None] * count, [None] * count)


class MovedUnit(msgspec.Struct, gc=False):
    """A unit whose marker has moved at `at`, where that is on the roads, and the case it is on, if any."""

    unit_id: UUID
    lon: float
    lat: float
    at: float
    speed_ms: float | None
    heading_deg: float | None
    incident_id: UUID | None
    road_lon: float | None = None
    road_lat: float | None = None


# `position` is keyed and partitioned by the phone's own time, so that the same fix sent again is recognised
# however its clock was measured meanwhile. A marker moves to the higher sequence of its installation; another
# one takes it over by the rule of domain/position.py, so that two senders aboard one unit do not take turns.
# Once somebody has left the unit after the holder's last fix, that was perhaps the holder: it holds no more.
# Only a fix that was not stored before moves anything.
#
# What is looked up is looked up row by row, by key (LATERAL, LIMIT 1), and what was stored by IN: left to
# join, the planner expects one row where there are a thousand, and goes through a thousand for each of them.
_STORE = text(
    """
    WITH given AS (
        SELECT installation_id, sequence, unit_id, clock_offset_s, lon, lat, accuracy_m, speed_ms,
               heading_deg, battery, road_lon, road_lat, number,
               timestamptz 'epoch' + interval '1 microsecond' * device_us AS device_at,
               timestamptz 'epoch' + interval '1 microsecond' * fixed_us AS fixed_at,
               timestamptz 'epoch' + interval '1 microsecond' * received_us AS received_at,
               CASE marks & 1 WHEN 0 THEN 'app' ELSE 'tracker' END AS source,
               marks & 2 <> 0 AS replayed, marks & 4 <> 0 AS moves,
               CASE marks >> 3 WHEN 0 THEN 'good' WHEN 1 THEN 'coarse' ELSE 'jump' END AS quality
        FROM unnest(
            CAST(:installation_id AS uuid[]), CAST(:sequence AS bigint[]), CAST(:device_us AS bigint[]),
            CAST(:fixed_us AS bigint[]), CAST(:unit_id AS uuid[]), CAST(:clock_offset_s AS float8[]),
            CAST(:received_us AS bigint[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]),
            CAST(:accuracy_m AS float8[]), CAST(:speed_ms AS float8[]), CAST(:heading_deg AS float8[]),
            CAST(:battery AS float8[]), CAST(:marks AS integer[]),
            CAST(:road_lon AS float8[]), CAST(:road_lat AS float8[])) WITH ORDINALITY
        AS g(installation_id, sequence, device_us, fixed_us, unit_id, clock_offset_s, received_us, lon, lat,
             accuracy_m, speed_ms, heading_deg, battery, marks, road_lon, road_lat, number)
    ), stored AS (
        INSERT INTO position (regency_id, installation_id, sequence, fixed_at, unit_id, clock_offset_s,
                              received_at, lon, lat, accuracy_m, speed_ms, heading_deg, battery, source,
                              replayed, quality)
        SELECT :regency, installation_id, sequence, device_at, unit_id, clock_offset_s, received_at, lon, lat,
               accuracy_m, speed_ms, heading_deg, battery, source, replayed, quality
        FROM given
        ON CONFLICT DO NOTHING
        RETURNING installation_id, sequence, position.fixed_at AS device_at
    ), newest AS (
        SELECT DISTINCT ON (unit_id, installation_id) *
        FROM given
        WHERE moves AND ((installation_id, sequence, device_at) IN (
            SELECT installation_id, sequence, device_at FROM stored)) IS TRUE
        ORDER BY unit_id, installation_id, sequence DESC
    ), compared AS (
        SELECT n.*, a.incident_id, l.unit_id IS NULL OR l.installation_id = n.installation_id AS holds,
               n.fixed_at - l.fixed_at AS later, l.fixed_at AS was_fixed_at, l.source AS was_source,
               l.accuracy_m > CAST(:coarse_m AS float8) AS was_coarse,
               111195 * sqrt((n.lat - l.lat) ^ 2 + ((n.lon - l.lon) * cos(radians(l.lat))) ^ 2)
                   > CAST(:apart_m AS float8) + coalesce(n.accuracy_m, 0) + coalesce(l.accuracy_m, 0) AS apart
        FROM newest n
        LEFT JOIN LATERAL (
            SELECT * FROM latest_position WHERE regency_id = :regency AND unit_id = n.unit_id LIMIT 1
        ) l ON true
        LEFT JOIN LATERAL (
            SELECT incident_id FROM assignment
            WHERE regency_id = :regency AND unit_id = n.unit_id AND released_at IS NULL LIMIT 1
        ) a ON true
    ), winner AS (
        SELECT DISTINCT ON (unit_id) * FROM compared
        WHERE holds OR later > interval '0' AND CASE
            WHEN was_coarse AND coalesce(accuracy_m, 0) <= CAST(:coarse_m AS float8) THEN true
            WHEN apart AND source = 'tracker' AND was_source = 'app' THEN true
            WHEN was_source = 'app' AND EXISTS (
                SELECT FROM crew_membership c
                JOIN shift s ON s.regency_id = c.regency_id AND s.id = c.shift_id
                WHERE c.regency_id = :regency AND s.unit_id = compared.unit_id
                  AND c.left_at BETWEEN was_fixed_at AND fixed_at) THEN true
            WHEN apart AND source = 'app' AND was_source = 'tracker'
                THEN later > make_interval(secs => CAST(:left_behind_s AS float8))
            ELSE later > make_interval(secs => CASE WHEN incident_id IS NULL
                THEN CAST(:hold_idle_s AS float8) ELSE CAST(:hold_s AS float8) END) END
        ORDER BY unit_id, holds DESC, fixed_at DESC, installation_id
    ), moved AS (
        INSERT INTO latest_position AS latest (regency_id, unit_id, installation_id, sequence, fixed_at,
                                               received_at, lon, lat, accuracy_m, speed_ms, heading_deg,
                                               battery, source, road_lon, road_lat)
        SELECT :regency, unit_id, installation_id, sequence, fixed_at, received_at, lon, lat, accuracy_m,
               speed_ms, heading_deg, battery, source, road_lon, road_lat
        FROM winner ORDER BY unit_id
        ON CONFLICT (regency_id, unit_id) DO UPDATE SET
            installation_id = excluded.installation_id, sequence = excluded.sequence,
            fixed_at = excluded.fixed_at, received_at = excluded.received_at, lon = excluded.lon,
            lat = excluded.lat, accuracy_m = excluded.accuracy_m, speed_ms = excluded.speed_ms,
            heading_deg = excluded.heading_deg, battery = excluded.battery, source = excluded.source,
            road_lon = excluded.road_lon, road_lat = excluded.road_lat
        WHERE CASE WHEN latest.installation_id = excluded.installation_id
                   THEN excluded.sequence > latest.sequence ELSE excluded.fixed_at > latest.fixed_at END
        RETURNING unit_id
    )
    -- two arrays: a row for each costs more to read than all that is in it
    SELECT coalesce(array_agg(CAST(winner.number AS integer)), '{}'), array_agg(winner.incident_id)
    FROM winner WHERE (unit_id IN (SELECT unit_id FROM moved)) IS TRUE
    """
)
_LIMITS = {
    "coarse_m": COARSE_M,
    "apart_m": APART_M,
    "left_behind_s": LEFT_BEHIND_S,
    "hold_s": HOLD_S,
    "hold_idle_s": HOLD_IDLE_S,
}


async def store_fixes(
    session: AsyncSession, regency_id: int, fixes: Sequence[Fix], roads: RoadPlaces
) -> list[MovedUnit]:
    """Store the fixes that are not stored yet; return the units whose marker moved.

    `roads` has one place for each fix.
    """
    given = {
        "installation_id": [fix.installation_id for fix in fixes],
        "sequence": [fix.sequence for fix in fixes],
        "device_us": [round(fix.device_at * 1e6) for fix in fixes],
        "fixed_us": [round(fix.at * 1e6) for fix in fixes],
        "unit_id": [fix.unit_id for fix in fixes],
        "clock_offset_s": [fix.clock_offset_s for fix in fixes],
        "received_us": [round(fix.received_at * 1e6) for fix in fixes],
        "lon": [fix.lon for fix in fixes],
        "lat": [fix.lat for fix in fixes],
        "accuracy_m": [fix.accuracy_m for fix in fixes],
        "speed_ms": [fix.speed_ms for fix in fixes],
        "heading_deg": [fix.heading_deg for fix in fixes],
        "battery": [fix.battery for fix in fixes],
        "marks": [
            _LIVE
            if fix.moves and not fix.replayed and fix.quality == "good" and fix.source == "app"
            else _marks(fix)
            for fix in fixes
        ],
        "road_lon": roads.lon,
        "road_lat": roads.lat,
    }
    moved = await session.execute(_STORE, {"regency": regency_id, **given, **_LIMITS})
    numbers, incident_ids = moved.one()
    return [_moved(fixes, roads, n - 1, run) for n, run in zip(numbers, incident_ids or (), strict=True)]


_LIVE = 1 << 2
"""The marks of nearly all fixes."""
_QUALITY = {"good": 0, "coarse": 1 << 3, "jump": 2 << 3}


def _marks(fix: Fix) -> int:
    """Four columns in one: each costs as much to write as a coordinate."""
    return (fix.source == "tracker") | fix.replayed << 1 | fix.moves << 2 | _QUALITY[fix.quality]


def _moved(fixes: Sequence[Fix], roads: RoadPlaces, at: int, incident_id: UUID | None) -> MovedUnit:
    fix = fixes[at]
    return MovedUnit(
        fix.unit_id,
        fix.lon,
        fix.lat,
        fix.at,
        fix.speed_ms,
        fix.heading_deg,
        incident_id,
        roads.lon[at],
        roads.lat[at],
    )


class LastPlace(NamedTuple):
    """The fix that a unit's marker shows."""

    installation_id: UUID
    sequence: int
    seen: Seen


async def last_place(session: AsyncSession, regency_id: int, unit_id: UUID) -> LastPlace | None:
    """Return where a unit's marker is, None before its first fix."""
    row = (
        await session.execute(
            text(
                "SELECT installation_id, sequence, lon, lat, accuracy_m, fixed_at FROM latest_position "
                "WHERE regency_id = :regency AND unit_id = :unit"
            ),
            {"regency": regency_id, "unit": unit_id},
        )
    ).one_or_none()
    if row is None:
        return None
    return LastPlace(
        row.installation_id, row.sequence, Seen(row.lon, row.lat, row.accuracy_m, row.fixed_at.timestamp())
    )


class PastFix(NamedTuple):
    """A good fix of a unit, by the server's clock."""

    unit_id: UUID
    seen: Seen
    speed_ms: float | None


# `fixed_at` is the phone's own clock: where that is wrong by more than the allowance, a fix is not found
_SINCE = text(
    """
    SELECT w.unit_id, p.lon, p.lat, p.accuracy_m, p.at, p.speed_ms
    FROM unnest(CAST(:units AS uuid[]), CAST(:since AS timestamptz[])) AS w(unit_id, since)
    CROSS JOIN LATERAL (
        SELECT lon, lat, accuracy_m, speed_ms, fixed_at + make_interval(
                   secs => clock_offset_s * CAST(abs(clock_offset_s) > CAST(:believed_s AS float8) AS integer)
               ) AS at
        FROM position
        WHERE regency_id = :regency AND unit_id = w.unit_id AND quality = 'good'
          AND fixed_at >= w.since - interval '10 minutes'
        ORDER BY fixed_at LIMIT 1000
    ) p
    WHERE p.at >= w.since ORDER BY p.at
    """
)


async def fixes_since(
    session: AsyncSession, regency_id: int, since: Mapping[UUID, datetime], believed_s: float
) -> list[PastFix]:
    """Return the good fixes of each unit since a moment of its own, in the order of their times.

    `believed_s` is by how much a clock may be off and is taken as it is.
    """
    rows = await session.execute(
        _SINCE,
        {
            "regency": regency_id,
            "units": list(since),
            "since": list(since.values()),
            "believed_s": believed_s,
        },
    )
    return [
        PastFix(row.unit_id, Seen(row.lon, row.lat, row.accuracy_m, row.at.timestamp()), row.speed_ms)
        for row in rows
    ]
