"""The place of a call arrives later, or is corrected."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.errors import Forbidden
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.roles import Actor, ActorKind
from dispatch.services.centre import Centre
from dispatch.services.placing import Placement, Point, geometry, placement
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction


def own_call(actor: Actor, call: Call) -> None:
    """Let a resident touch only calls of their own.

    Raises:
        Forbidden: the call is somebody else's.
    """
    if actor.kind is ActorKind.RESIDENT and call.resident_id != actor.id:
        raise Forbidden("Panggilan ini bukan milik Anda", "This call is not yours")


async def locate_call(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    call_id: UUID,
    place: Point,
    accuracy_m: float | None,
    *,
    cause: str,
) -> Placement:
    """Set or correct the call's place. An incident without a place takes it over; one with a place keeps it,
    and the operator sees both.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        own_call(actor, call)
        where = await placement(tx, place)
        call.place = geometry(place)
        call.place_accuracy_m = accuracy_m
        call.place_source = "caller" if actor.kind is ActorKind.RESIDENT else "operator"
        call.located_at = tx.now
        call.village_code = where.village_code
        call.outside = where.outside
        taken_over = await _fill_incident(tx, call, place, where)
        await tx.record(
            EventKind.CALL_LOCATED,
            call,
            incident_id=call.incident_id,
            data={
                "lon": place.lon,
                "lat": place.lat,
                "accuracy_m": accuracy_m,
                "village": where.village,
                "district": where.district,
                "outside": where.outside,
                "incident_placed": taken_over,
            },
        )
    return where


async def _fill_incident(tx: Transaction, call: Call, place: Point, where: Placement) -> bool:
    if call.incident_id is None:
        return False
    incident = await tx.get(Incident, call.incident_id, lock=True)
    if incident.place is not None or IncidentState(incident.state) in FINAL_STATES:
        return False
    incident.place = geometry(place)
    incident.place_accuracy_m = call.place_accuracy_m
    incident.village_code = where.village_code
    incident.outside = where.outside
    return True
