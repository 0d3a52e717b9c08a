"""What the model keeps of one case: its call, its incident, its timers and its open runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dispatch.domain.assignment import FINAL_STATES, AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import (
    CALL_KINDS,
    CALLS,
    NEED_KINDS,
    NEEDS,
    RUN_KINDS,
    TimerKind,
    needs,
    of_run,
)
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentState
from dispatch.domain.stamps import Stamp
from dispatch.domain.unit import Tracking

RETRY, DUPLICATE, REORDER, CRASH = "retry", "duplicate", "reorder", "crash"


class Search(NamedTuple):
    """A worker that ranks for a widening and then claims: what it holds between its transactions.

    `left` is a bit set of the units it has ranked and not tried. It is `settling` once it has given up.
    """

    left: int
    settling: bool


class Run(NamedTuple):
    """An open assignment. `told` and `stamps` are kept only where the model is asked for every stamp."""

    unit: int
    state: AssignmentState
    timers: frozenset[TimerKind]
    carries: bool
    stamps: frozenset[Stamp]
    told: frozenset[AssignmentState]


class Case(NamedTuple):
    """One call and what became of it.

    `cared` says that the patient's care has ended with an outcome; `ended` is a bit set of the units that had
    a run for this incident and have it no more; `promised` is what clients were told is stored. `reopened`
    says that the call was disposed of and taken up again; once it is linked that is over and left out.
    """

    call: CallState | None
    taken: bool
    incident: IncidentState | None
    waiting: bool
    cared: bool
    call_timers: frozenset[TimerKind]
    timers: frozenset[TimerKind]
    runs: tuple[Run, ...]
    ended: int
    search: Search | None
    promised: frozenset[str]
    reopened: bool = False


NOTHING = Case(None, False, None, False, False, frozenset(), frozenset(), (), 0, None, frozenset())


class Refused(Exception):
    """The service answers with a refusal: the transaction is rolled back."""


class NotInTable(Refused):
    """The table of transitions does not allow this step from here."""


class Repeated(Exception):
    """The service answers as it did the first time, and changes nothing."""


@dataclass
class OpenRun:
    """A run while a transaction works on it; `left` says with which final state it ended in it."""

    unit: int
    state: AssignmentState
    timers: set[TimerKind]
    carries: bool
    stamps: set[Stamp]
    told: set[AssignmentState]

    def frozen(self) -> Run:
        """Return it as a part of a state."""
        return Run(
            self.unit,
            self.state,
            frozenset(self.timers),
            self.carries,
            frozenset(self.stamps),
            frozenset(self.told),
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a transaction of one case reads of all the others: which units (bit sets) cannot be had."""

    busy: int = 0
    unready: int = 0


@dataclass
class Work:
    """One transaction of one case: a draft of the state after it, and what it wrote beside it."""

    before: Case
    around: Surroundings
    call: CallState | None = None
    taken: bool = False
    incident: IncidentState | None = None
    waiting: bool = False
    cared: bool = False
    call_timers: set[TimerKind] = field(default_factory=set)
    timers: set[TimerKind] = field(default_factory=set)
    runs: list[OpenRun] = field(default_factory=list)
    ended: int = 0
    search: Search | None = None
    promised: set[str] = field(default_factory=set)
    reopened: bool = False
    events: list[EventKind] = field(default_factory=list)
    stamped: list[tuple[int, Stamp]] = field(default_factory=list)
    moved: list[tuple[Run, AssignmentState]] = field(default_factory=list)
    facts: int = 0
    rearmed: int = 0
    searched: int = 0

    @classmethod
    def on(cls, case: Case, around: Surroundings) -> Work:
        """Begin a transaction."""
        runs = [
            OpenRun(r.unit, r.state, set(r.timers), r.carries, set(r.stamps), set(r.told)) for r in case.runs
        ]
        return cls(
            case,
            around,
            case.call,
            case.taken,
            case.incident,
            case.waiting,
            case.cared,
            set(case.call_timers),
            set(case.timers),
            runs,
            case.ended,
            case.search,
            set(case.promised),
            case.reopened,
        )

    def record(self, kind: EventKind) -> None:
        """Write one event."""
        self.events.append(kind)

    def ring(self, kind: EventKind) -> None:
        """Tell it and set the timer for the next time, as `alarms._ring` does."""
        self.rearmed += 1
        self.record(kind)

    def clear(self, *kinds: TimerKind) -> None:
        """End these timers of the call or incident."""
        self.timers.difference_update(kinds)

    def watch_call(self) -> None:
        """`watch_call`: the timers that the table has for the call's state."""
        assert self.call is not None
        self.call_timers = {deadline.kind for deadline in CALLS[self.call]} | (self.call_timers - CALL_KINDS)

    def watch_incident(self) -> None:
        """`watch_incident`: those for what the incident waits for."""
        assert self.incident is not None
        runs = bool(self.open_runs())
        found = needs(self.incident, open_runs=runs, in_need=runs or not self.cared, waiting=self.waiting)
        wanted = {deadline.kind for need in found for deadline in NEEDS[need]}
        self.timers = wanted | (self.timers - NEED_KINDS)

    def watch_run(self, run: OpenRun, tracking: Tracking) -> None:
        """`watch_run`: those of the run's state, and no other."""
        run.timers = {deadline.kind for deadline in of_run(run.state, tracking)} | (run.timers - RUN_KINDS)

    def open_runs(self) -> list[OpenRun]:
        """The runs that have not ended in this transaction."""
        return [run for run in self.runs if run.state not in FINAL_STATES]

    def after(self) -> Case:
        """Return the state as it is committed."""
        runs = sorted((run.frozen() for run in self.open_runs()), key=_place)
        # a worker holds its search as long as its timer is open
        search = self.search if TimerKind.WIDEN in self.timers else None
        return Case(
            self.call,
            self.taken,
            self.incident,
            self.waiting,
            self.cared,
            frozenset(self.call_timers),
            frozenset(self.timers),
            tuple(runs),
            self.ended,
            search,
            frozenset(self.promised),
            self.reopened and self.call is not CallState.LINKED,
        )


def units_in(case: Case) -> int:
    """Return the units on a run of this case, as a bit set."""
    busy = 0
    for run in case.runs:
        busy |= 1 << run.unit
    return busy


def permuted(case: Case, to: Mapping[int, int] | tuple[int, ...]) -> Case:
    """Return the case with its units renamed: unit `u` becomes `to[u]`."""

    def mask(bits: int) -> int:
        return sum(1 << to[u] for u in range(bits.bit_length()) if bits >> u & 1)

    runs = tuple(sorted((run._replace(unit=to[run.unit]) for run in case.runs), key=_place))
    search = case.search and case.search._replace(left=mask(case.search.left))
    promised = frozenset(_renamed(word, to) for word in case.promised)
    return case._replace(runs=runs, ended=mask(case.ended), search=search, promised=promised)


def _place(run: Run) -> tuple[int, AssignmentState]:
    return run.unit, run.state


def _renamed(word: str, to: Mapping[int, int] | tuple[int, ...]) -> str:
    name, _, unit = word.partition(" ")
    return f"{name} {to[int(unit)]}" if unit else word
