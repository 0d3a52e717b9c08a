"""Lays a way found by the engine out on the map: its line along the edges' shapes, and what it uses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing.answers import Snap
from routing.arrays import CONNECTOR, Floats, Ints, NetworkArrays
from routing.compiled import compiled
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
    if path.via < 0:
        partial = [_Stretch(origin.edge, origin.fraction, target.fraction)]
        laid = _between(arrays, partial[0])
    else:
        leave = _Stretch(origin.edge, origin.fraction, 1.0 if path.via == 0 else 0.0)
        arrive = _Stretch(target.edge, 0.0 if path.seed == 0 else 1.0, target.fraction)
        partial = [leave, arrive]
        whole = _whole_edges(path.refs, arrays.shape_first, arrays.shape_lon, arrays.shape_lat)
        laid = [*_between(arrays, leave), *map(tuple, whole.tolist()), *_between(arrays, arrive)]
    points: Points = [(origin.lon, origin.lat)]
    for point in laid:
        if point != points[-1]:
            points.append(point)
    end = (target.lon, target.lat)
    if points[-1] != end or len(points) == 1:
        points.append(end)
    return Line(points, _connector_metres(arrays, partial, path.refs))


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


@compiled
def _whole_edges(refs: Ints, shape_first: Ints, lon: Floats, lat: Floats) -> Floats:
    """Shape points (n, 2) of the edges behind the refs, one after the other, in the direction of travel."""
    count = 0
    for ref in refs:
        count += shape_first[(ref >> 1) + 1] - shape_first[ref >> 1]
    out = np.empty((count, 2), np.float64)
    row = 0
    for ref in refs:
        first, last = shape_first[ref >> 1], shape_first[(ref >> 1) + 1]
        for i in range(last - first):
            point = last - 1 - i if ref & 1 else first + i
            out[row, 0] = lon[point]
            out[row, 1] = lat[point]
            row += 1
    return out


def _connector_metres(arrays: NetworkArrays, partial: list[_Stretch], refs: Ints) -> float:
    """Metres of a route on ways that were added by hand."""
    made_up = (arrays.edge_flags[refs >> 1] & CONNECTOR) > 0
    millimetres = float(arrays.edge_mm[refs[made_up] >> 1].sum(dtype=np.int64))
    for stretch in partial:
        if arrays.edge_flags[stretch.edge] & CONNECTOR:
            millimetres += abs(stretch.stop - stretch.start) * float(arrays.edge_mm[stretch.edge])
    return millimetres / 1000
