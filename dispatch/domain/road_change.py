"""Changes of the roads while they last: closures and slow stretches, and when each is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A change that began long ago is nobody's news: starts may lie back this far and no further.
OLDEST_START = timedelta(days=1)
FURTHEST_START = timedelta(days=90)
SLOWEST, LEAST_SLOW = 0.05, 0.95


class RoadEffect(StrEnum):
    """What a change does to the roads it touches."""

    CLOSE = "close"
    SLOW = "slow"


class RoadChangeReason(StrEnum):
    """Why a road is not as the map says."""

    FLOOD = "flood"
    LANDSLIDE = "landslide"
    FALLEN_TREE = "fallen_tree"
    BROKEN_BRIDGE = "broken_bridge"
    ACCIDENT = "accident"
    WORKS = "works"
    EVENT = "event"
    CONGESTION = "congestion"
    OTHER = "other"


class RoadChangeState(StrEnum):
    """Derived from the times of a change; nothing has to happen for it to end."""

    PLANNED = "planned"
    ACTIVE = "active"
    ENDED = "ended"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a change is in force: from `starts_at` until `ends_at` (none: until lifted) or `lifted_at`."""

    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None

    def state(self, now: datetime) -> RoadChangeState:
        """Derive the state at `now`."""
        if self.lifted_at is not None and self.lifted_at <= now:
            return RoadChangeState.LIFTED
        if self.ends_at is not None and self.ends_at <= now:
            return RoadChangeState.ENDED
        return RoadChangeState.PLANNED if now < self.starts_at else RoadChangeState.ACTIVE
