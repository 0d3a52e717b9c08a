"""Everything that can happen to one case next: what people do, what timers do, and what faults do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from dispatch.domain.assignment import CENTRE_ONLY, AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import CALL_KINDS, NEED_KINDS, RUN_KINDS, TimerKind
from dispatch.domain.errors import IllegalStep
from dispatch.domain.incident import IncidentState
from proof import calls, runs, timers
from proof.case import (
    CRASH,
    DUPLICATE,
    REORDER,
    RETRY,
    Case,
    Refused,
    Repeated,
    Surroundings,
    Work,
    units_in,
)
from proof.invariants import broken_by
from proof.rules import Rules

S = AssignmentState
# what one run is in at a time: a timer of the past is any of the others
OF_RUN = sorted(RUN_KINDS)
OF_INCIDENT = (*sorted(NEED_KINDS), TimerKind.WIDEN)
OF_CALL = sorted(CALL_KINDS)
Deed = Callable[[Rules, Work], None]


class Label(NamedTuple):
    """What happens, to which unit (-1: none), and the fault in it (`""`: none)."""

    what: str
    unit: int = -1
    detail: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A transaction that changes the state, and what it broke (`None`: nothing)."""

    label: Label
    after: Case
    broken: str | None


@dataclass(frozen=True, slots=True)
class Possible:
    """All moves from one case, and the number of deliveries that rightly changed nothing, by fault."""

    moves: tuple[Move, ...]
    harmless: dict[str, int]


class Tried(NamedTuple):
    """One delivery and its answer; when that is `refused` or `repeated`, the transaction wrote nothing."""

    label: Label
    work: Work
    after: Case
    answer: str


def tries(rules: Rules, case: Case, around: Surroundings, units: int) -> Iterator[Tried]:
    """Deliver everything that can be delivered here, each from this same state."""
    nothing = Work.on(case, around)  # of what was rolled back
    for label, deed in _deeds(rules, case, units):
        work = Work.on(case, around)
        try:
            deed(rules, work)
        except Repeated:
            yield Tried(label, nothing, case, "repeated")
        except (Refused, IllegalStep):
            yield Tried(label, nothing, case, "refused")
        else:
            yield Tried(label, work, work.after(), "done")


def possible(rules: Rules, case: Case, around: Surroundings, units: int) -> Possible:
    """Try everything from here; a delivery that only repeats must leave no trace at all."""
    moves: list[Move] = []
    harmless: dict[str, int] = {CRASH: 0}
    for label, work, after, answer in tries(rules, case, around, units):
        broken = broken_by(rules, work, after, fault=label.fault) if answer == "done" else None
        if after != case or broken:
            moves.append(Move(label, after, broken))
        else:
            harmless[label.fault] = harmless.get(label.fault, 0) + 1
        if not rules.acknowledges_after_commit() and after.promised != case.promised:
            moves.append(Move(label._replace(fault=CRASH), case._replace(promised=after.promised), None))
        # the process dies before the commit: nothing has happened
        harmless[CRASH] += 1
    return Possible(tuple(moves), harmless)


def _deeds(rules: Rules, case: Case, units: int) -> Iterator[tuple[Label, Deed]]:
    yield from _of_call(rules, case)
    yield from _of_incident(case)
    for unit in range(units):
        yield Label("send", unit), partial(_with, runs.send, unit)
        if (case.ended | sum(1 << r.unit for r in case.runs)) >> unit & 1:
            for fault in (RETRY, DUPLICATE):
                yield Label("send", unit, fault=fault), partial(_with, runs.send_again, unit)
    for run in case.runs:
        yield from _of_run(rules, run.unit, run.state, run.told)
    for unit in range(units):
        if case.ended & ~units_in(case) & 1 << unit:
            yield from _of_ended_run(rules, unit)
    yield from _of_timers(rules, case)
    yield from _of_search(case, units)


def _with(deed: Callable[[Rules, Work, int], None], unit: int, rules: Rules, work: Work) -> None:
    deed(rules, work, unit)


def _of_call(rules: Rules, case: Case) -> Iterator[tuple[Label, Deed]]:
    rung = DUPLICATE if case.call is not None else ""
    yield Label("ring", fault=rung), calls.ring
    if case.call is None:
        return
    yield Label("take"), partial(calls.take, own=False)
    if case.taken:
        yield Label("take", fault=RETRY), partial(calls.take, own=True)
    yield Label("dispose"), calls.dispose
    yield Label("reopen"), calls.reopen
    for fault in (RETRY, DUPLICATE):
        if case.reopened or case.call is CallState.DISPOSED:
            yield Label("dispose", fault=fault), calls.dispose_again
        if case.reopened:
            yield Label("reopen", fault=fault), calls.reopen_again
    linked = case.call is CallState.LINKED
    yield Label("open", fault=RETRY if linked else ""), partial(calls.open_, confirmed=True)
    yield Label("open", detail="before the verdict"), partial(calls.open_, confirmed=False)
    if not rules.one_transaction():
        yield Label("open", fault=CRASH), _half_opened


def _half_opened(rules: Rules, work: Work) -> None:
    calls.open_(rules, work, confirmed=True)
    work.incident, work.promised = None, work.promised - {calls.INCIDENT}
    work.timers.clear()


