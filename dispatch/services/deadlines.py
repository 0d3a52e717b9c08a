"""Keeps the timers of whatever waits as the one table of deadlines says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from dispatch.domain.assignment import AssignmentState, LegState
from dispatch.domain.call import CallbackOutcome, CallState
from dispatch.domain.deadlines import (
    CALL_KINDS,
    CALLS,
    CANCEL,
    LEG_KINDS,
    LEGS,
    NEED_KINDS,
    NEEDS,
    RETURN,
    RUN_KINDS,
    Deadline,
    LegWait,
    TimerKind,
    arrival_seconds,
    cancel_waits,
    first_look_seconds,
    leg_wait,
    needs,
    of_run,
    return_seconds,
)
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.unit import Tracking
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.unit import Unavailability, Unit
from dispatch.storage.transaction import Transaction

_DONE = (AssignmentState.CLEARED.value, AssignmentState.COMPLETED_WITHOUT_TRANSPORT.value)

# written once: what every step asks costs more to build than to answer
_OF_INCIDENT = (
    Assignment.regency_id == bindparam("regency"),
    Assignment.incident_id == bindparam("incident"),
)
_HAS_OPEN_RUN = select(exists().where(*_OF_INCIDENT, Assignment.released_at.is_(None)))
_BEEN_THERE = select(exists().where(*_OF_INCIDENT, Assignment.state.in_(_DONE)))
_OUTCOMES = select(Patient.outcome).where(
    Patient.regency_id == bindparam("regency"), Patient.incident_id == bindparam("incident")
)
_LAST_LEG = (
    select(Leg)
    .where(Leg.regency_id == bindparam("regency"), Leg.assignment_id == bindparam("run"))
    .order_by(Leg.position.desc())
    .limit(1)
)
_CLOSED = select(
    exists().where(
        Facility.regency_id == bindparam("regency"),
        Facility.id == bindparam("facility"),
        Facility.ems_status == "closed",
    )
)
_LEGS_TO = (
    select(Leg)
    .where(
        Leg.regency_id == bindparam("regency"),
        Leg.facility_id == bindparam("facility"),
        Leg.state.in_((LegState.PLANNED.value, LegState.TRANSPORTING.value)),
    )
    .order_by(Leg.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)


def watch_call(tx: Transaction, call: Call) -> None:
    """Keep the timers of a call; one that runs for the state it is in goes on."""
    _keep(tx, call.id, CALL_KINDS, CALLS[CallState(call.state)])


async def watch_cancel(tx: Transaction, call: Call, incident: Incident) -> None:
    """Keep the timer of a caller's wish to cancel a case; both rows are locked."""
    waits = await cancel_is_unheeded(tx, call, incident)
    _keep(tx, call.id, frozenset({CANCEL.kind}), (CANCEL,) if waits else ())


async def cancel_is_unheeded(tx: Transaction, call: Call, incident: Incident) -> bool:
    """Tell whether the caller wishes to cancel a case that goes on, and was not reached since."""
    return cancel_waits(
        CallState(call.state),
        asked=call.cancel_asked_at is not None,
        case_open=IncidentState(incident.state) not in FINAL_STATES,
        answered=await reached_since(tx, call.id, call.cancel_asked_at),
    )


async def reached_since(tx: Transaction, call_id: UUID, moment: datetime | None) -> bool:
    """Tell whether the caller answered a call-back since a moment; never without one."""
    if moment is None:
        return False
    answered = exists().where(
        Callback.regency_id == tx.tenant.id,
        Callback.call_id == call_id,
        Callback.outcome == CallbackOutcome.ANSWERED.value,
        Callback.attempted_at >= moment,
    )
    return bool(await tx.session.scalar(select(answered)))


async def end_cancels(tx: Transaction, incident: Incident) -> None:
    """End the timers of all who wished to cancel a case: it has ended, and is locked."""
    asked = await tx.session.execute(
        select(Call.id).where(
            Call.regency_id == tx.tenant.id,
            Call.incident_id == incident.id,
            Call.cancel_asked_at.is_not(None),
        )
    )
    for call_id in asked.scalars():
        tx.clear_timers(call_id, [CANCEL.kind])


def watch_return(tx: Transaction, away: Unavailability) -> None:
    """Keep the timer of a unit that is out of service, or is back."""
    left = (away.expected_until - tx.now).total_seconds() if away.expected_until else None
    within = {RETURN.kind: return_seconds(left, tx.tenant.settings)}
    _keep(tx, away.id, frozenset(within), (RETURN,) if away.ended_at is None else (), within)


