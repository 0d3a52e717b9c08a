"""Alarms for what has been left lying too long: told as events, and again until somebody acts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dispatch.domain.assignment import AssignmentState, LegState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import DEADLINES, LEGS, RUNS, LegWait, TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.deadlines import cancel_is_unheeded, wait_of_leg
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.send_unit import open_assignments
from dispatch.services.tenants import TenantEntry
from dispatch.services.transport_time import transport_due
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.unit import Unavailability, Unit
from dispatch.storage.transaction import Transaction

_CAUSE = "timer"
OFTEN = 60  # alarms at the full rate; then the screens have shown it for an hour, and every ten minutes do
SELDOM = timedelta(minutes=10)
MOST_REMINDERS = 12  # of a facility that does not countersign: half a day, then it is a matter of reports
LEFT_TO_REPORTS = "left to the reports"
_FIRST_PAUSES = {1: timedelta(seconds=15), 2: timedelta(seconds=30)}


async def call_unanswered(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A call rings and nobody has taken it: 15 s, 30 s and 60 s after the first alarm, then every minute."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        call = await tx.get(Call, firing.subject_id, lock=True)
        if call.state == CallState.RINGING:
            times = int(firing.data.get("times", 0)) + 1
            pause = _FIRST_PAUSES.get(times, _next(firing))
            data = {"waited_s": round((tx.now - call.received_at).total_seconds())}
            await _ring(tx, firing, EventKind.CALL_UNANSWERED, call, pause, data)
        else:
            await end_firing(tx, firing, "answered")


async def no_verdict(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A call that was taken, or an incident opened before its verdict, has none after a minute."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        call = await tx.find(Call, firing.subject_id, lock=True)
        incident = None if call else await tx.get(Incident, firing.subject_id, lock=True)
        pause = _next(firing)
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
            waited = round((tx.now - incident.waiting_since).total_seconds())
            data = {"number": incident.number, "triage": incident.triage, "waited_s": waited}
            await _ring(tx, firing, EventKind.UNIT_OVERDUE, incident, _next(firing), data, incident.id)


async def cancel_unheeded(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A caller wishes to cancel, the case goes on, and nobody has spoken with the caller about it."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        call = await tx.get(Call, firing.subject_id, lock=True)
        incident = await tx.get(Incident, call.incident_id, lock=True) if call.incident_id else None
        if (
            incident is None
            or call.cancel_asked_at is None
            or not await cancel_is_unheeded(tx, call, incident)
        ):
            await end_firing(tx, firing, "heeded")
            return
        waited = round((tx.now - call.cancel_asked_at).total_seconds())
        data = {"number": incident.number, "triage": incident.triage, "waited_s": waited}
        await _ring(tx, firing, EventKind.CANCEL_OVERDUE, call, _next(firing), data, incident.id)


async def not_back(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A unit is out of service for longer than was said, or for long without a word on how long."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        away = await tx.get(Unavailability, firing.subject_id)
        unit = await tx.get(Unit, away.unit_id, lock=True)
        away = await tx.get(Unavailability, firing.subject_id, lock=True)
        if away.ended_at is not None:
            await end_firing(tx, firing, "back")
            return
        data = {
            "unit_id": str(unit.id),
            "call_sign": unit.call_sign,
            "reason": away.reason,
            "expected_until": away.expected_until.isoformat() if away.expected_until else None,
            "away_s": round((tx.now - away.began_at).total_seconds()),
        }
        await _ring(tx, firing, EventKind.RETURN_OVERDUE, away, _next(firing), data)


async def not_at_facility(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A run carries its patient for longer than the roads to its facility explain."""
    told = "times" in firing.data  # then it was late, and is
    since = datetime.fromisoformat(firing.data["since"]) if "since" in firing.data else None
    due = None if told else await transport_due(centre, entry, firing.subject_id, since)
    await run_waits(centre, entry, firing, not_before=due)


async def run_waits(
    centre: Centre, entry: TenantEntry, firing: Firing, *, not_before: datetime | None = None
) -> None:
    """A run has stood in one state for longer than it should: its crew, or its facility, is to be asked.

    `not_before` is the moment from which on it is too long, where that turns out to be later.
    """
    deadline = DEADLINES[TimerKind(firing.kind)]
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.pointed_at(Incident, Assignment.incident_id, firing.subject_id)
        run = await tx.get(Assignment, firing.subject_id, lock=True)
        if deadline not in RUNS[AssignmentState(run.state)]:
            await end_firing(tx, firing, "moved on")
            return
        if not_before is not None and tx.now < not_before:
            if await still_held(tx, firing):
                tx.set_timer(firing.kind, firing.subject_id, not_before, firing.data)
            return
        data = {"number": incident.number, "unit_id": str(run.unit_id), "state": run.state}
        await _ring(tx, firing, deadline.tells, run, _next(firing), data, incident.id)


async def leg_waits(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A facility has not answered, has refused and the run still goes there, or has not signed."""
    deadline = DEADLINES[TimerKind(firing.kind)]
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        leg = await tx.get(Leg, firing.subject_id)
        run = await tx.get(Assignment, leg.assignment_id)
        leg = await tx.get(Leg, firing.subject_id, lock=True)
        wait = await wait_of_leg(tx, leg)
        if wait is None or deadline not in LEGS[wait]:
            await end_firing(tx, firing, "moved on")
        elif wait is LegWait.COUNTERSIGNATURE and int(firing.data.get("times", 0)) >= MOST_REMINDERS:
            # this holds the case, never the ambulance
            await end_firing(tx, firing, LEFT_TO_REPORTS)
        else:
            data: dict[str, Any] = {
                "assignment_id": str(run.id),
                "unit_id": str(run.unit_id),
                "facility_id": str(leg.facility_id),
                "room": leg.room,
            }
            if wait is LegWait.OTHER_DESTINATION:
                data["at_facility"] = leg.state == LegState.AT_FACILITY
                data["closed"] = leg.answer != "refused"
            await _ring(tx, firing, deadline.tells, leg, _next(firing), data, run.incident_id)


async def not_closed(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """All units are free again and the incident is still open: it needs closing, or another unit."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        incident = await tx.get(Incident, firing.subject_id, lock=True)
        if IncidentState(incident.state) in FINAL_STATES or await open_assignments(tx, incident.id):
            await end_firing(tx, firing, "moved on")
            return
        data = {"number": incident.number, "triage": incident.triage}
        await _ring(tx, firing, EventKind.CLOSURE_OVERDUE, incident, _next(firing), data, incident.id)


def _next(firing: Firing) -> timedelta:
    """How long until it is told again: at its own rate, after sixty times every ten minutes at most."""
    every = timedelta(seconds=DEADLINES[TimerKind(firing.kind)].every_s)
    return every if int(firing.data.get("times", 0)) + 1 < OFTEN else max(every, SELDOM)


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
    tx.set_timer(firing.kind, firing.subject_id, tx.now + pause, {**firing.data, "times": times})
    await tx.record(kind, subject, incident_id=incident_id, data={"times": times, **data})
