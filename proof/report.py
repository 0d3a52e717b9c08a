"""What an exploration found, in words: how much was seen, whether all, and the way to what is broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proof.case import CRASH, DUPLICATE, REORDER, RETRY
from proof.explore import Found, Progress
from proof.invariants import PROVEN
from proof.moves import Label

FAULTS = (CRASH, RETRY, DUPLICATE, REORDER)


def told(progress: Progress) -> str:
    """One line on how far it has come."""
    return (
        f"  {progress.states:,} states, {progress.frontier:,} to expand, depth {progress.depth}, "
        f"{progress.rate:,.0f} states/s"
    )


def summary(found: Found, name: str) -> Iterator[str]:
    """Say what was explored and what it proves."""
    extent = "EXHAUSTED: every reachable state" if found.exhausted else "BOUNDED: stopped before the end"
    yield f"{name}: {found.size}"
    yield (
        f"  {found.states:,} states, {found.moves:,} transitions, depth {found.depth}, "
        f"{found.seconds:.0f} s; {extent}"
    )
    tried = ", ".join(f"{fault} {found.harmless.get(fault, 0):,}" for fault in FAULTS)
    yield f"  faults at every state, any number of them; deliveries that rightly left no trace: {tried}"
    if found.broken:
        yield f"  BROKEN: {found.broken}"
        yield from trace(found.trace)
        return
    word = "proven" if found.exhausted else "not broken so far"
    for key, said in PROVEN.items():
        if key == "can finish":
            if found.unfinishable is None:
                continue
            if found.unfinishable:
                yield f"  BROKEN: {found.unfinishable:,} states from which no good end can be reached"
                continue
        yield f"  {word}: {said}"


def trace(steps: Iterable[tuple[int, Label]]) -> Iterator[str]:
    """One line a step."""
    for n, (incident, label) in enumerate(steps, start=1):
        yield f"    {n:2}. {_words(incident, label)}"


def _words(incident: int, label: Label) -> str:
    about = f"incident {incident + 1}: " if incident >= 0 else ""
    unit = f" unit {label.unit + 1}" if label.unit >= 0 else ""
    detail = f" {label.detail}" if label.detail else ""
    fault = f"   <- {label.fault}" if label.fault else ""
    return f"{about}{label.what}{unit}{detail}{fault}"
