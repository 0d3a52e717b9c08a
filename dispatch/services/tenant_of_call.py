"""Finds the tenant a resident's call was made to: mostly the home regency, else another of the realm."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.errors import NotFound
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call


async def tenant_of_call(centre: Centre, who: SignedIn, call_id: UUID) -> TenantEntry:
    """Return the tenant that holds the call; a resident's call away from home costs one look per tenant.

    Raises:
        NotFound: no tenant of the realm has it, or none that this user may know of.
    """
    async with centre.read(who.entry.tenant) as tx:
        if await tx.find(Call, call_id) is not None:
            return who.entry
    for entry in await realm_of(centre, who):
        if entry.tenant.id == who.entry.tenant.id:
            continue
        async with centre.read(entry.tenant) as tx:
            call = await tx.find(Call, call_id)
        if call is not None and call.resident_id == who.actor.id:
            return entry
    raise NotFound("call", call_id)


async def realm_of(centre: Centre, who: SignedIn) -> list[TenantEntry]:
    """Return the tenants a user may call: all of the realm for residents, the own one for staff."""
    if who.actor.role is not None:
        return [who.entry]
    return [e for e in await centre.tenants.all() if e.tenant.realm == who.entry.tenant.realm]
