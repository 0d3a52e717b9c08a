"""Villages as areas: a point inside one, near its middle, where somebody may need help."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rehearsal.findings import NotPossible
from rehearsal.shapes import Place

Ring = list[list[float]]
_SPREAD_M = 450.0
_METRES_PER_DEGREE = 111_195.0
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Village:
    """A village's outer rings (lon/lat) and a point inside it."""

    code: str
    name: str
    rings: tuple[Ring, ...]
    middle: Place

    def somewhere(self, throws: random.Random) -> Place:
        """Return a point inside the village, more likely near its middle, where the houses are."""
        narrower = math.cos(math.radians(self.middle.lat))
        for _ in range(_TRIES):
            east, north = throws.gauss(0.0, _SPREAD_M), throws.gauss(0.0, _SPREAD_M)
            place = Place(
                round(self.middle.lon + east / (_METRES_PER_DEGREE * narrower), 6),
                round(self.middle.lat + north / _METRES_PER_DEGREE, 6),
            )
            if any(inside(place.lon, place.lat, ring) for ring in self.rings):
                return place
        return self.middle


def inside(lon: float, lat: float, ring: Ring) -> bool:
    """Whether a point lies inside a closed ring, by the even-odd rule."""
    within = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
            within = not within
    return within


def read_outlines(folder: Path) -> dict[str, Village]:
    """Return the villages of a regency folder by code.

    Raises:
        NotPossible: the folder's villages cannot be read.
    """
    path = folder / "villages.geojson"
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        found = [_village(feature) for feature in features]
    except (OSError, ValueError, KeyError, IndexError) as broken:
        raise NotPossible(f"{path} tidak terbaca", f"{path} cannot be read: {broken}") from broken
    return {village.code: village for village in found}


def _village(feature: dict[str, dict[str, object]]) -> Village:
    shape = feature["geometry"]
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    assert isinstance(parts, list)
    rings = tuple([[float(x), float(y)] for x, y, *_ in part[0]] for part in parts)
    about = feature["properties"]
    return Village(str(about["code"]), str(about["name"]), rings, _middle(max(rings, key=_height)))


def _height(ring: Ring) -> float:
    lats = [lat for _, lat in ring]
    return max(lats) - min(lats)


def _middle(ring: Ring) -> Place:
    """The middle of the longest stretch inside the ring, half-way up: inside it whatever its form."""
    lats = [lat for _, lat in ring]
    lat = (min(lats) + max(lats)) / 2
    crossings = sorted(
        x1 + (lat - y1) / (y2 - y1) * (x2 - x1)
        for (x1, y1), (x2, y2) in pairwise(ring)
        if (y1 > lat) != (y2 > lat)
    )
    west, east = max(zip(crossings[::2], crossings[1::2], strict=False), key=lambda pair: pair[1] - pair[0])
    return Place(round((west + east) / 2, 6), round(lat, 6))
