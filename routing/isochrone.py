"""Draws the areas that are reached within given times: roads first, then straight across at access speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import MultiPolygon

from routing.answers import Isochrone
from routing.arrays import FERRY, GATE, Floats, Ints, NetworkArrays
from routing.asked import Asked
from routing.compiled import compiled
from routing.contour import outlines
from routing.core import Terms
from routing.coverage import checked_seconds, node_times
from routing.ends import EdgeTimes, piece
from routing.engine import LENGTH_BITS
from routing.errors import BadQuestion, NoUnits
from routing.metric import checked_points, metres_per_degree
from routing.reached import entries, reach_along

# The area is drawn on a grid of cells of about this size, larger when it would have more than so many.
_CELL_M = 40.0
_MOST_CELLS = 1_500_000
_MOST_LIMITS = 24
# Corners are moved by less than this to do with fewer; smaller islands and holes are left out.
_SIMPLER_M = 20.0
_LEAST_M2 = 10_000.0

Field = NDArray[np.float32]


class _Samples(NamedTuple):
    """Places on roads: metres `x`, `y` from the middle, and when (`ms`) they are reached."""

    x: Floats
    y: Floats
    ms: Ints


def areas(
    terms: Terms, sources: ArrayLike, limits_s: Sequence[float], access_m: float
) -> list[Isochrone]:  # fmt: skip
    """See `Network.isochrones`."""
    if not 1 <= len(limits_s) <= _MOST_LIMITS:
        raise BadQuestion(
            f"{len(limits_s)} batas waktu; 1..{_MOST_LIMITS} diharapkan",
            f"{len(limits_s)} limits; 1..{_MOST_LIMITS} are expected",
            len(limits_s),
        )
    if not 20 <= access_m <= 2000:
        raise BadQuestion(
            f"access_m {access_m} di luar 20..2000", f"access_m {access_m} is outside 20..2000", access_m
        )
    limits_ms = [checked_seconds(limit) for limit in limits_s]
    points = checked_points(sources, terms.core.box)
    if len(points) == 0:
        raise NoUnits("sources")
    metric = terms.metric
    start = terms.place(points, metric)
    node_ms = node_times(terms, metric, start, max(limits_ms))
    a = terms.core.arrays
    lon0, lat0 = (float(np.mean(terms.core.box[i::2])) for i in (0, 1))
    scale = metres_per_degree(lat0)
    samples = _sampled(a, metric.times, start, node_ms, max(limits_ms), (lon0, lat0, *scale))
    shapes = _shapes(samples, sorted(set(limits_ms)), terms.access_kmh / 3.6, access_m)
    on_map = {
        ms: shapely.transform(shape, lambda xy: xy / scale + (lon0, lat0)) for ms, shape in shapes.items()
    }
    return [
        Isochrone(limit, on_map[ms], metric.version) for limit, ms in zip(limits_s, limits_ms, strict=True)
    ]


def _sampled(
    a: NetworkArrays, times: EdgeTimes, start: Asked, node_ms: Ints, most_ms: int,
    plane: tuple[float, float, float, float],
) -> _Samples:  # fmt: skip
    """Places every few metres along all that is reached."""
    entry = entries(node_ms, times)
    on_land = np.repeat(a.edge_flags & (GATE | FERRY) == 0, 2)
    ref = np.flatnonzero((entry < most_ms) & on_land).astype(np.int32)
    soon = np.flatnonzero((start.access_ms < most_ms) & ~start.outside)
    own = start.near.edge[soon] * 2
    ref = np.concatenate([ref, own, own + 1]).astype(np.int32)
    begin = np.concatenate([ref[: len(ref) - 2 * len(soon)] & 1, np.tile(start.near.fraction[soon], 2)])
    since = np.concatenate([entry[ref[: len(ref) - 2 * len(soon)]], np.tile(start.access_ms[soon], 2)])
    return _Samples(*_sample(
        ref, begin.astype(np.float64), since.astype(np.int32), most_ms, times, a.shape_first, a.shape_lon,
        a.shape_lat, a.shape_mm, *plane, _CELL_M / 2,
    ))  # fmt: skip


@compiled
def _sample(
    refs: Ints, begin: Floats, since: Ints, most_ms: int, t: EdgeTimes, shape_first: Ints, lon: Floats,
    lat: Floats, along: Ints, lon0: float, lat0: float, per_lon: float, per_lat: float, step_m: float,
) -> tuple[Floats, Floats, Ints]:  # fmt: skip
    """The fields of `_Samples` along each ref from fraction `begin`, left at `since`, as far as one gets."""
    stops = np.empty(len(refs), np.float64)
    room = 0
    for i in range(len(refs)):
        stops[i] = reach_along(t, refs[i], begin[i], most_ms - since[i])
        room += 2 + int(abs(stops[i] - begin[i]) * t.mm[refs[i] >> 1] / 1000 / step_m)
    x, y, ms = np.empty(room, np.float64), np.empty(room, np.float64), np.empty(room, np.int32)
    row = 0
    for i in range(len(refs)):
        edge = refs[i] >> 1
        steps = 1 + int(abs(stops[i] - begin[i]) * t.mm[edge] / 1000 / step_m)
        point = shape_first[edge] if begin[i] <= stops[i] else shape_first[edge + 1] - 2
        for k in range(steps + 1):
            f = begin[i] + (stops[i] - begin[i]) * k / steps
            at = f * t.mm[edge]
            while along[point + 1] < at and point < shape_first[edge + 1] - 2:
                point += 1
            while along[point] > at and point > shape_first[edge]:
                point -= 1
            size = along[point + 1] - along[point]
            share = (at - along[point]) / size if size > 0 else 0.0
            x[row] = (lon[point] + share * (lon[point + 1] - lon[point]) - lon0) * per_lon
            y[row] = (lat[point] + share * (lat[point + 1] - lat[point]) - lat0) * per_lat
            cost = piece(t, refs[i], min(begin[i], f), max(begin[i], f))
            ms[row] = since[i] + (cost >> LENGTH_BITS)
            row += 1
    return x[:row], y[:row], ms[:row]


def _shapes(
    samples: _Samples, limits_ms: Sequence[int], metres_per_s: float, access_m: float
) -> dict[int, MultiPolygon]:
    """The area per limit, in metres; `limits_ms` ascending. Each contains the ones before it."""
    if len(samples.x) == 0:
        return {limit: MultiPolygon() for limit in limits_ms}
    margin = access_m + 3 * _CELL_M
    west, south = float(samples.x.min()) - margin, float(samples.y.min()) - margin
    width, height = float(samples.x.max()) + margin - west, float(samples.y.max()) + margin - south
    cell = max(_CELL_M, math.sqrt(width * height / _MOST_CELLS))
    columns, rows = int(width / cell) + 2, int(height / cell) + 2
    raw = []
    for limit in limits_ms:
        field = np.full((rows + 1, columns + 1), cell, np.float32)
        _spread(samples.x, samples.y, samples.ms, limit, metres_per_s, access_m, west, south, cell, field)
        raw.append(outlines(field, west, south, cell, _LEAST_M2))
    return dict(zip(limits_ms, _simpler(raw), strict=True))


@compiled
def _spread(
    x: Floats, y: Floats, ms: Ints, limit_ms: int, metres_per_s: float, access_m: float,
    west: float, south: float, cell: float, field: Field,
) -> None:  # fmt: skip
    """Lower each corner of the grid to its distance in metres from the nearest disc (negative inside): one
    around each sample, as large as the time that is left allows."""
    for i in range(len(x)):
        if ms[i] >= limit_ms:
            continue
        radius = min(access_m, (limit_ms - ms[i]) / 1000 * metres_per_s)
        far = radius + 1.5 * cell
        low_column, high_column = (
            math.ceil((x[i] - far - west) / cell),
            math.floor((x[i] + far - west) / cell),
        )
        for row in range(math.ceil((y[i] - far - south) / cell), math.floor((y[i] + far - south) / cell) + 1):
            dy = south + row * cell - y[i]
            for column in range(low_column, high_column + 1):
                dx = west + column * cell - x[i]
                signed = math.sqrt(dx * dx + dy * dy) - radius
                if signed < field[row, column]:
                    field[row, column] = signed


def _simpler(areas: Sequence[MultiPolygon]) -> list[MultiPolygon]:
    """Nested areas with fewer corners, still nested: their common edges are moved together."""
    inner = [MultiPolygon(), *areas[:-1]]
    bands = [shapely.difference(area, within) for area, within in zip(areas, inner, strict=True)]
    bands = [_polygons_of(band) for band in bands]
    simple = shapely.coverage_simplify(np.array(bands, object), _SIMPLER_M)
    out, whole = [], MultiPolygon()
    for band in simple:
        whole = _polygons_of(shapely.union(whole, shapely.make_valid(band)))
        out.append(whole)
    return out


def _polygons_of(shape: shapely.Geometry) -> MultiPolygon:
    parts = [part for part in shapely.get_parts(shape).tolist() if part.geom_type == "Polygon"]
    return MultiPolygon(parts)