def _of_incident(case: Case) -> Iterator[tuple[Label, Deed]]:
    if case.incident is None:
        return
    confirmed = case.incident is not IncidentState.REPORTED
    yield Label("confirm", fault=RETRY if confirmed else ""), calls.confirm
    yield Label("outcome", fault=RETRY if case.cared else ""), calls.give_outcome
    cancelled = case.incident is IncidentState.CANCELLED
    yield Label("cancel", fault=RETRY if cancelled else ""), calls.cancel
    closed = case.incident is IncidentState.CLOSED
    yield Label("close", fault=RETRY if closed else ""), calls.close


def _of_run(rules: Rules, unit: int, state: S, told: frozenset[S]) -> Iterator[tuple[Label, Deed]]:
    known = told if rules.stamps else runs.progress_until(state)
    for to in S:
        if to in CENTRE_ONLY:
            continue
        yield Label("step", unit, to.value), partial(_step, unit, to, late=False, again=False)
        yield Label("step", unit, to.value, REORDER), partial(_step, unit, to, late=True, again=False)
        if to in known:
            for fault, late in ((DUPLICATE, False), (RETRY, True)):
                yield Label("step", unit, to.value, fault), partial(_step, unit, to, late=late, again=True)
    yield Label("stand down", unit), partial(_with, runs.stand_down, unit)


def _of_ended_run(rules: Rules, unit: int) -> Iterator[tuple[Label, Deed]]:
    """What is still under way when a run ends: its crew's reports, its timers, whoever calls it back.

    Its final state is not kept, nor what was told of it: whatever these are, nothing may change.
    """
    for to in S:
        if to in CENTRE_ONLY:
            continue
        for fault, late, again in (
            ("", False, False),
            (REORDER, True, False),
            (DUPLICATE, False, True),
            (RETRY, True, True),
        ):
            deed = partial(_step_of_ended, unit, to, late=late, again=again)
            yield Label("ended: step", unit, to.value, fault), deed
    yield Label("ended: stand down", unit), partial(_with, runs.stand_down, unit)
    for kind in OF_RUN:
        stale = partial(_fire_of_run, unit, kind, rules.held(False))
        yield Label("ended: timer", unit, kind.value, DUPLICATE), stale


def _step_of_ended(unit: int, to: S, rules: Rules, work: Work, *, late: bool, again: bool) -> None:
    runs.step_of_ended(rules, work, unit, to, late=late, again=again)


def _step(unit: int, to: S, rules: Rules, work: Work, *, late: bool, again: bool) -> None:
    runs.step(rules, work, unit, to, late=late, again=again)


def _of_timers(rules: Rules, case: Case) -> Iterator[tuple[Label, Deed]]:
    if case.call is not None:
        for kind in OF_CALL:
            for fault, held in _ways(rules, kind in case.call_timers):
                yield Label("call timer", detail=kind.value, fault=fault), partial(_fire_of_call, kind, held)
    if case.incident is not None:
        for kind in OF_INCIDENT:
            is_set = kind in case.timers and (kind is not TimerKind.WIDEN or case.search is None)
            for fault, held in _ways(rules, is_set):
                yield Label("timer", detail=kind.value, fault=fault), partial(_fire, kind, held)
    for run in case.runs:
        for kind in OF_RUN:
            for fault, held in _ways(rules, kind in run.timers):
                label = Label("timer", run.unit, kind.value, fault)
                yield label, partial(_fire_of_run, run.unit, kind, held)


def _ways(rules: Rules, is_set: bool) -> Iterator[tuple[str, bool]]:
    """A timer runs when it is set; and once more by a worker that has lost its claim, at any moment."""
    if is_set:
        yield "", True
    yield DUPLICATE, rules.held(False)


def _fire_of_call(kind: TimerKind, held: bool, rules: Rules, work: Work) -> None:
    timers.fire_of_call(work, kind, held=held)


def _fire(kind: TimerKind, held: bool, rules: Rules, work: Work) -> None:
    timers.fire(rules, work, kind, held=held)


def _fire_of_run(unit: int, kind: TimerKind, held: bool, rules: Rules, work: Work) -> None:
    timers.fire_of_run(rules, work, unit, kind, held=held)


def _of_search(case: Case, units: int) -> Iterator[tuple[Label, Deed]]:
    if case.incident is None:
        return
    for unit in range(units):
        # a worker that slept past its lease wakes up and claims what it ranked long ago
        stale = partial(timers.claim_next, unit=unit, current=False)
        yield Label("widen: claim", unit, fault=DUPLICATE), stale
    if TimerKind.WIDEN not in case.timers:
        return
    if case.search is None:
        yield Label("widen: rank"), partial(timers.begin_search, units=units)
        return
    yield Label("widen: worker lost", fault=CRASH), lambda _rules, work: timers.lose_search(work)
    if case.search.settling:
        yield Label("widen: settle"), lambda _rules, work: timers.settle(work)
    elif not case.search.left:
        yield Label("widen: nobody left"), timers.nobody_left
    else:
        for unit in range(units):
            if case.search.left >> unit & 1:
                yield Label("widen: claim", unit), partial(timers.claim_next, unit=unit)
