"""Positions of tracked units: stored in batches outside the event log, and the markers they move."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import Fix, MovedUnit, store_fixes

__all__ = ["Fix", "MovedUnit", "save_positions"]


async def save_positions(centre: Centre, entry: TenantEntry, fixes: Sequence[Fix]) -> list[MovedUnit]:
    """Store the fixes of one tenant and return the units whose marker moved; committed on return.

    A fix that was stored before changes nothing. A replayed or older one is kept, and never moves a marker
    back: the order is that of (installation, sequence), across installations that of the fixes' times.
    """
    if not fixes:
        return []
    async with centre.begin(entry.tenant, SYSTEM, "positions") as tx:
        return await store_fixes(tx.session, entry.tenant.id, fixes)
