"""Reads the drivable ways of a GraphML file that osmnx saved, simplified or not."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from routing.extract import JUNCTION_KINDS
from routing.profile import CLASS_ORDER, Profile
from routing.raw import SCALE, Progress, RawRoads, RoadCollector, bad_extract
from routing.ruling import Tags

Place = tuple[int, int]  # lon, lat in 1e-7 degrees
Line = list[tuple[int, int, int]]  # node id and place, as RoadCollector takes them

_CHUNK = 1 << 18
_OWN = frozenset({"osmid", "geometry", "length", "oneway", "reversed", "key", "u", "v", "from", "to"})


class _Malformed(ValueError):
    """What is wrong with the content of a file."""


@dataclass(slots=True)
class _Content:
    """A GraphML file as it stands: attributes by name."""

    graph: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@dataclass(slots=True)
class _Street:
    """Edges that are one stretch of street: its line in the direction of the way, and where it is driven."""

    ways: tuple[int, ...]
    tags: dict[str, str]
    line: Line
    along: bool = False
    against: bool = False


def read_graphml(
    path: Path,
    profiles: Sequence[Profile],
    exclude_highway: frozenset[str],
    data_date: str | None,
    progress: Progress,
) -> RawRoads:
    """Read the street network in `path`; raises BadExtract.

    osmnx has turned one-way tags into directed edges, and merged ways where it simplified: of several values
    of a tag the most cautious counts. Such files hold no turn restrictions, and barriers only at junctions.
    """
    try:
        content = _parse(path, progress)
        collector = RoadCollector(profiles, exclude_highway)
        for number, tags in _tagged_nodes(content):
            collector.node_tags[number] = tags
        for street in _joined(_streets(content)):
            oneway = "no" if street.along and street.against else "yes" if street.along else "-1"
            collector.add(street.ways[0], street.tags | {"oneway": oneway}, [street.line])
    except (OSError, expat.ExpatError, _Malformed) as error:
        raise bad_extract(path, f"tidak terbaca ({error})", f"cannot be read ({error})") from error
    collector.refuse_empty(path)
    return collector.roads(data_date or content.graph.get("created_date"))


def _parse(path: Path, progress: Progress) -> _Content:
    """The content of a file; document types, which could name other files or blow up, are refused."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    size, done = max(path.stat().st_size, 1), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            parser.Parse(chunk, False)
            done += len(chunk)
            progress("read", min(done / size, 0.9))
    parser.Parse(b"", True)
    return reader.content


def _refuse_doctype(*_declared: object) -> None:
    raise _Malformed("document type declarations are not allowed")


