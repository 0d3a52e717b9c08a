"""The transactions of runs: send, step, stand down, and what releases a unit."""

from __future__ import annotations

from dispatch.domain.assignment import (
    CENTRE_ONLY,
    FINAL_STATES,
    PROGRESS,
    STAMP_OF,
    AssignmentState,
    step_assignment,
)
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES as ENDED
from dispatch.domain.stamps import Stamp
from proof.case import NotInTable, OpenRun, Refused, Repeated, Work, units_in
from proof.rules import Rules

S = AssignmentState
_DONE = (S.CLEARED, S.COMPLETED_WITHOUT_TRANSPORT)
_EVENT = {
    S.CLEARED: EventKind.UNIT_CLEARED,
    S.COMPLETED_WITHOUT_TRANSPORT: EventKind.RUN_ENDED_WITHOUT_TRANSPORT,
    S.DECLINED: EventKind.OFFER_DECLINED,
    S.TIMED_OUT: EventKind.OFFER_TIMED_OUT,
    S.STOOD_DOWN: EventKind.ASSIGNMENT_STOOD_DOWN,
}


def send(rules: Rules, work: Work, unit: int) -> None:
    """`claim_unit`: incident locked, then the unit; the ranking before it may be as old as it likes."""
    if not rules.may_send(work):
        raise Refused("the incident has ended, or there is none")
    if units_in(work.before) >> unit & 1 and rules.free(work, unit) is False:
        raise Repeated
    if not rules.free(work, unit) or not rules.one_open(work, unit):
        raise Refused("the unit is not free")
    run = OpenRun(unit, S.OFFERED, set(), False, set(), set())
    work.runs.append(run)
    rules.watch_run(work, run)
    _stamp(rules, work, run, Stamp.ASSIGNED)
    if not rules.manual >> unit & 1:
        _stamp(rules, work, run, Stamp.OFFERED)
    work.waiting = False
    work.clear(TimerKind.WIDEN)
    rules.watch_incident(work)
    work.record(EventKind.UNIT_ASSIGNED)
    work.promised.add(f"run {unit}")


def send_again(rules: Rules, work: Work, unit: int) -> None:
    """The same send, its id made by the client, however late."""
    if rules.sent_before(work, unit):
        raise Repeated
    send(rules, work, unit)


def step(rules: Rules, work: Work, unit: int, to: S, *, late: bool = False, again: bool = False) -> None:
    """`step_run`: legal, repeated, refused, or kept as a fact when it is late and fits no more."""
    if to in CENTRE_ONLY:
        raise Refused("the centre's move")
    run = _run_of(work, unit)
    if run.state is to or (again and rules.told_before(run, to)):
        raise Repeated
    try:
        rules.step(run.state, to)
    except NotInTable:
        if not late:
            raise
        _keep_fact(work)
        return
    if rules.goes_back_in_time(run.state, to, late=late):
        _keep_fact(work)
        return
    _move(rules, work, run, to)


def step_of_ended(rules: Rules, work: Work, unit: int, to: S, *, late: bool, again: bool) -> None:
    """`step_run` of a run that has ended: a repeat is known, what is late is a fact, the rest is refused."""
    if again and rules.told_before_the_end():
        raise Repeated
    if not rules.stays_ended():
        run = OpenRun(unit, S.DECLINED, set(), False, set(), set())
        work.runs.append(run)
        _move(rules, work, run, to)
        return
    if not late:
        raise Refused("the run has ended")
    _keep_fact(work)


def _keep_fact(work: Work) -> None:
    work.facts += 1
    work.record(EventKind.ASSIGNMENT_FACT_REPORTED)


def _run_of(work: Work, unit: int) -> OpenRun:
    run = next((r for r in work.open_runs() if r.unit == unit), None)
    if run is None:
        raise Refused("no such run")
    return run


