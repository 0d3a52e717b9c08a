"""Finds road segments that cross without a junction, and dead ends that almost touch a road."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import Floats, Ints
from routing.compiled import compiled
from routing.grid import Frame, fill, frame_for
from routing.metric import metres_per_degree


class Segments(NamedTuple):
    """Segments of edges in a grid: segment i joins the points i and i+1 (degrees) of `edge` i."""

    lon: Floats
    lat: Floats
    edge: Ints
    frame: Frame
    first: Ints
    segment: Ints


def segments_of(lon: Floats, lat: Floats, edge: Ints) -> Segments:
    """Put points of edges, in the order of the edges, into a grid. A negative edge has no segments."""
    frame = frame_for(lon, lat)
    owner = np.where(edge >= 0, edge, -1 - np.arange(len(edge), dtype=np.int32)).astype(np.int32)
    return Segments(lon, lat, edge, frame, *fill(frame, lon, lat, owner))


def crossings(s: Segments) -> tuple[Ints, Ints, Floats]:
    """Pairs of segments that cross within both (touching is not crossing), and the places (n, 2) where."""
    count = _crossings(s, np.empty((0, 2), np.int32), np.empty((0, 2), np.float64))
    pair, place = np.empty((count, 2), np.int32), np.empty((count, 2), np.float64)
    _crossings(s, pair, place)
    return pair[:, 0], pair[:, 1], place


@compiled
def _crossings(s: Segments, pair: Ints, place: Floats) -> int:
    """How many pairs cross; they are written as far as there is room."""
    west, south, width, height, columns, rows = s.frame
    count = 0
    for cell in range(columns * rows):
        for i in range(s.first[cell], s.first[cell + 1]):
            for j in range(i + 1, s.first[cell + 1]):
                a, b = s.segment[i], s.segment[j]
                t = _where(s.lon, s.lat, a, b)
                if t < 0.0:
                    continue
                x = s.lon[a] + t * (s.lon[a + 1] - s.lon[a])
                y = s.lat[a] + t * (s.lat[a + 1] - s.lat[a])
                # both may lie in several cells together: count them where they cross
                column = min(max(math.floor((x - west) / width), 0), columns - 1)
                row = min(max(math.floor((y - south) / height), 0), rows - 1)
                if row * columns + column != cell:
                    continue
                if count < len(pair):
                    pair[count, 0], pair[count, 1] = min(a, b), max(a, b)
                    place[count, 0], place[count, 1] = x, y
                count += 1
    return count


@compiled
def _where(lon: Floats, lat: Floats, a: int, b: int) -> float:
    """Where on segment a (0..1) segment b crosses it; -1 if it does not. Straight in degrees, too."""
    ax, ay = lon[a + 1] - lon[a], lat[a + 1] - lat[a]
    bx, by = lon[b + 1] - lon[b], lat[b + 1] - lat[b]
    dx, dy = lon[b] - lon[a], lat[b] - lat[a]
    cross = ax * by - ay * bx
    if cross == 0.0:
        return -1.0
    t, u = (dx * by - dy * bx) / cross, (dx * ay - dy * ax) / cross
    # a joint is within 1e-9 of an end, and is no crossing
    inside = 1e-9 < t < 1 - 1e-9 and 1e-9 < u < 1 - 1e-9
    return t if inside else -1.0


@compiled
def nearest_other(
    s: Segments, lon: Floats, lat: Floats, own: Ints, joined: Ints, edge_from: Ints, edge_to: Ints,
    reach_m: float,
) -> tuple[Ints, Floats]:  # fmt: skip
    """The edge nearest to each place (n,) within `reach_m`, -1 if there is none, and the metres to it.

    A place's `own` edge does not count, nor do edges that have the node `joined` (-1: none).
    """
    west, south, width, height, columns, rows = s.frame
    found, metres = np.full(len(lon), -1, np.int32), np.full(len(lon), np.inf)
    for place in range(len(lon)):
        per_lon, per_lat = metres_per_degree(lat[place])
        low_column = max(math.floor((lon[place] - reach_m / per_lon - west) / width), 0)
        high_column = min(math.floor((lon[place] + reach_m / per_lon - west) / width), columns - 1)
        low_row = max(math.floor((lat[place] - reach_m / per_lat - south) / height), 0)
        high_row = min(math.floor((lat[place] + reach_m / per_lat - south) / height), rows - 1)
        for row in range(low_row, high_row + 1):
            for column in range(low_column, high_column + 1):
                cell = row * columns + column
                for i in range(s.first[cell], s.first[cell + 1]):
                    a = s.segment[i]
                    edge = s.edge[a]
                    if edge == own[place]:
                        continue
                    if joined[place] >= 0 and (
                        edge_from[edge] == joined[place] or edge_to[edge] == joined[place]
                    ):
                        continue
                    away = _metres_to(s.lon, s.lat, a, lon[place], lat[place], per_lon, per_lat)
                    if away <= reach_m and away < metres[place]:
                        found[place] = edge
                        metres[place] = away
    return found, metres


@compiled
def _metres_to(lon: Floats, lat: Floats, a: int, x: float, y: float, per_lon: float, per_lat: float) -> float:
    """Metres from a place to segment a."""
    ax, ay = (lon[a] - x) * per_lon, (lat[a] - y) * per_lat
    dx, dy = (lon[a + 1] - lon[a]) * per_lon, (lat[a + 1] - lat[a]) * per_lat
    square = dx * dx + dy * dy
    t = min(max(-(ax * dx + ay * dy) / square, 0.0), 1.0) if square > 0.0 else 0.0
    return math.hypot(ax + t * dx, ay + t * dy)
