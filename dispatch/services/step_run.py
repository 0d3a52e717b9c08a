"""The steps of a run, by its crew or by the operator: stamps, legs, handover, and what comes too late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from dispatch.domain.assignment import (
    CENTRE_ONLY,
    FINAL_STATES,
    PROGRESS,
    STAMP_OF,
    AssignmentState,
    DeclineReason,
    NoTransport,
    crew_moves,
    step_assignment,
)
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import Conflict, FieldProblem, Forbidden, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, Role
from dispatch.domain.stamps import StampSource
from dispatch.domain.words import words
from dispatch.services import legs
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import answered_by, end_notices
from dispatch.services.deadlines import tracking_of, watch_leg, watch_run
from dispatch.services.release_run import decline, release
from dispatch.services.stamping import Moment, moment, stamp
from dispatch.services.step_proposals import proposal_of
from dispatch.services.tenants import TenantEntry
from dispatch.storage.images import iso
from dispatch.storage.tables.assignment import Assignment, ReportedFact
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.transaction import Transaction

S = AssignmentState
# what happened longer ago than this was kept on the phone without signal: it is never refused
LATE_AFTER = timedelta(seconds=15)

# stamps keep the corrected time; only the log has the device's own, by which a repeat is known for sure
_TOLD_BEFORE = text(
    """
    SELECT 1 FROM event
    WHERE regency_id = :regency AND incident_id = :incident
    AND ((subject_id = :run AND data->>'to' = :step)
         OR (data->>'assignment_id' = :run AND data->>'step' = :step))
    AND CAST(body AS jsonb)->>'device_at' = :device_at LIMIT 1
    """
)
_ON_LEG = frozenset({S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER})


@dataclass(frozen=True, slots=True)
class Step:
    """One step as reported. Which of the fields are needed depends on `to`.

    `device_at` and `sent_at` are by the device's own clock. `facility_id` or `outside_name` names the
    destination when leaving; `receiver` and `room` belong to the handover; `code` says why a run ended
    without transport; `reason` why an offer was declined. `proposal` is the event that the crew confirms: the
    step then happened when the geofence was crossed.
    """

    to: AssignmentState
    device_at: datetime | None = None
    sent_at: datetime | None = None
    facility_id: UUID | None = None
    outside_name: str | None = None
    receiver: str | None = None
    room: str | None = None
    code: NoTransport | None = None
    reason: DeclineReason | None = None
    source: StampSource = StampSource.CREW
    proposal: int | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """What came of a step. `reported` is true when it came too late to count and was kept as a fact."""

    assignment_id: UUID
    state: AssignmentState
    moves: list[AssignmentState]
    occurred_at: datetime
    reported: bool
    repeated: bool


async def step_run(
    centre: Centre, entry: TenantEntry, actor: Actor, assignment_id: UUID, step: Step, *, cause: str
) -> StepView:
    """Take one step of a run. The same step again is harmless.

    Raises:
        IllegalStep: the table does not allow it, and it is not late.
        InvalidInput: a field the step needs is missing.
        Forbidden: a driver who was not on this run's crew, or a move only the centre makes.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.pointed_at(Incident, Assignment.incident_id, assignment_id)
        run = await tx.get(Assignment, assignment_id, lock=True)
        when = moment(tx.now, device_at=step.device_at, sent_at=step.sent_at, not_before=run.created_at)
        if step.proposal is not None:
            step, when = await _confirmed(tx, run, step, step.proposal)
        state = S(run.state)
        if actor.role is Role.DRIVER:
            # what a crew did without signal counts after its relief, too
            await legs.require_crew(tx, run, actor, at=when.occurred_at)
        if step.to in CENTRE_ONLY and state is not step.to:
            if actor.role is Role.DRIVER:
                raise Forbidden("Langkah ini dilakukan oleh operator", "This step is the operator's")
            # standing down, widening and diverting are use cases of their own
            raise IllegalStep("assignment", state, step.to, crew_moves(state))
        if state is step.to or await _told_before(tx, run, step):
            return _view(run, when, repeated=True)
        try:
            step_assignment(state, step.to)
        except IllegalStep:
            if tx.now - when.occurred_at <= LATE_AFTER:
                raise
            await _keep_fact(tx, run, step, when)
            return _view(run, when, reported=True)
        if await _overtaken(tx, run, step, when):
            await _keep_fact(tx, run, step, when)
            return _view(run, when, reported=True)
        _need_fields(step)
        await move(tx, incident, run, step, when)
        return _view(run, when)


async def _confirmed(tx: Transaction, run: Assignment, step: Step, proposal: int) -> tuple[Step, Moment]:
    """The step as a person has confirmed it: its time is the crossing's, by the server's clock."""
    proposed = await proposal_of(tx, run, proposal)
    if proposed.to is not step.to:
        raise Conflict(
            f"Usulan {proposal} adalah langkah '{words('assignment', proposed.to).id}'",
            f"Proposal {proposal} is the step '{words('assignment', proposed.to).en}'",
        )
    when = Moment(max(proposed.at, run.created_at), device_at=step.device_at)
    return replace(step, source=StampSource.GEOFENCE_CONFIRMED), when


def _view(run: Assignment, when: Moment, *, reported: bool = False, repeated: bool = False) -> StepView:
    state = S(run.state)
    return StepView(run.id, state, list(crew_moves(state)), when.occurred_at, reported, repeated)


