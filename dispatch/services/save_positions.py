"""Positions of tracked units: stored in batches outside the event log, and the markers they move."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dispatch.domain.position import Trail
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import (
    Fix,
    MovedUnit,
    RoadPlaces,
    last_place,
    no_roads,
    quick_uuid,
    store_fixes,
)

__all__ = ["Fix", "MovedUnit", "RoadPlaces", "begin_trail", "no_roads", "quick_uuid", "save_positions"]


async def save_positions(
    centre: Centre, entry: TenantEntry, fixes: Sequence[Fix], roads: RoadPlaces
) -> list[MovedUnit]:
    """Store the fixes of one tenant and return the units whose marker moved; committed on return.

    `roads` has one place for each fix. A fix that was stored before changes nothing. A replayed or older one
    is kept, and never moves a marker back: the order is that of (installation, sequence), across
    installations that of the fixes' times.
    """
    if not fixes:
        return []
    async with centre.begin(entry.tenant, SYSTEM, "positions") as tx:
        return await store_fixes(tx.session, entry.tenant.id, fixes, roads)


async def begin_trail(centre: Centre, entry: TenantEntry, unit_id: UUID, installation_id: UUID) -> Trail:
    """Return what the fixes of a sender that comes aboard are compared with: its unit's last place."""
    async with centre.read(entry.tenant) as tx:
        last = await last_place(tx.session, entry.tenant.id, unit_id)
    if last is None:
        return Trail()
    return Trail(last.seen, last.sequence if last.installation_id == installation_id else -1)
