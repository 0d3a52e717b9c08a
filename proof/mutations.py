"""Mistakes that other systems shipped, or this one could make: each is found, or the checker sees nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dispatch.domain.assignment import FINAL_STATES, PROGRESS, AssignmentState
from proof.case import NotInTable
from proof.explore import Exploration, Found, Size
from proof.rules import Rules, step_by_table

S = AssignmentState
ONE_CASE, ONE_UNIT, TWO_CASES = Size(2, 1), Size(1, 1), Size(1, 2)


@dataclass(frozen=True, slots=True)
class Mutation:
    """Guards replaced by name, in how large a centre it is looked for, and the invariant it must break."""

    name: str
    breaks: str
    guards: dict[str, Callable[..., Any]]
    size: Size = ONE_CASE
    stamps: bool = False

    def rules(self) -> Rules:
        """Return the rules with the guards replaced."""
        return _mutated(self.guards)(stamps=self.stamps)


def _mutated(guards: dict[str, Callable[..., Any]]) -> type[Rules]:
    unknown = [name for name in guards if not callable(getattr(Rules, name, None))]
    if unknown:
        raise AttributeError(f"no such guard: {', '.join(unknown)}")
    # bound by hand: a guard that takes no rules is given none
    bound = {name: _without_self(guard) for name, guard in guards.items()}
    return type("Mutated", (Rules,), bound)


def _without_self(guard: Callable[..., Any]) -> Callable[..., Any]:
    def method(_rules: Rules, *given: Any, **named: Any) -> Any:
        return guard(*given, **named)

    return method


def _always(*_given: object, **_named: object) -> bool:
    return True


def _never(*_given: object, **_named: object) -> bool:
    return False


def _step_into_the_open(state: S, to: S) -> None:
    if to is not S.CLEARED or state in FINAL_STATES:
        step_by_table(state, to)


def _step_without_handover(state: S, to: S) -> None:
    step_by_table(state, to)
    if to is S.HANDED_OVER:
        raise NotInTable


def _all_between(before: S, to: S) -> tuple[S, ...]:
    if before not in PROGRESS or to not in PROGRESS:
        return (to,)
    return PROGRESS[PROGRESS.index(before) + 1 : PROGRESS.index(to) + 1] or (to,)


MUTATIONS = (
    Mutation(
        "a claim that trusts the ranking, and no unique index",
        "one open run",
        {"free": _always, "one_open": _always},
        TWO_CASES,
    ),
    Mutation(
        "an answer that leaves before the commit", "exactly once", {"acknowledges_after_commit": _never}
    ),
    Mutation("a send without an id of the sender's", "exactly once", {"sent_before": _never}),
    Mutation(
        "a disposal without an id of the sender's", "exactly once", {"disposed_before": _never}, ONE_UNIT
    ),
    Mutation(
        "a reopening without an id of the sender's", "exactly once", {"reopened_before": _never}, ONE_UNIT
    ),
    Mutation(
        "a step without its device time",
        "exactly once",
        {"told_before": _never},
        ONE_UNIT,
        stamps=True,
    ),
    Mutation(
        "a step without its device time, once its run has ended",
        "exactly once",
        {"told_before_the_end": _never},
        ONE_UNIT,
    ),
    Mutation("a late step that takes up a run that has ended", "ends", {"stays_ended": _never}, ONE_UNIT),
    Mutation("a late step that leads a run back", "exactly once", {"goes_back_in_time": _never}),
    Mutation("a stand-down that frees a unit with a patient", "ends", {"may_stand_down": _always}),
    Mutation("clearing a run at any moment", "ends", {"step": _step_into_the_open}),
    Mutation("a run that no timer watches", "owner or timer", {"watch_run": lambda _work, _run: None}),
    Mutation("a call that nobody is reminded of", "owner or timer", {"watch_call": lambda _work: None}),
    Mutation("the last unit leaves and nobody waits", "owner or timer", {"waits_when_left_alone": _never}),
    Mutation("a timer fired by two workers", "exactly once", {"held": _always}),
    Mutation("a search that does not ask whether it is wanted", "exactly once", {"claim_guard": _always}),
    Mutation("a search that asks whoever declined", "exactly once", {"asks_each_once": _never}),
    Mutation("closing a case whose unit is on its run", "ends", {"may_close": lambda work: work.cared}),
    Mutation(
        "sending to a case that has ended", "ends", {"may_send": lambda work: work.incident is not None}
    ),
    Mutation("a use case in two transactions", "owner or timer", {"one_transaction": _never}),
    Mutation("skipped stamps filled in", "stamps", {"stamps_of": _all_between}),
    Mutation("a change without an event", "log", {"one_event_each": _never}),
    Mutation("a handover that is never accepted", "can finish", {"step": _step_without_handover}, ONE_UNIT),
)

# Guards that stand behind one another: with either gone, the other still keeps a unit from two cases.
SPARE = (
    Mutation("a claim that trusts the ranking; the index holds", "", {"free": _always}, TWO_CASES),
    Mutation("no unique index; the claim asks again", "", {"one_open": _always}, TWO_CASES),
)


@dataclass
class Caught:
    """What became of a mutation."""

    mutation: Mutation
    found: Found
    invariant: str | None = field(default=None)


def hunt(mutation: Mutation) -> Caught:
    """Explore with the guards replaced, until something breaks."""
    found = Exploration(mutation.rules(), mutation.size).run()
    broken = found.broken.partition(":")[0] if found.broken else None
    if broken is None and found.unfinishable:
        broken = "can finish"
    return Caught(mutation, found, broken)