async def _told_before(tx: Transaction, run: Assignment, step: Step) -> bool:
    """Whether a phone repeats a report whose acknowledgement was lost: same step, same device time."""
    if step.device_at is None:
        return False
    about = {"regency": tx.tenant.id, "incident": run.incident_id, "run": str(run.id)}
    asked = {**about, "step": step.to.value, "device_at": iso(step.device_at)}
    return (await tx.session.execute(_TOLD_BEFORE, asked)).first() is not None


async def _overtaken(tx: Transaction, run: Assignment, step: Step, when: Moment) -> bool:
    """Whether a step that leads the run back happened before what the run has come to since.

    Two reports have changed places on their way: leaving for the facility does not undo the arrival there.
    """
    now = S(run.state)
    if step.to not in PROGRESS or PROGRESS.index(step.to) > PROGRESS.index(now):
        return False
    reached = await tx.session.execute(
        select(StampRow.occurred_at)
        .where(
            StampRow.regency_id == tx.tenant.id,
            StampRow.assignment_id == run.id,
            StampRow.name == STAMP_OF[now].value,
        )
        .order_by(StampRow.occurred_at.desc())
        .limit(1)
    )
    since = reached.scalar_one_or_none()
    return since is not None and when.occurred_at < since


def _need_fields(step: Step) -> None:
    missing: list[FieldProblem] = []
    if step.to is S.HANDED_OVER:
        if not (step.receiver or "").strip():
            missing.append(
                FieldProblem("receiver", "Isi nama penerima pasien", "Name who received the patient")
            )
        if not (step.room or "").strip():
            missing.append(FieldProblem("room", "Isi ruang perawatan", "Name the treatment room"))
    if step.to is S.COMPLETED_WITHOUT_TRANSPORT and step.code is None:
        missing.append(
            FieldProblem("code", "Isi alasan pasien tidak dibawa", "Say why nobody was transported")
        )
    if step.to is S.DECLINED and step.reason is None:
        missing.append(FieldProblem("reason", "Isi alasan menolak", "Say why the offer is declined"))
    if missing:
        raise InvalidInput(*missing)


async def _keep_fact(tx: Transaction, run: Assignment, step: Step, when: Moment) -> None:
    detail: dict[str, Any] = {
        "receiver": step.receiver,
        "room": step.room,
        "code": step.code,
        "reason": step.reason,
        "facility_id": str(step.facility_id) if step.facility_id else None,
        "clock_corrected": when.corrected,
    }
    row = ReportedFact(
        regency_id=tx.tenant.id,
        id=tx.id(),
        assignment_id=run.id,
        step=step.to.value,
        state_then=run.state,
        occurred_at=when.occurred_at,
        received_at=tx.now,
        detail={k: v for k, v in detail.items() if v is not None},
    )
    await tx.add(row)
    await tx.record(
        EventKind.ASSIGNMENT_FACT_REPORTED,
        row,
        incident_id=run.incident_id,
        data={"assignment_id": str(run.id), "step": step.to.value, "state": run.state},
        occurred_at=when.occurred_at,
        device_at=when.device_at,
    )


async def move(tx: Transaction, incident: Incident, run: Assignment, step: Step, when: Moment) -> None:
    """Take a step that the table allows, with its stamp, leg, timers and event; both rows are locked."""
    before = S(run.state)
    if step.to is S.DECLINED and step.reason is not None:
        await decline(tx, incident, run, step.reason.value, when)
        return
    leg = None
    if step.to in _ON_LEG:
        leg = await legs.leg_for_step(tx, incident, run, step, when.occurred_at)
    run.state = step.to.value
    if step.to in FINAL_STATES:
        # with the state: the database holds no ended run that still claims its unit, not for one query
        run.released_at = tx.now
    if before is S.OFFERED:
        run.acknowledged_at = tx.now
        await end_notices(tx, run, answered_by(tx.actor), NoticeKind.OFFER)
    elif before is S.LEFT_SCENE:
        # the crew has arrived, wherever it was led to
        await end_notices(tx, run, "moot", NoticeKind.DESTINATION)
    await stamp(
        tx,
        STAMP_OF[step.to],
        when,
        step.source,
        incident_id=incident.id,
        assignment_id=run.id,
        leg_id=leg.id if leg else None,
    )
    watch_run(tx, run, incident, await tracking_of(tx, run.unit_id))
    if leg is not None:
        await watch_leg(tx, leg)
    data: dict[str, Any] = {
        "number": incident.number,
        "unit_id": str(run.unit_id),
        "from": before.value,
        "to": step.to.value,
        "skipped": _skipped(before, step.to),
        "source": step.source.value,
        "proposal": step.proposal,
        "clock_corrected": when.corrected,
        "leg_id": str(leg.id) if leg else None,
        "facility_id": str(leg.facility_id) if leg and leg.facility_id else None,
        "room": step.room,
        "code": step.code,
    }
    if step.to in FINAL_STATES:
        code = step.code if step.to is S.COMPLETED_WITHOUT_TRANSPORT else None
        await release(tx, incident, run, data, code=code, when=when)
        return
    kind = EventKind.PATIENT_HANDED_OVER if step.to is S.HANDED_OVER else EventKind.ASSIGNMENT_STEPPED
    await tx.record(
        kind,
        run,
        incident_id=incident.id,
        data=data,
        occurred_at=when.occurred_at,
        device_at=when.device_at,
    )


def _skipped(before: AssignmentState, to: AssignmentState) -> list[str]:
    if before not in PROGRESS or to not in PROGRESS:
        return []
    between = PROGRESS[PROGRESS.index(before) + 1 : PROGRESS.index(to)]
    # waiting at a safe distance is not a part of every run
    return [s.value for s in between if s is not S.STAGED]
