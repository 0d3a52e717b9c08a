"""Stores batches of fixes, and moves the markers they may move, in one statement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
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


FIX = np.dtype(
    [
        ("installation_id", "V16"), ("unit_id", "V16"), ("sequence", "i8"), ("device_at", "f8"), ("at", "f8"),
        ("received_at", "f8"), ("clock_offset_s", "f8"), ("lon", "f8"), ("lat", "f8"), ("accuracy_m", "f8"),
        ("speed_ms", "f8"), ("heading_deg", "f8"), ("battery", "f8"), ("marks", "i8"),
    ]
)  # fmt: skip
"""A fix as one record of a batch: ids as their 16 bytes, NaN for what is not known, `marks` as below."""
TRACKER, REPLAYED, MOVES, COARSE, JUMP = 1, 2, 4, 8, 16
LIVE = MOVES
"""The marks of nearly all fixes: of a phone, new, good, and one that moves the marker."""
NOT_GOOD = COARSE | JUMP

Records = np.ndarray[Any, np.dtype[Any]]
Column = np.ndarray[Any, np.dtype[np.float64]]
_QUALITY = {"good": 0, "coarse": COARSE, "jump": JUMP}


def as_records(fixes: Iterable[Fix]) -> Records:
    """Return fixes as records of `FIX`."""
    return np.array(
        [
            (
                fix.installation_id.bytes, fix.unit_id.bytes, fix.sequence, fix.device_at, fix.at,
                fix.received_at, fix.clock_offset_s, fix.lon, fix.lat, fix.accuracy_m, fix.speed_ms,
                fix.heading_deg, fix.battery,
                TRACKER * (fix.source == "tracker") | REPLAYED * fix.replayed | MOVES * fix.moves
                | _QUALITY[fix.quality],
            )
            for fix in fixes
        ],
        FIX,
    )  # fmt: skip


class RoadPlaces(NamedTuple):
    """Where on a road each fix of a batch lies; NaN where it lies on none."""

    lon: Column
    lat: Column


def no_roads(count: int) -> RoadPlaces:
    """Return the places of fixes of which none lies on a road."""
    return RoadPlaces(np.full(count, np.nan), np.full(count, np.nan))


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
        SELECT number, installation_id, sequence, unit_id, clock_offset_s, lon, lat,
               nullif(accuracy_m, 'NaN') AS accuracy_m, nullif(speed_ms, 'NaN') AS speed_ms,
               nullif(heading_deg, 'NaN') AS heading_deg, nullif(battery, 'NaN') AS battery,
               nullif(road_lon, 'NaN') AS road_lon, nullif(road_lat, 'NaN') AS road_lat,
               to_timestamp(device_at) AS device_at, to_timestamp(at) AS fixed_at,
               to_timestamp(received_at) AS received_at,
               CASE marks & 1 WHEN 0 THEN 'app' ELSE 'tracker' END AS source,
               marks & 2 <> 0 AS replayed, marks & 4 <> 0 AS moves,
               CASE marks >> 3 WHEN 0 THEN 'good' WHEN 1 THEN 'coarse' ELSE 'jump' END AS quality
        FROM pg_temp.arrived_fix
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
    SELECT coalesce(array_agg(winner.number), '{}'), array_agg(winner.incident_id)
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


# A batch comes in by COPY: as arrays, a value costs the driver as much as the search for its road does.
_MAKE_ROOM = text(
    """
    CREATE TEMPORARY TABLE IF NOT EXISTS arrived_fix (
        number integer, installation_id uuid, unit_id uuid, sequence bigint, device_at float8, at float8,
        received_at float8, clock_offset_s float8, lon float8, lat float8, accuracy_m float8, speed_ms float8,
        heading_deg float8, battery float8, marks bigint, road_lon float8, road_lat float8
    ) ON COMMIT DELETE ROWS
    """
)
_KINDS: dict[str, str] = {
    "number": "i4",
    **{name: FIX[name].str[1:] for name in FIX.names or ()},
    "road_lon": "f8",
    "road_lat": "f8",
}
_ROW: np.dtype[Any] = np.dtype(
    [
        ("columns", ">i2"),
        *(part for name, kind in _KINDS.items() for part in ((f"size of {name}", ">i4"), (name, f">{kind}"))),
    ]
)
"""A row of PostgreSQL's binary COPY: how many columns, and before each its size in bytes."""
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"


