"""The caller takes the call back: at once while nobody took it, else the operator is asked."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.call import CallState, CallStep, Disposal, step_call
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.deadlines import reached_since, watch_call, watch_cancel
from dispatch.services.locate_call import own_call
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident


async def cancel_call(
    centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID, *, cause: str
) -> CallState:
    """Cancel the caller's own call and return its state.

    Cancelling twice is harmless; a wish that comes after the caller was reached about the last is a new one.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        own_call(actor, call)
        asked = call.cancel_asked_at
        if call.state == CallState.DISPOSED or (asked and not await reached_since(tx, call.id, asked)):
            return CallState(call.state)
        call.cancel_asked_at = tx.now
        if call.state == CallState.RINGING:
            call.state = step_call(CallState.RINGING, CallStep.DISPOSE).value
            call.disposal = Disposal.CANCELLED_BY_CALLER.value
            call.disposed_at = tx.now
            watch_call(tx, call)
            await tx.record(EventKind.CALL_DISPOSED, call, data={"disposal": call.disposal, "by": "caller"})
        else:
            # somebody may be on the way already: only the operator can end that
            if call.incident_id is not None:
                await watch_cancel(tx, call, await tx.get(Incident, call.incident_id, lock=True))
            await tx.record(EventKind.CALL_CANCEL_ASKED, call, incident_id=call.incident_id)
        return CallState(call.state)
