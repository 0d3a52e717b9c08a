"""The transactions of calls and incidents: ring, take, dispose, open, confirm, cancel, close."""

from __future__ import annotations

from dispatch.domain.call import CallState, CallStep, step_call
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentKind, IncidentState, IncidentStep, step_incident
from dispatch.domain.stamps import Stamp
from proof.case import Refused, Repeated, Timer, Work
from proof.rules import Rules
from proof.runs import stand_down_within

CALL, INCIDENT = "call", "incident"
_OF_INCIDENT = (Timer.NO_VERDICT, Timer.UNASSIGNED, Timer.WIDEN, Timer.UNCLOSED)


def ring(rules: Rules, work: Work) -> None:
    """`request_help`: stored and acknowledged; the same id again returns the first receipt."""
    if work.call is not None:
        raise Repeated
    work.call = CallState.RINGING
    if rules.rings_with_timer():
        work.timers.add(Timer.UNANSWERED)
    work.record(EventKind.CALL_RECEIVED)
    work.promised.add(CALL)


def take(rules: Rules, work: Work, *, own: bool) -> None:
    """`take_call`, by the operator who has it already or by another one."""
    call = _stored(work)
    if work.taken and call is not CallState.DISPOSED:
        if own:
            raise Repeated
        raise Refused("a colleague has taken it")
    work.call = step_call(call, CallStep.TAKE)
    _now_taken(work)
    work.record(EventKind.CALL_TAKEN)


def _now_taken(work: Work) -> None:
    work.taken = True
    work.clear(Timer.UNANSWERED)
    work.timers.add(Timer.CALL_NO_VERDICT)


def dispose(rules: Rules, work: Work) -> None:
    """`dispose_call`."""
    work.call = step_call(_stored(work), CallStep.DISPOSE)
    work.clear(Timer.UNANSWERED, Timer.CALL_NO_VERDICT)
    work.record(EventKind.CALL_DISPOSED)


def reopen(rules: Rules, work: Work) -> None:
    """`reopen_call`."""
    work.call = step_call(_stored(work), CallStep.REOPEN)
    _now_taken(work)
    work.record(EventKind.CALL_REOPENED)


def open_(rules: Rules, work: Work, *, confirmed: bool) -> None:
    """`open_incident`: with the verdict, or before it."""
    work.call = step_call(_stored(work), CallStep.LINK)
    work.clear(Timer.UNANSWERED, Timer.CALL_NO_VERDICT)
    work.record(EventKind.CALL_LINKED)
    work.taken = True
    work.incident = IncidentState.REPORTED
    work.record(EventKind.INCIDENT_REPORTED)
    work.record(EventKind.PATIENT_ADDED)
    work.promised.add(INCIDENT)
    if confirmed:
        _confirm(work)
    else:
        work.timers.add(Timer.NO_VERDICT)


def confirm(rules: Rules, work: Work) -> None:
    """`confirm_incident`."""
    _opened(work)
    _confirm(work)


def _confirm(work: Work) -> None:
    work.incident = step_incident(IncidentKind.EMERGENCY, _opened(work), IncidentStep.CONFIRM)
    work.stamped.append((-1, Stamp.CONFIRMED))
    work.clear(Timer.NO_VERDICT)
    if not work.waiting:
        work.timers.add(Timer.UNASSIGNED)
    work.record(EventKind.INCIDENT_CONFIRMED)


def give_outcome(rules: Rules, work: Work) -> None:
    """`change_patient` with an outcome; the same one again changes nothing."""
    _opened(work)
    if work.cared:
        raise Repeated
    work.cared = True
    work.record(EventKind.PATIENT_CHANGED)


def cancel(rules: Rules, work: Work) -> None:
    """`cancel_incident`: every unit that can be called back is."""
    state = _opened(work)
    if state is IncidentState.CANCELLED:
        raise Repeated
    after = step_incident(IncidentKind.EMERGENCY, state, IncidentStep.CANCEL)
    runs = work.open_runs()
    if any(not rules.may_stand_down(run.state) for run in runs):
        raise Refused("a unit carries a patient")
    work.incident = after
    _end(work)
    work.record(EventKind.INCIDENT_CANCELLED)
    for run in runs:
        stand_down_within(rules, work, run)


def close(rules: Rules, work: Work) -> None:
    """`close_incident`."""
    state = _opened(work)
    if state is IncidentState.CLOSED:
        raise Repeated
    after = step_incident(IncidentKind.EMERGENCY, state, IncidentStep.CLOSE)
    if not rules.may_close(work):
        raise Refused("a unit is on its run, or a patient has no outcome")
    work.incident = after
    _end(work)
    work.record(EventKind.INCIDENT_CLOSED)


def _end(work: Work) -> None:
    work.waiting = False
    work.clear(*_OF_INCIDENT)


def _stored(work: Work) -> CallState:
    if work.call is None:
        raise Refused("there is no such call")
    return work.call


def _opened(work: Work) -> IncidentState:
    if work.incident is None:
        raise Refused("there is no such incident")
    return work.incident
