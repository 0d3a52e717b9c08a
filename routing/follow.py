"""Puts the latest fix of each vehicle on a road: by distance, heading and where the vehicle was before.

For the live feed: one pass over all units of a moment, a few microseconds each. A finished track is matched
better by `match`, which also looks at what came after.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing.arrays import CLOSED_MS, Bytes, Floats, Ints, Longs
from routing.candidates import Ground, cell_range, foot
from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS
from routing.metric import metres_per_degree

Mask = NDArray[np.bool_]

UNKNOWN = 2  # the direction of a vehicle that has not moved yet

_PLACES = 12  # roads looked at per fix
_NODES = 24  # junctions looked at from the last place on
_USUAL_SIGMA_M = 8.0
_MAP_SIGMA_M = 4.0
_RADIUS_SIGMAS = 1.51
_HEADING_DEG = 25.0  # spread of a telephone's heading while driving
_DRIVING_MS = 2.5  # below this speed a heading means nothing
_LONGEST_S = 90.0  # after such a silence the last place says nothing
_LEAST_BETA_M, _BETA_SHARE = 8.0, 0.3
_NO_WAY = 8.0  # what a road costs that was not found from the last place
_TURN_M = 40.0  # turning round costs as much as this detour
_DECIDED = 0.7  # by so much a direction must be likelier than the other


class Fixes(NamedTuple):
    """The latest fix of each of n units: degrees; `accuracy_m`, `heading_deg` (from north, clockwise) and
    `speed_ms` NaN where unknown; `seconds` since the fix before it, infinite when there was none."""

    lon: Floats
    lat: Floats
    accuracy_m: Floats
    heading_deg: Floats
    speed_ms: Floats
    seconds: Floats


class Followed(NamedTuple):
    """Where each of n units is: `edge` (-1: on no road known), `fraction` from its first node, `against` 0
    along the edge, 1 against it, UNKNOWN; `lon`, `lat`, and `metres` from the fix."""

    edge: Ints
    fraction: Floats
    against: Bytes
    lon: Floats
    lat: Floats
    metres: Floats


def nowhere(count: int) -> Followed:
    """What is known of n units before their first fix."""
    unknown = np.full((4, count), np.nan)
    return Followed(np.full(count, -1, np.int32), unknown[0], np.full(count, UNKNOWN, np.uint8), *unknown[1:])


def follow(ground: Ground, before: Followed, fixes: Fixes) -> Followed:
    """Where n units are now, given where they were; row i of both is the same unit. Nothing is refused: a fix
    that is no place, or far from every road, has the edge -1."""
    return _follow(ground, before, fixes)


@compiled
def _follow(g: Ground, before: Followed, fixes: Fixes) -> Followed:
    count = len(fixes.lon)
    out = Followed(
        np.full(count, -1, np.int32), np.full(count, np.nan), np.full(count, UNKNOWN, np.uint8),
        np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan),
    )  # fmt: skip
    place, square, part = np.empty(_PLACES, np.int64), np.empty(_PLACES), np.empty(_PLACES)
    node, cost, settled = np.empty(_NODES, np.int64), np.empty(_NODES), np.empty(_NODES, np.bool_)
    for i in range(count):
        x, y = fixes.lon[i], fixes.lat[i]
        if not (abs(x) <= 180.0 and abs(y) <= 90.0):
            continue
        sigma = fixes.accuracy_m[i] / _RADIUS_SIGMAS
        sigma = math.hypot(sigma if sigma > 0 else _USUAL_SIGMA_M, _MAP_SIGMA_M)
        found = _roads_near(g, x, y, min(max(3.5 * sigma + 10, 30.0), 150.0), place, square, part)
        if found == 0:
            continue
        known = before.edge[i] >= 0 and fixes.seconds[i] <= _LONGEST_S
        straight, nodes = 0.0, 0
        if known:
            per_lon, per_lat = metres_per_degree(y)
            straight = math.hypot((x - before.lon[i]) * per_lon, (y - before.lat[i]) * per_lat)
            nodes = _nodes_ahead(g, before, i, 2 * straight + 3 * sigma, node, cost, settled)
        _choose(
            g, before, fixes, i, sigma, known, straight, found, place, square, part, nodes, node, cost, out
        )
    return out


@compiled
def _roads_near(
    g: Ground, x: float, y: float, radius: float, place: Longs, square: Floats, part: Floats
) -> int:
    """Fill in the nearest segment of each road within `radius` metres, at most _PLACES; returns how many."""
    per_lon, per_lat = metres_per_degree(y)
    left, right, low, high = cell_range(g, x, y, radius / per_lon, radius / per_lat)
    count = 0
    for row in range(low, high + 1):
        for column in range(left, right + 1):
            cell = row * g.columns + column
            for k in range(g.grid_first[cell], g.grid_first[cell + 1]):
                s = g.grid_segment[k]
                squared, t = foot(g, s, x, y, per_lon, per_lat)
                if squared > radius * radius:
                    continue
                e = g.segment_edge[s]
                if g.forward[e] == CLOSED_MS and g.backward[e] == CLOSED_MS:
                    continue
                # the row of this road, a free one, or that of the farthest
                n = 0
                while n < count and g.segment_edge[place[n]] != e:
                    n += 1
                if n == count and count < _PLACES:
                    count += 1
                elif n == count:
                    n = int(np.argmax(square))
                    if square[n] <= squared:
                        continue
                elif square[n] <= squared:
                    continue
                place[n], square[n], part[n] = s, squared, t
    return count


@compiled
def _nodes_ahead(
    g: Ground, before: Followed, i: int, most_m: float, node: Longs, cost: Floats, settled: Mask
) -> int:
    """Fill in the junctions nearest by road from where unit i was, up to `most_m`; returns how many."""
    edge, count = before.edge[i], 0
    along = before.fraction[i] * g.edge_mm[edge] / 1000
    for against in range(2):
        ref = 2 * edge + against
        if (g.backward[edge] if against else g.forward[edge]) == CLOSED_MS:
            continue
        node[count] = g.ref_head[ref]
        cost[count] = along if against else g.edge_mm[edge] / 1000 - along
        if before.against[i] == 1 - against:
            cost[count] += _TURN_M
        settled[count] = False
        count += 1
    while True:
        nearest = -1
        for n in range(count):
            if not settled[n] and (nearest < 0 or cost[n] < cost[nearest]):
                nearest = n
        if nearest < 0 or count == _NODES or cost[nearest] > most_m:
            return count
        settled[nearest] = True
        for arc in range(g.out_first[node[nearest]], g.out_first[node[nearest] + 1]):
            if g.arc_cost[arc] >= FAR:
                continue
            total = cost[nearest] + (g.arc_cost[arc] & ((1 << LENGTH_BITS) - 1)) / 1000
            n = 0
            while n < count and node[n] != g.out_head[arc]:
                n += 1
            if n < count:
                cost[n] = min(cost[n], total)
            elif count < _NODES:
                node[count], cost[count], settled[count] = g.out_head[arc], total, False
                count += 1


@compiled
def _road_metres(
    g: Ground, before: Followed, i: int, ref: int, along: float, nodes: int, node: Longs, cost: Floats
) -> float:
    """Metres of road from where unit i was to `along` metres on `ref`; infinite when no way was found."""
    edge = ref >> 1
    best = np.inf
    if before.edge[i] == edge:
        was = before.fraction[i] * g.edge_mm[edge] / 1000
        ahead = along - (g.edge_mm[edge] / 1000 - was if ref & 1 else was)
        best = (
            ahead if ahead >= 0 else -2 * ahead
        )  # a little backwards is jitter, much is the other direction
        if before.against[i] == 1 - (ref & 1):
            best += _TURN_M
    for k in range(g.ref_first[ref], g.ref_first[ref + 1]):
        arc = g.ref_arc[k]
        if g.arc_cost[arc] < FAR:
            for n in range(nodes):
                if node[n] == g.arc_tail[arc]:
                    best = min(best, cost[n] + along)
    return best


@compiled
def _heading_cost(g: Ground, s: int, against: int, heading: float, per_lon: float, per_lat: float) -> float:
    """What it costs that a vehicle with this heading drives along segment s."""
    dx, dy = (
        (g.shape_lon[s + 1] - g.shape_lon[s]) * per_lon,
        (g.shape_lat[s + 1] - g.shape_lat[s]) * per_lat,
    )
    bearing = math.degrees(math.atan2(dx, dy)) + 180.0 * against
    off = abs((heading - bearing + 180.0) % 360.0 - 180.0) / _HEADING_DEG
    return min(0.5 * off * off, 6.0)


@compiled
def _choose(
    g: Ground, before: Followed, fixes: Fixes, i: int, sigma: float, known: bool, straight: float,
    found: int, place: Longs, square: Floats, part: Floats, nodes: int, node: Longs, cost: Floats,
    out: Followed,
) -> None:  # fmt: skip
    """Fill in row i of `out`: the likeliest of the roads found, and the direction driven in."""
    per_lon, per_lat = metres_per_degree(fixes.lat[i])
    driving = fixes.speed_ms[i] >= _DRIVING_MS and abs(fixes.heading_deg[i]) <= 360.0
    least, other, chosen, against = np.inf, np.inf, -1, 0
    for n in range(found):
        s = place[n]
        e = g.segment_edge[s]
        z = math.sqrt(square[n]) / sigma
        far = 0.5 * z * z
        along = (g.shape_mm[s] + part[n] * (g.shape_mm[s + 1] - g.shape_mm[s])) / 1000
        for d in range(2):
            if (g.backward[e] if d else g.forward[e]) == CLOSED_MS:
                continue
            total = far
            if driving:
                total += _heading_cost(g, s, d, fixes.heading_deg[i], per_lon, per_lat)
            if known:
                position = g.edge_mm[e] / 1000 - along if d else along
                metres = _road_metres(g, before, i, 2 * e + d, position, nodes, node, cost)
                beta = _LEAST_BETA_M + _BETA_SHARE * straight
                total += min(abs(metres - straight) / beta, _NO_WAY)
            if chosen == n:  # the other direction of the best road so far
                other = max(total, least)
            if total < least:
                other = least if chosen == n else np.inf
                least, chosen, against = total, n, d
    s = place[chosen]
    e = g.segment_edge[s]
    along = g.shape_mm[s] + part[chosen] * (g.shape_mm[s + 1] - g.shape_mm[s])
    out.edge[i] = e
    out.fraction[i] = along / max(g.edge_mm[e], 1)
    out.against[i] = against if other - least > _DECIDED else UNKNOWN
    out.lon[i] = g.shape_lon[s] + part[chosen] * (g.shape_lon[s + 1] - g.shape_lon[s])
    out.lat[i] = g.shape_lat[s] + part[chosen] * (g.shape_lat[s + 1] - g.shape_lat[s])
    out.metres[i] = math.sqrt(square[chosen])
