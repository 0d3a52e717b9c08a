"""Legs of a run: where patients are taken, who may say so, and the handover that ends one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.errors import FieldProblem, Forbidden, InvalidInput
from dispatch.domain.patient import Outcome
from dispatch.domain.roles import Actor
from dispatch.services.deadlines import watch_leg
from dispatch.storage.tables.assignment import Assignment, Leg, LegPatient
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.transaction import Transaction

if TYPE_CHECKING:
    from dispatch.services.step_run import Step

_OPEN = ("planned", "transporting", "at_facility")


async def require_crew(tx: Transaction, run: Assignment, actor: Actor, *, at: datetime | None = None) -> None:
    """Let only the crew that is aboard the run's unit now, or was at the moment `at`, speak for it.

    Raises:
        Forbidden: this driver is not, and was not, aboard.
    """
    there: ColumnElement[bool] = CrewMembership.left_at.is_(None)
    if at is not None:
        there = or_(there, and_(CrewMembership.joined_at <= at, CrewMembership.left_at >= at))
    aboard = await tx.session.execute(
        select(CrewMembership.id)
        .join(Shift, (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id))
        .where(
            CrewMembership.regency_id == tx.tenant.id,
            CrewMembership.staff_id == actor.id,
            there,
            Shift.unit_id == run.unit_id,
        )
    )
    if aboard.first() is None:
        raise Forbidden("Anda tidak sedang bertugas di unit ini", "You are not aboard this unit")


async def open_leg(tx: Transaction, run: Assignment) -> Leg | None:
    """Return the run's leg that has not ended, locked, or None."""
    return (
        await tx.session.execute(
            select(Leg)
            .where(Leg.regency_id == tx.tenant.id, Leg.assignment_id == run.id, Leg.state.in_(_OPEN))
            .order_by(Leg.position.desc())
            .limit(1)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()


async def leg_for_step(
    tx: Transaction, incident: Incident, run: Assignment, step: Step, occurred_at: datetime
) -> Leg:
    """Return the leg that a step on the way to, at, or inside a facility belongs to, moved along with it."""
    leg = await open_leg(tx, run)
    if step.to is AssignmentState.LEFT_SCENE and leg is not None and leg.state == "at_facility":
        # the facility could not take the patient: this leg ends here, the next one begins
        leg.state = "diverted"
        await tx.session.flush()
        await watch_leg(tx, leg)
        leg = None
    if leg is None:
        leg = await _new_leg(tx, incident, run, step)
    elif step.facility_id or step.outside_name:
        await set_destination(tx, leg, step.facility_id, step.outside_name)
    match step.to:
        case AssignmentState.LEFT_SCENE:
            leg.state = "transporting"
        case AssignmentState.AT_FACILITY:
            leg.state = "at_facility"
        case AssignmentState.HANDED_OVER:
            await _hand_over(tx, leg, step, occurred_at)
    await tx.session.flush()
    return leg


async def _new_leg(tx: Transaction, incident: Incident, run: Assignment, step: Step) -> Leg:
    if step.facility_id is None and not (step.outside_name or "").strip():
        raise InvalidInput(
            FieldProblem(
                "facility_id",
                "Pilih faskes tujuan, atau isi nama tempat di luar daftar",
                "Choose the destination facility, or name a place that is not listed",
            )
        )
    last = await tx.session.execute(
        select(Leg.position)
        .where(Leg.regency_id == tx.tenant.id, Leg.assignment_id == run.id)
        .order_by(Leg.position.desc())
        .limit(1)
    )
    leg = Leg(
        regency_id=tx.tenant.id,
        id=tx.id(),
        assignment_id=run.id,
        position=(last.scalar_one_or_none() or 0) + 1,
        facility_id=None,
        outside_name=None,
        state="planned",
        created_at=tx.now,
        answer=None,
        answer_reason=None,
        answered_at=None,
        bed=None,
        receiver_name=None,
        room=None,
        countersigned_at=None,
        countersigned_by=None,
    )
    await set_destination(tx, leg, step.facility_id, step.outside_name)
    await tx.add(leg)
    for patient in await patients_for(tx, incident.id, run.id):
        await tx.add(LegPatient(regency_id=tx.tenant.id, leg_id=leg.id, patient_id=patient.id))
    return leg


async def set_destination(
    tx: Transaction, leg: Leg, facility_id: UUID | None, outside_name: str | None
) -> None:
    """Point the leg at a facility of this tenant, or at a named place outside all of them."""
    if facility_id is not None:
        facility = await tx.get(Facility, facility_id)
        if leg.facility_id != facility.id:
            _forget_answer(leg)
        leg.facility_id, leg.outside_name = facility.id, None
    else:
        _forget_answer(leg)  # nobody is asked there
        leg.facility_id, leg.outside_name = None, (outside_name or "").strip()[:200]


def _forget_answer(leg: Leg) -> None:
    leg.answer = leg.answer_reason = leg.answered_at = leg.bed = None


async def _hand_over(tx: Transaction, leg: Leg, step: Step, occurred_at: datetime) -> None:
    leg.state = "handed_over"
    leg.receiver_name = (step.receiver or "").strip()[:200]
    leg.room = (step.room or "").strip()[:100]
    carried = await tx.session.execute(
        select(Patient)
        .join(
            LegPatient,
            (LegPatient.regency_id == Patient.regency_id) & (LegPatient.patient_id == Patient.id),
        )
        .where(LegPatient.regency_id == tx.tenant.id, LegPatient.leg_id == leg.id, Patient.outcome.is_(None))
        .with_for_update(of=Patient)
    )
    for patient in carried.scalars():
        patient.outcome = Outcome.HANDED_OVER.value
        patient.outcome_at = occurred_at


async def patients_for(tx: Transaction, incident_id: UUID, run_id: UUID) -> list[Patient]:
    """Return whom a run may carry: those whose care has not ended and whom no other unit carries, locked."""
    taken = await _aboard_others(tx, incident_id, run_id)
    return [p for p in await patients_without_outcome(tx, incident_id) if p.id not in taken]


async def _aboard_others(tx: Transaction, incident_id: UUID, run_id: UUID) -> set[UUID]:
    """The incident's patients whom another unit is carrying now."""
    carried = await tx.session.execute(
        select(LegPatient.patient_id)
        .join(Leg, (Leg.regency_id == LegPatient.regency_id) & (Leg.id == LegPatient.leg_id))
        .join(Assignment, (Assignment.regency_id == Leg.regency_id) & (Assignment.id == Leg.assignment_id))
        .where(
            LegPatient.regency_id == tx.tenant.id,
            Assignment.incident_id == incident_id,
            Assignment.id != run_id,
            Leg.state.in_(_OPEN),
        )
    )
    return set(carried.scalars())


async def patients_without_outcome(tx: Transaction, incident_id: UUID) -> list[Patient]:
    """Return the incident's patients whose care has not ended, in order, locked."""
    rows = await tx.session.execute(
        select(Patient)
        .where(
            Patient.regency_id == tx.tenant.id,
            Patient.incident_id == incident_id,
            Patient.outcome.is_(None),
        )
        .order_by(Patient.position)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows.scalars())
