"""Below the model's steps: transactions interleaved lock by lock, the log's head, a console that reads along.

The large model takes each use case for one atomic step. This one shows why it may: every use case takes its
row locks in one order and keeps them to its commit, so that none waits for another in a circle, no claim
reads a unit that another claim is about to take, and numbers of events become visible in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

CALL, INCIDENT, UNIT, ASSIGNMENT, LEG, PATIENT, TIMER, HEAD = range(8)
"""Kinds of rows in the order in which their locks are taken; the head row of the log is the last."""

Lock = tuple[int, int]
"""Kind of row, and which of them."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """A transaction: its row locks in order, and the unit that it reads as free under its lock and claims."""

    name: str
    locks: tuple[Lock, ...]
    claims: int | None = None


def use_cases(incident: int, unit: int) -> tuple[UseCase, ...]:
    """The use cases about one incident and one unit; its run has the unit's number."""
    of_incident, of_run = (INCIDENT, incident), (ASSIGNMENT, unit)
    watch, head = (TIMER, incident), (HEAD, 0)
    return (
        UseCase("take, open", ((CALL, incident), watch, head)),
        UseCase("link", ((CALL, incident), of_incident, watch, head)),
        UseCase("send", (of_incident, (UNIT, unit), watch, head), claims=unit),
        UseCase("widen", (of_incident, watch, (UNIT, unit), head), claims=unit),
        UseCase("step, stand down, expire", (of_incident, of_run, watch, head)),
        UseCase("hand over", (of_incident, of_run, (LEG, unit), (PATIENT, incident), watch, head)),
        UseCase("confirm, close", (of_incident, watch, head)),
        UseCase("acknowledge a stand-down", (of_run, head)),
        UseCase("claim a timer", (watch,)),
        UseCase("break down", ((UNIT, unit), head)),
    )


class _At(NamedTuple):
    """How far each transaction is (its number of locks held; -1 committed), what is taken, and the log."""

    held: tuple[int, ...]
    runs: frozenset[int]
    read_free: frozenset[int]
    numbers: tuple[int, ...]
    visible: frozenset[int]
    cursor: int


@dataclass(frozen=True, slots=True)
class Wiring:
    """How transactions lock and number; what a mutation changes."""

    head_is_locked: bool = True
    unit_is_locked: bool = True
    in_order: bool = True


@dataclass
class Interleaved:
    """What interleaving came to."""

    sets: int = 0
    states: int = 0
    broken: str | None = None


def interleave(wiring: Wiring = Wiring(), at_once: int = 3) -> Interleaved:
    """Run all sets of `at_once` transactions over two incidents and two units, one lock at a time."""
    every = [case for incident in (0, 1) for unit in (0, 1) for case in use_cases(incident, unit)]
    unlike = {(case.name, case.locks, case.claims): case for case in every}
    total = Interleaved()
    for chosen in combinations_with_replacement(list(unlike.values()), at_once):
        if chosen[0].locks[0][1] != 0:
            continue  # the first incident and the second are alike
        total.sets += 1
        states, broken = _explore(tuple(_wired(case, wiring) for case in chosen))
        total.states += states
        if broken:
            total.broken = f"{broken}: {', '.join(case.name for case in chosen)}"
            return total
    return total


def _wired(case: UseCase, wiring: Wiring) -> UseCase:
    locks = case.locks
    if not wiring.head_is_locked:
        locks = tuple(lock for lock in locks if lock[0] != HEAD)
    if not wiring.unit_is_locked:
        locks = tuple(lock for lock in locks if lock[0] != UNIT)
    if not wiring.in_order and case.name == "hand over":
        locks = (locks[1], locks[0], *locks[2:])
    return UseCase(case.name, locks, case.claims)


def _explore(cases: tuple[UseCase, ...]) -> tuple[int, str | None]:
    start = _At((0,) * len(cases), frozenset(), frozenset(), (0,) * len(cases), frozenset(), 0)
    seen, queue = {start}, deque([start])
    while queue:
        here = queue.popleft()
        taken = _taken(cases, here)
        if _stuck(cases, here, taken):
            return len(seen), "a circle of locks"
        for there, broken in _next(cases, here, taken):
            if broken:
                return len(seen), broken
            if there not in seen:
                seen.add(there)
                queue.append(there)
    return len(seen), None


