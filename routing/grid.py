"""Finds the nearest road segment to a point through a uniform grid of cells over the network."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import Bytes, Floats, Ints, Longs, NetworkArrays
from routing.compiled import compiled
from routing.metric import metres_per_degree

# About this many segments per cell when spread evenly; roads are not, and a cell never gets smaller than
# this.
_SEGMENTS_PER_CELL = 2.0
_SMALLEST_CELL_M = 50.0


class Frame(NamedTuple):
    """Where the cells lie: south-west corner and cell size in degrees, columns and rows."""

    west: float
    south: float
    width: float
    height: float
    columns: int
    rows: int


class Nearest(NamedTuple):
    """The nearest place for each of n points: its `edge`, the `fraction` of the edge's length where it
    lies, its `lon` and `lat`, and the `metres` to it; each (n,)."""

    edge: Ints
    fraction: Floats
    lon: Floats
    lat: Floats
    metres: Floats

    def rows(self, which: slice | Longs) -> Nearest:
        """The same for some of the points."""
        return Nearest(
            self.edge[which], self.fraction[which], self.lon[which], self.lat[which], self.metres[which]
        )


def frame_for(lon: Floats, lat: Floats) -> Frame:
    """A grid over all points (at least one) with cells roughly square on the ground."""
    west, south = float(lon.min()), float(lat.min())
    per_lon, per_lat = metres_per_degree((south + float(lat.max())) / 2)
    width_m = max((float(lon.max()) - west) * per_lon, 1.0)
    height_m = max((float(lat.max()) - south) * per_lat, 1.0)
    side = max(math.sqrt(width_m * height_m * _SEGMENTS_PER_CELL / len(lon)), _SMALLEST_CELL_M)
    # a network along one line has no area: bound the number of cells by its length as well
    side = max(side, max(width_m, height_m) / 4000)
    return Frame(
        west, south, side / per_lon, side / per_lat, int(width_m // side) + 1, int(height_m // side) + 1
    )


def fill(frame: Frame, lon: Floats, lat: Floats, segment_edge: Ints) -> tuple[Ints, Ints]:
    """Segments per cell: `first` (cells+1,) into `segment`. Segment i joins shape points i and i+1.

    `segment_edge` (points,) is the edge of each point; the last point of an edge starts no segment.
    """
    first = np.zeros(frame.columns * frame.rows + 1, np.int32)
    _count(*frame, lon, lat, segment_edge, first)
    np.cumsum(first, out=first)
    segment = np.empty(int(first[-1]), np.int32)
    _place(*frame, lon, lat, segment_edge, first[:-1].copy(), segment)
    return first, segment


def nearest_edges(a: NetworkArrays, frame: Frame, points: Floats, bits: int) -> Nearest:
    """The nearest place for each point (n, 2) on the edges that may be snapped to by one of the profiles
    `bits`."""
    return Nearest(*nearest(
        points, *frame, a.grid_first, a.grid_segment, a.shape_lon, a.shape_lat, a.shape_mm, a.segment_edge,
        a.shape_first, a.edge_in_part, bits,
    ))  # fmt: skip


@compiled
def _cell(value: float, start: float, size: float, number: int) -> int:
    return min(max(math.floor((value - start) / size), 0), number - 1)


@compiled
def _count(
    west: float, south: float, width: float, height: float, columns: int, rows: int,
    lon: Floats, lat: Floats, segment_edge: Ints, first: Ints,
) -> None:  # fmt: skip
    for i in range(len(lon) - 1):
        if segment_edge[i] != segment_edge[i + 1]:
            continue
        for row in range(
            _cell(min(lat[i], lat[i + 1]), south, height, rows),
            _cell(max(lat[i], lat[i + 1]), south, height, rows) + 1,
        ):
            for column in range(
                _cell(min(lon[i], lon[i + 1]), west, width, columns),
                _cell(max(lon[i], lon[i + 1]), west, width, columns) + 1,
            ):
                first[row * columns + column + 1] += 1


@compiled
def _place(
    west: float, south: float, width: float, height: float, columns: int, rows: int,
    lon: Floats, lat: Floats, segment_edge: Ints, position: Ints, segment: Ints,
) -> None:  # fmt: skip
    for i in range(len(lon) - 1):
        if segment_edge[i] != segment_edge[i + 1]:
            continue
        for row in range(
            _cell(min(lat[i], lat[i + 1]), south, height, rows),
            _cell(max(lat[i], lat[i + 1]), south, height, rows) + 1,
        ):
            for column in range(
                _cell(min(lon[i], lon[i + 1]), west, width, columns),
                _cell(max(lon[i], lon[i + 1]), west, width, columns) + 1,
            ):
                cell = row * columns + column
                segment[position[cell]] = i
                position[cell] += 1


@compiled
def _foot(
    lon: float, lat: float, per_lon: float, per_lat: float,
    lon_a: float, lat_a: float, lon_b: float, lat_b: float,
) -> tuple[float, float]:  # fmt: skip
    """Squared metres from a point to a segment, and where on it (0..1) the nearest place lies."""
    ax, ay = (lon_a - lon) * per_lon, (lat_a - lat) * per_lat
    dx, dy = (lon_b - lon_a) * per_lon, (lat_b - lat_a) * per_lat
    square = dx * dx + dy * dy
    t = 0.0
    if square > 0.0:
        t = min(max(-(ax * dx + ay * dy) / square, 0.0), 1.0)
    x, y = ax + t * dx, ay + t * dy
    return x * x + y * y, t


@compiled
def _scan(
    cell: int, grid_first: Ints, grid_segment: Ints, lon: Floats, lat: Floats, segment_edge: Ints,
    mask: Bytes, bits: int,
    x: float, y: float, per_lon: float, per_lat: float, best: float, segment: int, along: float,
) -> tuple[float, int, float]:  # fmt: skip
    """The best segment so far and those of one cell: squared metres, segment, place on it."""
    for i in range(grid_first[cell], grid_first[cell + 1]):
        s = grid_segment[i]
        square, t = _foot(x, y, per_lon, per_lat, lon[s], lat[s], lon[s + 1], lat[s + 1])
        nearer = square < best or (square == best and s < segment)
        if nearer and mask[segment_edge[s]] & bits:
            best, segment, along = square, s, t
    return best, segment, along


@compiled
def _nearest_segment(
    x: float, y: float, per_lon: float, per_lat: float,
    west: float, south: float, width: float, height: float, columns: int, rows: int,
    grid_first: Ints, grid_segment: Ints, lon: Floats, lat: Floats, segment_edge: Ints,
    mask: Bytes, bits: int,
) -> tuple[int, float]:  # fmt: skip
    """Search square rings of cells around the point until no unseen cell can hold a nearer segment."""
    column = math.floor((x - west) / width)
    row = math.floor((y - south) / height)
    best, segment, along = np.inf, -1, 0.0
    ring = max(0, -column, column - columns + 1, -row, row - rows + 1)  # the first ring that meets the grid
    while True:
        low, high = max(column - ring, 0), min(column + ring, columns - 1)
        for r in range(max(row - ring, 0), min(row + ring, rows - 1) + 1):
            whole = r == row - ring or r == row + ring
            # the rows in between have only the two outer columns of the ring
            step = 1 if whole else max(2 * ring, 1)
            c = low if whole else column - ring
            while c <= high:
                if c >= 0:
                    best, segment, along = _scan(
                        r * columns + c, grid_first, grid_segment, lon, lat, segment_edge, mask, bits,
                        x, y, per_lon, per_lat, best, segment, along,
                    )  # fmt: skip
                c += step
        seen = min(
            (x - (west + (column - ring) * width)) * per_lon,
            (west + (column + ring + 1) * width - x) * per_lon,
            (y - (south + (row - ring) * height)) * per_lat,
            (south + (row + ring + 1) * height - y) * per_lat,
        )
        if segment >= 0 and best <= seen * seen:
            return segment, along
        if column - ring <= 0 and row - ring <= 0 and column + ring >= columns - 1 and row + ring >= rows - 1:
            return segment, along
        ring += 1


@compiled
def nearest(
    points: Floats, west: float, south: float, width: float, height: float, columns: int, rows: int,
    grid_first: Ints, grid_segment: Ints, lon: Floats, lat: Floats, along_mm: Ints, segment_edge: Ints,
    shape_first: Ints, mask: Bytes, bits: int,
) -> tuple[Ints, Floats, Floats, Floats, Floats]:  # fmt: skip
    """The nearest place on the network for each point (n, 2); the fields of `Nearest`.

    Only edges count whose `mask` (E,) has one of the `bits`; there must be one.

    `along_mm` (points,) is the length of the edge up to each shape point. The nearest one is found in a plane
    scaled at the point's latitude; the metres are then measured at the latitude half-way.
    """
    n = len(points)
    edge, fraction = np.empty(n, np.int32), np.empty(n, np.float64)
    at_lon, at_lat, metres = np.empty(n, np.float64), np.empty(n, np.float64), np.empty(n, np.float64)
    for i in range(n):
        x, y = points[i, 0], points[i, 1]
        per_lon, per_lat = metres_per_degree(y)
        s, t = _nearest_segment(
            x, y, per_lon, per_lat, west, south, width, height, columns, rows,
            grid_first, grid_segment, lon, lat, segment_edge, mask, bits,
        )  # fmt: skip
        e = segment_edge[s]
        total = along_mm[shape_first[e + 1] - 1]
        part = along_mm[s] + t * (along_mm[s + 1] - along_mm[s])
        edge[i] = e
        fraction[i] = part / total if total > 0 else 0.0
        at_lon[i] = lon[s] + t * (lon[s + 1] - lon[s])
        at_lat[i] = lat[s] + t * (lat[s + 1] - lat[s])
        per_lon, per_lat = metres_per_degree((y + at_lat[i]) / 2)
        metres[i] = math.hypot((at_lon[i] - x) * per_lon, (at_lat[i] - y) * per_lat)
    return edge, fraction, at_lon, at_lat, metres
