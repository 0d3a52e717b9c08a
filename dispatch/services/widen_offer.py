"""An offer that nobody answers alerts the next unit too; the first claim is kept until its time is up."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.errors import Conflict, NotFound
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.rank_units import rank_for_incident
from dispatch.services.release_run import time_out
from dispatch.services.send_unit import AssignmentView, open_assignments, send_unit
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident

S = AssignmentState


async def widen_unacknowledged(
    centre: Centre, entry: TenantEntry, assignment_id: UUID, *, cause: str
) -> AssignmentView | None:
    """20 s without an answer: say so, and alert the next unit too. None when it was answered meanwhile."""
    async with centre.begin(entry.tenant, SYSTEM, cause) as tx:
        run = await tx.get(Assignment, assignment_id)
        incident = await tx.get(Incident, run.incident_id, lock=True)
        run = await tx.get(Assignment, assignment_id, lock=True)
        if run.state != S.OFFERED:
            return None
        await tx.record(
            EventKind.OFFER_UNACKNOWLEDGED,
            run,
            incident_id=incident.id,
            data={"number": incident.number, "unit_id": str(run.unit_id)},
        )
    return await alert_next(centre, entry, run.incident_id, "offer unanswered", cause=cause)


async def expire_offer(centre: Centre, entry: TenantEntry, assignment_id: UUID, *, cause: str) -> bool:
    """60 s without an answer: the offer ends and the unit is free. False when it was answered meanwhile."""
    async with centre.begin(entry.tenant, SYSTEM, cause) as tx:
        run = await tx.get(Assignment, assignment_id)
        incident = await tx.get(Incident, run.incident_id, lock=True)
        run = await tx.get(Assignment, assignment_id, lock=True)
        if run.state != S.OFFERED:
            return False
        await time_out(tx, incident, run)
        return True


async def alert_next(
    centre: Centre, entry: TenantEntry, incident_id: UUID, why: str, *, cause: str
) -> AssignmentView | None:
    """Alert the best unit that was not asked yet for this incident; None when there is none left, which
    the operator is told.
    """
    async with centre.read(entry.tenant) as tx:
        incident = await tx.get(Incident, incident_id)
        if IncidentState(incident.state) in FINAL_STATES:
            return None
        answered = [a for a in await open_assignments(tx, incident_id) if a.state != S.OFFERED]
        asked = set(
            (
                await tx.session.execute(
                    select(Assignment.unit_id).where(
                        Assignment.regency_id == tx.tenant.id, Assignment.incident_id == incident_id
                    )
                )
            ).scalars()
        )
    if answered:
        return None
    try:
        ranking = await rank_for_incident(centre, entry, incident_id)
    except (Conflict, NotFound):
        return None
    for candidate in ranking.candidates:
        if candidate.unit.id in asked:
            continue
        try:
            return await send_unit(
                centre, entry, SYSTEM, incident_id, candidate.unit.id, why, cause=cause, origin="widened"
            )
        except Conflict:
            continue  # somebody else claimed it between ranking and claim: try the next
    async with centre.begin(entry.tenant, SYSTEM, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        await wait_for_unit(tx, incident, "no further unit")
    return None
