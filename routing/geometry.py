"""Lays a way found by the engine out on the map: the stretches it consists of, and its line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing.answers import Snap
from routing.arrays import Floats, Ints, Longs, NetworkArrays
from routing.compiled import compiled
from routing.ends import EdgeTimes, piece
from routing.engine import LENGTH_BITS

Points = list[tuple[float, float]]


class Way(NamedTuple):
    """A route as stretches of edges in the order of travel, each (n,): `ref` the edge times two, plus one
    when it is driven against its direction; from fraction `start` to fraction `stop` of the edge's length;
    `ms` and `mm` it takes, which add up to the cost of the route."""

    ref: Ints
    start: Floats
    stop: Floats
    ms: Longs
    mm: Longs

    @property
    def edge(self) -> Ints:
        return self.ref >> 1

    def millimetres(self, flag: int, arrays: NetworkArrays) -> int:
        """The length on edges that carry `flag`."""
        return int(self.mm[(arrays.edge_flags[self.edge] & flag) > 0].sum())


def along_one_edge(origin: Snap, target: Snap, times: EdgeTimes) -> Way:
    """The way between two places on one edge that stays on it."""
    ref = 2 * origin.edge + (target.fraction < origin.fraction)
    return _way(np.array([ref], np.int32), origin.fraction, target.fraction, times)


def over_nodes(origin: Snap, target: Snap, refs: Ints, leave: int, arrive: int, times: EdgeTimes) -> Way:
    """The way from a place over whole edges to another; `leave` and `arrive` tell whether it uses the edges
    of the places against their direction (1) or along it (0)."""
    whole = np.empty(len(refs) + 2, np.int32)
    whole[0], whole[1:-1], whole[-1] = 2 * origin.edge + leave, refs, 2 * target.edge + arrive
    return _way(whole, origin.fraction, target.fraction, times)


def _way(refs: Ints, start: float, stop: float, times: EdgeTimes) -> Way:
    way = Way(*_lay(refs, start, stop, times))
    moves = way.start != way.stop
    return Way(*(part[moves] for part in way)) if not moves.all() else way


@compiled
def _lay(refs: Ints, start: float, stop: float, t: EdgeTimes) -> tuple[Ints, Floats, Floats, Longs, Longs]:
    """The fields of a `Way` that begins at `start` of the first edge and ends at `stop` of the last."""
    n = len(refs)
    starts, stops = np.empty(n, np.float64), np.empty(n, np.float64)
    ms, mm = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        against = refs[i] & 1
        starts[i] = start if i == 0 else float(against)
        stops[i] = stop if i == n - 1 else 1.0 - against
        cost = piece(t, refs[i], min(starts[i], stops[i]), max(starts[i], stops[i]))
        ms[i] = cost >> LENGTH_BITS
        mm[i] = cost & ((1 << LENGTH_BITS) - 1)
    return refs, starts, stops, ms, mm


def line(arrays: NetworkArrays, origin: Snap, target: Snap, way: Way) -> Points:
    """The line of a way from snapped origin to snapped target, (lon, lat); at least two points."""
    a = arrays
    points = _points(way.ref, way.start, way.stop, a.shape_first, a.shape_lon, a.shape_lat, a.shape_mm)
    first, last = (origin.lon, origin.lat), (target.lon, target.lat)
    laid: Points = [first]
    for point in map(tuple, points.tolist()):
        if point != laid[-1]:
            laid.append(point)
    if laid[-1] != last or len(laid) == 1:
        laid.append(last)
    return laid


@compiled
def _points(
    refs: Ints, starts: Floats, stops: Floats, shape_first: Ints, lon: Floats, lat: Floats, along: Ints
) -> Floats:  # fmt: skip
    """Shape points (n, 2) of stretches, one after the other, in the direction of travel."""
    room = 0
    for ref in refs:
        room += shape_first[(ref >> 1) + 1] - shape_first[ref >> 1]
    out = np.empty((room, 2), np.float64)
    row = 0
    for k in range(len(refs)):
        first, last = shape_first[refs[k] >> 1], shape_first[(refs[k] >> 1) + 1]
        length = along[last - 1]
        low = min(starts[k], stops[k]) * length
        high = max(starts[k], stops[k]) * length
        for i in range(last - first):
            point = last - 1 - i if refs[k] & 1 else first + i
            if low <= along[point] <= high:
                out[row, 0] = lon[point]
                out[row, 1] = lat[point]
                row += 1
    return out[:row]