def _taken(cases: tuple[UseCase, ...], here: _At) -> set[Lock]:
    return {lock for case, held in zip(cases, here.held, strict=True) for lock in case.locks[: max(held, 0)]}


def _stuck(cases: tuple[UseCase, ...], here: _At, taken: set[Lock]) -> bool:
    """Whether whoever has not committed waits for a lock, and nobody is left to let one go."""
    under_way = [(case, held) for case, held in zip(cases, here.held, strict=True) if held >= 0]
    return bool(under_way) and all(
        held < len(case.locks) and case.locks[held] in taken for case, held in under_way
    )


def _next(cases: tuple[UseCase, ...], here: _At, taken: set[Lock]) -> Iterator[tuple[_At, str | None]]:
    for n, case in enumerate(cases):
        held = here.held[n]
        if held < 0:
            continue
        # it dies: its locks are let go, nothing of it is seen
        yield _done(here, n, crashed=True), None
        if held < len(case.locks):
            if case.locks[held] not in taken:
                yield _locked(cases, here, n), None
        elif here.numbers[n] == 0 and case.name != "claim a timer":
            yield _numbered(cases, here, n), None
        else:
            there = _done(here, n, crashed=False)
            if case.claims is not None and n in here.read_free:
                if case.claims in here.runs:
                    yield there, "one unit was claimed twice"
                there = there._replace(runs=here.runs | {case.claims})
            yield there, None
    # a console asks for what follows the last number it has
    fresh = [number for number in here.visible if number > here.cursor]
    if fresh:
        gap = set(range(here.cursor + 1, max(fresh))) - here.visible
        yield here._replace(cursor=max(fresh)), "a console missed an event" if gap else None


def _locked(cases: tuple[UseCase, ...], here: _At, n: int) -> _At:
    held = here.held[n] + 1
    there = here._replace(held=(*here.held[:n], held, *here.held[n + 1 :]))
    case = cases[n]
    # the status is read once the unit is locked; without that lock, as soon as the incident is
    kind = UNIT if any(lock[0] == UNIT for lock in case.locks) else INCIDENT
    if case.claims is not None and case.locks[held - 1][0] == kind and case.claims not in here.runs:
        there = there._replace(read_free=here.read_free | {n})
    return there


def _numbered(cases: tuple[UseCase, ...], here: _At, n: int) -> _At:
    number = 1 + max((*here.numbers, *here.visible), default=0)
    if any(lock[0] == HEAD for lock in cases[n].locks):
        number = 1 + max(here.visible, default=0)  # the head row says how far the log has come
    return here._replace(numbers=(*here.numbers[:n], number, *here.numbers[n + 1 :]))


def _done(here: _At, n: int, *, crashed: bool) -> _At:
    visible = here.visible if crashed or not here.numbers[n] else here.visible | {here.numbers[n]}
    return here._replace(
        held=(*here.held[:n], -1, *here.held[n + 1 :]),
        visible=visible,
        numbers=(*here.numbers[:n], 0, *here.numbers[n + 1 :]),
        read_free=here.read_free - {n},
    )


WRONG = {
    "numbers drawn without the head row's lock": (Wiring(head_is_locked=False), "a console missed an event"),
    "a claim that does not lock the unit": (Wiring(unit_is_locked=False), "one unit was claimed twice"),
    "a handover that locks its run before its incident": (Wiring(in_order=False), "a circle of locks"),
}


def check_wire() -> bool:
    """Print what interleaving shows; return whether it holds, and whether each wrong wiring is found."""
    found = interleave()
    print(
        f"three transactions at once, lock by lock: {found.sets:,} sets, {found.states:,} states, EXHAUSTED; "
        f"{found.broken or 'no circle of locks, no double claim, no gap for a console'}"
    )
    good = found.broken is None
    for name, (wiring, breaks) in WRONG.items():
        broken = interleave(wiring, at_once=2).broken or "nothing"
        good = good and broken.startswith(breaks)
        print(f"  {'found' if broken.startswith(breaks) else 'NOT FOUND'}: {name} -> {broken}")
    return good
