"""What the model keeps of one case: its call, its incident, its timers and its open runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from dispatch.domain.assignment import FINAL_STATES, AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentState
from dispatch.domain.stamps import Stamp

RETRY, DUPLICATE, REORDER, CRASH = "retry", "duplicate", "reorder", "crash"


class Timer(StrEnum):
    """The timers of a case, named as in the `timer` table."""

    UNANSWERED = "call_unanswered"
    CALL_NO_VERDICT = "call_no_verdict (call)"
    NO_VERDICT = "call_no_verdict"
    UNASSIGNED = "incident_unassigned"
    WIDEN = "incident_widen"
    UNCLOSED = "incident_unclosed"
    OFFER_UNACKNOWLEDGED = "offer_unacknowledged"
    OFFER_EXPIRES = "offer_expires"
    MANUAL_UNANSWERED = "manual_unanswered"
    NOT_MOVING = "run_not_moving"
    NO_HANDOVER = "run_no_handover"


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
    timers: frozenset[Timer]
    carries: bool
    stamps: frozenset[Stamp]
    told: frozenset[AssignmentState]


class Case(NamedTuple):
    """One call and what became of it.

    `cared` says that the patient's care has ended with an outcome; `ended` is a bit set of the units that had
    a run for this incident and have it no more; `promised` is what clients were told is stored.
    """

    call: CallState | None
    taken: bool
    incident: IncidentState | None
    waiting: bool
    cared: bool
    timers: frozenset[Timer]
    runs: tuple[Run, ...]
    ended: int
    search: Search | None
    promised: frozenset[str]


NOTHING = Case(None, False, None, False, False, frozenset(), (), 0, None, frozenset())


class Refused(Exception):
    """The service answers with a refusal: the transaction is rolled back."""


class Repeated(Exception):
    """The service answers as it did the first time, and changes nothing."""


@dataclass
class OpenRun:
    """A run while a transaction works on it; `left` says with which final state it ended in it."""

    unit: int
    state: AssignmentState
    timers: set[Timer]
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
    timers: set[Timer] = field(default_factory=set)
    runs: list[OpenRun] = field(default_factory=list)
    ended: int = 0
    search: Search | None = None
    promised: set[str] = field(default_factory=set)
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
            set(case.timers),
            runs,
            case.ended,
            case.search,
            set(case.promised),
        )

    def record(self, kind: EventKind) -> None:
        """Write one event."""
        self.events.append(kind)

    def ring(self, kind: EventKind) -> None:
        """Tell it and set the timer for the next time, as `alarms._ring` does."""
        self.rearmed += 1
        self.record(kind)

    def clear(self, *kinds: Timer) -> None:
        """End these timers of the call or incident."""
        self.timers.difference_update(kinds)

    def open_runs(self) -> list[OpenRun]:
        """The runs that have not ended in this transaction."""
        return [run for run in self.runs if run.state not in FINAL_STATES]

    def after(self) -> Case:
        """Return the state as it is committed."""
        runs = sorted((run.frozen() for run in self.open_runs()), key=_place)
        # a worker holds its search as long as its timer is open
        search = self.search if Timer.WIDEN in self.timers else None
        return Case(
            self.call,
            self.taken,
            self.incident,
            self.waiting,
            self.cared,
            frozenset(self.timers),
            tuple(runs),
            self.ended,
            search,
            frozenset(self.promised),
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
