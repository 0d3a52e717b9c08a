"""Turns lines of drivable ways into a network: nodes, edges, shapes, arcs and the snapping grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing import grid
from routing.arrays import CLOSED_MS, CONNECTOR, NetworkArrays
from routing.engine import LENGTH_BITS, Arcs
from routing.extract import RawRoads
from routing.metric import segment_lengths

Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

_MS_PER_MM_AT_1_KMH = 3.6


@dataclass(frozen=True, slots=True)
class Parts:
    """Strongly connected parts of the drivable vertices: `label` (v,) the part of each, `sizes` (parts,)
    vertices, `largest` the label of the largest (of equals the first)."""

    label: Ints
    sizes: NDArray[np.int64]
    largest: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """Edges before they are stored: stretches of a line between two nodes, as positions in the lines' points.

    `start`, `stop` (e,) int64 first and last position (inclusive) in `RawRoads.vertex`; `line` (e,) int64.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    line: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Points of every edge, both ends included: `first` per edge; `lon`, `lat`, the rounded length `mm` up
    to the point and its `edge` per point."""

    first: Ints
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    mm: Ints
    edge: Ints


def strong_parts(roads: RawRoads) -> Parts:
    """Which vertices can all be reached from one another."""
    # scipy takes half a second to import, and only a build needs it
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    line = _line_of_segment(roads)
    tail, head = np.delete(roads.vertex, roads.first[1:] - 1), np.delete(roads.vertex, roads.first[:-1])
    along, against = roads.forward_kmh[line] > 0, roads.backward_kmh[line] > 0
    sources = np.concatenate([tail[along], head[against]])
    targets = np.concatenate([head[along], tail[against]])
    count = len(roads.lon)
    matrix = coo_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(count, count)).tocsr()
    _, label = connected_components(matrix, directed=True, connection="strong")
    sizes = np.bincount(label).astype(np.int64)
    return Parts(label.astype(np.int32), sizes, int(np.argmax(sizes)))


def segment_metres(roads: RawRoads) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Metres of each segment of each line, and its line."""
    lengths = segment_lengths(roads.lon[roads.vertex], roads.lat[roads.vertex])
    return np.delete(lengths, roads.first[1:-1] - 1), _line_of_segment(roads)


def build_arrays(roads: RawRoads, parts: Parts) -> tuple[NetworkArrays, grid.Frame]:
    """The arrays of a network restricted to the largest part, and the frame of its grid."""
    pieces, is_node = _pieces(roads)
    inside = parts.label == parts.largest
    # an edge lies in the part when both its ends do: then so does everything between
    keep = inside[roads.vertex[pieces.start]] & inside[roads.vertex[pieces.stop]]
    pieces = Pieces(pieces.start[keep], pieces.stop[keep], pieces.line[keep])
    number = (np.cumsum(is_node & inside) - 1).astype(np.int32)
    node_vertex = np.flatnonzero(is_node & inside)
    edge_from, edge_to = number[roads.vertex[pieces.start]], number[roads.vertex[pieces.stop]]
    shape = _shapes(roads, pieces)
    length = shape.mm[shape.first[1:] - 1]
    forward = _times(length, roads.forward_kmh[pieces.line])
    backward = _times(length, roads.backward_kmh[pieces.line])
    out, into = edge_arcs(len(node_vertex), edge_from, edge_to, forward, backward, length)
    frame = grid.frame_for(shape.lon, shape.lat)
    grid_first, grid_segment = grid.fill(frame, shape.lon, shape.lat, shape.edge)
    arrays = NetworkArrays(
        node_lon=roads.lon[node_vertex],
        node_lat=roads.lat[node_vertex],
        edge_from=edge_from,
        edge_to=edge_to,
        edge_ms_forward=forward,
        edge_ms_backward=backward,
        edge_mm=length,
        edge_way=roads.way[pieces.line],
        edge_class=roads.highway[pieces.line],
        edge_flags=(roads.connector[pieces.line] * CONNECTOR).astype(np.uint8),
        shape_first=shape.first,
        shape_lon=shape.lon,
        shape_lat=shape.lat,
        shape_mm=shape.mm,
        segment_edge=shape.edge,
        out_first=out.first,
        out_head=out.head,
        out_cost=out.cost,
        out_ref=out.ref,
        in_first=into.first,
        in_head=into.head,
        in_cost=into.cost,
        in_ref=into.ref,
        grid_first=grid_first,
        grid_segment=grid_segment,
    )
    return arrays, frame


