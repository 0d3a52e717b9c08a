"""What must hold: of every case, of every transaction, and of all cases together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter

from dispatch.domain.assignment import (
    FINAL_STATES,
    OPEN_STATES,
    PROGRESS,
    STAMP_OF,
    TRANSITIONS,
    AssignmentState,
)
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import TimerKind, of_run
from dispatch.domain.incident import FINAL_STATES as ENDED
from dispatch.domain.incident import IncidentState
from dispatch.domain.stamps import Stamp
from proof.case import DUPLICATE, REORDER, RETRY, Case, Run, Work
from proof.rules import Rules

S = AssignmentState

PROVEN = {
    "one open run": "a unit has at most one open run",
    "owner or timer": "every acknowledged call and incident that has not ended has an owner or a timer",
    "exactly once": "what was acknowledged is there, and a command that comes again changes nothing",
    "log": "a transaction that changes something writes an event, one that does not writes none",
    "ends": "no run ends with a patient aboard, and no final state is left",
    "stamps": "a stamp is written by its own step only, and once",
    "can finish": "from every state a good end can be reached",
}


def broken_in(rules: Rules, case: Case) -> str | None:
    """Return the invariant that this state of one case breaks, with what is wrong, or None."""
    return _alone(case) or _run_alone(rules, case) or _unkept(case)


def _alone(case: Case) -> str | None:
    if case.call in (CallState.RINGING, CallState.TAKEN) and not case.call_timers:
        return f"owner or timer: the call is {case.call} and no timer is set"
    if case.call is CallState.TAKEN and not case.taken:
        return "owner or timer: the call was taken by nobody"
    if case.call in (CallState.LINKED, CallState.DISPOSED) and case.call_timers:
        return f"owner or timer: the call is {case.call} and a timer still waits for somebody"
    if case.call is CallState.LINKED and case.incident is None:
        return "owner or timer: the call leads to an incident that is not there"
    if case.incident in (IncidentState.REPORTED, IncidentState.CONFIRMED):
        if not case.runs and not case.timers:
            return "owner or timer: the incident is open, nobody is sent, and no timer is set"
        if case.waiting and (TimerKind.UNASSIGNED not in case.timers or case.runs):
            return "owner or timer: the incident waits without its timer, or with a unit on the way"
    if case.incident in ENDED and (case.timers or case.runs or case.waiting):
        return "ends: the incident has ended and something of it goes on"
    return None


def _run_alone(rules: Rules, case: Case) -> str | None:
    for run in case.runs:
        known = {deadline.kind for deadline in of_run(run.state, rules.tracking(run.unit))}
        # an offer is told of once, and ends or rings again by its other timer
        if not run.timers >= known - {TimerKind.OFFER_UNACKNOWLEDGED}:
            return f"owner or timer: unit {run.unit} is {run.state} and nothing watches it"
        if not run.timers <= known:
            return f"owner or timer: a timer of unit {run.unit} outlives what it waits for"
        if run.state not in OPEN_STATES:
            return f"ends: the run of unit {run.unit} has ended and still holds it"
    if sum(run.carries for run in case.runs) > 1:
        return "ends: one patient is aboard two units"
    if rules.stamps:
        return _untrue_stamps(case.runs)
    return None


def _untrue_stamps(runs: Iterable[Run]) -> str | None:
    for run in runs:
        own = {STAMP_OF[step] for step in run.told} | {Stamp.ASSIGNED, Stamp.OFFERED}
        if run.stamps - own:
            return f"stamps: unit {run.unit} has one of a step that nobody reported"
    return None


def _unkept(case: Case) -> str | None:
    for promise in case.promised:
        name, _, unit = promise.partition(" ")
        kept = {
            "call": case.call is not None,
            "incident": case.incident is not None,
            "run": bool(unit) and _has_run(case, int(unit)),
        }
        if not kept[name]:
            return f"exactly once: a client was told that the {name} is stored, and it is not"
    return None


def _has_run(case: Case, unit: int) -> bool:
    return bool(case.ended >> unit & 1) or any(run.unit == unit for run in case.runs)


def broken_by(rules: Rules, work: Work, after: Case, *, fault: str) -> str | None:
    """Return the invariant that this transaction breaks, or None."""
    before = work.before
    if (overtaken := _taken_back(work, late=fault == REORDER)) is not None:
        return overtaken
    must_repeat = fault in (RETRY, DUPLICATE)
    changed = _recorded(after) != _recorded(before) or work.facts or work.rearmed
    if must_repeat and (changed or work.events):
        return "exactly once: a command that had its effect came again and had it once more"
    if changed and not work.events and not _only_timers(before, after):
        return "log: the state changed and no event says so"
    if work.events and not changed:
        return "log: an event says something that has not happened"
    if before.incident in ENDED and after.incident is not before.incident:
        return "ends: a final state was left"
    return _ended_badly(work) or _stamped_badly(rules, work) or _lost_runs(work, after)


def _taken_back(work: Work, *, late: bool) -> str | None:
    for run, to in work.moved:
        in_order = run.state in PROGRESS and to in PROGRESS
        if late and in_order and PROGRESS.index(to) < PROGRESS.index(run.state):
            return "exactly once: a report that was overtaken took back the one that overtook it"
    if work.searched and work.searched & work.before.ended:
        return "exactly once: the search alerted a unit that had given its answer"
    return None


_recorded: Callable[[Case], tuple[object, ...]] = itemgetter(
    *(place for place, name in enumerate(Case._fields) if name not in ("search", "promised"))
)
"""The case without what the worker holds in its memory only."""


def _only_timers(before: Case, after: Case) -> bool:
    """Whether nothing but timers is different: those are no part of the log."""
    runs = tuple(run._replace(timers=frozenset()) for run in after.runs)
    was = tuple(run._replace(timers=frozenset()) for run in before.runs)
    none: frozenset[TimerKind] = frozenset()
    bare = _recorded(after._replace(timers=none, call_timers=none, runs=runs))
    return bare == _recorded(before._replace(timers=none, call_timers=none, runs=was))


def _ended_badly(work: Work) -> str | None:
    for run, to in work.moved:
        if run.state in FINAL_STATES:
            return f"ends: unit {run.unit} left its final state {run.state}"
        if to not in TRANSITIONS[run.state]:
            return f"ends: unit {run.unit} went from {run.state} to {to}, which the table does not know"
        if to in FINAL_STATES and run.carries:
            return f"ends: the run of unit {run.unit} ended as {to} with a patient aboard"
    return None


def _lost_runs(work: Work, after: Case) -> str | None:
    if not work.before.runs:
        return None
    stay = {run.unit for run in after.runs} | {run.unit for run, to in work.moved if to in FINAL_STATES}
    gone = [run.unit for run in work.before.runs if run.unit not in stay]
    return f"ends: the run of unit {gone[0]} is gone without an end" if gone else None


def _stamped_badly(rules: Rules, work: Work) -> str | None:
    if not work.stamped:
        return None
    said = {STAMP_OF[to] for _, to in work.moved if to in STAMP_OF} | {
        Stamp.ASSIGNED,
        Stamp.OFFERED,
        Stamp.CONFIRMED,
    }
    if any(name not in said for _, name in work.stamped):
        return "stamps: a moment that nobody reported got one"
    if len(set(work.stamped)) < len(work.stamped):
        return "stamps: one was written twice"
    return None
