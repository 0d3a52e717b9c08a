"""The transactions of calls and incidents: ring, take, dispose, open, confirm, cancel, close."""

from __future__ import annotations

from dispatch.domain.call import CallState, CallStep, step_call
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentKind, IncidentState, IncidentStep, step_incident
from dispatch.domain.stamps import Stamp
from proof.case import Refused, Repeated, Work
from proof.rules import Rules
from proof.runs import stand_down_within

CALL, INCIDENT = "call", "incident"


def ring(rules: Rules, work: Work) -> None:
    """`request_help`: stored and acknowledged; the same id again returns the first receipt."""
    if work.call is not None:
        raise Repeated
    work.call = CallState.RINGING
    rules.watch_call(work)
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
    _now_taken(rules, work)
    work.record(EventKind.CALL_TAKEN)


def _now_taken(rules: Rules, work: Work) -> None:
    work.taken = True
    rules.watch_call(work)


def dispose(rules: Rules, work: Work) -> None:
    """`dispose_call`."""
    work.call = step_call(_stored(work), CallStep.DISPOSE)
    rules.watch_call(work)
    work.record(EventKind.CALL_DISPOSED)


def reopen(rules: Rules, work: Work) -> None:
    """`reopen_call`."""
    work.call = step_call(_stored(work), CallStep.REOPEN)
    work.reopened = True
    _now_taken(rules, work)
    work.record(EventKind.CALL_REOPENED)


def dispose_again(rules: Rules, work: Work) -> None:
    """The same disposal, its id made by the client, however late: the call may have been taken up since."""
    if rules.disposed_before(work):
        raise Repeated
    dispose(rules, work)


def reopen_again(rules: Rules, work: Work) -> None:
    """The same reopening, its id made by the client: the call may have been disposed of once more."""
    if rules.reopened_before(work):
        raise Repeated
    reopen(rules, work)


def open_(rules: Rules, work: Work, *, confirmed: bool) -> None:
    """`open_incident`: with the verdict, or before it."""
    work.call = step_call(_stored(work), CallStep.LINK)
    rules.watch_call(work)
    work.record(EventKind.CALL_LINKED)
    work.taken = True
    work.incident = IncidentState.REPORTED
    work.record(EventKind.INCIDENT_REPORTED)
    work.record(EventKind.PATIENT_ADDED)
    work.promised.add(INCIDENT)
    if confirmed:
        _confirm(rules, work)
    else:
        rules.watch_incident(work)


def confirm(rules: Rules, work: Work) -> None:
    """`confirm_incident`."""
    _opened(work)
    _confirm(rules, work)


def _confirm(rules: Rules, work: Work) -> None:
    work.incident = step_incident(IncidentKind.EMERGENCY, _opened(work), IncidentStep.CONFIRM)
    work.stamped.append((-1, Stamp.CONFIRMED))
    rules.watch_incident(work)
    work.record(EventKind.INCIDENT_CONFIRMED)


def give_outcome(rules: Rules, work: Work) -> None:
    """`change_patient` with an outcome; the same one again changes nothing."""
    _opened(work)
    if work.cared:
        raise Repeated
    work.cared = True
    work.waiting = False
    rules.watch_incident(work)
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
    _end(rules, work)
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
    _end(rules, work)
    work.record(EventKind.INCIDENT_CLOSED)


def _end(rules: Rules, work: Work) -> None:
    work.waiting = False
    rules.watch_incident(work)
    work.clear(TimerKind.WIDEN)


def _stored(work: Work) -> CallState:
    if work.call is None:
        raise Refused("there is no such call")
    return work.call


def _opened(work: Work) -> IncidentState:
    if work.incident is None:
        raise Refused("there is no such incident")
    return work.incident
