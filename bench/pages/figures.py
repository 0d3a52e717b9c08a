"""How the pages' figures are printed: one line each, with the limit and how much of it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence


def show(what: str, value: float, unit: str, limit: float | None = None, *, remark: str = "") -> None:
    """Print one figure; without a limit it is there for comparison."""
    beside = f"limit {limit:>6.0f} {unit:<3} ratio {value / limit:.2f}" if limit is not None else ""
    print(f"  {what:<52}{value:>8.1f} {unit:<3} {beside:<28}{remark}".rstrip(), flush=True)


def cut(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not pass; of few values the largest; 0 of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0
