"""What the pages' measurements make of many values."""

from __future__ import annotations

import math
from collections.abc import Sequence


def cut(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not pass; of few values the largest; 0 of none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0