async def watch_incident(
    tx: Transaction,
    incident: Incident,
    *,
    sent: bool = False,
    open_runs: bool | None = None,
    needed: bool | None = None,
) -> None:
    """Keep the timers of an incident.

    `sent` says that a unit has just been sent: whoever wanted one more has it with this one. Whether a unit
    is on a run for it, and whether one is needed, is looked up unless the caller knows.
    """
    if open_runs is None:
        open_runs = sent or await has_open_run(tx, incident.id)
    if needed is None:
        needed = open_runs or await in_need(tx, incident.id)
    found = needs(
        IncidentState(incident.state),
        open_runs=open_runs,
        in_need=needed,
        waiting=incident.waiting_since is not None,
    )
    family = NEED_KINDS | {TimerKind.WIDEN} if sent else NEED_KINDS
    _keep(tx, incident.id, family, [d for need in found for d in NEEDS[need]])


def watch_run(tx: Transaction, run: Assignment, incident: Incident, tracking: Tracking) -> None:
    """Keep the timers of a run: those of its state are set, all others end."""
    state = AssignmentState(run.state)
    pace = incident.speed_factor or 1.0
    within = {
        TimerKind.NOT_ARRIVED: arrival_seconds(run.predicted_s, pace, tx.tenant.settings),
        TimerKind.NOT_AT_FACILITY: first_look_seconds(tx.tenant.settings),
    }
    _keep(tx, run.id, RUN_KINDS, of_run(state, tracking), within)


def watch_transport_anew(tx: Transaction, run: Assignment) -> None:
    """Begin the wait for a run on its way to a facility again: it is led to another one."""
    due = tx.now + timedelta(seconds=first_look_seconds(tx.tenant.settings))
    tx.set_timer(TimerKind.NOT_AT_FACILITY, run.id, due, {"since": tx.now.isoformat()})


async def watch_leg(tx: Transaction, leg: Leg, *, anew: bool = False) -> None:
    """Keep the timers of a leg. `anew` begins the wait again, as for another destination."""
    if anew:
        tx.clear_timers(leg.id, sorted(LEG_KINDS))
    wait = await wait_of_leg(tx, leg)
    _keep(tx, leg.id, LEG_KINDS, LEGS[wait] if wait else ())


async def watch_legs_to(tx: Transaction, facility: Facility) -> None:
    """Keep the timers of all legs on their way to a facility that was closed or opened, and is locked."""
    legs = await tx.session.execute(_LEGS_TO, {"regency": tx.tenant.id, "facility": facility.id})
    for leg in legs.scalars():
        await watch_leg(tx, leg)


async def wait_of_leg(tx: Transaction, leg: Leg) -> LegWait | None:
    """Return what a leg waits for, see `leg_wait`."""
    closed = leg.facility_id is not None and await destination_closed(tx, leg)
    return leg_wait(
        LegState(leg.state),
        leg.answer,
        listed=leg.facility_id is not None,
        closed=closed,
        countersigned=leg.countersigned_at is not None,
    )


async def destination_closed(tx: Transaction, leg: Leg) -> bool:
    """Tell whether the facility that a leg leads to takes no ambulances now."""
    given = {"regency": tx.tenant.id, "facility": leg.facility_id}
    return bool(await tx.session.scalar(_CLOSED, given))


async def watch_last_leg(tx: Transaction, run: Assignment) -> Leg | None:
    """Keep the timers of the last leg of a run that moved on; return the leg."""
    found = await tx.session.execute(_LAST_LEG, {"regency": tx.tenant.id, "run": run.id})
    leg = found.scalar_one_or_none()
    if leg is not None:
        await watch_leg(tx, leg)
    return leg


def _keep(
    tx: Transaction,
    subject_id: UUID,
    family: frozenset[TimerKind],
    wanted: Iterable[Deadline],
    within: dict[TimerKind, float] | None = None,
) -> None:
    deadlines = {d.kind: d for d in wanted}
    due: dict[str, datetime] = {}
    for kind, deadline in deadlines.items():
        seconds = (within or {}).get(kind) or deadline.seconds(tx.tenant.settings)
        due[kind] = tx.now + timedelta(seconds=seconds)
    tx.keep_timers(subject_id, family, due)


async def has_open_run(tx: Transaction, incident_id: UUID) -> bool:
    """Tell whether a unit is on a run for the incident."""
    return bool(await tx.session.scalar(_HAS_OPEN_RUN, {"regency": tx.tenant.id, "incident": incident_id}))


async def in_need(tx: Transaction, incident_id: UUID) -> bool:
    """Tell whether a unit is still needed: a patient's care has not ended, or nobody has been there yet."""
    given = {"regency": tx.tenant.id, "incident": incident_id}
    outcomes = list((await tx.session.execute(_OUTCOMES, given)).scalars())
    if outcomes:
        return None in outcomes
    return not await tx.session.scalar(_BEEN_THERE, given)


async def tracking_of(tx: Transaction, unit_id: UUID) -> Tracking:
    """Return how a unit is followed."""
    return Tracking((await tx.get(Unit, unit_id)).tracking)
