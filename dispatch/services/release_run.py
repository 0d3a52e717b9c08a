"""The ends of a run: cleared, without transport, declined, timed out, stood down; each frees the unit."""

from __future__ import annotations

from typing import Any

from dispatch.domain.assignment import AssignmentState, NoTransport
from dispatch.domain.deadlines import NoticeKind, TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.unit import Tracking, UnitStatus
from dispatch.services.crew_notices import answered_by, end_notices
from dispatch.services.deadlines import in_need, tracking_of, watch_last_leg, watch_run
from dispatch.services.legs import patients_without_outcome
from dispatch.services.placing import Point, geometry, point_of
from dispatch.services.send_unit import open_assignments
from dispatch.services.stamping import Moment
from dispatch.services.unit_state import status_of, view_unit
from dispatch.services.waiting import ring_for_waiting, wait_for_unit
from dispatch.storage.queries.units import UnitRow, one_unit
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction

_DONE = (AssignmentState.CLEARED, AssignmentState.COMPLETED_WITHOUT_TRANSPORT)
_OF_OPEN_RUNS = (NoticeKind.OFFER, NoticeKind.DESTINATION)
ENDED_AS = {
    AssignmentState.CLEARED: EventKind.UNIT_CLEARED,
    AssignmentState.COMPLETED_WITHOUT_TRANSPORT: EventKind.RUN_ENDED_WITHOUT_TRANSPORT,
    AssignmentState.DECLINED: EventKind.OFFER_DECLINED,
    AssignmentState.TIMED_OUT: EventKind.OFFER_TIMED_OUT,
    AssignmentState.STOOD_DOWN: EventKind.ASSIGNMENT_STOOD_DOWN,
}


async def release(
    tx: Transaction,
    incident: Incident,
    run: Assignment,
    data: dict[str, Any],
    *,
    when: Moment,
    code: NoTransport | None = None,
) -> list[Assignment]:
    """Free the unit of a run that is in a final state now, and ring for whoever waits for one.

    The caller has set the state and `released_at`. Returns the other runs that are open for the incident.
    """
    leg = await watch_last_leg(tx, run)
    unit = await one_unit(tx.session, tx.tenant.id, tx.now, run.unit_id)
    run.freed_place = await _freed_place(tx, incident, run, leg, unit)
    watch_run(tx, run, incident, Tracking(unit.tracking) if unit else await tracking_of(tx, run.unit_id))
    # nothing is left to be acknowledged but that it was stood down, which its crew is told after this
    answered = run.state == AssignmentState.DECLINED
    await end_notices(tx, run, answered_by(tx.actor) if answered else "moot", *_OF_OPEN_RUNS)
    others = await open_assignments(tx, incident.id)
    if code is not None:
        run.exit_reason = code.value
        # with a second unit on the way the patients are still somebody's care
        if not others:
            for patient in await patients_without_outcome(tx, incident.id):
                patient.outcome = code.value
                patient.outcome_at = when.occurred_at
    await tx.record(
        ENDED_AS[AssignmentState(run.state)],
        run,
        incident_id=incident.id,
        data=data,
        occurred_at=when.occurred_at,
        device_at=when.device_at,
    )
    if not others and run.state in _DONE:
        # a patient may be left for whom nobody is on the way; rung for at once when this unit suits
        await wait_for_unit(tx, incident, "patients left", alone=True)
    if unit is not None and status_of(unit) is UnitStatus.AVAILABLE:
        await ring_for_waiting(tx, unit)
    return others


async def decline(tx: Transaction, incident: Incident, run: Assignment, reason: str, when: Moment) -> None:
    """The crew cannot take the offer, as it said `when`: free the unit and alert the next one at once."""
    await _end_offer(tx, incident, run, AssignmentState.DECLINED, reason, when)


async def time_out(tx: Transaction, incident: Incident, run: Assignment) -> None:
    """Nobody answered the offer in its time: free the unit and have the next one alerted."""
    await _end_offer(tx, incident, run, AssignmentState.TIMED_OUT, "no_answer", Moment(tx.now))


async def _end_offer(
    tx: Transaction, incident: Incident, run: Assignment, to: AssignmentState, reason: str, when: Moment
) -> None:
    run.state = to.value
    run.released_at = tx.now
    run.exit_reason = reason
    data = {"number": incident.number, "unit_id": str(run.unit_id), "to": to.value, "reason": reason}
    still_asked = await release(tx, incident, run, data, when=when)
    if IncidentState(incident.state) in FINAL_STATES:
        return
    if not still_asked:
        await wait_for_unit(tx, incident, to.value, alone=True)
    unanswered = all(other.state == AssignmentState.OFFERED for other in still_asked)
    if unanswered and await in_need(tx, incident.id):
        tx.set_timer(TimerKind.WIDEN, incident.id, tx.now, {"after": str(run.id), "why": to.value})


async def _freed_place(
    tx: Transaction, incident: Incident, run: Assignment, leg: Leg | None, unit: UnitRow | None
) -> Any:
    """Where the unit is free again: at the facility of its last leg, at the scene, or where it was."""
    if leg is not None and leg.facility_id is not None:
        return (await tx.get(Facility, leg.facility_id)).place
    if run.state == AssignmentState.COMPLETED_WITHOUT_TRANSPORT:
        place = point_of(incident.place)
        return geometry(place) if place else None
    if unit is None:
        return None
    view = view_unit(unit, tx.now)
    # a base is no news: leave the place open, so that the base is still called the base
    return None if view.place_source == "base" else geometry(Point(view.lon, view.lat))
