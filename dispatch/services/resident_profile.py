"""What a resident sees of their own account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import registry
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.placing import Point
from dispatch.services.register_resident import VerificationView, verification_view
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.tables.person import Resident
from dispatch.storage.vault import DataKey


@dataclass(frozen=True, slots=True)
class ResidentProfile:
    """A resident's own account; the NIK is shown masked."""

    resident_id: UUID
    regency: str
    training: bool
    name: str | None
    address: str | None
    email: str | None
    phone: str | None
    nik_masked: str | None
    home: Point | None
    registered_at: datetime
    verification: VerificationView


async def read_profile(
    centre: Centre, entry: TenantEntry, actor: Actor, resident_id: UUID, *, cause: str
) -> ResidentProfile:
    """Return the account; reading it is logged like every view of identity data."""
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await tx.get(Resident, resident_id)
        key = await tx.person(row.key_id)
        fields = ["name", "address", "email", "phone", "nik_masked", "home"]
        await log_view(tx, actor, "resident", row.id, row.key_id, fields, "own account")
    nik = _open(key, row.nik_sealed, "nik")
    home = _open(key, row.home_point_sealed, "home_point")
    return ResidentProfile(
        resident_id=row.id,
        regency=entry.tenant.slug,
        training=entry.tenant.training,
        name=_open(key, row.name_sealed, "name"),
        address=_open(key, row.address_sealed, "address"),
        email=_open(key, row.email_sealed, "email"),
        phone=_open(key, row.phone_sealed, "phone"),
        nik_masked=registry.mask_nik(nik) if nik else None,
        home=Point(*(float(part) for part in home.split(","))) if home else None,
        registered_at=row.registered_at,
        verification=verification_view(row),
    )


def _open(key: DataKey | None, sealed: bytes | None, field: str) -> str | None:
    return key.open(sealed, f"resident.{field}") if key is not None and sealed is not None else None
