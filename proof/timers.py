"""The worker's transactions: alarms that ring again, offers that end, and the search for a further unit."""

from __future__ import annotations

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.unit import UnitStatus
from proof.case import OpenRun, Search, Timer, Work
from proof.rules import Rules
from proof.runs import end_offer, send, set_widen, wait_for_unit

S = AssignmentState


def fire(rules: Rules, work: Work, timer: Timer, *, current: bool) -> None:
    """A timer of the call or incident, run by a worker whose claim of it is `current` or long overtaken."""
    held = rules.held(current)
    match timer:
        case Timer.UNANSWERED:
            _alarm(work, timer, held, work.call is CallState.RINGING, EventKind.CALL_UNANSWERED)
        case Timer.CALL_NO_VERDICT:
            _alarm(work, timer, held, work.call is CallState.TAKEN, EventKind.VERDICT_OVERDUE)
        case Timer.NO_VERDICT:
            reported = work.incident is IncidentState.REPORTED
            _alarm(work, timer, held, reported, EventKind.VERDICT_OVERDUE)
        case Timer.UNCLOSED:
            idle = not _over(work) and not work.open_runs()
            _alarm(work, timer, held, idle, EventKind.CLOSURE_OVERDUE)
        case Timer.UNASSIGNED:
            _unassigned(rules, work, held)
        case Timer.WIDEN:
            # the first of its transactions: nobody needs one more unit
            if held and not wanted(work):
                work.clear(Timer.WIDEN)


def fire_of_run(rules: Rules, work: Work, unit: int, timer: Timer, *, current: bool) -> None:
    """A timer of a run."""
    held = rules.held(current)
    run = next((r for r in work.open_runs() if r.unit == unit), None)
    if run is None:
        return
    match timer:
        case Timer.OFFER_UNACKNOWLEDGED:
            if run.state is S.OFFERED and held:
                work.record(EventKind.OFFER_UNACKNOWLEDGED)
                set_widen(work)
            _end(run, timer, held)
        case Timer.OFFER_EXPIRES:
            if run.state is S.OFFERED and held:
                end_offer(rules, work, run, S.TIMED_OUT)
            else:
                _end(run, timer, held)
        case Timer.MANUAL_UNANSWERED:
            _alarm_of_run(work, run, timer, held, S.OFFERED, EventKind.MANUAL_UNIT_UNANSWERED)
        case Timer.NOT_MOVING:
            _alarm_of_run(work, run, timer, held, S.ACCEPTED, EventKind.DEPARTURE_OVERDUE)
        case Timer.NO_HANDOVER:
            _alarm_of_run(work, run, timer, held, S.AT_FACILITY, EventKind.HANDOVER_OVERDUE)


def _alarm(work: Work, timer: Timer, held: bool, still_so: bool, kind: EventKind) -> None:
    if not still_so:
        if held:
            work.clear(timer)
    elif held:
        work.ring(kind)


def _alarm_of_run(work: Work, run: OpenRun, timer: Timer, held: bool, state: S, kind: EventKind) -> None:
    if run.state is not state:
        _end(run, timer, held)
    elif held:
        work.ring(kind)


def _end(run: OpenRun, timer: Timer, held: bool) -> None:
    if held:
        run.timers.discard(timer)


def _unassigned(rules: Rules, work: Work, held: bool) -> None:
    if _over(work) or work.open_runs() or not held:
        if held:
            work.clear(Timer.UNASSIGNED)
    elif not work.waiting:
        # a timer that was not set anew is ended when its handler is done
        if not wait_for_unit(rules, work):
            work.clear(Timer.UNASSIGNED)
    else:
        work.ring(EventKind.UNIT_OVERDUE)


def _over(work: Work) -> bool:
    return work.incident in FINAL_STATES


# --- the search for one more unit: several transactions of one worker, with all the world between them ---


def wanted(work: Work) -> bool:
    """`_wanted`, the timer held: somebody needs a unit, and nobody who was asked has answered."""
    unanswered = all(run.state is S.OFFERED for run in work.open_runs())
    return not _over(work) and unanswered and not work.cared


def begin_search(rules: Rules, work: Work, units: int) -> None:
    """Rank: what is free at this moment and was not asked before. Whether it is wanted is asked later."""
    asked = work.ended
    for run in work.open_runs():
        asked |= 1 << run.unit
    if not rules.asks_each_once():
        asked = 0
    left = 0
    for unit in range(units):
        free = rules.status(work, unit) is UnitStatus.AVAILABLE
        left |= (free and not asked >> unit & 1) << unit
    work.search = Search(left, settling=False)


def claim_next(rules: Rules, work: Work, unit: int, *, current: bool = True) -> None:
    """Claim one of those ranked, with the guard; whoever was overtaken gives up."""
    search = work.search
    held = rules.held(current)
    if not rules.claim_guard(wanted=held and wanted(work)) or not rules.may_send(work):
        if search is not None and current:
            work.search = Search(0, settling=True)
        return
    if not rules.free(work, unit) or not rules.one_open(work, unit):
        if search is not None and current:
            work.search = search._replace(left=search.left & ~(1 << unit))
        return
    send(rules, work, unit)
    work.searched |= 1 << unit


def nobody_left(rules: Rules, work: Work) -> None:
    """All who were ranked are tried: the operators are told."""
    work.search = None
    work.clear(Timer.WIDEN)
    if not wait_for_unit(rules, work):
        work.record(EventKind.UNIT_OVERDUE)


def settle(work: Work) -> None:
    """`settle_timer`: a handler that neither ended nor moved its timer is done."""
    work.search = None
    work.clear(Timer.WIDEN)


def lose_search(work: Work) -> None:
    """The worker dies, or sleeps past its lease: its timer is due again by itself."""
    work.search = None
