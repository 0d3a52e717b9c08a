"""Finds places of a map that are probably drawn wrong, for a data steward to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from routing.arrays import BRIDGE, FERRY, GATE, TUNNEL
from routing.closeness import Segments, crossings, nearest_other, segments_of
from routing.edges import Edges, Shapes, shapes_of
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
    shapes = shapes_of(roads, edges)
    counts: Counter[str] = Counter()
    listed: list[Suspicion] = []
    for found in (
        _gaps_and_crossings(roads, edges, shapes),
        _traps(roads, edges, parts),
        _on_junctions(roads, edges, on_junction),
        _duplicates(roads, edges),
        (Suspicion(odd.what, odd.way, odd.lon, odd.lat, odd.value) for odd in roads.odd_ways),
        _long_ones(roads, edges, shapes),
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


def _gaps_and_crossings(roads: RawRoads, edges: Edges, shapes: Shapes) -> Iterator[Suspicion]:
    """Dead ends near a road they do not touch, and segments that cross without a common node."""
    level = (edges.flags & (BRIDGE | TUNNEL | FERRY | GATE)) == 0
    segments = segments_of(
        shapes.lon, shapes.lat, np.where(level[shapes.edge], shapes.edge, -1).astype(np.int32)
    )
    yield from _gaps(roads, edges, segments, level)
    for a, b, place in zip(*crossings(segments), strict=True):
        way, crossed = (int(roads.way[edges.line[shapes.edge[i]]]) for i in (a, b))
        yield Suspicion("crossing", way, float(place[0]), float(place[1]), f"way {crossed}")


def _gaps(roads: RawRoads, edges: Edges, segments: Segments, level: NDArray[np.bool_]) -> Iterator[Suspicion]:
    ends = np.concatenate([edges.tail, edges.head])
    uses = np.bincount(ends, minlength=len(edges.vertex))
    row = np.flatnonzero((uses[ends] == 1) & np.tile(level, 2))
    edge = (row % len(edges.tail)).astype(np.int32)
    vertex = edges.vertex[ends[row]]
    # a short stub is near the road it leaves by nature
    far_end = np.where(row < len(edges.tail), edges.head[edge], edges.tail[edge])
    joined = np.where(edges.mm[edge] < 3000 * _GAP_M, far_end, -1).astype(np.int32)
    near, metres = nearest_other(
        segments, roads.lon[vertex], roads.lat[vertex], edge, joined, edges.tail, edges.head, _GAP_M
    )
    for end in np.flatnonzero(near >= 0).tolist():
        way, other = int(roads.way[edges.line[edge[end]]]), int(roads.way[edges.line[near[end]]])
        yield _at(roads, "gap", way, int(vertex[end]), f"{metres[end]:.2f} m, way {other}")


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


def _long_ones(roads: RawRoads, edges: Edges, shapes: Shapes) -> Iterator[Suspicion]:
    land = (edges.flags & FERRY) == 0
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
