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
    accuracies = (one.accuracy_m or UNKNOWN_ACCURACY_M) + (other.accuracy_m or UNKNOWN_ACCURACY_M)
    reach = SLACK_M + accuracies + TOP_SPEED_MS * pace * seconds
    return metres_apart(one.lon, one.lat, other.lon, other.lat) <= reach


class Cells(NamedTuple):
    """Numbers side by side, from `first` on: the same eight bytes each as a real and as a whole number.

    Thousands of senders lie all over the memory; what is looked up for each fix is one stretch of it.
    """

    reals: memoryview[float]
    ints: memoryview[int]
    first: int = 0

    def after(self, count: int) -> Cells:
        """Return what follows the first `count` cells."""
        return self._replace(first=self.first + count)


def new_cells(count: int) -> Cells:
    """Return cells of their own, all zero."""
    room = memoryview(bytearray(8 * count))
    return Cells(room.cast("d"), room.cast("q"))


_NEVER = float("-inf")
NEWEST, IN_DOUBT, BELIEVED, BELIEVED_AT, TRAIL_CELLS = 0, 1, 2, 5, 6
"""A trail's cells: the two whole numbers, longitude, latitude, accuracy and time of the believed place."""


class Trail:
    """What one sender's fixes are compared with: its last believed place, and one that is in doubt.

    A fix that cannot be reached from the last believed place is a jump. Jumps that agree with each other are
    believed after all: the phone came out of a tunnel or off a ferry, or the first place was the wrong one.
    """

    __slots__ = ("_agreeing", "_cells", "_doubtful")

    def __init__(self, believed: Sighting | None = None, newest: int = -1) -> None:
        """`believed` is where the sender, or its unit, was last; `newest` the highest sequence taken in."""
        self._cells = new_cells(TRAIL_CELLS)
        self._cells.reals[BELIEVED_AT] = _NEVER
        self.newest = newest
        self._doubtful: Sighting | None = None
        self._agreeing = 0
        if believed is not None:
            self._believe(believed)

    def move_to(self, cells: Cells) -> None:
        """Keep what is known in these cells from now on; who moves them on takes fixes in for the trail."""
        own, self._cells = self._cells, cells
        for n in range(TRAIL_CELLS):
            cells.ints[cells.first + n] = own.ints[own.first + n]

    @property
    def newest(self) -> int:
        """The highest sequence taken in."""
        return self._cells.ints[self._cells.first + NEWEST]

    @newest.setter
    def newest(self, sequence: int) -> None:
        self._cells.ints[self._cells.first + NEWEST] = sequence

    @property
    def believed(self) -> Seen | None:
        """The last believed place, where one was unknown with the accuracy that is assumed."""
        known = self._known()
        return None if known.at == _NEVER else known

    def _known(self) -> Seen:
        at = self._cells.first + BELIEVED
        return Seen(*self._cells.reals[at : at + 4])

    def _believe(self, seen: Sighting) -> None:
        at, reals = self._cells.first + BELIEVED, self._cells.reals
        reals[at] = seen.lon
        reals[at + 1] = seen.lat
        reals[at + 2] = seen.accuracy_m or UNKNOWN_ACCURACY_M
        reals[at + 3] = seen.at
        self._doubt(None, 0)

    def _doubt(self, seen: Sighting | None, agreeing: int) -> None:
        self._doubtful, self._agreeing = seen, agreeing
        self._cells.ints[self._cells.first + IN_DOUBT] = seen is not None

    def judge(self, sequence: int, seen: Sighting, pace: float = 1.0) -> FixQuality:
        """Judge one fix and remember what is needed for the next.

        Fixes may come in any order; one that is older than the newest is judged and changes nothing.
        """
        live = sequence > self.newest
        if live:
            self.newest = sequence
        if seen.accuracy_m is not None and seen.accuracy_m > COARSE_M:
            return FixQuality.COARSE
        known = self._known()
        if known.at == _NEVER or reachable(known, seen, pace):
            if live or known.at == _NEVER:
                self._believe(seen)
            return FixQuality.GOOD
        if not live:
            return FixQuality.JUMP
        agrees = self._doubtful is not None and reachable(self._doubtful, seen, pace)
        self._doubt(seen, self._agreeing + 1 if agrees else 1)
        if self._agreeing < CONSISTENT:
            return FixQuality.JUMP
        self._believe(seen)
        return FixQuality.GOOD

    def moves_marker(self, quality: FixQuality, seen: Sighting) -> bool:
        """Whether a fix just judged may move the unit's marker, as far as this sender's own fixes tell."""
        if quality is FixQuality.COARSE:
            return seen.at - self._known().at > COARSE_AFTER_S
        return quality is FixQuality.GOOD
