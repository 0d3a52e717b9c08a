"""Hours of the week as profiles tell them apart: by the local clock, working days from weekends."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from routing.arrays import Floats, Longs
from routing.profile import HOURS, SLOTS

__all__ = ["HOURS", "SLOTS", "slots_of"]

_HOUR_MS = 3_600_000
_SATURDAY = 5


def slots_of(at: Longs | Floats, timezone: ZoneInfo) -> Longs:
    """The slot (0..47) of each time (n,) in milliseconds since 1970: 0-23 on working days, 24-47 on Saturdays
    and Sundays. Public holidays are not known."""
    # zones change their offset on quarters of an hour, so few of the many times need to be looked at
    quarter, position = np.unique(np.asarray(at) // (_HOUR_MS // 4), return_inverse=True)
    slots = np.empty(len(quarter), np.int64)
    for i, value in enumerate(quarter.tolist()):
        local = datetime.fromtimestamp(value * 900, UTC).astimezone(timezone)
        slots[i] = local.hour + (HOURS if local.weekday() >= _SATURDAY else 0)
    return slots[position]
