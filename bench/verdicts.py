"""Figures beside their limits: one line each, and a bench that has missed a limit fails."""

from __future__ import annotations

import sys
from collections.abc import Callable

_missed: list[str] = []
_measurement = ""


def begin(measurement: str) -> None:
    """Say under which name limits that are missed from now on are listed at the end."""
    global _measurement
    _measurement = measurement


def show(
    what: str,
    figure: float,
    unit: str = "",
    limit: float | None = None,
    *,
    goal: float | None = None,
    least: bool = False,
    digits: int = 1,
    remark: str = "",
) -> bool:
    """Print a figure, its limit and goal if it has them, and whether they are kept; return if the limit is.

    `least`: the limit and the goal are the least that is good, not the most. A figure that is no number, for
    want of anything measured, keeps no limit.
    """

    def keeps(bound: float) -> bool:
        return figure >= bound if least else figure <= bound

    words = []
    kept = limit is None or keeps(limit)
    if limit is not None:
        words.append(f"limit {limit:g}" + (f" ratio {figure / limit:.2f}" if limit else ""))
        words.append("kept" if kept else "MISSED")
    if goal is not None:
        words.append(f"goal {goal:g} {'reached' if keeps(goal) else 'not reached'}")
    line = f"{what:<52}{figure:>10.{digits}f} {unit:<7}"
    print(f"  {line}{'  '.join(words):<28} {remark}".rstrip(), flush=True)
    if not kept:
        _miss(f"{what}: {figure:.{digits}f} {unit}".rstrip() + f", limit {limit:g}")
    return kept


def failed(problem: str) -> None:
    """Note that the measurement came to no end."""
    print(f"  FAILED: {problem}", file=sys.stderr, flush=True)
    _miss(f"failed: {problem}")


def _miss(what: str) -> None:
    _missed.append(f"{_measurement}: {what}" if _measurement else what)


def conclude() -> int:
    """Print what was missed, forget it, and return the exit status: 1 if there was anything."""
    missed = _missed.copy()
    _missed.clear()
    if not missed:
        print("\nall limits kept")
        return 0
    print(f"\nMISSED ({len(missed)}):")
    for line in missed:
        print(f"  {line}")
    return 1


def alone(measure: Callable[[], None]) -> int:
    """Run a single measurement; return its exit status."""
    measure()
    return conclude()
