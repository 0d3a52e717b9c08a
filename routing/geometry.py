"""Lays a way found by the engine out on the map: its line along the edges' shapes, and what it uses."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.answers import Snap
from routing.arrays import CONNECTOR, NetworkArrays
from routing.engine import Path

Points = list[tuple[float, float]]


class Line(NamedTuple):
    """The line of a route and the metres of it on ways that were added by hand."""

    points: Points
    connector_m: float


class _Stretch(NamedTuple):
    """A part of one edge in the direction of travel: from fraction `start` to fraction `stop`."""

    edge: int
    start: float
    stop: float


def trace(arrays: NetworkArrays, origin: Snap, target: Snap, path: Path) -> Line:
    """The line from snapped origin to snapped target; at least two points."""
    stretches = _stretches(arrays, origin, target, path)
    points: Points = [(origin.lon, origin.lat)]
    for stretch in stretches:
        points += [point for point in _between(arrays, stretch) if point != points[-1]]
    end = (target.lon, target.lat)
    if points[-1] != end or len(points) == 1:
        points.append(end)
    made_up = math.fsum(
        abs(stretch.stop - stretch.start) * float(arrays.edge_mm[stretch.edge]) / 1000
        for stretch in stretches
        if arrays.edge_flags[stretch.edge] & CONNECTOR
    )
    return Line(points, made_up)


def _stretches(arrays: NetworkArrays, origin: Snap, target: Snap, path: Path) -> list[_Stretch]:
    if path.via < 0:
        return [_Stretch(origin.edge, origin.fraction, target.fraction)]
    leave = _Stretch(origin.edge, origin.fraction, 1.0 if path.via == 0 else 0.0)
    arrive = _Stretch(target.edge, 0.0 if path.seed == 0 else 1.0, target.fraction)
    between = [_Stretch(ref >> 1, float(ref & 1), float(1 - (ref & 1))) for ref in path.refs.tolist()]
    return [leave, *between, arrive]


def _between(arrays: NetworkArrays, stretch: _Stretch) -> Points:
    """Shape points of an edge from `start` to `stop`, in the direction of travel."""
    first, last = int(arrays.shape_first[stretch.edge]), int(arrays.shape_first[stretch.edge + 1])
    along = arrays.shape_mm[first:last]
    low, high = sorted((stretch.start, stretch.stop))
    length = float(arrays.edge_mm[stretch.edge])
    begin = first + int(np.searchsorted(along, low * length, side="left"))
    end = first + int(np.searchsorted(along, high * length, side="right"))
    lon, lat = arrays.shape_lon[begin:end].tolist(), arrays.shape_lat[begin:end].tolist()
    points = list(zip(lon, lat, strict=True))
    return points[::-1] if stretch.stop < stretch.start else points
