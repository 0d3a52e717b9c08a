"""The worker's transactions: alarms that ring again, offers that end, and the search for a further unit."""

from __future__ import annotations

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import DEADLINES, RUNS, TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.unit import UnitStatus
from proof.case import Search, Work
from proof.rules import Rules
from proof.runs import end_offer, send, set_widen, wait_for_unit

S = AssignmentState


def fire_of_call(work: Work, kind: TimerKind, *, held: bool) -> None:
    """A timer of the call."""
    still_so = {
        TimerKind.CALL_UNANSWERED: work.call is CallState.RINGING,
        TimerKind.NO_VERDICT: work.call is CallState.TAKEN,
    }[kind]
    _alarm(work, work.call_timers, kind, held, still_so)


def fire(rules: Rules, work: Work, kind: TimerKind, *, held: bool) -> None:
    """A timer of the incident, run by a worker whose claim of it is `held`, or was overtaken long ago."""
    match kind:
        case TimerKind.NO_VERDICT:
            _alarm(work, work.timers, kind, held, work.incident is IncidentState.REPORTED)
        case TimerKind.UNCLOSED:
            _alarm(work, work.timers, kind, held, not _over(work) and not work.open_runs())
        case TimerKind.UNASSIGNED:
            _unassigned(rules, work, held)
        case _:
            # WIDEN, the first of its transactions: nobody needs one more unit
            if held and not wanted(work):
                work.clear(TimerKind.WIDEN)


def fire_of_run(rules: Rules, work: Work, unit: int, kind: TimerKind, *, held: bool) -> None:
    """A timer of a run."""
    run = next((r for r in work.open_runs() if r.unit == unit), None)
    if run is None:
        return
    offered = run.state is S.OFFERED and held
    if kind is TimerKind.OFFER_UNACKNOWLEDGED:
        if offered:
            work.record(EventKind.OFFER_UNACKNOWLEDGED)
            set_widen(work)
        if held:
            run.timers.discard(kind)
    elif kind is TimerKind.OFFER_EXPIRES:
        if offered:
            end_offer(rules, work, run, S.TIMED_OUT)
        elif held:
            run.timers.discard(kind)
    else:
        _alarm(work, run.timers, kind, held, DEADLINES[kind] in RUNS[run.state])


def _alarm(work: Work, timers: set[TimerKind], kind: TimerKind, held: bool, still_so: bool) -> None:
    if not still_so:
        if held:
            timers.discard(kind)
    elif held:
        work.ring(DEADLINES[kind].tells)


def _unassigned(rules: Rules, work: Work, held: bool) -> None:
    if _over(work) or work.open_runs() or not held:
        if held:
            work.clear(TimerKind.UNASSIGNED)
    elif not work.waiting:
        # a timer that was not set anew is ended when its handler is done
        if not wait_for_unit(rules, work):
            work.clear(TimerKind.UNASSIGNED)
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
    work.clear(TimerKind.WIDEN)
    if not wait_for_unit(rules, work):
        work.record(EventKind.UNIT_OVERDUE)


def settle(work: Work) -> None:
    """`settle_timer`: a handler that neither ended nor moved its timer is done."""
    work.search = None
    work.clear(TimerKind.WIDEN)


def lose_search(work: Work) -> None:
    """The worker dies, or sleeps past its lease: its timer is due again by itself."""
    work.search = None
