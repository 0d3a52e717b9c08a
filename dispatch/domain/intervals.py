"""The intervals of all reports: every definition lives here, and nowhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.stamps import Stamp


class Level(StrEnum):
    """What one measured value belongs to."""

    INCIDENT = "incident"
    ASSIGNMENT = "assignment"
    LEG = "leg"


@dataclass(frozen=True, slots=True)
class Interval:
    """From one stamp to another. `target_s` is the default; a regency's settings may override it by name."""

    name: str
    start: Stamp
    end: Stamp
    level: Level
    target_s: float | None = None


INTERVALS: tuple[Interval, ...] = (
    Interval("answer", Stamp.CALLED, Stamp.TAKEN, Level.INCIDENT, 15.0),
    Interval("confirm", Stamp.TAKEN, Stamp.CONFIRMED, Level.INCIDENT, 60.0),
    Interval("assign", Stamp.CONFIRMED, Stamp.ASSIGNED, Level.INCIDENT),
    Interval("accept", Stamp.OFFERED, Stamp.ACCEPTED, Level.ASSIGNMENT, 60.0),
    Interval("turnout", Stamp.ACCEPTED, Stamp.EN_ROUTE, Level.ASSIGNMENT, 60.0),
    Interval("travel", Stamp.EN_ROUTE, Stamp.ON_SCENE, Level.ASSIGNMENT),
    # from the first contact to the first suitable unit at the scene
    Interval("response", Stamp.CALLED, Stamp.ON_SCENE, Level.INCIDENT),
    # the promise
    Interval("to_patient", Stamp.CALLED, Stamp.AT_PATIENT, Level.INCIDENT, 600.0),
    Interval("scene", Stamp.ON_SCENE, Stamp.LEFT_SCENE, Level.LEG),
    Interval("transport", Stamp.LEFT_SCENE, Stamp.AT_FACILITY, Level.LEG),
    Interval("handover", Stamp.AT_FACILITY, Stamp.HANDED_OVER, Level.LEG, 900.0),
    # from the first contact until the last unit of the case is back in service
    Interval("total", Stamp.CALLED, Stamp.AVAILABLE, Level.INCIDENT),
)

RANKABLE_FROM = 100  # below this many cases a place is not compared with another


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float] | None:
    """Return the Wilson score interval (95 % by default) of a share, or None for n = 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if n == 0:
        return None
    p = successes / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
