"""On which units a driver was aboard, and from when to when: whose fixes a phone's are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.shift import CrewMembership, Shift


@dataclass(frozen=True, slots=True)
class Turn:
    """One stay aboard a unit; `left_at` is None for the present one."""

    unit_id: UUID
    joined_at: datetime
    left_at: datetime | None


async def crew_turns(centre: Centre, entry: TenantEntry, staff_id: UUID, since: datetime) -> list[Turn]:
    """Return the driver's turns that had not ended at `since`, newest first."""
    async with centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(
            select(Shift.unit_id, CrewMembership.joined_at, CrewMembership.left_at)
            .join(
                Shift,
                (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id),
            )
            .where(
                CrewMembership.regency_id == tx.tenant.id,
                CrewMembership.staff_id == staff_id,
                Shift.unit_id.is_not(None),
                CrewMembership.left_at.is_(None) | (CrewMembership.left_at > since),
            )
            .order_by(CrewMembership.joined_at.desc())
        )
        return [Turn(unit_id, joined, left) for unit_id, joined, left in rows if unit_id is not None]
