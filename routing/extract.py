"""Reads the drivable ways of an OpenStreetMap extract into arrays."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import osmium.filter
from numpy.typing import NDArray

from routing.errors import BadExtract
from routing.profile import Profile, Ruling, judge

Progress = Callable[[str, float], None]

_UNDEFINED = 2_147_483_647  # osmium's coordinate of a node that is not in the file
_SCALE = 1e7  # OSM coordinates are whole 1e-7 degrees


@dataclass(frozen=True, slots=True)
class RawRoads:
    """Lines of drivable ways. A line is a way, or the part of one whose nodes are in the file.

    Vertices: `lon`, `lat` (v,) degrees. Lines: `first` (l+1,) int64 into `vertex` (p,) int64 vertex
    numbers; `forward_kmh`, `backward_kmh` (l,) float64, 0 where not permitted; `highway` (l,) uint8;
    `connector` (l,) bool; `way` (l,) int64. `dropped` counts ways left out per reason, `clipped` nodes that
    ways name but the file lacks.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    first: NDArray[np.int64]
    vertex: NDArray[np.int64]
    forward_kmh: NDArray[np.float64]
    backward_kmh: NDArray[np.float64]
    highway: NDArray[np.uint8]
    connector: NDArray[np.bool_]
    way: NDArray[np.int64]
    ways_read: int
    ways_kept: int
    dropped: dict[str, int]
    clipped: int
    data_date: str | None


class _Collector:
    """Gathers lines way by way."""

    def __init__(self, profile: Profile, exclude_highway: frozenset[str]) -> None:
        self.profile = profile
        self.exclude = exclude_highway
        self.dropped: Counter[str] = Counter()
        self.ways_read = self.ways_kept = self.clipped = 0
        self.refs: list[int] = []
        self.x: list[int] = []
        self.y: list[int] = []
        self.sizes: list[int] = []
        self.rulings: list[Ruling] = []
        self.way: list[int] = []

    def add(self, way: osmium.osm.Way) -> None:
        self.ways_read += 1
        ruling = judge(dict(way.tags), self.profile, self.exclude)
        if isinstance(ruling, str):
            self.dropped[ruling] += 1
            return
        kept = False
        for line in self._lines(way):
            kept = True
            self.refs += [ref for ref, _, _ in line]
            self.x += [x for _, x, _ in line]
            self.y += [y for _, _, y in line]
            self.sizes.append(len(line))
            self.rulings.append(ruling)
            self.way.append(way.id)
        self.ways_kept += kept
        if not kept:
            self.dropped["too few positions"] += 1

    def _lines(self, way: osmium.osm.Way) -> Iterator[list[tuple[int, int, int]]]:
        """The stretches of a way whose nodes are all in the file, without a node repeated in a row."""
        line: list[tuple[int, int, int]] = []
        for node in way.nodes:
            x, y = node.location.x, node.location.y
            if x == _UNDEFINED or y == _UNDEFINED:
                self.clipped += 1
                if len(line) > 1:
                    yield line
                line = []
            elif not line or line[-1][0] != node.ref:
                line.append((node.ref, x, y))
        if len(line) > 1:
            yield line


def read_extract(
    path: Path, profile: Profile, exclude_highway: frozenset[str], data_date: str | None, progress: Progress
) -> RawRoads:
    """Read `path` (.osm.pbf, or any format osmium knows by name); raises BadExtract."""
    collector = _Collector(profile, exclude_highway)
    try:
        date = data_date or _header_date(path)
        ways = (
            osmium.FileProcessor(str(path))
            .with_locations()
            .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
            .with_filter(osmium.filter.KeyFilter("highway"))
        )
        for count, way in enumerate(ways):
            assert isinstance(way, osmium.osm.Way)
            if count % 1000 == 0:
                # the number of ways is not known in advance: approach 1 without claiming to reach it
                progress("read", count / (count + 20_000))
            collector.add(way)
    except (RuntimeError, OSError, ValueError) as error:
        raise _bad(path, f"tidak terbaca ({error})", f"cannot be read ({error})") from error
    _refuse_empty(path, collector)
    return _arrays(collector, date)


def source_digest(path: Path) -> str:
    """SHA-256 of the file, hexadecimal; raises BadExtract when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _bad(path, f"tidak dapat dibuka ({error})", f"cannot be opened ({error})") from error


def _header_date(path: Path) -> str | None:
    with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        return str(reader.header().get("osmosis_replication_timestamp", "")) or None


def _bad(path: Path, wrong_id: str, wrong_en: str) -> BadExtract:
    return BadExtract(
        f"Berkas jalan {path} {wrong_id}. Unduh atau potong ulang berkas itu, lalu bangun lagi.",
        f"Road extract {path} {wrong_en}. Download or cut it again, then rebuild.",
    )


def _refuse_empty(path: Path, roads: _Collector) -> None:
    if roads.sizes:
        return
    if roads.ways_read == 0:
        raise _bad(path, "tidak memuat jalan (highway)", "holds no ways tagged highway")
    if roads.clipped:
        raise _bad(
            path,
            "tidak memuat posisi simpul jalan, atau simpulnya tidak berada di depan (osmium sort)",
            "holds no positions for the nodes of its ways, or does not hold them first (osmium sort)",
        )
    reasons = ", ".join(f"{reason} {count}" for reason, count in roads.dropped.most_common(5))
    raise _bad(path, f"tidak memuat jalan ambulans ({reasons})", f"holds no road for ambulances ({reasons})")


def _arrays(roads: _Collector, date: str | None) -> RawRoads:
    refs = np.array(roads.refs, np.int64)
    _, position, vertex = np.unique(refs, return_index=True, return_inverse=True)
    first = np.zeros(len(roads.sizes) + 1, np.int64)
    np.cumsum(roads.sizes, out=first[1:])
    return RawRoads(
        lon=np.array(roads.x, np.float64)[position] / _SCALE,
        lat=np.array(roads.y, np.float64)[position] / _SCALE,
        first=first,
        vertex=vertex.astype(np.int64),
        forward_kmh=np.array([ruling.forward_kmh for ruling in roads.rulings]),
        backward_kmh=np.array([ruling.backward_kmh for ruling in roads.rulings]),
        highway=np.array([ruling.highway for ruling in roads.rulings], np.uint8),
        connector=np.array([ruling.connector for ruling in roads.rulings], np.bool_),
        way=np.array(roads.way, np.int64),
        ways_read=roads.ways_read,
        ways_kept=roads.ways_kept,
        dropped=dict(roads.dropped.most_common()),
        clipped=roads.clipped,
        data_date=date,
    )
