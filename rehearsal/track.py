"""A line on the earth that is driven along by distance."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

EARTH_M = 6_371_008.8  # mean radius of the earth (IUGG)
_SAME_PLACE_M = 0.01


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a track, and the direction it is driven in: degrees from north, clockwise."""

    lon: float
    lat: float
    heading_deg: float


class Track:
    """A line of two or more lon/lat points in driving order; points that repeat are left out."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        """Raises ValueError without any point; a single one makes a track of no length."""
        if not points:
            raise ValueError("a track needs at least one point")
        kept = [points[0]]
        for point in points[1:]:
            if metres_between(kept[-1], point) > _SAME_PLACE_M:
                kept.append(point)
        self._points = kept
        self._reached = list(accumulate((metres_between(a, b) for a, b in pairwise(kept)), initial=0.0))

    @property
    def length_m(self) -> float:
        """The track's length in metres."""
        return self._reached[-1]

    def at(self, metres: float) -> Spot:
        """Return the place after so many metres; before the start or past the end it is the end meant."""
        if len(self._points) == 1:
            return Spot(*self._points[0], 0.0)
        metres = min(max(metres, 0.0), self.length_m)
        index = min(bisect_right(self._reached, metres), len(self._points) - 1) - 1
        start, end = self._points[index], self._points[index + 1]
        share = (metres - self._reached[index]) / (self._reached[index + 1] - self._reached[index])
        lon = start[0] + share * (end[0] - start[0])
        lat = start[1] + share * (end[1] - start[1])
        return Spot(lon, lat, heading(start, end))

    def at_share(self, share: float) -> Spot:
        """Return the place after a share (0..1) of the length."""
        return self.at(share * self.length_m)


def metres_between(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the distance of two lon/lat points on the sphere, by the haversine formula."""
    lat_a, lat_b = math.radians(a[1]), math.radians(b[1])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[0] - a[0]) / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


def heading(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the direction from `a` to `b` at `a`, 0 <= degrees < 360 from north."""
    lat_a, lat_b, turn = math.radians(a[1]), math.radians(b[1]), math.radians(b[0] - a[0])
    east = math.sin(turn) * math.cos(lat_b)
    north = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(turn)
    return math.degrees(math.atan2(east, north)) % 360.0