def edge_arcs(
    nodes: int, edge_from: Ints, edge_to: Ints, forward: Ints, backward: Ints, length: Ints
) -> tuple[Arcs, Arcs]:
    """The arcs of the edges, grouped by tail and grouped by head."""
    along, against = np.flatnonzero(forward != CLOSED_MS), np.flatnonzero(backward != CLOSED_MS)
    tail = np.concatenate([edge_from[along], edge_to[against]])
    head = np.concatenate([edge_to[along], edge_from[against]])
    ref = np.concatenate([along * 2, against * 2 + 1]).astype(np.int32)
    time = np.concatenate([forward[along], backward[against]]).astype(np.int64)
    cost = (time << LENGTH_BITS) + np.concatenate([length[along], length[against]])
    return group_arcs(nodes, tail, head, cost, ref), group_arcs(nodes, head, tail, cost, ref)


def group_arcs(nodes: int, by: Ints, other: Ints, cost: NDArray[np.int64], ref: Ints) -> Arcs:
    """Arcs grouped by the nodes `by`, in the order of their refs within a group."""
    order = np.lexsort((ref, by))
    first = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(by, minlength=nodes), out=first[1:])
    return Arcs(first, other[order], cost[order], ref[order])


def _line_of_segment(roads: RawRoads) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(roads.way)), np.diff(roads.first) - 1)


def _pieces(roads: RawRoads) -> tuple[Pieces, Mask]:
    """Cut the lines where they meet: at line ends and at vertices that occur more than once."""
    uses = np.bincount(roads.vertex, minlength=len(roads.lon))
    is_node = uses > 1
    is_node[roads.vertex[roads.first[:-1]]] = True
    is_node[roads.vertex[roads.first[1:] - 1]] = True
    cut = np.flatnonzero(is_node[roads.vertex])
    line = np.searchsorted(roads.first, cut, side="right") - 1
    # two cuts in a row on the same line bound a piece
    same = line[:-1] == line[1:]
    return Pieces(cut[:-1][same], cut[1:][same], line[:-1][same]), is_node


def _shapes(roads: RawRoads, pieces: Pieces) -> _Shapes:
    sizes = pieces.stop - pieces.start + 1
    first = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=first[1:])
    edge = np.repeat(np.arange(len(sizes)), sizes)
    position = np.arange(first[-1]) - first[edge] + pieces.start[edge]
    lon, lat = roads.lon[roads.vertex[position]], roads.lat[roads.vertex[position]]
    steps = np.zeros(len(position))
    steps[1:] = segment_lengths(lon, lat)
    steps[first[:-1]] = 0.0
    total = np.cumsum(steps)
    along = total - total[first[:-1]][edge]
    return _Shapes(
        first.astype(np.int32), lon, lat, np.rint(along * 1000).astype(np.int32), edge.astype(np.int32)
    )


def _times(length_mm: Ints, kmh: NDArray[np.float64]) -> Ints:
    """Whole milliseconds per edge, CLOSED_MS where the speed is 0."""
    times = np.full(len(length_mm), CLOSED_MS, np.int32)
    open_ = kmh > 0
    times[open_] = np.rint(length_mm[open_] * _MS_PER_MM_AT_1_KMH / kmh[open_]).astype(np.int32)
    return times
