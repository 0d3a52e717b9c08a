"""Cuts lines of ways into edges between nodes, and says how long they are and how long they take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.arrays import CLOSED_MS, Floats, Ints, Longs, Shorts
from routing.metric import segment_lengths
from routing.raw import RawRoads

Mask = NDArray[np.bool_]

_MS_PER_MM_AT_1_KMH = 3.6
# Longer edges do not fit the arrays; they are mistakes of a map (or ferries across an ocean) and closed.
LONGEST_MM = 2_000_000_000
_LONGEST_MS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Edges:
    """Stretches of lines between nodes, before they are stored; F profiles.

    `vertex` (n,) the vertex each node stands on. Per edge (e,): `start`, `stop` the positions of its first
    and last point in `RawRoads.vertex`, equal for a gate; its `line`; `tail` and `head`, the nodes there;
    `mm` its length; `flags`. `ms` (F, 2, e) along and against it, CLOSED_MS where not permitted.
    """

    vertex: Longs
    start: Longs
    stop: Longs
    line: Longs
    tail: Ints
    head: Ints
    mm: Ints
    ms: Ints
    flags: Shorts

    def open_bits(self) -> NDArray[np.uint8]:
        """(2, e): bit f is set where profile f may drive along (row 0) or against (row 1) the edge."""
        bits = np.zeros(self.ms.shape[1:], np.uint8)
        for profile, times in enumerate(self.ms):
            bits |= ((times != CLOSED_MS) << profile).astype(np.uint8)
        return bits


@dataclass(frozen=True, slots=True)
class Shapes:
    """Points of every edge, both ends included: `first` per edge; `lon`, `lat`, the rounded length `mm` up
    to the point and its `edge` per point."""

    first: Ints
    lon: Floats
    lat: Floats
    mm: Ints
    edge: Ints


def cut_edges(roads: RawRoads, also_at: Iterable[int] = ()) -> Edges:
    """Cut the lines where they meet, at line ends and at vertices that occur more than once; and at the
    vertices `also_at`."""
    start, stop, line = _pieces(roads, list(also_at))
    first_vertex, last_vertex = roads.vertex[start], roads.vertex[stop]
    vertex, number = np.unique(np.concatenate([first_vertex, last_vertex]), return_inverse=True)
    tail, head = np.split(number.astype(np.int32), 2)
    length = _lengths(roads, start, stop)
    kmh = roads.kmh[:, :, line]
    return Edges(vertex, start, stop, line, tail, head, length, times_ms(length, kmh), roads.flags[line])


def times_ms(length_mm: Ints, kmh: Floats) -> Ints:
    """Whole milliseconds of edges (..., e), CLOSED_MS where the speed is 0 or the edge impossibly long."""
    times = np.full(kmh.shape, CLOSED_MS, np.int32)
    length = np.broadcast_to(length_mm, kmh.shape)
    open_ = (kmh > 0) & (length < LONGEST_MM)
    exact = np.rint(length[open_] * _MS_PER_MM_AT_1_KMH / kmh[open_])
    times[open_] = np.minimum(exact, _LONGEST_MS).astype(np.int32)
    return times


def select_edges(edges: Edges, keep: Mask) -> Edges:
    """Some of the edges, with the nodes they need numbered anew in the same order."""
    used = np.zeros(len(edges.vertex), np.bool_)
    used[edges.tail[keep]] = True
    used[edges.head[keep]] = True
    number = (np.cumsum(used) - 1).astype(np.int32)
    return Edges(
        edges.vertex[used],
        edges.start[keep],
        edges.stop[keep],
        edges.line[keep],
        number[edges.tail[keep]],
        number[edges.head[keep]],
        edges.mm[keep],
        np.ascontiguousarray(edges.ms[:, :, keep]),
        edges.flags[keep],
    )


def shapes_of(roads: RawRoads, edges: Edges) -> Shapes:
    """The points of the edges; a gate has its place twice."""
    return _shapes(roads, edges.start, edges.stop)


def segment_metres(roads: RawRoads) -> tuple[Floats, Longs]:
    """Metres of each segment of each line, and its line."""
    lengths = segment_lengths(roads.lon[roads.vertex], roads.lat[roads.vertex])
    line = np.repeat(np.arange(len(roads.way)), np.diff(roads.first) - 1)
    return np.delete(lengths, roads.first[1:-1] - 1), line


def _pieces(roads: RawRoads, also_at: list[int]) -> tuple[Longs, Longs, Longs]:
    """First and last position and the line of each edge."""
    is_node = np.bincount(roads.vertex, minlength=len(roads.lon)) > 1
    is_node[also_at] = True
    is_node[roads.vertex[roads.first[:-1]]] = True
    is_node[roads.vertex[roads.first[1:] - 1]] = True
    cut = np.flatnonzero(is_node[roads.vertex])
    line = np.searchsorted(roads.first, cut, side="right") - 1
    # two cuts in a row on the same line bound an edge
    same = line[:-1] == line[1:]
    return cut[:-1][same], cut[1:][same], line[:-1][same]


def _lengths(roads: RawRoads, start: Longs, stop: Longs) -> Ints:
    shapes = _shapes(roads, start, stop)
    return shapes.mm[shapes.first[1:] - 1]


def _shapes(roads: RawRoads, start: Longs, stop: Longs) -> Shapes:
    sizes = np.maximum(stop - start + 1, 2)
    first = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=first[1:])
    edge = np.repeat(np.arange(len(sizes)), sizes)
    position = np.minimum(np.arange(first[-1]) - first[edge] + start[edge], stop[edge])
    lon, lat = roads.lon[roads.vertex[position]], roads.lat[roads.vertex[position]]
    steps = np.zeros(len(position))
    steps[1:] = segment_lengths(lon, lat)
    steps[first[:-1]] = 0.0
    total = np.cumsum(steps)
    along = np.rint(np.minimum((total - total[first[:-1]][edge]) * 1000, LONGEST_MM))
    return Shapes(first.astype(np.int32), lon, lat, along.astype(np.int32), edge.astype(np.int32))
