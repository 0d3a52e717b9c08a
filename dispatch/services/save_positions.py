"""Positions of tracked units: stored in batches outside the event log, and the markers they move."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.position import Trail
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import (
    FIX,
    LIVE,
    NOT_GOOD,
    REPLAYED,
    Column,
    Fix,
    LastPlace,
    MovedUnit,
    Records,
    RoadPlaces,
    as_records,
    last_place,
    no_roads,
    quick_uuid,
    store_fixes,
)

__all__ = [
    "FIX",
    "LIVE",
    "NOT_GOOD",
    "REPLAYED",
    "Column",
    "Fix",
    "MovedUnit",
    "Records",
    "RoadPlaces",
    "as_records",
    "begin_trail",
    "no_roads",
    "quick_uuid",
    "save_positions",
    "trail_from",
]


async def save_positions(
    centre: Centre, entry: TenantEntry, fixes: Records, roads: RoadPlaces
) -> list[MovedUnit]:
    """Store the fixes of one tenant and return the units whose marker moved; committed on return.

    `fixes` are records of `FIX`, `roads` has one place for each. A fix that was stored before changes
    nothing. A replayed or older one is kept, and never moves a marker back: the order is that of
    (installation, sequence), across installations that of the fixes' times.
    """
    if not len(fixes):
        return []
    async with centre.begin(entry.tenant, SYSTEM, "positions") as tx:
        return await store_fixes(tx.session, entry.tenant.id, fixes, roads)


async def begin_trail(centre: Centre, entry: TenantEntry, unit_id: UUID, installation_id: UUID) -> Trail:
    """Return what the fixes of a sender that comes aboard are compared with: its unit's last place."""
    async with centre.read(entry.tenant) as tx:
        last = await last_place(tx.session, entry.tenant.id, unit_id)
    return trail_from(last, installation_id)


def trail_from(last: LastPlace | None, installation_id: UUID) -> Trail:
    """As `begin_trail`, where the unit's last place has been read already."""
    if last is None:
        return Trail()
    return Trail(last.seen, last.sequence if last.installation_id == installation_id else -1)
