"""Alarms for what has been left lying too long: told as events, and again until somebody acts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.send_unit import open_assignments
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction

_CAUSE = "timer"
_MINUTE = timedelta(seconds=60)
_OFTEN = 60  # alarms at the full rate; then the screens have shown it for an hour, and every ten minutes do
_SELDOM = timedelta(minutes=10)
_MOST_REMINDERS = 12  # of a facility that does not countersign: half a day, then it is a matter of reports
_FIRST_PAUSES = {1: timedelta(seconds=15), 2: timedelta(seconds=30)}


async def call_unanswered(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A call rings and nobody has taken it: 15 s, 30 s and 60 s after the first alarm, then every minute."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        call = await tx.get(Call, firing.subject_id, lock=True)
        if call.state == CallState.RINGING:
            times = int(firing.data.get("times", 0)) + 1
            pause = _FIRST_PAUSES.get(times, _pause(times, _MINUTE))
            data = {"waited_s": round((tx.now - call.received_at).total_seconds())}
            await _ring(tx, firing, EventKind.CALL_UNANSWERED, call, pause, data)
        else:
            await end_firing(tx, firing, "answered")


async def no_verdict(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A call that was taken, or an incident opened before its verdict, has none after a minute."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        call = await tx.find(Call, firing.subject_id, lock=True)
        incident = None if call else await tx.get(Incident, firing.subject_id, lock=True)
        pause = _pause(int(firing.data.get("times", 0)) + 1, _MINUTE)
        if call is not None and call.state == CallState.TAKEN:
            await _ring(tx, firing, EventKind.VERDICT_OVERDUE, call, pause, {"of": "call"})
        elif incident is not None and incident.state == IncidentState.REPORTED:
            data = {"of": "incident", "number": incident.number, "triage": incident.triage}
            await _ring(tx, firing, EventKind.VERDICT_OVERDUE, incident, pause, data, incident.id)
        else:
            await end_firing(tx, firing, "verdict given")


async def unassigned(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """No unit is on the way: the incident is marked as waiting, then every minute somebody is told."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.get(Incident, firing.subject_id, lock=True)
        ended = IncidentState(incident.state) in FINAL_STATES
        if ended or await open_assignments(tx, incident.id) or not await still_held(tx, firing):
            await end_firing(tx, firing, "unit sent" if not ended else "ended")
        elif incident.waiting_since is None:
            # sets this timer anew
            await wait_for_unit(tx, incident, "no unit sent")
        else:
            pause = _pause(int(firing.data.get("times", 0)) + 1, _MINUTE)
            waited = round((tx.now - incident.waiting_since).total_seconds())
            data = {"number": incident.number, "triage": incident.triage, "waited_s": waited}
            await _ring(tx, firing, EventKind.UNIT_OVERDUE, incident, pause, data, incident.id)


async def manual_unanswered(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A unit reached by phone only has not answered: the operator calls, or sends another."""
    await _of_run(centre, entry, firing, AssignmentState.OFFERED, EventKind.MANUAL_UNIT_UNANSWERED, _MINUTE)


async def not_moving(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """The crew has accepted and is not under way."""
    await _of_run(centre, entry, firing, AssignmentState.ACCEPTED, EventKind.DEPARTURE_OVERDUE, _MINUTE)


async def no_handover(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """The unit stands at the facility and cannot hand its patient over."""
    await _of_run(centre, entry, firing, AssignmentState.AT_FACILITY, EventKind.HANDOVER_OVERDUE, _SELDOM)


async def _of_run(
    centre: Centre,
    entry: TenantEntry,
    firing: Firing,
    state: AssignmentState,
    kind: EventKind,
    every: timedelta,
) -> None:
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        run = await tx.get(Assignment, firing.subject_id)
        incident = await tx.get(Incident, run.incident_id, lock=True)
        run = await tx.get(Assignment, firing.subject_id, lock=True)
        if run.state != state:
            await end_firing(tx, firing, "moved on")
            return
        data = {"number": incident.number, "unit_id": str(run.unit_id), "state": run.state}
        pause = _pause(int(firing.data.get("times", 0)) + 1, every)
        await _ring(tx, firing, kind, run, pause, data, incident.id)


async def not_countersigned(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """The facility has not signed for a patient it received. This holds the case, never the ambulance."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        leg = await tx.get(Leg, firing.subject_id, lock=True)
        times = int(firing.data.get("times", 0)) + 1
        if leg.state != "handed_over" or leg.countersigned_at is not None or times > _MOST_REMINDERS:
            await end_firing(tx, firing, "countersigned" if leg.countersigned_at else "left to the reports")
            return
        run = await tx.get(Assignment, leg.assignment_id)
        data = {"assignment_id": str(run.id), "facility_id": str(leg.facility_id), "room": leg.room}
        kind = EventKind.COUNTERSIGNATURE_OVERDUE
        await _ring(tx, firing, kind, leg, timedelta(hours=1), data, run.incident_id)


async def not_closed(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """All units are free again and the incident is still open: it needs closing, or another unit."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.get(Incident, firing.subject_id, lock=True)
        if IncidentState(incident.state) in FINAL_STATES or await open_assignments(tx, incident.id):
            await end_firing(tx, firing, "moved on")
            return
        data = {"number": incident.number, "triage": incident.triage}
        await _ring(tx, firing, EventKind.CLOSURE_OVERDUE, incident, 3 * _SELDOM, data, incident.id)


def _pause(times: int, every: timedelta) -> timedelta:
    return every if times < _OFTEN else max(every, _SELDOM)


async def _ring(
    tx: Transaction,
    firing: Firing,
    kind: EventKind,
    subject: Base,
    pause: timedelta,
    data: dict[str, Any],
    incident_id: UUID | None = None,
) -> None:
    """Tell it and set the timer for the next time, in one transaction: told once, however often it is run."""
    if not await still_held(tx, firing):
        return
    times = int(firing.data.get("times", 0)) + 1
    await tx.set_timer(firing.kind, firing.subject_id, tx.now + pause, {**firing.data, "times": times})
    await tx.record(kind, subject, incident_id=incident_id, data={"times": times, **data})
