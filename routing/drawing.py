"""Finds the stretches of road that a drawn point, line or area hits."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon

from routing import grid
from routing.arrays import Floats, Ints, NetworkArrays
from routing.compiled import compiled
from routing.errors import BadChange
from routing.grid import Frame
from routing.live import RoadChange, Stretches
from routing.metric import Box, checked_points, metres_per_degree

# A drawn point or line belongs to a road at most this far away.
REACH_M = 30.0
# A point hits so much of its road to either side.
POINT_M = 15.0
# A drawn line is followed in steps of this length, and a road it follows runs with it within this angle. A
# road that it only brushes, for less than this length, is not followed.
_STEP_M = 5.0
_WITHIN_DEGREES = 35.0
_BRUSH_M = 20.0
_MOST_STEPS = 200_000


class Hit(NamedTuple):
    """The stretches a drawing hits, both directions where both are meant, and the metres of a drawn line that
    no road follows."""

    stretches: Stretches
    off_road_m: float


def locate(change: RoadChange, arrays: NetworkArrays, frame: Frame, box: Box) -> Hit:
    """What `change` hits; raises BadChange when there is no road there, BadPoint for swapped coordinates."""
    checked_points(shapely.get_coordinates(change.geometry), box)
    shape = change.geometry
    if isinstance(shape, Point):
        hit = Hit(_around(shape, arrays, frame), 0.0)
    elif isinstance(shape, LineString | MultiLineString):
        hit = _along(shape, change, arrays, frame)
    else:
        hit = Hit(_inside(shape, arrays, frame), 0.0)
    if len(hit.stretches.ref) == 0:
        at = shapely.get_coordinates(shape)[0].tolist()
        raise BadChange(
            f"tidak ada jalan dalam {REACH_M:.0f} m dari gambar di {at[0]:.6f}, {at[1]:.6f}",
            f"no road within {REACH_M:.0f} m of the drawing at {at[0]:.6f}, {at[1]:.6f}",
            at,
            change.id,
        )
    return hit


def _around(point: Point, a: NetworkArrays, frame: Frame) -> Stretches:
    near = grid.nearest_edges(a, frame, np.array([[point.x, point.y]]), 0xFF)
    if near.metres[0] > REACH_M:
        return _both_ways(np.empty(0, np.int32), np.empty(0), np.empty(0))
    length = max(float(a.edge_mm[near.edge[0]]) / 1000, 1e-3)
    low, high = near.fraction - POINT_M / length, near.fraction + POINT_M / length
    return _both_ways(near.edge, np.maximum(low, 0.0), np.minimum(high, 1.0))


def _both_ways(edge: Ints, low: Floats, high: Floats) -> Stretches:
    ref = np.concatenate([edge * 2, edge * 2 + 1]).astype(np.int32)
    return Stretches(ref, np.tile(low, 2), np.tile(high, 2))


def _inside(area: Polygon | MultiPolygon, a: NetworkArrays, frame: Frame) -> Stretches:
    """The parts of edges in an area; an edge that leaves it and returns is cut into its parts."""
    segment = segments_near(a, frame, area.bounds)
    ends = np.stack([_places(a, segment), _places(a, segment + 1)], axis=1)
    shapely.prepare(area)
    touched = shapely.intersects(shapely.linestrings(ends), area)
    segment, ends = segment[touched], ends[touched]
    shared = shapely.intersection(shapely.linestrings(ends), area)
    parts, owner = shapely.get_parts(shared, return_index=True)
    corners, of_part = shapely.get_coordinates(parts, return_index=True)
    row = owner[of_part]
    along = ends[row, 1] - ends[row, 0]
    square = np.maximum((along**2).sum(axis=1), 1e-30)
    t = np.clip(((corners - ends[row, 0]) * along).sum(axis=1) / square, 0.0, 1.0)
    first = np.searchsorted(of_part, np.arange(len(parts)))
    low, high = np.minimum.reduceat(t, first), np.maximum.reduceat(t, first)
    return _merged(a, segment[owner], low, high)


def _merged(a: NetworkArrays, segment: Ints, low: Floats, high: Floats) -> Stretches:
    """Parts of segments as stretches of edges, both ways; parts that touch are one."""
    edge = a.segment_edge[segment]
    length = np.maximum(a.edge_mm[edge], 1).astype(np.float64)
    begin, size = a.shape_mm[segment], a.shape_mm[segment + 1] - a.shape_mm[segment]
    start, stop = (begin + low * size) / length, (begin + high * size) / length
    order = np.lexsort((start, edge))
    rows: list[tuple[int, float, float]] = []
    for e, lowest, highest in zip(
        edge[order].tolist(), start[order].tolist(), stop[order].tolist(), strict=True
    ):
        if rows and rows[-1][0] == e and lowest <= rows[-1][2] + 1e-9:
            rows[-1] = (e, rows[-1][1], max(rows[-1][2], highest))
        else:
            rows.append((e, lowest, highest))
    rows = [row for row in rows if row[2] > row[1]]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return _both_ways(
        np.array(columns[0], np.int32),
        np.array(columns[1], float),
        np.minimum(np.array(columns[2], float), 1.0),
    )


def segments_near(a: NetworkArrays, frame: Frame, bounds: tuple[float, float, float, float]) -> Ints:
    """The segments in the cells of the grid that a box (west, south, east, north) touches, once each."""
    west, south, east, north = bounds
    columns = np.clip(
        [math.floor((x - frame.west) / frame.width) for x in (west, east)], 0, frame.columns - 1
    )
    rows = np.clip([math.floor((y - frame.south) / frame.height) for y in (south, north)], 0, frame.rows - 1)
    parts = [
        a.grid_segment[
            a.grid_first[row * frame.columns + columns[0]] : a.grid_first[
                row * frame.columns + columns[1] + 1
            ]
        ]
        for row in range(rows[0], rows[1] + 1)
    ]
    return np.unique(np.concatenate(parts))


def _places(a: NetworkArrays, point: Ints) -> Floats:
    return np.column_stack([a.shape_lon[point], a.shape_lat[point]])


def _along(
    line: LineString | MultiLineString, change: RoadChange, a: NetworkArrays, frame: Frame
) -> Hit:  # fmt: skip
    """The stretches a drawn line follows, in the directions that are meant."""
    refs: list[Ints] = []
    lows: list[Floats] = []
    highs: list[Floats] = []
    off_road = 0.0
    for part in shapely.get_parts(line):
        points, heading = _paced(part, change)
        ref, fraction = _follow(
            points, heading, *frame, a.grid_first, a.grid_segment, a.shape_lon, a.shape_lat, a.shape_mm,
            a.segment_edge, a.shape_first,
        )  # fmt: skip
        off_road += float((ref < 0).sum()) * _STEP_M
        for found in _runs(ref, fraction, a.edge_mm):
            refs.append(found[0])
            lows.append(found[1])
            highs.append(found[2])
    if not refs:
        return Hit(Stretches(np.empty(0, np.int32), np.empty(0), np.empty(0)), off_road)
    ref, low, high = np.concatenate(refs), np.concatenate(lows), np.concatenate(highs)
    if change.direction == "against":
        ref = ref ^ 1
    elif change.direction == "both":
        ref, low, high = np.concatenate([ref, ref ^ 1]), np.tile(low, 2), np.tile(high, 2)
    return Hit(Stretches(ref.astype(np.int32), low, high), off_road)


def _paced(line: LineString, change: RoadChange) -> tuple[Floats, Floats]:
    """Places every few metres along a line (n, 2), and the direction there (n, 2) in metres, length one."""
    corners = shapely.get_coordinates(line)
    scale = np.array(metres_per_degree(float(corners[:, 1].mean())))
    flat = LineString(corners * scale)
    steps = max(int(flat.length / _STEP_M), 1)
    if steps > _MOST_STEPS:
        km = round(flat.length / 1000)
        raise BadChange(f"garis {km} km terlalu panjang", f"a line of {km} km is too long", km, change.id)
    # in the middle of each step: a line that ends on a junction should not hit the crossing road
    at = (np.arange(steps) + 0.5) * (flat.length / steps)
    here = shapely.get_coordinates(shapely.line_interpolate_point(flat, at))
    before = shapely.get_coordinates(shapely.line_interpolate_point(flat, np.maximum(at - _STEP_M, 0)))
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(flat, np.minimum(at + _STEP_M, flat.length))
    )
    move = after - before
    return here / scale, move / np.maximum(np.hypot(move[:, 0], move[:, 1]), 1e-9)[:, None]


def _runs(ref: Ints, fraction: Floats, edge_mm: Ints) -> list[tuple[Ints, Floats, Floats]]:
    """The stretch of each edge that the steps cover, without edges the line only brushes."""
    found = []
    for one in np.unique(ref[ref >= 0]).tolist():
        at = fraction[ref == one]
        length = max(float(edge_mm[one >> 1]) / 1000, 1e-3)
        half = _STEP_M / 2 / length
        low, high = max(float(at.min()) - half, 0.0), min(float(at.max()) + half, 1.0)
        if (high - low) * length < min(_BRUSH_M, 0.5 * length):
            continue
        # what is left of an edge at its end is the line's own inaccuracy, not a gap
        low, high = (
            (0.0 if low * length < REACH_M / 2 else low),
            (1.0 if (1 - high) * length < REACH_M / 2 else high),
        )
        found.append((np.array([one], np.int32), np.array([low]), np.array([high])))
    return found


@compiled
def _follow(
    points: Floats, heading: Floats,
    west: float, south: float, width: float, height: float, columns: int, rows: int,
    grid_first: Ints, grid_segment: Ints, lon: Floats, lat: Floats, along_mm: Ints, segment_edge: Ints,
    shape_first: Ints,
) -> tuple[Ints, Floats]:  # fmt: skip
    """For each step (n, 2) the nearest road that runs with it: its ref in the direction of the line, -1 for
    none, and the fraction of the edge."""
    n = len(points)
    ref, fraction = np.full(n, -1, np.int32), np.zeros(n, np.float64)
    least_cosine = math.cos(math.radians(_WITHIN_DEGREES))
    for i in range(n):
        x, y = points[i, 0], points[i, 1]
        per_lon, per_lat = metres_per_degree(y)
        best = REACH_M
        low_column = max(math.floor((x - REACH_M / per_lon - west) / width), 0)
        high_column = min(math.floor((x + REACH_M / per_lon - west) / width), columns - 1)
        low_row = max(math.floor((y - REACH_M / per_lat - south) / height), 0)
        high_row = min(math.floor((y + REACH_M / per_lat - south) / height), rows - 1)
        for row in range(low_row, high_row + 1):
            for column in range(low_column, high_column + 1):
                cell = row * columns + column
                for k in range(grid_first[cell], grid_first[cell + 1]):
                    s = grid_segment[k]
                    ax, ay = (lon[s] - x) * per_lon, (lat[s] - y) * per_lat
                    dx, dy = (lon[s + 1] - lon[s]) * per_lon, (lat[s + 1] - lat[s]) * per_lat
                    length = math.hypot(dx, dy)
                    if length == 0.0:
                        continue
                    cosine = (dx * heading[i, 0] + dy * heading[i, 1]) / length
                    if abs(cosine) < least_cosine:
                        continue
                    t = min(max(-(ax * dx + ay * dy) / (length * length), 0.0), 1.0)
                    metres = math.hypot(ax + t * dx, ay + t * dy)
                    if metres < best:
                        best = metres
                        e = segment_edge[s]
                        total = along_mm[shape_first[e + 1] - 1]
                        place = along_mm[s] + t * (along_mm[s + 1] - along_mm[s])
                        ref[i] = 2 * e + (1 if cosine < 0 else 0)
                        fraction[i] = place / total if total > 0 else 0.0
    return ref, fraction
