"""Every unit of a regency with what its status and place derive from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The place of a unit: its latest fix when it is tracked; else where its last run ended, if that was later
# than the fix; else its base.
_UNITS = """
    SELECT u.id, u.call_sign, u.plate, u.kind, u.tracking, u.capabilities, u.phone,
           s.id AS shift_id, r.unit_id IS NOT NULL AS rostered,
           x.reason AS unavailable_reason, x.expected_until AS unavailable_until,
           a.id AS assignment_id, a.state AS assignment_state,
           i.id AS incident_id, i.number AS incident_number,
           p.lon, p.lat, p.fixed_at, p.accuracy_m, p.speed_ms, p.heading_deg, p.battery,
           p.source AS fix_source, p.road_lon, p.road_lat,
           ST_X(f.freed_place) AS freed_lon, ST_Y(f.freed_place) AS freed_lat, f.released_at AS freed_at,
           ST_X(u.base) AS base_lon, ST_Y(u.base) AS base_lat
    FROM unit u
    LEFT JOIN shift s ON s.regency_id = u.regency_id AND s.unit_id = u.id
        AND s.opened_at IS NOT NULL AND s.closed_at IS NULL
    LEFT JOIN (
        SELECT DISTINCT unit_id FROM shift WHERE regency_id = :regency AND opened_at IS NULL
        AND closed_at IS NULL AND starts_at <= :now AND ends_at > :now) r ON r.unit_id = u.id
    LEFT JOIN unavailability x ON x.regency_id = u.regency_id AND x.unit_id = u.id AND x.ended_at IS NULL
    LEFT JOIN assignment a ON a.regency_id = u.regency_id AND a.unit_id = u.id AND a.released_at IS NULL
    LEFT JOIN incident i ON i.regency_id = a.regency_id AND i.id = a.incident_id
    LEFT JOIN latest_position p ON p.regency_id = u.regency_id AND p.unit_id = u.id
    LEFT JOIN LATERAL (
        SELECT freed_place, released_at FROM assignment
        WHERE regency_id = u.regency_id AND unit_id = u.id AND released_at IS NOT NULL
        AND freed_place IS NOT NULL ORDER BY released_at DESC LIMIT 1) f ON true
    WHERE u.regency_id = :regency AND u.active"""
_ALL = text(f"{_UNITS} ORDER BY u.call_sign")
# words of its own, that one plan serves for good: planning this anew costs five times as much as answering it
_ONE = text(f"{_UNITS} AND u.id = :unit")


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit as the tables hold it now; the fix is the latest known, however old."""

    id: UUID
    call_sign: str
    plate: str
    kind: str
    tracking: str
    capabilities: list[str]
    phone: str | None
    shift_id: UUID | None
    rostered: bool
    unavailable_reason: str | None
    unavailable_until: datetime | None
    assignment_id: UUID | None
    assignment_state: str | None
    incident_id: UUID | None
    incident_number: str | None
    lon: float | None
    lat: float | None
    fixed_at: datetime | None
    accuracy_m: float | None
    speed_ms: float | None
    heading_deg: float | None
    battery: float | None
    fix_source: str | None
    road_lon: float | None
    road_lat: float | None
    freed_lon: float | None
    freed_lat: float | None
    freed_at: datetime | None
    base_lon: float
    base_lat: float


async def all_units(session: AsyncSession, regency_id: int, now: datetime) -> Sequence[UnitRow]:
    """Return every active unit, ordered by call sign."""
    rows = await session.execute(_ALL, {"regency": regency_id, "now": now})
    return [UnitRow(*row) for row in rows]


async def one_unit(session: AsyncSession, regency_id: int, now: datetime, unit_id: UUID) -> UnitRow | None:
    """Return one active unit, or None."""
    row = (await session.execute(_ONE, {"regency": regency_id, "now": now, "unit": unit_id})).one_or_none()
    return UnitRow(*row) if row else None
