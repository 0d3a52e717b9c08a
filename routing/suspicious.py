"""Finds places of a map that are probably drawn wrong, for a data steward to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np
import shapely
from numpy.typing import NDArray

from routing.arrays import BRIDGE, FERRY, GATE, TUNNEL, Longs
from routing.edges import Edges, Shapes, shapes_of
from routing.metric import metres_per_degree
from routing.parts import Parts
from routing.raw import RawRoads
from routing.report import Suspicion

# Kinds in the order of the report, and what they mean.
KINDS = {
    "gap": ("ujung jalan hampir menyentuh jalan lain", "a dead end almost touches another road"),
    "crossing": ("jalan bersilang tanpa simpul", "roads cross without a junction, bridge or tunnel"),
    "one_way_trap": ("jalan satu arah tanpa jalan keluar atau masuk", "one-way road without a way out or in"),
    "barrier_on_junction": ("portal tepat di persimpangan", "a barrier stands on a junction"),
    "duplicate": ("dua jalan di tempat yang sama", "two ways lie on top of each other"),
    "maxspeed": ("maxspeed tidak terbaca", "maxspeed cannot be read"),
    "zero_length": ("jalan tanpa panjang", "a way without length"),
    "long_segment": ("dua titik jalan berjauhan", "a straight line where a road should have points"),
    "long_edge": ("ruas sangat panjang tanpa persimpangan", "a very long stretch without a junction"),
}
LISTED_PER_KIND = 200

_GAP_M = 5.0
_LONG_SEGMENT_M = 2_000.0
_LONG_EDGE_MM = 20_000_000


def find_suspicious(
    roads: RawRoads, edges: Edges, parts: Parts, on_junction: tuple[int, ...]
) -> tuple[dict[str, int], tuple[Suspicion, ...]]:
    """Counts per kind, and the first LISTED_PER_KIND of each kind. `edges` are those of the whole map."""
    counts: Counter[str] = Counter()
    listed: list[Suspicion] = []
    for found in (
        _gaps_and_crossings(roads, edges),
        _traps(roads, edges, parts),
        _on_junctions(roads, edges, on_junction),
        _duplicates(roads, edges),
        (Suspicion(odd.what, odd.way, odd.lon, odd.lat, odd.value) for odd in roads.odd_ways),
        _long_ones(roads, edges),
    ):
        for one in found:
            counts[one.kind] += 1
            if counts[one.kind] <= LISTED_PER_KIND:
                listed.append(one)
    order = list(KINDS)
    listed.sort(key=lambda one: (order.index(one.kind), one.way, one.lon, one.lat))
    return {kind: counts[kind] for kind in KINDS if counts[kind]}, tuple(listed)


def _at(roads: RawRoads, kind: str, way: int, vertex: int, detail: str) -> Suspicion:
    return Suspicion(kind, way, float(roads.lon[vertex]), float(roads.lat[vertex]), detail)


def _gaps_and_crossings(roads: RawRoads, edges: Edges) -> Iterator[Suspicion]:
    """Dead ends near a road they do not touch, and segments that cross without a common node."""
    shapes = shapes_of(roads, edges)
    level = (edges.flags & (BRIDGE | TUNNEL | FERRY | GATE)) == 0
    inner = np.flatnonzero((np.diff(shapes.edge) == 0) & level[shapes.edge[:-1]])
    per_lon, per_lat = metres_per_degree(float(roads.lat.mean()))
    places = np.column_stack([shapes.lon * per_lon, shapes.lat * per_lat])
    if len(inner) == 0:
        return
    segments = np.asarray(shapely.linestrings(np.stack([places[inner], places[inner + 1]], axis=1)))
    tree = shapely.STRtree(segments)
    yield from _gaps(roads, edges, shapes, inner, tree, (per_lon, per_lat), level)
    one, other = tree.query(segments, predicate="crosses")
    for a, b in zip(inner[one].tolist(), inner[other].tolist(), strict=True):
        if a < b:
            meeting = shapely.LineString(places[[a, a + 1]]).intersection(
                shapely.LineString(places[[b, b + 1]])
            )
            way, crossed = (int(roads.way[edges.line[shapes.edge[i]]]) for i in (a, b))
            yield Suspicion(
                "crossing", way, meeting.centroid.x / per_lon, meeting.centroid.y / per_lat, f"way {crossed}"
            )


def _gaps(
    roads: RawRoads, edges: Edges, shapes: Shapes, inner: Longs, tree: shapely.STRtree,
    scale: tuple[float, float], level: NDArray[np.bool_],
) -> Iterator[Suspicion]:  # fmt: skip
    ends = np.concatenate([edges.tail, edges.head])
    uses = np.bincount(ends, minlength=len(edges.vertex))
    row = np.flatnonzero((uses[ends] == 1) & np.tile(level, 2))
    edge, node = row % len(edges.tail), ends[row]
    vertex = edges.vertex[node]
    points = shapely.points(roads.lon[vertex] * scale[0], roads.lat[vertex] * scale[1])
    which, segment = tree.query(points, predicate="dwithin", distance=_GAP_M)
    near = shapes.edge[inner[segment]]
    far_end = np.where(row < len(edges.tail), edges.head[edge], edges.tail[edge])
    # a stub that leaves a road is near it by nature, and so is the rest of the same way round a bend
    stub = (edges.mm[edge[which]] < 3000 * _GAP_M) & (
        (edges.tail[near] == far_end[which]) | (edges.head[near] == far_end[which])
    )
    real = (near != edge[which]) & ~stub
    gaps = shapely.distance(points[which[real]], tree.geometries[segment[real]])
    least: dict[int, tuple[float, int]] = {}
    for dead_end, gap, other in zip(which[real].tolist(), gaps.tolist(), near[real].tolist(), strict=True):
        least[dead_end] = min(least.get(dead_end, (np.inf, -1)), (gap, other))
    for dead_end, (gap, other) in sorted(least.items()):
        way, crossed = int(roads.way[edges.line[edge[dead_end]]]), int(roads.way[edges.line[other]])
        yield _at(roads, "gap", way, int(vertex[dead_end]), f"{gap:.2f} m, way {crossed}")


def _traps(roads: RawRoads, edges: Edges, parts: Parts) -> Iterator[Suspicion]:
    for edge in np.flatnonzero(parts.one_sided & ((edges.flags & GATE) == 0)).tolist():
        way = int(roads.way[edges.line[edge]])
        yield _at(
            roads, "one_way_trap", way, int(roads.vertex[edges.stop[edge]]), f"{edges.mm[edge] / 1000:.0f} m"
        )


def _on_junctions(roads: RawRoads, edges: Edges, vertices: tuple[int, ...]) -> Iterator[Suspicion]:
    for vertex in vertices:
        way = int(roads.way[edges.line[np.argmax(roads.vertex[edges.start] == vertex)]])
        kind = roads.node_tags[int(roads.node[vertex])]["barrier"]
        yield _at(roads, "barrier_on_junction", way, vertex, f"{kind}, node {int(roads.node[vertex])}")


def _duplicates(roads: RawRoads, edges: Edges) -> Iterator[Suspicion]:
    """Edges of different ways over the same vertices."""
    sums = np.concatenate([[0], np.cumsum(roads.vertex * (roads.vertex % 8191 + 1))])
    low, high = np.minimum(edges.tail, edges.head), np.maximum(edges.tail, edges.head)
    made_of = np.column_stack([low, high, edges.stop - edges.start, sums[edges.stop + 1] - sums[edges.start]])
    order = np.lexsort(made_of.T)
    same = (np.diff(made_of[order], axis=0) == 0).all(axis=1)
    for row in np.flatnonzero(same).tolist():
        one, other = int(order[row]), int(order[row + 1])
        way, lies_on = int(roads.way[edges.line[other]]), int(roads.way[edges.line[one]])
        if way != lies_on and edges.start[one] != edges.stop[one]:
            yield _at(roads, "duplicate", way, int(roads.vertex[edges.start[other]]), f"way {lies_on}")


def _long_ones(roads: RawRoads, edges: Edges) -> Iterator[Suspicion]:
    land = (edges.flags & FERRY) == 0
    shapes = shapes_of(roads, edges)
    step = np.diff(shapes.mm.astype(np.int64)) * (np.diff(shapes.edge) == 0)
    for point in np.flatnonzero((step > 1000 * _LONG_SEGMENT_M) & land[shapes.edge[:-1]]).tolist():
        way = int(roads.way[edges.line[shapes.edge[point]]])
        yield Suspicion(
            "long_segment",
            way,
            float(shapes.lon[point]),
            float(shapes.lat[point]),
            f"{step[point] / 1e6:.1f} km",
        )
    for edge in np.flatnonzero((edges.mm > _LONG_EDGE_MM) & land).tolist():
        way = int(roads.way[edges.line[edge]])
        yield _at(
            roads, "long_edge", way, int(roads.vertex[edges.start[edge]]), f"{edges.mm[edge] / 1e6:.1f} km"
        )


def first_of(listed: tuple[Suspicion, ...], kind: str, count: int) -> tuple[Suspicion, ...]:
    """The first `count` suspicions of a kind."""
    return tuple(islice((one for one in listed if one.kind == kind), count))
