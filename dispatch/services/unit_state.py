"""A unit's derived status and place, as every screen and the ranking see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.unit import (
    PositionQuality,
    Tracking,
    UnitStatus,
    position_quality,
    unit_status,
)
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.units import UnitRow, all_units

SOON_FREE = frozenset({AssignmentState.AT_FACILITY.value, AssignmentState.HANDED_OVER.value})


@dataclass(frozen=True, slots=True)
class UnitView:
    """One unit. `place_source` is `fix`, `last_cleared` or `base`; the last two are assumed.

    `road_lon`, `road_lat` is where on a road its latest fix lies, as far as it lies on one.
    """

    id: UUID
    call_sign: str
    plate: str
    kind: str
    tracking: Tracking
    capabilities: list[str]
    phone: str | None
    status: UnitStatus
    rostered: bool
    unavailable_reason: str | None
    unavailable_until: datetime | None
    assignment_id: UUID | None
    assignment_state: str | None
    incident_id: UUID | None
    incident_number: str | None
    lon: float
    lat: float
    place_source: str
    position_quality: PositionQuality
    fixed_at: datetime | None
    fix_age_s: float | None
    speed_ms: float | None
    heading_deg: float | None
    road_lon: float | None
    road_lat: float | None
    soon_free: bool

    @property
    def sets_off(self) -> tuple[float, float]:
        """Where its ways begin: on the road it drives on, which a single fix need not be nearest to."""
        if self.road_lon is not None and self.road_lat is not None:
            return self.road_lon, self.road_lat
        return self.lon, self.lat


def status_of(row: UnitRow) -> UnitStatus:
    """Derive the status of a row."""
    return unit_status(
        open_shift=row.shift_id is not None,
        open_unavailability=row.unavailable_reason is not None,
        open_assignment=row.assignment_id is not None,
    )


def view_unit(row: UnitRow, now: datetime) -> UnitView:
    """Derive what is shown of a unit."""
    lon, lat, source = _place(row)
    fixed_at = row.fixed_at if source == "fix" else None
    quality = position_quality(fixed_at, now, on_run=row.assignment_id is not None)
    return UnitView(
        id=row.id,
        call_sign=row.call_sign,
        plate=row.plate,
        kind=row.kind,
        tracking=Tracking(row.tracking),
        capabilities=row.capabilities,
        phone=row.phone,
        status=status_of(row),
        rostered=row.rostered,
        unavailable_reason=row.unavailable_reason,
        unavailable_until=row.unavailable_until,
        assignment_id=row.assignment_id,
        assignment_state=row.assignment_state,
        incident_id=row.incident_id,
        incident_number=row.incident_number,
        lon=lon,
        lat=lat,
        place_source=source,
        position_quality=quality,
        fixed_at=fixed_at,
        fix_age_s=max(0.0, (now - fixed_at).total_seconds()) if fixed_at else None,
        speed_ms=row.speed_ms if source == "fix" else None,
        heading_deg=row.heading_deg if source == "fix" else None,
        road_lon=row.road_lon if source == "fix" else None,
        road_lat=row.road_lat if source == "fix" else None,
        soon_free=row.assignment_state in SOON_FREE,
    )


def _place(row: UnitRow) -> tuple[float, float, str]:
    freed = row.freed_at if row.freed_lon is not None else None
    # a unit that stopped sending and was stepped by phone since is where it was freed, not at its last fix
    trusted = (
        freed is None or row.tracking == Tracking.APP or (row.fixed_at is not None and freed <= row.fixed_at)
    )
    if row.lon is not None and row.lat is not None and trusted:
        return row.lon, row.lat, "fix"
    if row.freed_lon is not None and row.freed_lat is not None:
        return row.freed_lon, row.freed_lat, "last_cleared"
    return row.base_lon, row.base_lat, "base"


async def list_units(centre: Centre, entry: TenantEntry) -> list[UnitView]:
    """Return all units of the tenant."""
    async with centre.read(entry.tenant) as tx:
        rows = await all_units(tx.session, entry.tenant.id, tx.now)
        return [view_unit(row, tx.now) for row in rows]
