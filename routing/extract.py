"""Reads the drivable ways of an OpenStreetMap extract."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import osmium
import osmium.filter

from routing.profile import Profile
from routing.raw import Member, Points, Progress, RawRestriction, RawRoads, RoadCollector, bad_extract

# Coordinates beyond these are no places on earth; osmium's for a node that is not in the file is one of them.
_MOST_X, _MOST_Y = 1_800_000_000, 900_000_000
_KINDS = {"n": "node", "w": "way", "r": "relation"}
# Keys that a node, way or relation must have one of to be looked at.
_KEYS = ("highway", "route", "barrier", "type")
# Values of highway on a node that may cost time there.
JUNCTION_KINDS = frozenset(
    {"traffic_signals", "crossing", "stop", "give_way", "mini_roundabout", "turning_circle"}
)
# The number of things to look at is not known in advance: progress approaches 1 without claiming to reach it.
_HALF_WAY = 20_000


def read_extract(
    path: Path,
    profiles: Sequence[Profile],
    exclude_highway: frozenset[str],
    data_date: str | None,
    progress: Progress,
) -> RawRoads:
    """Read `path` (.osm.pbf, or any format osmium knows by name); raises BadExtract."""
    collector = RoadCollector(profiles, exclude_highway)
    try:
        date = data_date or _header_date(path)
        for count, thing in enumerate(_things(path)):
            if count % 1000 == 0:
                progress("read", count / (count + _HALF_WAY))
            if isinstance(thing, osmium.osm.Way):
                _take_way(thing, collector)
            elif isinstance(thing, osmium.osm.Node):
                _take_node(thing, collector)
            elif isinstance(thing, osmium.osm.Relation):
                _take_relation(thing, collector)
    except (RuntimeError, OSError, ValueError) as error:
        raise bad_extract(path, f"tidak terbaca ({error})", f"cannot be read ({error})") from error
    collector.refuse_empty(path)
    return collector.roads(date)


def source_digest(path: Path) -> str:
    """SHA-256 of the file, hexadecimal; raises BadExtract when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise bad_extract(path, f"tidak dapat dibuka ({error})", f"cannot be opened ({error})") from error


def _things(path: Path) -> Iterator[object]:
    yield from (
        osmium.FileProcessor(str(path))
        .with_locations()
        .with_filter(osmium.filter.EmptyTagFilter())
        .with_filter(osmium.filter.KeyFilter(*_KEYS))
    )


def _header_date(path: Path) -> str | None:
    with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        return str(reader.header().get("osmosis_replication_timestamp", "")) or None


def _take_way(way: osmium.osm.Way, collector: RoadCollector) -> None:
    tags = way.tags
    if "highway" in tags or tags.get("route") == "ferry":
        collector.add(way.id, dict(tags), _lines(way, collector))


def _take_node(node: osmium.osm.Node, collector: RoadCollector) -> None:
    if "barrier" in node.tags or node.tags.get("highway") in JUNCTION_KINDS:
        collector.node_tags[node.id] = dict(node.tags)


def _take_relation(relation: osmium.osm.Relation, collector: RoadCollector) -> None:
    if not str(relation.tags.get("type")).startswith("restriction"):
        return
    members = tuple(Member(_KINDS[m.type], m.ref, m.role) for m in relation.members)
    collector.restrictions.append(RawRestriction(relation.id, dict(relation.tags), members))


def _lines(way: osmium.osm.Way, collector: RoadCollector) -> Iterator[Points]:
    """The stretches of a way whose nodes are all in the file, without a node repeated in a row."""
    line: list[tuple[int, int, int]] = []
    for node in way.nodes:
        x, y = node.location.x, node.location.y
        if abs(x) > _MOST_X or abs(y) > _MOST_Y:
            collector.clipped += 1
            if len(line) > 1:
                yield line
            line = []
        elif not line or line[-1][0] != node.ref:
            line.append((node.ref, x, y))
    if len(line) > 1:
        yield line
