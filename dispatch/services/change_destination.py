"""Another destination for a run that carries its patient: the facility refused, or a better one was found."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dispatch.domain.assignment import AssignmentState, crew_moves
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import FieldProblem, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, Role
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import end_notices, raise_notice
from dispatch.services.deadlines import watch_leg, watch_transport_anew
from dispatch.services.legs import open_leg, set_destination
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident


@dataclass(frozen=True, slots=True)
class DestinationNow:
    """Where a run goes. `repeated` is true when it went there before."""

    assignment_id: UUID
    leg_id: UUID
    facility_id: UUID | None
    outside_name: str | None
    repeated: bool


async def change_destination(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    assignment_id: UUID,
    facility_id: UUID | None,
    outside_name: str | None,
    *,
    cause: str,
) -> DestinationNow:
    """Lead a run that carries its patient to another facility, or to a named place outside the list.

    The leg and its stamps stay: it is one way with another end. What the former facility answered ends with
    it, and stands in the log. The same destination again is harmless. A run that has arrived goes on by the
    step `left_scene` instead, with a leg of its own.

    Raises:
        IllegalStep: the run is not on its way to a facility. InvalidInput: no destination is named.
        NotFound: no such run or facility.
    """
    outside = (outside_name or "").strip() or None
    if (facility_id is None) == (outside is None):
        raise InvalidInput(
            FieldProblem(
                "facility_id",
                "Pilih satu faskes tujuan, atau isi nama tempat di luar daftar",
                "Choose one destination facility, or name a place that is not listed",
            )
        )
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.pointed_at(Incident, Assignment.incident_id, assignment_id)
        run = await tx.get(Assignment, assignment_id, lock=True)
        leg = await open_leg(tx, run)
        if run.state != AssignmentState.LEFT_SCENE or leg is None:
            state = AssignmentState(run.state)
            raise IllegalStep("assignment", state, "change_destination", crew_moves(state))
        before = leg.facility_id
        if (leg.facility_id, leg.outside_name) == (facility_id, outside):
            return DestinationNow(run.id, leg.id, facility_id, outside, repeated=True)
        refused = leg.answer == "refused"
        await set_destination(tx, leg, facility_id, outside)
        await watch_leg(tx, leg, anew=True)
        watch_transport_anew(tx, run)
        await end_notices(tx, run, "moot", NoticeKind.DESTINATION)
        if actor.role is not Role.DRIVER:
            await raise_notice(tx, incident, run, NoticeKind.DESTINATION)
        await tx.record(
            EventKind.DESTINATION_CHANGED,
            leg,
            incident_id=incident.id,
            data={
                "number": incident.number,
                "assignment_id": str(run.id),
                "unit_id": str(run.unit_id),
                "from": str(before) if before else None,
                "facility_id": str(facility_id) if facility_id else None,
                "after_refusal": refused,
            },
        )
        return DestinationNow(run.id, leg.id, leg.facility_id, leg.outside_name, repeated=False)
