"""What the log and the positions held of every unit at a past moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.position import COARSE_AFTER_S

Row = dict[str, Any]
RECENT = timedelta(hours=36)
"""What changed within this time is read from the log as it was written; what did not, as the tables say."""
_LONGEST_RUN, _LONGEST_SHIFT, _LONGEST_ABSENCE = timedelta(days=7), timedelta(days=10), timedelta(days=180)
_CLOCK_ERROR = timedelta(minutes=10)
_COARSE_AFTER = timedelta(seconds=COARSE_AFTER_S)
_FIXES = 16

# Runs that could have been open then, each as the last event up to then left it. A step from an offline phone
# may bear an earlier time than the event that told of it: the times of the table alone would know too much.
_RUNS = text(
    """
    WITH near AS (
        SELECT a.id, a.incident_id, i.number FROM unit u
        JOIN assignment a ON a.regency_id = u.regency_id AND a.unit_id = u.id
        JOIN incident i ON i.regency_id = a.regency_id AND i.id = a.incident_id
        WHERE u.regency_id = :regency AND a.created_at <= :moment
          AND (a.released_at IS NULL OR (a.released_at > :recently AND a.released_at < :done))
    )
    SELECT near.number, image.row FROM near CROSS JOIN LATERAL (
        SELECT change.value -> 'row' AS row
        FROM event e, jsonb_array_elements(CAST(e.body AS jsonb) -> 'changes') AS change
        WHERE e.regency_id = :regency AND e.incident_id = near.incident_id AND e.seq <= :seq
          AND change.value ->> 'table' = 'assignment'
          AND change.value -> 'row' ->> 'id' = CAST(near.id AS text)
        ORDER BY e.seq DESC LIMIT 1
    ) image
    """
)
_CHANGED = text(
    """
    SELECT DISTINCT ON (change.value ->> 'table', change.value -> 'row' ->> 'id')
           change.value ->> 'table' AS name, change.value -> 'row' AS row
    FROM event e, jsonb_array_elements(CAST(e.body AS jsonb) -> 'changes') AS change
    WHERE e.regency_id = :regency AND e.incident_id IS NULL AND e.seq > :first AND e.seq <= :seq
      AND e.kind = ANY(:kinds) AND change.value ->> 'table' IN ('shift', 'unavailability', 'road_change')
    ORDER BY change.value ->> 'table', change.value -> 'row' ->> 'id', e.seq DESC
    """
)
_STANDING = text(
    """
    SELECT 'shift' AS name, id, unit_id, NULL AS reason FROM shift
    WHERE regency_id = :regency AND unit_id IS NOT NULL AND opened_at <= :recently
      AND (closed_at IS NULL OR closed_at > :recently)
      AND ((origin = 'roster' AND starts_at > :long_ago AND starts_at <= :moment)
           OR (origin = 'ad_hoc' AND id > :first_shift AND id <= :last_id))
    UNION ALL
    SELECT 'unavailability', id, unit_id, reason FROM unavailability
    WHERE regency_id = :regency AND id > :first_absence AND id <= :last_id AND began_at <= :recently
      AND (ended_at IS NULL OR ended_at > :recently)
    """
)
_FREED = text(
    """
    SELECT u.id AS unit_id, f.released_at, ST_X(f.freed_place) AS lon, ST_Y(f.freed_place) AS lat
    FROM unit u CROSS JOIN LATERAL (
        SELECT freed_place, released_at FROM assignment
        WHERE regency_id = u.regency_id AND unit_id = u.id AND released_at <= :recently
          AND freed_place IS NOT NULL ORDER BY released_at DESC LIMIT 1) f
    WHERE u.regency_id = :regency AND u.active
    """
)
_UNITS = text(
    """
    SELECT u.id, u.call_sign, u.tracking, ST_X(u.base) AS base_lon, ST_Y(u.base) AS base_lat,
           CASE WHEN p.received_at <= :moment THEN p.fixed_at END AS fixed_at, p.received_at, p.lon, p.lat,
           p.speed_ms, p.heading_deg
    FROM unit u
    LEFT JOIN latest_position p ON p.regency_id = u.regency_id AND p.unit_id = u.id
    WHERE u.regency_id = :regency AND u.active ORDER BY u.call_sign
    """
)
_POSITIONS = text(
    """
    SELECT p.unit_id, p.installation_id, p.sequence, p.fixed_at, p.clock_offset_s, p.received_at,
           p.lon, p.lat, p.speed_ms, p.heading_deg, p.quality
    FROM unnest(CAST(:units AS uuid[])) AS u(id) CROSS JOIN LATERAL (
        SELECT * FROM position
        WHERE regency_id = :regency AND unit_id = u.id AND fixed_at > :from AND fixed_at <= :until
          AND received_at <= :moment AND quality <> 'jump'
        ORDER BY fixed_at DESC LIMIT :fixes) p
    """
)
# The day's partition; a day before which none was made lies in the one for all others.
_KEPT = text(
    """
    SELECT to_regclass('position_' || to_char(CAST(:day AS date), 'YYYYMMDD')) IS NOT NULL OR EXISTS (
        SELECT 1 FROM position WHERE regency_id = :regency AND fixed_at >= :begins AND fixed_at < :ends)
    """
)


@dataclass(frozen=True, slots=True)
class FixThen:
    """The last fix that had arrived; `fixed_at` is by the server's clock."""

    fixed_at: datetime
    received_at: datetime
    lon: float
    lat: float
    speed_ms: float | None
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class UnitThen:
    """A unit's fixed data, and the fix its marker stood on when it has not moved since."""

    id: UUID
    call_sign: str
    tracking: str
    base_lon: float
    base_lat: float
    fix: FixThen | None


