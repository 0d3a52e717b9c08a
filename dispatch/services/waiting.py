"""Incidents that wait for a unit, and the alarm when one becomes free."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.selection import suits
from dispatch.domain.triage import Triage
from dispatch.services.open_incident import UNASSIGNED
from dispatch.services.send_unit import UNCLOSED, open_assignments
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

REMIND_EVERY = timedelta(seconds=60)
CLOSE_WITHIN = timedelta(minutes=10)
_DONE = (AssignmentState.CLEARED.value, AssignmentState.COMPLETED_WITHOUT_TRANSPORT.value)


async def in_need(tx: Transaction, incident_id: UUID) -> bool:
    """Tell whether a unit is still needed: a patient's care has not ended, or nobody has been there yet."""
    patients = (
        await tx.session.execute(
            select(Patient.outcome).where(
                Patient.regency_id == tx.tenant.id, Patient.incident_id == incident_id
            )
        )
    ).scalars()
    outcomes = list(patients)
    if outcomes:
        return None in outcomes
    been = select(Assignment.id).where(
        Assignment.regency_id == tx.tenant.id,
        Assignment.incident_id == incident_id,
        Assignment.state.in_(_DONE),
    )
    return (await tx.session.execute(been.limit(1))).first() is None


async def wait_for_unit(tx: Transaction, incident: Incident, why: str) -> bool:
    """Mark an incident that no unit is sent to as waiting; false when one is, or it waits already.

    The wait is timed: every minute somebody is told. An incident may wait before its verdict, when a unit
    was sent to it and is not coming. One that needs no unit any more gets a timer for its closing instead.
    """
    if incident.waiting_since is not None or IncidentState(incident.state) in FINAL_STATES:
        return False
    if await open_assignments(tx, incident.id):
        return False
    if not await in_need(tx, incident.id):
        await tx.clear_timers(incident.id, [UNASSIGNED])
        await tx.set_timer(UNCLOSED, incident.id, tx.now + CLOSE_WITHIN, {"times": 0})
        return False
    incident.waiting_since = tx.now
    await tx.set_timer(UNASSIGNED, incident.id, tx.now + REMIND_EVERY, {"times": 0})
    await tx.record(
        EventKind.INCIDENT_WAITING,
        incident,
        incident_id=incident.id,
        data={"number": incident.number, "triage": incident.triage, "why": why},
    )
    return True


async def ring_for_waiting(tx: Transaction, unit_id: UUID) -> int:
    """A unit has become free: raise an alarm for every waiting incident it suits; return how many."""
    unit = await tx.get(Unit, unit_id)
    waiting = await tx.session.execute(
        select(Incident)
        .where(
            Incident.regency_id == tx.tenant.id,
            Incident.state.in_([IncidentState.REPORTED.value, IncidentState.CONFIRMED.value]),
            Incident.waiting_since.is_not(None),
        )
        .order_by(Incident.waiting_since)
    )
    rung = 0
    for incident in waiting.scalars():
        triage = Triage(incident.triage) if incident.triage else None
        fits = suits(frozenset(unit.capabilities), triage, frozenset(incident.needs))
        if not fits and triage is not Triage.RED:
            continue
        rung += 1
        await tx.record(
            EventKind.UNIT_FOUND_FOR_WAITING,
            incident,
            incident_id=incident.id,
            data={
                "number": incident.number,
                "triage": incident.triage,
                "unit_id": str(unit.id),
                "call_sign": unit.call_sign,
                "suits": fits,
            },
        )
    return rung
