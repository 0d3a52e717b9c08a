"""Breadth-first exploration of all cases together, symmetry-reduced, with the way back to every state.

A transaction writes one case and reads of the others only which units are busy; so the moves of a case are
worked out once per (case, units busy elsewhere), and a state of the whole is a handful of small numbers.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import permutations

from dispatch.domain.call import CallState
from dispatch.domain.incident import FINAL_STATES
from proof.case import NOTHING, Case, Surroundings, permuted, units_in
from proof.invariants import broken_in
from proof.moves import Label, Possible, possible
from proof.rules import Rules

State = tuple[int, ...]
"""One number per case, then the units that are out of service as a bit set."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of what has a state.

    Operators have none and are any number: every deed may be anybody's, and the one rule that asks who acts,
    the taking of a call, is tried by whoever has it and by somebody else.
    """

    units: int = 2
    incidents: int = 2
    readiness: bool = False
    """Whether units break down and come back, at any moment."""

    def __str__(self) -> str:
        out = ", units break down" if self.readiness else ""
        return f"{self.units} units x {self.incidents} incidents, any number of operators{out}"


@dataclass
class Found:
    """What an exploration came to."""

    size: Size
    states: int = 0
    moves: int = 0
    depth: int = 0
    exhausted: bool = False
    seconds: float = 0.0
    cases: int = 0
    harmless: dict[str, int] = field(default_factory=dict)
    broken: str | None = None
    trace: list[tuple[int, Label]] = field(default_factory=list)
    unfinishable: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it has come."""

    states: int
    frontier: int
    depth: int
    rate: float


class Cases:
    """All single cases met so far, numbered; their moves, and what they become when units are renamed."""

    def __init__(self, rules: Rules, size: Size) -> None:
        self.rules, self.size = rules, size
        self.all: list[Case] = []
        self.busy: list[int] = []
        self.broken: list[str | None] = []
        self._number: dict[Case, int] = {}
        same = rules.manual
        self.renamings = [
            p
            for p in permutations(range(size.units))
            if all((same >> u & 1) == (same >> p[u] & 1) for u in range(size.units))
        ]
        self._renamed: dict[tuple[int, int], int] = {}
        self._moves: dict[tuple[int, int, int], tuple[Step, ...]] = {}
        self._harmless: dict[tuple[int, int, int], dict[str, int]] = {}

    def number(self, case: Case) -> int:
        """Return the number of a case."""
        known = self._number.get(case)
        if known is None:
            known = self._number[case] = len(self.all)
            self.all.append(case)
            self.busy.append(units_in(case))
            self.broken.append(broken_in(self.rules, case))
        return known

    def renamed(self, n: int, renaming: int) -> int:
        """Return the number of case `n` with its units renamed."""
        key = (n, renaming)
        known = self._renamed.get(key)
        if known is None:
            known = self._renamed[key] = self.number(permuted(self.all[n], self.renamings[renaming]))
        return known

    def moves(self, n: int, busy: int, unready: int) -> tuple[Step, ...]:
        """Return what can happen to case `n` while these units are busy elsewhere or out of service."""
        key = (n, busy, unready)
        known = self._moves.get(key)
        if known is None:
            found: Possible = possible(self.rules, self.all[n], Surroundings(busy, unready), self.size.units)
            known = tuple((m.label, self.number(m.after), m.broken) for m in found.moves)
            self._moves[key], self._harmless[key] = known, found.harmless
        return known

    def harmless(self, n: int, busy: int, unready: int) -> dict[str, int]:
        """Return how many deliveries changed nothing there, by fault."""
        return self._harmless[(n, busy, unready)]


Step = tuple[Label, int, str | None]