async def store_fixes(
    session: AsyncSession, regency_id: int, fixes: Records, roads: RoadPlaces
) -> list[MovedUnit]:
    """Store the fixes that are not stored yet; return the units whose marker moved.

    `fixes` are records of `FIX`; `roads` has one place for each.
    """
    await session.execute(_MAKE_ROOM)
    wire = await (await session.connection()).get_raw_connection()
    assert wire.driver_connection is not None
    await wire.driver_connection.copy_to_table(
        "arrived_fix", source=_copied(fixes, roads), schema_name="pg_temp", format="binary"
    )
    moved = await session.execute(_STORE, {"regency": regency_id, **_LIMITS})
    numbers, incident_ids = moved.one()
    return _moved(fixes, roads, numbers, incident_ids or ())


async def _copied(fixes: Records, roads: RoadPlaces) -> AsyncIterator[bytes]:
    rows = np.empty(len(fixes), _ROW)
    rows["columns"] = len(_KINDS)
    for name in _KINDS:
        rows[f"size of {name}"] = _ROW[name].itemsize
    rows["number"] = np.arange(len(fixes))
    rows["road_lon"], rows["road_lat"] = roads
    for name in FIX.names or ():
        rows[name] = fixes[name]
    yield _COPY_HEAD
    yield rows.tobytes()
    yield _COPY_END


def _moved(
    fixes: Records, roads: RoadPlaces, numbers: Sequence[int], incident_ids: Sequence[UUID | None]
) -> list[MovedUnit]:
    winners = fixes[numbers]
    return list(
        map(
            MovedUnit,
            map(pgproto.UUID, winners["unit_id"].tolist()),
            *(_known(winners[name]) for name in ("lon", "lat", "at", "speed_ms", "heading_deg")),
            incident_ids,
            *(_known(column[numbers]) for column in roads),
        )
    )


def _known(values: Column) -> list[Any]:
    """Return values as a list, None for those that are not known."""
    told: list[Any] = values.tolist()
    return [None if value != value else value for value in told] if np.isnan(values).any() else told


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


# A unit that was silent by then is not to look as if it had just spoken. Locked in the order of all writers.
_PULL_IN = text(
    """
    WITH ahead AS (
        SELECT unit_id FROM latest_position
        WHERE regency_id = :regency AND greatest(fixed_at, received_at) > CAST(:now AS timestamptz) + :slack
        ORDER BY unit_id FOR UPDATE
    )
    UPDATE latest_position p SET received_at = least(p.received_at, :now),
        fixed_at = least(p.fixed_at, CAST(:now AS timestamptz) - CASE WHEN EXISTS (
            SELECT FROM unit_silence q
            WHERE q.regency_id = :regency AND q.unit_id = p.unit_id AND q.ended_at IS NULL
        ) THEN CAST(:silent_for AS interval) ELSE interval '0' END)
    FROM ahead WHERE p.regency_id = :regency AND p.unit_id = ahead.unit_id
    RETURNING p.unit_id
    """
)
_AHEAD = timedelta(seconds=5)  # serve and worker may run on two machines, whose clocks are nearly the same
_SILENT_FOR = timedelta(hours=1)


async def pull_in_markers(session: AsyncSession, regency_id: int, now: datetime) -> int:
    """Date the markers by `now` that a clock dated which was ahead and is right again; return how many.

    Until that time nobody else's fix could move them, and their units could not fall silent.
    """
    values = {"regency": regency_id, "now": now, "slack": _AHEAD, "silent_for": _SILENT_FOR}
    return len((await session.execute(_PULL_IN, values)).all())


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
    WHERE p.at BETWEEN w.since AND :until ORDER BY p.at
    """
)


async def fixes_since(
    session: AsyncSession,
    regency_id: int,
    since: Mapping[UUID, datetime],
    until: datetime,
    believed_s: float,
) -> list[PastFix]:
    """Return the good fixes of each unit since a moment of its own until `until`, in order of their times.

    `believed_s` is by how much a clock may be off and is taken as it is.
    """
    rows = await session.execute(
        _SINCE,
        {
            "regency": regency_id,
            "units": list(since),
            "since": list(since.values()),
            "until": until + _AHEAD,
            "believed_s": believed_s,
        },
    )
    return [
        PastFix(row.unit_id, Seen(row.lon, row.lat, row.accuracy_m, row.at.timestamp()), row.speed_ms)
        for row in rows
    ]
