"""An offer that nobody answers alerts the next unit too; the first claim is kept until its time is up."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, InvalidInput, UnitNotAvailable, UnitTaken
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.deadlines import in_need
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.placing import point_of
from dispatch.services.rank_units import rank_for_incident
from dispatch.services.release_run import time_out
from dispatch.services.send_unit import AssignmentView, Claim, claim_unit, open_assignments
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction

S = AssignmentState
_CAUSE = "timer"


class _Overtaken(Exception):
    """The unit is not wanted any more, or somebody else sees to it."""


async def widen_unacknowledged(centre: Centre, entry: TenantEntry, firing: Firing) -> bool:
    """20 s without an answer: say so, and have the next unit alerted too. False when it was answered."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident, run = await _locked(tx, firing.subject_id)
        if run.state != S.OFFERED or not await still_held(tx, firing):
            await end_firing(tx, firing, "answered")
            return False
        data = {"number": incident.number, "unit_id": str(run.unit_id)}
        await tx.record(EventKind.OFFER_UNACKNOWLEDGED, run, incident_id=incident.id, data=data)
        tx.set_timer(TimerKind.WIDEN, incident.id, tx.now, {"after": str(run.id), "why": "unacknowledged"})
        await end_firing(tx, firing)
        return True


async def expire_offer(centre: Centre, entry: TenantEntry, firing: Firing) -> bool:
    """60 s without an answer: the offer ends and the unit is free. False when it was answered meanwhile."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident, run = await _locked(tx, firing.subject_id)
        if run.state != S.OFFERED or not await still_held(tx, firing):
            await end_firing(tx, firing, "answered")
            return False
        await end_firing(tx, firing)
        await time_out(tx, incident, run)
        return True


async def _locked(tx: Transaction, assignment_id: UUID) -> tuple[Incident, Assignment]:
    incident = await tx.pointed_at(Incident, Assignment.incident_id, assignment_id)
    return incident, await tx.get(Assignment, assignment_id, lock=True)


async def alert_next(centre: Centre, entry: TenantEntry, firing: Firing) -> AssignmentView | None:
    """Alert the best unit that was not asked yet for this incident; None when a unit has answered meanwhile,
    or when there is none left, which the operator is told.

    The ranking runs outside of any transaction; the claim ends the timer in its own.
    """
    incident_id = firing.subject_id
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if not await _wanted(tx, incident, firing):
            await end_firing(tx, firing, "not needed")
            return None
        if point_of(incident.place) is None:
            await _nobody_left(tx, incident, firing, "no place to send to")
            return None
        asked = await _asked(tx, incident_id)
    try:
        ranking = await rank_for_incident(centre, entry, incident_id)
    except InvalidInput:
        async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
            incident = await tx.get(Incident, incident_id, lock=True)
            if await _wanted(tx, incident, firing):
                await _nobody_left(tx, incident, firing, "no road anywhere near")
        return None

    async def guard(tx: Transaction) -> None:
        if not await _wanted(tx, await tx.get(Incident, incident_id), firing):
            raise _Overtaken

    for choice in ranking.candidates:
        if choice.unit.id in asked:
            continue
        claim = Claim(incident_id, choice.unit.id, choice, ranking.roads_version, origin="widened")
        try:
            return await claim_unit(centre, entry, SYSTEM, claim, cause=_CAUSE, guard=guard)
        except (UnitTaken, UnitNotAvailable):
            continue  # somebody else claimed it between ranking and claim: try the next
        except (_Overtaken, Conflict):
            return None
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if await still_held(tx, firing):
            await _nobody_left(tx, incident, firing, "no further unit")
    return None


async def _wanted(tx: Transaction, incident: Incident, firing: Firing) -> bool:
    """Whether one more unit is to be alerted: somebody needs it, and nobody who was asked has answered."""
    if IncidentState(incident.state) in FINAL_STATES or not await still_held(tx, firing):
        return False
    unanswered = all(run.state == S.OFFERED for run in await open_assignments(tx, incident.id))
    return unanswered and await in_need(tx, incident.id)


async def _asked(tx: Transaction, incident_id: UUID) -> set[UUID]:
    runs = await tx.session.execute(
        select(Assignment.unit_id).where(
            Assignment.regency_id == tx.tenant.id, Assignment.incident_id == incident_id
        )
    )
    return set(runs.scalars())


async def _nobody_left(tx: Transaction, incident: Incident, firing: Firing, why: str) -> None:
    await end_firing(tx, firing, why)
    if await wait_for_unit(tx, incident, why):
        return
    data = {"number": incident.number, "triage": incident.triage, "times": 0, "why": why}
    await tx.record(EventKind.UNIT_OVERDUE, incident, incident_id=incident.id, data=data)
