"""The ends of an incident: closed with the patients' outcomes, or cancelled with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import TRANSITIONS, AssignmentState
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.incident import (
    CancelReason,
    IncidentKind,
    IncidentState,
    IncidentStep,
    step_incident,
)
from dispatch.domain.patient import Outcome, closing_code
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.deadlines import end_cancels, watch_incident
from dispatch.services.send_unit import open_assignments
from dispatch.services.stand_down import stand_down_within
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IncidentEnded:
    """How an incident ended."""

    incident_id: UUID
    number: str
    state: IncidentState
    closing_code: str | None


async def close_incident(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, *, cause: str
) -> IncidentEnded:
    """Close the incident; its code is derived from the patients' outcomes.

    Raises:
        Conflict: a unit is still on its run, or a patient has no outcome; both are listed.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if incident.state == IncidentState.CLOSED:
            return _ended(incident)
        after = step_incident(IncidentKind(incident.kind), IncidentState(incident.state), IncidentStep.CLOSE)
        await _refuse_while_running(tx, await open_assignments(tx, incident.id))
        patients = (
            await tx.session.execute(
                select(Patient)
                .where(Patient.regency_id == tx.tenant.id, Patient.incident_id == incident.id)
                .order_by(Patient.position)
            )
        ).scalars()
        outcomes = {p.position: p.outcome for p in patients}
        without = [position for position, outcome in outcomes.items() if outcome is None]
        if without:
            raise Conflict(
                f"Pasien {', '.join(map(str, without))} belum punya hasil akhir",
                f"Patient {', '.join(map(str, without))} has no outcome yet",
                patients=without,
            )
        incident.state = after.value
        incident.closing_code = closing_code([Outcome(o) for o in outcomes.values() if o])
        await _end(tx, incident)
        await tx.record(
            EventKind.INCIDENT_CLOSED,
            incident,
            incident_id=incident.id,
            data={"number": incident.number, "closing_code": incident.closing_code},
        )
        return _ended(incident)


async def cancel_incident(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, reason: CancelReason, *, cause: str
) -> IncidentEnded:
    """Cancel the incident and stand down every unit that can be stood down.

    Raises:
        Conflict: a unit already carries a patient.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if incident.state == IncidentState.CANCELLED:
            return _ended(incident)
        after = step_incident(IncidentKind(incident.kind), IncidentState(incident.state), IncidentStep.CANCEL)
        runs = await open_assignments(tx, incident.id, lock=True)
        stuck = [r for r in runs if AssignmentState.STOOD_DOWN not in TRANSITIONS[AssignmentState(r.state)]]
        await _refuse_while_running(tx, stuck)
        incident.state = after.value
        incident.cancel_reason = reason.value
        await _end(tx, incident)
        await tx.record(
            EventKind.INCIDENT_CANCELLED,
            incident,
            incident_id=incident.id,
            data={"number": incident.number, "reason": reason.value},
        )
        for run in runs:
            await stand_down_within(tx, incident, run, reason.value)
        return _ended(incident)


def _ended(incident: Incident) -> IncidentEnded:
    return IncidentEnded(incident.id, incident.number, IncidentState(incident.state), incident.closing_code)


async def _end(tx: Transaction, incident: Incident) -> None:
    incident.ended_at = tx.now
    incident.waiting_since = None
    await watch_incident(tx, incident)
    await end_cancels(tx, incident)
    tx.clear_timers(incident.id, [TimerKind.WIDEN])


async def _refuse_while_running(tx: Transaction, runs: list[Assignment]) -> None:
    if not runs:
        return
    signs = [(await tx.get(Unit, r.unit_id)).call_sign for r in runs]
    raise Conflict(
        f"Masih bertugas: {', '.join(signs)}; selesaikan dulu",
        f"Still on the run: {', '.join(signs)}; end that first",
        units=signs,
    )