@dataclass(frozen=True, slots=True)
class RunThen:
    """A run as the log had it: the row, and its case's number."""

    number: str
    row: Row


async def units_with_rest(session: AsyncSession, regency_id: int, moment: datetime) -> list[UnitThen]:
    """Return every active unit; with its fix where that is still its latest one."""
    rows = await session.execute(_UNITS, {"regency": regency_id, "moment": moment})
    return [
        UnitThen(
            row.id,
            row.call_sign,
            row.tracking,
            row.base_lon,
            row.base_lat,
            None
            if row.fixed_at is None
            else FixThen(row.fixed_at, row.received_at, row.lon, row.lat, row.speed_ms, row.heading_deg),
        )
        for row in rows
    ]


async def runs_then(session: AsyncSession, regency_id: int, seq: int, moment: datetime) -> list[RunThen]:
    """Return the runs that were open at event `seq`, or had ended within the last 36 hours, as known then."""
    rows = await session.execute(
        _RUNS,
        {
            "regency": regency_id,
            "seq": seq,
            "moment": moment,
            "recently": moment - RECENT,
            "done": moment + _LONGEST_RUN,
        },
    )
    return [RunThen(row.number, row.row) for row in rows]


async def changed_lately(
    session: AsyncSession, regency_id: int, first: int, seq: int, kinds: Sequence[str]
) -> dict[str, list[Row]]:
    """Return shifts, unavailabilities and road changes as events after `first` up to `seq` left them."""
    rows = await session.execute(
        _CHANGED, {"regency": regency_id, "first": first, "seq": seq, "kinds": list(kinds)}
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.name].append(row.row)
    return found


async def standing_then(session: AsyncSession, regency_id: int, moment: datetime) -> dict[str, list[Row]]:
    """Return shifts and unavailabilities that had begun 36 hours before, and had not ended by then."""
    rows = await session.execute(
        _STANDING,
        {
            "regency": regency_id,
            "moment": moment,
            "recently": moment - RECENT,
            "long_ago": moment - _LONGEST_SHIFT,
            "first_shift": first_id(moment - _LONGEST_SHIFT),
            "first_absence": first_id(moment - _LONGEST_ABSENCE),
            "last_id": first_id(moment),
        },
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.name].append({"id": str(row.id), "unit_id": str(row.unit_id), "reason": row.reason})
    return found


