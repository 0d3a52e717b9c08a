"""The districts of a regency, to choose from."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.regency import District


@dataclass(frozen=True, slots=True)
class DistrictName:
    """A district by its code and name."""

    code: str
    name: str


async def list_districts(centre: Centre, entry: TenantEntry) -> list[DistrictName]:
    """Return every district, by name."""
    async with centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(
            select(District.code, District.name)
            .where(District.regency_id == tx.tenant.id)
            .order_by(District.name, District.code)
        )
        return [DistrictName(code, name) for code, name in rows]
