"""The incident that a call led to."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.locate_call import own_call
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call


async def incident_of_call(centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID) -> UUID | None:
    """Return the id of the call's incident, or None before there is one.

    Raises:
        NotFound: there is no such call. Forbidden: it is another resident's.
    """
    async with centre.read(entry.tenant) as tx:
        call = await tx.get(Call, call_id)
        own_call(actor, call)
        return call.incident_id