async def freed_before(
    session: AsyncSession, regency_id: int, moment: datetime
) -> dict[UUID, tuple[datetime, float, float]]:
    """Return where and when each unit's last run had ended that was over 36 hours before."""
    rows = await session.execute(_FREED, {"regency": regency_id, "recently": moment - RECENT})
    return {row.unit_id: (row.released_at, row.lon, row.lat) for row in rows}


async def fixes_then(
    session: AsyncSession, regency_id: int, units: Sequence[UUID], moment: datetime
) -> dict[UUID, FixThen]:
    """Return the last fix of each unit that had arrived by then; units without one in a week are absent.

    A phone's clock decides where its fixes lie. Those whose clock is known to be off are looked for again
    where they must be.
    """
    found = await _fixes(
        session, regency_id, units, moment, moment - timedelta(hours=6), moment + _CLOCK_ERROR
    )
    wrong: dict[float, list[UUID]] = defaultdict(list)
    for unit_id, (_, offset_s) in found.items():
        if abs(offset_s) > _CLOCK_ERROR.total_seconds() / 2:
            wrong[offset_s].append(unit_id)
    missing = [unit_id for unit_id in units if unit_id not in found]
    if missing:
        week, days = timedelta(days=7), timedelta(days=2)
        found |= await _fixes(session, regency_id, missing, moment, moment - week, moment + days)
    for offset_s, some in wrong.items():
        there = moment - timedelta(seconds=offset_s)
        found |= await _fixes(
            session, regency_id, some, moment, there - timedelta(hours=6), there + _CLOCK_ERROR
        )
    return {unit_id: fix for unit_id, (fix, _) in found.items()}


async def _fixes(
    session: AsyncSession,
    regency_id: int,
    units: Sequence[UUID],
    moment: datetime,
    since: datetime,
    until: datetime,
) -> dict[UUID, tuple[FixThen, float]]:
    rows = await session.execute(
        _POSITIONS,
        {
            "regency": regency_id,
            "units": list(units),
            "moment": moment,
            "from": since,
            "until": until,
            "fixes": _FIXES,
        },
    )
    # as the marker moves: the highest sequence of each installation, then the latest of these; a coarse place
    # counts where nothing better is as recent
    told = rows.all()
    good = {(row.unit_id, row.fixed_at) for row in told if row.quality == "good"}
    newest: dict[tuple[UUID, UUID], Any] = {}
    for row in told:
        key = (row.unit_id, row.installation_id)
        if row.quality == "coarse" and any(
            unit_id == row.unit_id and at > row.fixed_at - _COARSE_AFTER for unit_id, at in good
        ):
            continue
        if key not in newest or row.sequence > newest[key].sequence:
            newest[key] = row
    found: dict[UUID, tuple[FixThen, float]] = {}
    for (unit_id, _), row in newest.items():
        fixed_at = row.fixed_at + timedelta(seconds=row.clock_offset_s)
        if unit_id not in found or fixed_at > found[unit_id][0].fixed_at:
            fix = FixThen(fixed_at, row.received_at, row.lon, row.lat, row.speed_ms, row.heading_deg)
            found[unit_id] = fix, row.clock_offset_s
    return found


async def positions_kept(session: AsyncSession, regency_id: int, moment: datetime) -> bool:
    """Whether the positions of that day (UTC) are still there: raw tracks are not kept for ever."""
    begins = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {
        "regency": regency_id,
        "day": begins.date(),
        "begins": begins,
        "ends": begins + timedelta(days=1),
    }
    return bool((await session.execute(_KEPT, values)).scalar_one())


def first_id(moment: datetime) -> UUID:
    """Return the least id (UUID version 7) that a row made at this moment can have."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