class Exploration:
    """One search from the empty centre."""

    def __init__(self, rules: Rules, size: Size) -> None:
        self.cases = Cases(rules, size)
        self.size = size
        self.found = Found(size)
        self.start: State = (self.cases.number(NOTHING),) * size.incidents + (0,)
        self.order: list[State] = [self.start]
        self.seen: dict[State, int] = {self.start: 0}
        self.parent = array("q", [-1])
        self._first = array("q")
        self._next = array("i")

    def canonical(self, state: State) -> State:
        """Return the one state that stands for all that differ only in the names of units and incidents."""
        best: State | None = None
        renamed, cases, unready = self.cases.renamed, state[:-1], state[-1]
        for k, renaming in enumerate(self.cases.renamings):
            out = sum(1 << renaming[u] for u in range(self.size.units) if unready >> u & 1)
            candidate = (*sorted([renamed(n, k) for n in cases]), out)
            if best is None or candidate < best:
                best = candidate
        assert best is not None
        return best

    def moves(self, state: State) -> Iterator[tuple[int, Label, State, str | None]]:
        """Yield (incident, label, state after, broken invariant) of everything that can happen."""
        cases, unready = state[:-1], state[-1]
        busy = self.cases.busy
        for at, n in enumerate(cases):
            elsewhere = 0
            for other, m in enumerate(cases):
                if other != at:
                    elsewhere |= busy[m]
            for label, after, broken in self.cases.moves(n, elsewhere, unready):
                yield at, label, (*cases[:at], after, *cases[at + 1 :], unready), broken
        if self.size.readiness:
            for unit in range(self.size.units):
                word = "back in service" if unready >> unit & 1 else "out of service"
                yield -1, Label(word, unit), (*cases, unready ^ (1 << unit)), None

    def broken(self, state: State) -> str | None:
        """Return the invariant that a state breaks, or None."""
        busy = 0
        for n in state[:-1]:
            if self.cases.broken[n] is not None:
                return self.cases.broken[n]
            mine = self.cases.busy[n]
            if busy & mine or len(self.cases.all[n].runs) > mine.bit_count():
                return "one open run: a unit has two"
            busy |= mine
        return None

    def run(
        self,
        *,
        most_states: int | None = None,
        most_seconds: float | None = None,
        keep_ways: bool = True,
        tell: Callable[[Progress], None] | None = None,
    ) -> Found:
        """Explore until nothing is new, something is broken, or a bound is met."""
        began = told = time.monotonic()
        depths, at, level_ends = 0, 0, 1
        canonical, order = self._remembering_canonical(), self.order
        while at < len(order):
            if at == level_ends:
                depths, level_ends = depths + 1, len(order)
            if at % 1024 == 0:
                now = time.monotonic()
                if tell and now - told > 2:
                    told = now
                    tell(Progress(len(order), len(order) - at, depths, len(order) / (now - began)))
                over_time = most_seconds is not None and now - began > most_seconds
                if over_time or (most_states is not None and len(order) > most_states):
                    break
            if self._expand(at, canonical, keep_ways):
                break
            at += 1
        found = self.found
        found.states, found.depth, found.cases = len(order), depths, len(self.cases.all)
        found.exhausted = at == len(order)
        found.seconds = time.monotonic() - began
        if found.exhausted and keep_ways and found.broken is None:
            found.unfinishable = self._unfinishable()
        return found

    def _remembering_canonical(self) -> Callable[[State], State]:
        known: dict[State, State] = {}

        def canonical(state: State) -> State:
            answer = known.get(state)
            if answer is None:
                if len(known) > 1_000_000:
                    known.clear()
                answer = known[state] = self.canonical(state)
            return answer

        return canonical

    def _expand(self, at: int, canonical: Callable[[State], State], keep_ways: bool) -> bool:
        """Take the moves of one state; return whether something is broken."""
        state, seen, order = self.order[at], self.seen, self.order
        if keep_ways:
            self._first.append(len(self._next))
        for _, label, after, broken in self.moves(state):
            self.found.moves += 1
            target = canonical(after)
            known = seen.get(target)
            if known is None:
                known = seen[target] = len(order)
                order.append(target)
                self.parent.append(at)
                broken = broken or self.broken(target)
            if keep_ways:
                self._next.append(known)
            if broken:
                self.found.broken = broken
                self.found.trace = [*self.trace(at), self._last(at, label, after)]
                return True
        self._count_harmless(state)
        return False

    def _count_harmless(self, state: State) -> None:
        cases, unready = state[:-1], state[-1]
        total, busy = self.found.harmless, self.cases.busy
        for at, n in enumerate(cases):
            elsewhere = 0
            for other, m in enumerate(cases):
                if other != at:
                    elsewhere |= busy[m]
            for fault, many in self.cases.harmless(n, elsewhere, unready).items():
                total[fault] = total.get(fault, 0) + many

    # --- the way to a state ---

    def trace(self, at: int) -> list[tuple[int, Label]]:
        """Return the moves that lead to a state, each with its incident, in one set of names."""
        return [(incident, label) for incident, label, _ in self.steps(at)]

    def steps(self, at: int) -> list[tuple[int, Label, State]]:
        """As `trace`, each move with the state it leads to."""
        way = []
        while at >= 0:
            way.append(self.order[at])
            at = self.parent[at]
        way.reverse()
        steps: list[tuple[int, Label, State]] = []
        here = self.start
        for wanted in way[1:]:
            here = self._follow(here, wanted, steps)
        return steps

    def _follow(self, here: State, wanted: State, steps: list[tuple[int, Label, State]]) -> State:
        for incident, label, after, _ in self.moves(here):
            if self.canonical(after) == wanted:
                steps.append((incident, label, after))
                return after
        raise AssertionError("a state without a way to it")

    def _last(self, at: int, label: Label, after: State) -> tuple[int, Label]:
        steps = self.steps(at)
        here = steps[-1][2] if steps else self.start
        target = self.canonical(after)
        for incident, other, there, _ in self.moves(here):
            if other[0] == label[0] and other[2:] == label[2:] and self.canonical(there) == target:
                return incident, other
        raise AssertionError("a move that cannot be repeated")

    # --- can it always be finished? ---

    def is_good_end(self, state: State) -> bool:
        """Every call and every incident has ended, and every unit is free."""
        return all(_over(self.cases.all[n]) for n in state[:-1])

    def _unfinishable(self) -> int:
        """Return how many states cannot reach a good end, by backward reachability."""
        count = len(self.order)
        first = self._first
        first.append(len(self._next))
        into = array("i", bytes(4 * (count + 1)))
        for target in self._next:
            into[target + 1] += 1
        for n in range(count):
            into[n + 1] += into[n]
        source, fill = array("i", bytes(4 * len(self._next))), array("i", into)
        for n in range(count):
            for k in range(first[n], first[n + 1]):
                target = self._next[k]
                source[fill[target]] = n
                fill[target] += 1
        good = bytearray(count)
        waiting = [n for n in range(count) if self.is_good_end(self.order[n])]
        for n in waiting:
            good[n] = 1
        while waiting:
            n = waiting.pop()
            for k in range(into[n], into[n + 1]):
                if not good[source[k]]:
                    good[source[k]] = 1
                    waiting.append(source[k])
        return count - sum(good)


def _over(case: Case) -> bool:
    if case.call is CallState.LINKED:
        return case.incident in FINAL_STATES and not case.runs
    return case.call in (None, CallState.DISPOSED)
