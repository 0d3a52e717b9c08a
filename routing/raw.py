"""Drivable ways as lines of vertices, before they become a network; every reader of maps yields this."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from routing.arrays import Bytes, Floats, Ints, Longs, Shorts
from routing.errors import BadExtract
from routing.maxspeed import is_readable
from routing.metric import segment_lengths
from routing.profile import FERRY_CLASS, Profile, class_names
from routing.ruling import Ruling, Tags, ferry_kmh, judge, road_class, ruling_keys, way_flags

Progress = Callable[[str, float], None]
Points = Sequence[tuple[int, int, int]]  # node id, lon, lat in 1e-7 degrees

SCALE = 1e7  # OSM coordinates are whole 1e-7 degrees
FORWARD, BACKWARD = 0, 1


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a restriction: "node" or "way", its id and its role."""

    kind: str
    ref: int
    role: str


@dataclass(frozen=True, slots=True)
class RawRestriction:
    """A turn restriction as the map has it: its relation, its tags and its members."""

    relation: int
    tags: Tags
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class OddWay:
    """A way that looks wrong: its id, and what about it is ("maxspeed", "zero_length"), with the value."""

    way: int
    what: str
    value: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class RawRoads:
    """Lines that any of F profiles may drive. A line is a way, or a part of one whose nodes are in the file.

    Vertices: `lon`, `lat` (v,) degrees, `node` (v,) OSM node ids in ascending order. Lines: `first` (l+1,)
    into `vertex` (p,) vertex numbers; `kmh` (F, 2, l) along and against the line, 0 where not permitted;
    `highway` (l,) class number; `flags` (l,) of their edges; `way` (l,) ids; `name`, `ref_name` (l,) numbers
    in `names`, -1 for none.

    `node_tags` holds the tags of vertices that are barriers, signals and the like. `dropped` counts ways left
    out per reason, the main (first) profile's; `clipped` nodes that ways name but the file lacks.
    """

    profiles: tuple[Profile, ...]
    classes: tuple[str, ...]
    lon: Floats
    lat: Floats
    node: Longs
    first: Longs
    vertex: Longs
    kmh: Floats
    highway: Bytes
    flags: Shorts
    way: Longs
    name: Ints
    ref_name: Ints
    names: tuple[str, ...]
    node_tags: Mapping[int, Tags]
    restrictions: tuple[RawRestriction, ...]
    odd_ways: tuple[OddWay, ...]
    ways_read: int
    ways_kept: int
    dropped: dict[str, int]
    clipped: int
    data_date: str | None


