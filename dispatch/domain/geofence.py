"""Surroundings of the scene, the destination and the place of departure: crossings that propose a step.

A proposal is no stamp. The crew confirms it, and only then is there a stamp, with the time of the crossing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.position import METRES_PER_DEGREE, UNKNOWN_ACCURACY_M, Sighting, metres_apart

S = AssignmentState

SCENE_M = 100.0
"""A pin set on a phone, the ambulance's own fix and the length of a yard are within it."""
FACILITY_M = 150.0
"""A hospital's grounds, its gate included, around one point of its building."""
DEPARTURE_M = 75.0
"""A vehicle that is moved within its yard has not set off."""
LARGEST_M = 500.0
"""A place known less well than this has no surroundings that say anything: a village's middle has none."""
_KEPT = 200
WIDER = 1.5
"""Who came in is out again only at this multiple of the radius: a fix that wanders does not cross twice."""
SLOW_MS = 4.0
"""A walking horse's pace. Who drives through is faster; who arrives is not."""
DWELL_S = 20.0
"""Who stays so long has arrived at any speed: in an alley, round the block in search of the house."""


class Circle(NamedTuple):
    """Surroundings: a place in degrees and a radius in metres."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """What of a run the geofences need. `scene_m` is how far off the scene's pin may be, `road_m` how far it
    lies from the road; `since` is the run's last stamp, seconds since 1970; `pace` as in `reachable`."""

    state: AssignmentState
    since: float
    scene: tuple[float, float] | None
    scene_m: float | None
    road_m: float
    destination: tuple[float, float] | None
    pace: float = 1.0


class Proposal(NamedTuple):
    """A step that the positions speak for, and when the line was crossed, seconds since 1970."""

    to: AssignmentState
    at: float


class Crossing:
    """One way over one line, whatever order the fixes come in.

    The crossing is the first fix beyond since the last one that was not. It counts once two fixes are beyond,
    and, coming in, when one of them is slow or `DWELL_S` have passed.
    """

    __slots__ = ("_before", "_beyond", "_circle", "_dwell_s", "_inward", "_pace", "to")

    def __init__(self, to: AssignmentState, circle: Circle, *, inward: bool, pace: float = 1.0) -> None:
        """`to` is the step that crossing this line speaks for."""
        self.to = to
        self._circle = circle
        self._inward = inward
        self._pace = pace
        self._dwell_s = DWELL_S / pace
        self._before = float("-inf")
        self._beyond: dict[float, bool] = {}

    def take(self, seen: Sighting, speed_ms: float | None) -> None:
        """Take in one good fix. One that is too uncertain to say on which side it lies says nothing."""
        side = self._side(seen)
        if side is None:
            return
        if not side:
            self.not_beyond(seen.at)
        elif seen.at > self._before:
            slow = speed_ms is not None and speed_ms <= SLOW_MS * self._pace
            self._beyond[seen.at] = slow
            if len(self._beyond) > 256:  # the crossing is the first, its duration the last
                kept = sorted(self._beyond)
                for at in kept[64:-64]:
                    del self._beyond[at]

    def not_beyond(self, at: float) -> None:
        """Take in that the vehicle was on the near side of the line at `at`."""
        if at > self._before:
            self._before = at
            if self._beyond:
                self._beyond = {when: slow for when, slow in self._beyond.items() if when > at}

    @property
    def awaited(self) -> Circle | None:
        """What nobody has come near to yet; None for a way out, and once somebody was there."""
        return self._circle if self._inward and not self._beyond else None

    def _side(self, seen: Sighting) -> bool | None:
        circle = self._circle
        accuracy = seen.accuracy_m if seen.accuracy_m is not None else UNKNOWN_ACCURACY_M
        if abs(seen.lat - circle.lat) * METRES_PER_DEGREE - accuracy > circle.radius_m * WIDER:
            return not self._inward  # as most are, and quickly said
        metres = metres_apart(seen.lon, seen.lat, circle.lon, circle.lat)
        if metres - accuracy > circle.radius_m * WIDER:
            return not self._inward
        if metres <= circle.radius_m and accuracy <= circle.radius_m:
            return self._inward
        return None

    def crossed_at(self) -> float | None:
        """When the line was crossed, None as long as it was not, or not surely."""
        beyond = self._beyond
        if len(beyond) < 2:
            return None
        first = min(beyond)
        if self._inward and not any(beyond.values()) and max(beyond) - first < self._dwell_s:
            return None
        return first