class _Reader:
    """Takes a GraphML file apart as the parser goes through it."""

    def __init__(self) -> None:
        self.content = _Content()
        self._names: dict[str, str] = {}
        self._into: list[dict[str, str]] = [self.content.graph]
        self._data: str | None = None
        self._text: list[str] = []

    def start(self, name: str, given: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        try:
            if tag == "key":
                self._names[given["id"]] = given["attr.name"]
            elif tag == "node":
                self._into.append(self.content.nodes.setdefault(given["id"], {}))
            elif tag == "edge":
                self.content.edges.append((given["source"], given["target"], {}))
                self._into.append(self.content.edges[-1][2])
            elif tag == "data":
                self._data = self._names[given["key"]]
                self._text = []
        except KeyError as missing:
            raise _Malformed(f"<{tag}> lacks {missing}") from None

    def text(self, text: str) -> None:
        if self._data is not None:
            self._text.append(text)

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "data" and self._data is not None:
            self._into[-1][self._data] = "".join(self._text)
            self._data = None
        elif tag in ("node", "edge"):
            self._into.pop()


def _tagged_nodes(content: _Content) -> Iterator[tuple[int, Tags]]:
    for name, values in content.nodes.items():
        if "barrier" in values or values.get("highway") in JUNCTION_KINDS:
            number = _number(name)
            if number is not None:
                yield number, values


def _streets(content: _Content) -> list[_Street]:
    """The streets of the edges: both directions of one are found together."""
    made_up = _Counter()
    numbers = {name: number if (number := _number(name)) is not None else made_up() for name in content.nodes}
    places = {name: _place(name, values) for name, values in content.nodes.items()}
    streets: dict[tuple[tuple[int, ...], tuple[Place, ...]], _Street] = {}
    for tail, head, values in content.edges:
        if tail not in places or head not in places:
            raise _Malformed(f"edge {tail} -> {head} has no such node")
        ways = _ways(values)
        inner = _inner_places(values.get("geometry", ""))
        shape = (places[tail], *inner, places[head])
        backwards = _values(values.get("reversed", ""))[:1] == ["True"]
        drawn = shape[::-1] if backwards else shape
        key = (tuple(sorted(ways)), min(drawn, drawn[::-1]))
        street = streets.get(key)
        if street is None:
            ends = [numbers[tail], numbers[head]]
            ids = [ends[0], *(made_up() for _ in inner), ends[1]]
            line = [(ref, *place) for ref, place in zip(ids, shape, strict=True)]
            street = streets[key] = _Street(ways, _tags(values), line[::-1] if backwards else line)
        if tuple((x, y) for _, x, y in street.line) == shape:
            street.along = True
        else:
            street.against = True
    return list(streets.values())


def _joined(streets: Sequence[_Street]) -> Iterator[_Street]:
    """The streets with the stretches of one way put together again, to be cut only where needed."""
    groups: dict[object, list[_Street]] = defaultdict(list)
    for street in streets:
        key = (street.ways, street.along, street.against, frozenset(street.tags.items()))
        groups[key].append(street)
    for group in groups.values():
        following = {street.line[0][0]: street for street in reversed(group)}
        ends = {street.line[-1][0] for street in group}
        taken: set[int] = set()
        # whatever nothing leads to begins a line; what is left then are rings
        for first in sorted(group, key=lambda street: street.line[0][0] in ends):
            next_one: _Street | None = first
            line: Line = []
            while next_one is not None and id(next_one) not in taken:
                taken.add(id(next_one))
                line += next_one.line[1:] if line else next_one.line
                next_one = following.get(line[-1][0])
            if line:
                yield _Street(first.ways, first.tags, _unrepeated(line), first.along, first.against)


def _unrepeated(line: Line) -> Line:
    return [point for i, point in enumerate(line) if i == 0 or point[0] != line[i - 1][0]] or line


class _Counter:
    """Numbers for points without one: -1, -2, ..."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last -= 1
        return self._last


def _number(name: str) -> int | None:
    return int(name) if name.isdecimal() and len(name) < 19 else None


def _place(name: str, values: Mapping[str, str]) -> Place:
    try:
        lon, lat = float(values["x"]), float(values["y"])
    except (KeyError, ValueError):
        raise _Malformed(f"node {name} has no x and y") from None
    return _scaled(lon, lat)


def _scaled(lon: float, lat: float) -> Place:
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise _Malformed(f"{lon}, {lat} are no degrees: is the graph projected? Save it in EPSG:4326")
    return round(lon * SCALE), round(lat * SCALE)


def _inner_places(geometry: str) -> tuple[Place, ...]:
    """The places between the ends of a WKT line; none without a geometry."""
    if not geometry:
        return ()
    kind, _, rest = geometry.strip().partition("(")
    if kind.strip() != "LINESTRING" or not rest.endswith(")"):
        raise _Malformed(f"not a LINESTRING: {geometry[:40]!r}")
    try:
        points = [point.split() for point in rest[:-1].split(",")]
        inner = [(float(point[0]), float(point[1])) for point in points[1:-1]]
    except (ValueError, IndexError):
        raise _Malformed(f"not a LINESTRING: {geometry[:40]!r}") from None
    return tuple(_scaled(*place) for place in inner)


def _ways(values: Mapping[str, str]) -> tuple[int, ...]:
    numbers = [_number(value) for value in _values(values.get("osmid", ""))]
    return tuple(number for number in numbers if number is not None) or (0,)


def _values(text: str) -> list[str]:
    """The values of an attribute: osmnx writes several as a Python list."""
    if not (text.startswith("[") and text.endswith("]")):
        return [text] if text else []
    try:
        several = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return [text]
    return [str(value) for value in several]


def _tags(values: Mapping[str, str]) -> dict[str, str]:
    tags = {}
    for key, text in values.items():
        several = _values(text)
        if key not in _OWN and several and text not in ("None", "nan"):
            tags[key] = _CHOICE.get(key, _first)(several)
    return tags


def _first(values: Sequence[str]) -> str:
    return "no" if "no" in values else values[0]


def _least_road(values: Sequence[str]) -> str:
    """The least important of several classes, so that the speed is not overrated."""
    order = {name: number for number, name in enumerate(CLASS_ORDER)}
    return max(values, key=lambda value: order.get(value, len(order)))


def _all_limits(values: Sequence[str]) -> str:
    return ";".join(values)  # of which the lowest counts


_CHOICE: dict[str, Callable[[Sequence[str]], str]] = {
    "highway": _least_road,
    "maxspeed": _all_limits,
    "name": lambda values: values[0],
    "ref": lambda values: values[0],
    "bridge": lambda values: values[0],
    "tunnel": lambda values: values[0],
    "junction": lambda values: values[0],
}