class RoadCollector:
    """Gathers ways one by one and turns them into `RawRoads`."""

    def __init__(self, profiles: Sequence[Profile], exclude_highway: frozenset[str]) -> None:
        self.profiles = tuple(profiles)
        self.classes = class_names(profiles)
        self.node_tags: dict[int, Tags] = {}
        self.restrictions: list[RawRestriction] = []
        self.clipped = 0
        self._exclude = exclude_highway
        self._class_number = {name: number for number, name in enumerate(self.classes)}
        self._keys = ruling_keys(profiles)
        self._rulings: dict[frozenset[tuple[str, str]], list[Ruling | str]] = {}
        self._names: dict[str, int] = {}
        self._dropped: Counter[str] = Counter()
        self._odd: list[OddWay] = []
        self._read = self._kept = 0
        # arrays of machine numbers: a country has millions of points, and Python's own take ten times as much
        self._refs, self._x, self._y = array("q"), array("i"), array("i")
        self._sizes, self._way, self._kmh = array("q"), array("q"), array("d")
        self._highway, self._flags = array("B"), array("H")
        self._name, self._ref_name = array("i"), array("i")

    def add(self, way: int, tags: Tags, lines: Iterable[Points]) -> None:
        """Take a way and the stretches of it whose nodes are in the file (used only if it is kept)."""
        self._read += 1
        rulings = self._judge(tags)
        if all(isinstance(ruling, str) for ruling in rulings):
            self._dropped[str(rulings[0])] += 1
            return
        kept = False
        for line in lines:
            kept = True
            self._add_line(way, tags, rulings, line)
        self._kept += kept
        if not kept:
            self._dropped["too few positions"] += 1

    def refuse_empty(self, path: Path) -> None:
        """Raise BadExtract when nothing was kept, with what may be the cause."""
        if self._kept:
            return
        if self._read == 0:
            raise bad_extract(path, "tidak memuat jalan (highway)", "holds no ways tagged highway")
        if self.clipped:
            raise bad_extract(
                path,
                "tidak memuat posisi simpul jalan, atau simpulnya tidak berada di depan (osmium sort)",
                "holds no positions for the nodes of its ways, or does not hold them first (osmium sort)",
            )
        reasons = ", ".join(f"{reason} {count}" for reason, count in self._dropped.most_common(5))
        raise bad_extract(
            path, f"tidak memuat jalan ambulans ({reasons})", f"holds no road for ambulances ({reasons})"
        )

    def roads(self, data_date: str | None) -> RawRoads:
        """What was gathered."""
        node, position, vertex = np.unique(
            np.array(self._refs, np.int64), return_index=True, return_inverse=True
        )
        first = np.zeros(len(self._sizes) + 1, np.int64)
        np.cumsum(self._sizes, out=first[1:])
        kmh = np.array(self._kmh).reshape(-1, len(self.profiles), 2)
        used = set(node[np.isin(node, np.array(list(self.node_tags), np.int64))].tolist())
        return RawRoads(
            profiles=self.profiles,
            classes=self.classes,
            lon=np.array(self._x, np.float64)[position] / SCALE,
            lat=np.array(self._y, np.float64)[position] / SCALE,
            node=node,
            first=first,
            vertex=vertex.astype(np.int64),
            kmh=np.ascontiguousarray(kmh.transpose(1, 2, 0)),
            highway=np.array(self._highway, np.uint8),
            flags=np.array(self._flags, np.uint16),
            way=np.array(self._way, np.int64),
            name=np.array(self._name, np.int32),
            ref_name=np.array(self._ref_name, np.int32),
            names=tuple(self._names),
            node_tags={ref: tags for ref, tags in self.node_tags.items() if ref in used},
            restrictions=tuple(self.restrictions),
            odd_ways=tuple(self._odd),
            ways_read=self._read,
            ways_kept=self._kept,
            dropped=dict(self._dropped.most_common()),
            clipped=self.clipped,
            data_date=data_date,
        )

    def _judge(self, tags: Tags) -> list[Ruling | str]:
        """The rulings of all profiles; thousands of ways share the few tags that matter."""
        key = frozenset((name, value) for name, value in tags.items() if name in self._keys)
        rulings = self._rulings.get(key)
        if rulings is None:
            rulings = [judge(tags, profile, self._exclude) for profile in self.profiles]
            self._rulings[key] = rulings
        return rulings

    def _add_line(self, way: int, tags: Tags, rulings: list[Ruling | str], line: Points) -> None:
        self._refs.extend(ref for ref, _, _ in line)
        self._x.extend(x for _, x, _ in line)
        self._y.extend(y for _, _, y in line)
        self._sizes.append(len(line))
        self._way.append(way)
        highway = road_class(tags)
        self._highway.append(self._class_number[highway])
        self._flags.append(way_flags(tags))
        self._name.append(self._name_number(tags.get("name")))
        self._ref_name.append(self._name_number(tags.get("ref")))
        metres = _metres(line) if highway == FERRY_CLASS or len(line) == 2 else 1.0
        timed = ferry_kmh(tags, metres) if highway == FERRY_CLASS else None
        for ruling in rulings:
            if isinstance(ruling, str):
                self._kmh.extend((0.0, 0.0))
            elif timed is not None:
                self._kmh.extend(
                    (timed if ruling.forward_kmh else 0.0, timed if ruling.backward_kmh else 0.0)
                )
            else:
                self._kmh.extend((ruling.forward_kmh, ruling.backward_kmh))
        for key in ("maxspeed", "maxspeed:forward", "maxspeed:backward"):
            if key in tags and not is_readable(tags[key]):
                self._note(way, "maxspeed", tags[key], line)
        if metres == 0.0:
            self._note(way, "zero_length", "", line)

    def _name_number(self, name: str | None) -> int:
        return -1 if not name else self._names.setdefault(name, len(self._names))

    def _note(self, way: int, what: str, value: str, line: Points) -> None:
        _, x, y = line[0]
        self._odd.append(OddWay(way, what, value, x / SCALE, y / SCALE))


def bad_extract(path: Path, wrong_id: str, wrong_en: str) -> BadExtract:
    """An error that names the file and the remedy."""
    return BadExtract(
        f"Berkas jalan {path} {wrong_id}. Unduh atau potong ulang berkas itu, lalu bangun lagi.",
        f"Road extract {path} {wrong_en}. Download or cut it again, then rebuild.",
    )


def _metres(line: Points) -> float:
    lon = np.array([x for _, x, _ in line]) / SCALE
    lat = np.array([y for _, _, y in line]) / SCALE
    return float(segment_lengths(lon, lat).sum())