def _move(rules: Rules, work: Work, run: OpenRun, to: S) -> None:
    before = run.state
    if to is S.DECLINED:
        end_offer(rules, work, run, to)
        return
    _leg(work, run, to)
    _set_state(work, run, to)
    for reached in rules.stamps_of(before, to):
        _stamp(rules, work, run, STAMP_OF[reached])
    if rules.stamps:
        run.told.add(to)
    rules.watch_run(work, run)
    if to in FINAL_STATES:
        release(rules, work, run)
    else:
        kind = EventKind.PATIENT_HANDED_OVER if to is S.HANDED_OVER else EventKind.ASSIGNMENT_STEPPED
        _record(rules, work, kind)


def _leg(work: Work, run: OpenRun, to: S) -> None:
    """The patient: aboard from the first step of a leg, unless another unit has them, until the handover."""
    if to not in (S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER):
        return
    has_leg = run.state in (S.LEFT_SCENE, S.AT_FACILITY)
    diverted = to is S.LEFT_SCENE and run.state is S.AT_FACILITY
    if not has_leg or diverted:
        elsewhere = any(r.carries for r in work.open_runs() if r is not run)
        run.carries = not work.cared and not elsewhere
    if to is S.HANDED_OVER and run.carries:
        run.carries = False
        work.cared = True
    if diverted:
        run.stamps -= {Stamp.LEFT_SCENE, Stamp.AT_FACILITY, Stamp.HANDED_OVER}


def _stamp(rules: Rules, work: Work, run: OpenRun, name: Stamp) -> None:
    work.stamped.append((run.unit, name))
    if rules.stamps:
        run.stamps.add(name)


def _set_state(work: Work, run: OpenRun, to: S) -> None:
    work.moved.append((run.frozen(), to))
    run.state = to


def release(rules: Rules, work: Work, run: OpenRun) -> None:
    """The unit is free again; the last run to end leaves the case waiting, or to be closed."""
    work.ended |= 1 << run.unit
    last = not work.open_runs()
    if run.state is S.COMPLETED_WITHOUT_TRANSPORT and last:
        work.cared = True
    _record(rules, work, _EVENT[run.state])
    if last and run.state in _DONE:
        wait_for_unit(rules, work)


def _record(rules: Rules, work: Work, kind: EventKind) -> None:
    if rules.one_event_each() or kind is not EventKind.OFFER_DECLINED:
        work.record(kind)


def end_offer(rules: Rules, work: Work, run: OpenRun, to: S) -> None:
    """`decline` and `time_out`: the unit is free, the next one is alerted."""
    _set_state(work, run, to)
    release(rules, work, run)
    if work.incident in ENDED:
        return
    still_asked = work.open_runs()
    if not still_asked:
        wait_for_unit(rules, work)
    if all(other.state is S.OFFERED for other in still_asked) and not work.cared:
        set_widen(work)


def set_widen(work: Work) -> None:
    """Set the timer that alerts one more unit; whoever held the old one holds it no more."""
    work.timers.add(TimerKind.WIDEN)
    work.search = None
    work.rearmed += 1


def stand_down(rules: Rules, work: Work, unit: int) -> None:
    """`stand_down`: refused once somebody is aboard."""
    stand_down_within(rules, work, _run_of(work, unit))
    if not work.open_runs():
        wait_for_unit(rules, work)


def stand_down_within(rules: Rules, work: Work, run: OpenRun) -> None:
    """As `stand_down`, as a part of a larger transaction."""
    if not rules.may_stand_down(run.state):
        step_assignment(run.state, S.STOOD_DOWN)
    _set_state(work, run, S.STOOD_DOWN)
    _stamp(rules, work, run, Stamp.STOOD_DOWN)
    release(rules, work, run)


def wait_for_unit(rules: Rules, work: Work) -> bool:
    """`waiting.wait_for_unit`: mark a case that nobody is sent to, with a timer; or have it closed."""
    if not rules.waits_when_left_alone():
        return False
    if work.waiting or work.incident in ENDED or work.open_runs():
        return False
    if work.cared:
        rules.watch_incident(work)
        return False
    work.waiting = True
    rules.watch_incident(work)
    work.record(EventKind.INCIDENT_WAITING)
    return True


def progress_until(state: S) -> tuple[S, ...]:
    """The steps that may have been told of a run in `state`, its own one last."""
    return PROGRESS[: PROGRESS.index(state) + 1] if state in PROGRESS else ()
