"""Reads the roads of an extract as lines to draw: also toll roads and paths that no ambulance uses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import osmium
import osmium.filter

from routing.errors import BadExtract

# A map shows more than an ambulance may drive on. Classes that are absent are plans, racetracks and the like.
DRAWN = frozenset({
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary",
    "secondary_link", "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "road",
    "service", "track", "path", "footway", "pedestrian", "steps", "cycleway", "bridleway",
})  # fmt: skip
_NAMES = ("name", "ref")
_RULES = 1  # to be raised when the same file shall be read otherwise


@dataclass(frozen=True, slots=True)
class DrawnRoad:
    """A stretch of a way whose nodes are all in the file: OSM highway class, name or number, lon/lat."""

    highway: str
    name: str | None
    points: tuple[tuple[float, float], ...]


def read_drawn_roads(extract: Path) -> list[DrawnRoad]:
    """Return the roads of an OpenStreetMap extract in the order of the file, for maps rather than for routes.

    Ways added by hand to join others (`source=connector`) are left out: they are not on the ground.

    Raises:
        BadExtract: the file cannot be read.
    """
    ways = (
        osmium.FileProcessor(str(extract))
        .with_locations()
        .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
        .with_filter(osmium.filter.KeyFilter("highway"))
    )
    try:
        return [road for way in ways if isinstance(way, osmium.osm.Way) for road in _stretches(way)]
    except (RuntimeError, OSError, ValueError) as error:
        raise BadExtract(
            f"Berkas jalan {extract} tidak terbaca ({error})",
            f"Road extract {extract} cannot be read ({error})",
        ) from error


def drawn_digest(extract: Path) -> str:
    """Return a hash of all that decides what `read_drawn_roads` returns, hexadecimal; raises OSError."""
    made_of = hashlib.sha256(f"{_RULES} {sorted(DRAWN)} {_NAMES}".encode())
    made_of.update(hashlib.sha256(extract.read_bytes()).digest())
    return made_of.hexdigest()


def _stretches(way: osmium.osm.Way) -> Iterator[DrawnRoad]:
    tags = way.tags
    highway = tags.get("highway", "")
    if highway not in DRAWN or tags.get("area") == "yes" or tags.get("source") == "connector":
        return
    name = next((tags[key] for key in _NAMES if key in tags), None)
    line: list[tuple[float, float]] = []
    for node in way.nodes:
        if not node.location.valid():
            yield from _line(highway, name, line)
            line = []
        elif not line or line[-1] != (node.location.lon, node.location.lat):
            line.append((node.location.lon, node.location.lat))
    yield from _line(highway, name, line)


def _line(highway: str, name: str | None, points: list[tuple[float, float]]) -> Iterator[DrawnRoad]:
    if len(points) > 1:
        yield DrawnRoad(highway, name, tuple(points))
