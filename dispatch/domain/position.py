"""Whether a fix can be believed, by its accuracy and by the speed it would have taken to get there."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple, Protocol

TOP_SPEED_MS = 50.0
"""No ambulance is faster: 180 km/h. Indonesian motorways allow 100 km/h at most (PP 79/2013, article 23), and
the vans that ambulances are built on reach 160."""
SLACK_M = 50.0
"""What a receiver wanders within a second beyond its own accuracy: between houses, under trees."""
COARSE_M = 150.0
"""An accuracy above it is a radio cell's or a WLAN's, not a satellite receiver's: what 47 CFR 20.18 (h) asks
of a handset for nine emergency calls of ten."""
UNKNOWN_ACCURACY_M = 30.0
COARSE_AFTER_S = 60.0
"""A coarse place is better than none once the last good one is as old as this: at 60 km/h, a kilometre."""
CONSISTENT = 3
"""So many fixes that agree with each other are believed against what was known before."""

# Which of several senders aboard one unit moves its marker; `storage/queries/positions.py` applies it.
HOLD_S = 15.0
"""Another sender takes the marker over after so long a silence of its holder: three intervals of a run."""
HOLD_IDLE_S = 150.0
"""The same off a run, where a phone tells its place once a minute and nothing is lost by waiting."""
APART_M = 500.0
"""Senders farther apart are not aboard the same vehicle: a phone was left behind, or went home."""
LEFT_BEHIND_S = 300.0
"""A phone so far from the vehicle's own tracker takes the marker over only after so long a silence of it."""

METRES_PER_DEGREE = 111_195.0  # of a great circle on the mean sphere


class FixQuality(StrEnum):
    """What a fix is good for. All are kept; only good ones move a marker at once and propose stamps."""

    GOOD = "good"
    COARSE = "coarse"
    JUMP = "jump"


class Sighting(Protocol):
    """Where a sender was: degrees, metres or None where unknown, seconds since 1970 by the server's clock."""

    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...
    @property
    def accuracy_m(self) -> float | None: ...
    @property
    def at(self) -> float: ...


class Seen(NamedTuple):
    """A sighting and nothing else."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: float


def metres_apart(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return the metres between two places, to a part in a thousand within a province."""
    east = (lon - other_lon + 180.0) % 360.0 - 180.0
    east *= math.cos(math.radians((lat + other_lat) / 2))
    return math.hypot(east, lat - other_lat) * METRES_PER_DEGREE


def reachable(one: Sighting, other: Sighting, pace: float = 1.0) -> bool:
    """Whether a vehicle can be at both, in either order. `pace`: how much faster than life a case runs.

    Less than a second apart counts as one: receivers round their times.
    """
    seconds = max(abs(one.at - other.at), 1.0)
    accuracy = (one.accuracy_m or UNKNOWN_ACCURACY_M) + (other.accuracy_m or UNKNOWN_ACCURACY_M)
    reach = SLACK_M + accuracy + TOP_SPEED_MS * pace * seconds
    # a degree of longitude is nowhere longer than one of latitude: this sum is too long, and quick
    east = abs(one.lon - other.lon)
    if (east + abs(one.lat - other.lat)) * METRES_PER_DEGREE <= reach and east < 180.0:
        return True
    return metres_apart(one.lon, one.lat, other.lon, other.lat) <= reach


class Trail:
    """What one sender's fixes are compared with: its last believed place, and one that is in doubt.

    A fix that cannot be reached from the last believed place is a jump. Jumps that agree with each other are
    believed after all: the phone came out of a tunnel or off a ferry, or the first place was the wrong one.
    """

    __slots__ = ("_agreeing", "_doubtful", "believed", "newest")

    def __init__(self, believed: Sighting | None = None, newest: int = -1) -> None:
        """`believed` is where the sender, or its unit, was last; `newest` the highest sequence taken in."""
        self.believed = believed
        self.newest = newest
        self._doubtful: Sighting | None = None
        self._agreeing = 0

    def judge(self, sequence: int, seen: Sighting, pace: float = 1.0) -> FixQuality:
        """Judge one fix and remember what is needed for the next.

        Fixes may come in any order; one that is older than the newest is judged and changes nothing.
        """
        live = sequence > self.newest
        if live:
            self.newest = sequence
        if seen.accuracy_m is not None and seen.accuracy_m > COARSE_M:
            return FixQuality.COARSE
        believed = self.believed
        if believed is None or reachable(believed, seen, pace):
            if live or believed is None:
                self.believed, self._doubtful, self._agreeing = seen, None, 0
            return FixQuality.GOOD
        if not live:
            return FixQuality.JUMP
        agrees = self._doubtful is not None and reachable(self._doubtful, seen, pace)
        self._doubtful, self._agreeing = seen, self._agreeing + 1 if agrees else 1
        if self._agreeing < CONSISTENT:
            return FixQuality.JUMP
        self.believed, self._doubtful, self._agreeing = seen, None, 0
        return FixQuality.GOOD

    def moves_marker(self, quality: FixQuality, seen: Sighting) -> bool:
        """Whether a fix just judged may move the unit's marker, as far as this sender's own fixes tell."""
        if quality is FixQuality.COARSE:
            return self.believed is None or seen.at - self.believed.at > COARSE_AFTER_S
        return quality is FixQuality.GOOD
