"""Times things in turn, and prints each beside what it is held against."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

Action = Callable[[], object]
_TURN_S = 0.02


class Figure(NamedTuple):
    """What is timed: ours, and by name what it is held against (None: the other cannot do it)."""

    what: str
    ours: Action
    others: Mapping[str, Action | None]


def in_turn(actions: list[Action], seconds: float, least: int = 5) -> list[float]:
    """Median milliseconds of each. They take turns, so that a noisy moment hits all of them; a turn is a few
    runs, so that none is timed on what the others left in the processor's caches."""
    for action in actions:
        action()
    times: list[list[float]] = [[] for _ in actions]
    until = time.perf_counter() + seconds
    while min(len(taken) for taken in times) < least or time.perf_counter() < until:
        for action, taken in zip(actions, times, strict=True):
            turn = time.perf_counter() + _TURN_S
            while True:
                began = time.perf_counter()
                action()
                ended = time.perf_counter()
                taken.append(ended - began)
                if ended > turn:
                    break
    return [statistics.median(taken) * 1000 for taken in times]


def print_figures(figures: Iterable[Figure], names: tuple[str, ...], seconds: float) -> None:
    """A row per figure: ours, then each other with how many times as long it takes."""
    print(f"  {'median ms':<34}{'ours':>9}" + "".join(f"{name:>16}{'ratio':>7}" for name in names))
    for figure in figures:
        asked = [name for name in names if figure.others.get(name)]
        actions = [figure.others[name] for name in asked]
        ours, *taken = in_turn([figure.ours, *(action for action in actions if action)], seconds)
        by_name = dict(zip(asked, taken, strict=True))
        row = f"  {figure.what:<34}{ours:>9.3f}"
        for name in names:
            other = by_name.get(name)
            row += f"{other:>16.3f}{other / ours:>7.1f}" if other else f"{'-':>16}{'':>7}"
        print(row, flush=True)