class Watch:
    """The crossings that may be proposed in one state of one run."""

    __slots__ = ("_arrivals", "_departure", "_kept", "_told", "run")

    def __init__(self, run: WatchedRun) -> None:
        """Nothing has been seen yet; the fixes since `run.since` are to be taken in first."""
        self.run = run
        self._told: dict[AssignmentState, float] = {}
        self._arrivals = _crossings(run)
        self._departure: Crossing | None = None
        self._kept: list[tuple[Sighting, float | None]] = []

    def take(self, seen: Sighting, speed_ms: float | None) -> Sequence[Proposal]:
        """Take in one good fix; return what it newly speaks for.

        A crossing that turns out to have been earlier, when what the phone had kept comes in, is told again.
        """
        if seen.at < self.run.since:
            return ()
        if self.run.state is S.ACCEPTED:
            self._depart(seen, speed_ms)
        new: list[Proposal] = []
        if self._departure is not None:
            self._tell(self._departure, new)
        for crossing in self._arrivals:
            crossing.take(seen, speed_ms)
            self._tell(crossing, new)
        return new

    def awaited(self) -> Circle | None:
        """The one place whose surroundings matter now: fixes outside of them say no more than when they were.

        None when every fix is to be taken in.
        """
        if self.run.state is S.ACCEPTED or len(self._arrivals) != 1:
            return None
        return self._arrivals[0].awaited

    def outside(self, at: float) -> None:
        """Take in that the vehicle was outside of what is `awaited` at `at`, seconds since 1970."""
        for crossing in self._arrivals:
            crossing.not_beyond(at)

    def _tell(self, crossing: Crossing, new: list[Proposal]) -> None:
        at = crossing.crossed_at()
        if at is None:
            if self._told:
                self._told.pop(crossing.to, None)  # gone back over the line: the next crossing is another one
        elif at < self._told.get(crossing.to, float("inf")):
            self._told[crossing.to] = at
            new.append(Proposal(crossing.to, at))

    def _depart(self, seen: Sighting, speed_ms: float | None) -> None:
        """Leave from where the crew accepted: the earliest fix since, whenever it comes in."""
        first = self._kept[0] if self._kept else None
        if first is not None and seen.at >= first[0].at and self._departure is not None:
            if len(self._kept) < _KEPT:
                self._kept.append((seen, speed_ms))
            self._departure.take(seen, speed_ms)
            return
        self._kept = [(seen, speed_ms), *self._kept[: _KEPT - 1]]
        circle = Circle(seen.lon, seen.lat, DEPARTURE_M)
        self._departure = Crossing(S.EN_ROUTE, circle, inward=False, pace=self.run.pace)
        for one, speed in self._kept:
            self._departure.take(one, speed)


def _crossings(run: WatchedRun) -> Sequence[Crossing]:
    scene = scene_circle(run)
    match run.state:
        case S.ACCEPTED | S.EN_ROUTE | S.STAGED:
            return [Crossing(S.ON_SCENE, scene, inward=True, pace=run.pace)] if scene else []
        case S.ON_SCENE | S.AT_PATIENT:
            return [Crossing(S.LEFT_SCENE, scene, inward=False, pace=run.pace)] if scene else []
        case S.LEFT_SCENE:
            goal = destination_circle(run)
            return [Crossing(S.AT_FACILITY, goal, inward=True, pace=run.pace)] if goal else []
        case _:
            return []


def scene_circle(run: WatchedRun) -> Circle | None:
    """The scene's surroundings: as wide as its pin is unsure, and up to the road a unit stops on."""
    if run.scene is None:
        return None
    radius = max(SCENE_M, run.scene_m or 0.0, run.road_m + SCENE_M / 2)
    return Circle(*run.scene, radius) if radius <= LARGEST_M else None


def destination_circle(run: WatchedRun) -> Circle | None:
    """The destination's surroundings; None where leaving the scene is no way at all."""
    if run.destination is None:
        return None
    if run.scene is not None and metres_apart(*run.scene, *run.destination) <= FACILITY_M * WIDER:
        return None
    return Circle(*run.destination, FACILITY_M)
