"""Finds the places on roads where a fix may have been taken: near, permitted, several per winding road."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import CLOSED_MS, GATE, ROUNDABOUT, Bytes, Floats, Ints, Longs, NetworkArrays
from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS
from routing.grid import Frame
from routing.metric import metres_per_degree


class Ground(NamedTuple):
    """What matching needs of a network under one profile, with the names of `NetworkArrays`.

    Times are the profile's base times: a track tells of a day of its own, with its own closures. `forward`,
    `backward` (E,) milliseconds; `turnable` (E,) 1 where a vehicle may turn round between two junctions;
    `arc_cost` (A,) as in `cost`, FAR where closed or banned; `arc_tail` (A,); `ref_head` (2E,) the node that
    a road leads to in the direction of the ref.
    """

    west: float
    south: float
    width: float
    height: float
    columns: int
    rows: int
    grid_first: Ints
    grid_segment: Ints
    shape_first: Ints
    shape_lon: Floats
    shape_lat: Floats
    shape_mm: Ints
    segment_edge: Ints
    edge_mm: Ints
    edge_class: Bytes
    forward: Ints
    backward: Ints
    turnable: Bytes
    out_first: Ints
    out_head: Ints
    out_ref: Ints
    arc_cost: Longs
    arc_tail: Ints
    ref_first: Ints
    ref_arc: Ints
    ref_head: Ints


class States(NamedTuple):
    """Places a vehicle may have been at, with the direction it drove in; those of station i are rows
    `first[i]`..`first[i+1]`.

    `ref` edge times two, plus one if driven against the edge; `along` millimetres from where the road begins
    in that direction; `metres` from the fix; `lon`, `lat`.
    """

    first: Longs  # (S+1,)
    ref: Ints
    along: Floats
    metres: Floats
    lon: Floats
    lat: Floats


def ground_of(arrays: NetworkArrays, frame: Frame, row: int) -> Ground:
    """The ground for the profile in row `row` of the store."""
    a = arrays
    forward, backward = a.edge_ms_forward[row], a.edge_ms_backward[row]
    both = (forward != CLOSED_MS) & (backward != CLOSED_MS)
    turnable = both & ((a.edge_flags & (ROUNDABOUT | GATE)) == 0)
    ms = np.where(a.out_ref & 1, backward[a.out_ref >> 1], forward[a.out_ref >> 1]).astype(np.int64)
    open_ = (ms != CLOSED_MS) & ((a.out_banned >> row) & 1 == 0)
    cost = np.where(open_, (ms << LENGTH_BITS) + a.edge_mm[a.out_ref >> 1], FAR)
    carried = a.ref_first[1:] > a.ref_first[:-1]
    head = np.full(len(carried), -1, np.int32)
    head[carried] = a.out_head[a.ref_arc[a.ref_first[:-1][carried]]]
    nodes = np.arange(len(a.out_first) - 1, dtype=np.int32)
    return Ground(
        *frame, a.grid_first, a.grid_segment, a.shape_first, a.shape_lon, a.shape_lat, a.shape_mm,
        a.segment_edge, a.edge_mm, a.edge_class, forward, backward, turnable.astype(np.uint8), a.out_first,
        a.out_head, a.out_ref, cost, np.repeat(nodes, np.diff(a.out_first)), a.ref_first, a.ref_arc, head,
    )  # fmt: skip


@compiled
def foot(g: Ground, s: int, x: float, y: float, per_lon: float, per_lat: float) -> tuple[float, float]:
    """Squared metres from (x, y) to segment s, and where on it (0..1) the nearest place lies."""
    ax, ay = (g.shape_lon[s] - x) * per_lon, (g.shape_lat[s] - y) * per_lat
    dx, dy = (
        (g.shape_lon[s + 1] - g.shape_lon[s]) * per_lon,
        (g.shape_lat[s + 1] - g.shape_lat[s]) * per_lat,
    )
    square = dx * dx + dy * dy
    t = 0.0
    if square > 0.0:
        t = min(max(-(ax * dx + ay * dy) / square, 0.0), 1.0)
    px, py = ax + t * dx, ay + t * dy
    return px * px + py * py, t


@compiled
def cell_range(g: Ground, x: float, y: float, reach_x: float, reach_y: float) -> tuple[int, int, int, int]:
    """First and last column and row of the cells within reach (degrees); an empty range when none is."""
    return (
        max(math.floor((x - reach_x - g.west) / g.width), 0),
        min(math.floor((x + reach_x - g.west) / g.width), g.columns - 1),
        max(math.floor((y - reach_y - g.south) / g.height), 0),
        min(math.floor((y + reach_y - g.south) / g.height), g.rows - 1),
    )


# The loops below stand for np.unique, np.argsort and np.concatenate, each of which takes a second to compile.


@compiled
def sorted_once(values: Ints, count: int) -> int:
    """Sort the first `count` values in place and drop repetitions; returns how many remain (Shell sort)."""
    gap = 1
    while gap < count:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            value, k = values[i], i
            while k >= gap and values[k - gap] > value:
                values[k] = values[k - gap]
                k -= gap
            values[k] = value
        gap //= 3
    kept = min(count, 1)
    for i in range(1, count):
        if values[i] != values[kept - 1]:
            values[kept] = values[i]
            kept += 1
    return kept


@compiled
def longer(values: Ints) -> Ints:
    """The same values with room for as many again."""
    out = np.empty(2 * len(values), np.int32)
    for i in range(len(values)):
        out[i] = values[i]
    return out


@compiled
def longer_rows(rows: Floats) -> Floats:
    """The same rows (n, 4) with room for as many again."""
    out = np.empty((2 * rows.shape[0], 4), np.float64)
    for i in range(rows.shape[0]):
        for k in range(4):
            out[i, k] = rows[i, k]
    return out


@compiled
def _segments_within(g: Ground, x: float, y: float, radius: float) -> tuple[Ints, int]:
    """Segments of permitted roads within `radius` metres, ascending, and how many they are."""
    per_lon, per_lat = metres_per_degree(y)
    left, right, low, high = cell_range(g, x, y, radius / per_lon, radius / per_lat)
    found = np.empty(64, np.int32)
    count = 0
    for row in range(low, high + 1):
        for column in range(left, right + 1):
            cell = row * g.columns + column
            for i in range(g.grid_first[cell], g.grid_first[cell + 1]):
                s = g.grid_segment[i]
                square, _ = foot(g, s, x, y, per_lon, per_lat)
                e = g.segment_edge[s]
                if square > radius * radius or (g.forward[e] == CLOSED_MS and g.backward[e] == CLOSED_MS):
                    continue
                if count == len(found):
                    found = longer(found)
                found[count] = s
                count += 1
    return found, sorted_once(found, count)  # a segment may lie in several cells


@compiled
def _places_near(g: Ground, x: float, y: float, radius: float, most: int, places: Floats) -> int:
    """Fill in the `most` nearest places (squared metres, segment, part of it, free), nearest first; returns
    how many.

    Along each road the distance must have a minimum there: a hairpin has one on each of its arms.
    """
    found, number = _segments_within(g, x, y, radius)
    per_lon, per_lat = metres_per_degree(y)
    count = 0
    before, square, part = np.inf, np.inf, 0.0
    if number > 0:
        square, part = foot(g, found[0], x, y, per_lon, per_lat)
    for k in range(number):
        s = found[k]
        after, after_part = np.inf, 0.0
        if k + 1 < number:
            after, after_part = foot(g, found[k + 1], x, y, per_lon, per_lat)
        joins = k + 1 < number and found[k + 1] == s + 1 and g.segment_edge[s + 1] == g.segment_edge[s]
        if square < before and not (joins and after < square):
            place = count
            if count < most:
                count += 1
            while place > 0 and places[place - 1, 0] > square:
                place -= 1
                if place + 1 < most:
                    for column in range(3):
                        places[place + 1, column] = places[place, column]
            if place < most:
                places[place, 0], places[place, 1], places[place, 2] = square, s, part
        before = square if joins else np.inf
        square, part = after, after_part
    return count


@compiled
def states_of(g: Ground, lon: Floats, lat: Floats, radius: Floats, most: int) -> States:
    """The states of all stations: those within `radius` metres (S,), at most `most` places each, in every
    direction that is permitted there."""
    stations = len(lon)
    first = np.zeros(stations + 1, np.int64)
    ref, rows = np.empty(8 * stations + 8, np.int32), np.empty((8 * stations + 8, 4), np.float64)
    places = np.empty((most, 4), np.float64)
    total = 0
    for i in range(stations):
        for n in range(_places_near(g, lon[i], lat[i], radius[i], most, places)):
            s, part = int(places[n, 1]), places[n, 2]
            e = g.segment_edge[s]
            along = g.shape_mm[s] + part * (g.shape_mm[s + 1] - g.shape_mm[s])
            for against in range(2):
                if (g.backward[e] if against else g.forward[e]) == CLOSED_MS:
                    continue
                if total == len(ref):
                    ref, rows = longer(ref), longer_rows(rows)
                ref[total] = 2 * e + against
                rows[total, 0] = g.edge_mm[e] - along if against else along
                rows[total, 1] = math.sqrt(places[n, 0])
                rows[total, 2] = g.shape_lon[s] + part * (g.shape_lon[s + 1] - g.shape_lon[s])
                rows[total, 3] = g.shape_lat[s] + part * (g.shape_lat[s + 1] - g.shape_lat[s])
                total += 1
        first[i + 1] = total
    columns = np.empty((4, total), np.float64)
    for n in range(total):
        for k in range(4):
            columns[k, n] = rows[n, k]
    return States(first, ref[:total], columns[0], columns[1], columns[2], columns[3])
