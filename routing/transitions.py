"""How a vehicle may get from one possible place to the next: bounded searches, and how likely each way is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import Bytes, Floats, Ints, Longs
from routing.candidates import Ground, States, longer
from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS
from routing.metric import metres_per_degree

LENGTH_MASK = (1 << LENGTH_BITS) - 1
IMPOSSIBLE = -np.inf

# How a vehicle got from one place to the next.
STAYED = 0  # on the same road, not forward: the fixes jitter
AHEAD = 1  # along the same road
ROUTED = 2  # over junctions
TURNED = 4  # after turning round in the road: added to one of the others


class Chances(NamedTuple):
    """What the matcher believes about fixes and driving; metres, seconds, natural logarithms.

    Emission: a Gaussian of the station's sigma up to `tail` sigmas, then a straight line: a fix that is
    far off costs much, but not everything. Transition: exponential in |road - straight| metres with mean
    `beta_m` + `beta_share` x straight. Driving faster than the profile's times costs `haste` per unit of the
    ratio above `haste_from`; above `fastest_ms` it is impossible. Turning round in the road costs `turn`.
    `slip_sigma` sigmas backwards on the same road are jitter.
    """

    tail: float
    beta_m: float
    beta_share: float
    haste: float
    haste_from: float
    fastest_ms: float
    turn: float
    slip_sigma: float


class Stations(NamedTuple):
    """Fixes at nearly one place, taken together: middle `lon`, `lat`; `sigma` metres along each axis; first,
    mean and last time of theirs in milliseconds; each (S,)."""

    lon: Floats
    lat: Floats
    sigma: Floats
    first_at: Longs
    mean_at: Floats
    last_at: Longs


class Scratch(NamedTuple):
    """What searches write on; clean between searches."""

    dist: Longs  # (N,) FAR
    parent: Ints  # (N,) the arc a node was reached by, -1
    slot: Ints  # (N,) position among the nodes searched for, -1
    row: Ints  # (N,) position among the nodes searched from, -1
    touched: Ints  # (N,)


def scratch_for(nodes: int) -> Scratch:
    """Clean scratch for a graph of so many nodes; for one thread at a time."""
    return Scratch(
        np.full(nodes, FAR, np.int64), np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32),
        np.full(nodes, -1, np.int32), np.empty(nodes, np.int32),
    )  # fmt: skip


@compiled
def longer_keys(values: Longs) -> Longs:
    """The same values with room for as many again."""
    out = np.empty(2 * len(values), np.int64)
    for i in range(len(values)):
        out[i] = values[i]
    return out


@compiled
def _push(key: Longs, node: Ints, size: int, cost: int, place: int) -> int:
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if key[above] <= cost:
            break
        key[i], node[i] = key[above], node[above]
        i = above
    key[i], node[i] = cost, place
    return size + 1


@compiled
def _drop(key: Longs, node: Ints, size: int) -> int:
    """Take the least entry off; returns the new size."""
    size -= 1
    cost, place = key[size], node[size]
    i = 0
    while True:
        below = 2 * i + 1
        if below >= size:
            break
        if below + 1 < size and key[below + 1] < key[below]:
            below += 1
        if key[below] >= cost:
            break
        key[i], node[i] = key[below], node[below]
        i = below
    key[i], node[i] = cost, place
    return size


@compiled
def spread(g: Ground, w: Scratch, start: int, wanted: int, most_ms: int, most_mm: int) -> int:
    """Dijkstra from node `start` until `wanted` nodes with a slot are settled or the bounds are passed.

    Leaves costs in `w.dist` and arcs in `w.parent`; returns how many nodes it touched, for `clean`.
    """
    key, node = np.empty(128, np.int64), np.empty(128, np.int32)
    w.dist[start] = 0
    w.touched[0] = start
    count = 1
    size = _push(key, node, 0, 0, start)
    while size > 0:
        cost, place = key[0], node[0]
        size = _drop(key, node, size)
        if cost > w.dist[place]:
            continue
        if w.slot[place] >= 0:
            wanted -= 1
            if wanted == 0:
                break
        for arc in range(g.out_first[place], g.out_first[place + 1]):
            total = cost + g.arc_cost[arc]
            head = g.out_head[arc]
            if total >= w.dist[head] or total >> LENGTH_BITS > most_ms or total & LENGTH_MASK > most_mm:
                continue
            if w.dist[head] == FAR:
                w.touched[count] = head
                count += 1
            w.dist[head] = total
            w.parent[head] = arc
            if size == len(node):
                key, node = longer_keys(key), longer(node)
            size = _push(key, node, size, total, head)
    return count


@compiled
def clean(w: Scratch, count: int) -> None:
    for i in range(count):
        w.dist[w.touched[i]] = FAR
        w.parent[w.touched[i]] = -1


@compiled
def _tails(g: Ground, states: States, i: int, w: Scratch) -> Ints:
    """The nodes from which the roads of station i are entered; their slots are set."""
    nodes = np.empty(16, np.int32)
    count = 0
    for s in range(states.first[i], states.first[i + 1]):
        ref = states.ref[s]
        for k in range(g.ref_first[ref], g.ref_first[ref + 1]):
            arc = g.ref_arc[k]
            tail = g.arc_tail[arc]
            if g.arc_cost[arc] >= FAR or w.slot[tail] >= 0:
                continue
            if count == len(nodes):
                nodes = longer(nodes)
            nodes[count] = tail
            w.slot[tail] = count
            count += 1
    return nodes[:count]


@compiled
def _heads(g: Ground, states: States, i: int, alive: Bytes, w: Scratch) -> Ints:
    """The nodes by which the roads of station i can be left, in either direction where one may turn; their
    rows are set."""
    nodes = np.empty(2 * (states.first[i + 1] - states.first[i]), np.int32)
    count = 0
    for s in range(states.first[i], states.first[i + 1]):
        if not alive[s - states.first[i]]:
            continue
        ref = states.ref[s]
        for turned in range(1 + g.turnable[ref >> 1]):
            node = g.ref_head[ref ^ turned]
            if w.row[node] < 0:
                w.row[node] = count
                nodes[count] = node
                count += 1
    return nodes[:count]


@compiled
def _apart(states: States, s: int, t: int, per_lon: float, per_lat: float) -> float:
    """Metres between two states, as the crow flies."""
    return math.hypot((states.lon[t] - states.lon[s]) * per_lon, (states.lat[t] - states.lat[s]) * per_lat)


@compiled
def straight_metres(stations: Stations, i: int, j: int) -> float:
    """Metres between the middles of two stations, as the crow flies."""
    per_lon, per_lat = metres_per_degree((stations.lat[i] + stations.lat[j]) / 2)
    return math.hypot(
        (stations.lon[j] - stations.lon[i]) * per_lon, (stations.lat[j] - stations.lat[i]) * per_lat
    )


@compiled
def _bounds(stations: Stations, i: int, j: int, chances: Chances) -> tuple[int, int]:
    """The most milliseconds (of the profile's) and millimetres a way from station i to j is searched for."""
    straight = straight_metres(stations, i, j)
    seconds = max((stations.mean_at[j] - stations.mean_at[i]) / 1000, 0.5)
    jitter = 4 * max(stations.sigma[i], stations.sigma[j])
    metres = min(3 * straight + 300 + jitter, chances.fastest_ms * seconds + jitter + 50)
    return int(1000 * (5 * seconds + 60)), int(1000 * metres)


@compiled
def way(
    g: Ground, ref: int, along: float, to: int, to_along: float, slip_mm: float, table: Longs,
    w: Scratch,
) -> tuple[int, float, float, int]:  # fmt: skip
    """The way from a place on `ref` to one on `to` without turning round: how, millimetres, milliseconds, and
    the node by which the last road is entered (-1: none). Millimetres are infinite when there is none.

    `table` holds costs from the junctions with a row to those with a slot.
    """
    edge = ref >> 1
    ms = float(g.backward[edge] if ref & 1 else g.forward[edge])
    length = max(float(g.edge_mm[edge]), 1.0)
    if ref == to:
        ahead = to_along - along
        if ahead >= 0:
            return AHEAD, ahead, ms * ahead / length, -1
        if -ahead <= slip_mm:
            return STAYED, 0.0, 0.0, -1
    row = w.row[g.ref_head[ref]]
    best, entry = FAR, -1
    if row >= 0:
        for k in range(g.ref_first[to], g.ref_first[to + 1]):
            arc = g.ref_arc[k]
            tail = g.arc_tail[arc]
            if g.arc_cost[arc] < FAR and table[row, w.slot[tail]] < best:
                best, entry = table[row, w.slot[tail]], tail
    if entry < 0:
        return ROUTED, np.inf, np.inf, -1
    last = to >> 1
    last_ms = float(g.backward[last] if to & 1 else g.forward[last])
    rest = length - along
    return (
        ROUTED,
        rest + (best & LENGTH_MASK) + to_along,
        ms * rest / length + (best >> LENGTH_BITS) + last_ms * to_along / max(float(g.edge_mm[last]), 1.0),
        entry,
    )


@compiled
def _chance(metres: float, straight: float, ms: float, seconds: float, sigma: float, c: Chances) -> float:
    """The log chance of having driven so far on the road, between fixes so far apart, in that time."""
    beyond_jitter = max(metres - 2 * sigma, 0.0)
    if beyond_jitter > c.fastest_ms * seconds:
        return IMPOSSIBLE
    chance = -abs(metres - straight) / (c.beta_m + c.beta_share * straight)
    if metres > 0:
        chance -= c.haste * max(ms / 1000 * (beyond_jitter / metres) / seconds - c.haste_from, 0.0)
    return chance


@compiled
def best_way(
    g: Ground, ref: int, along: float, to: int, to_along: float, straight: float, seconds: float,
    sigma: float, table: Longs, w: Scratch, c: Chances,
) -> tuple[float, int, int]:  # fmt: skip
    """The likeliest way between two places: its log chance, how, and the node by which `to` is entered."""
    slip_mm = 1000 * c.slip_sigma * sigma
    how, mm, ms, entry = way(g, ref, along, to, to_along, slip_mm, table, w)
    chance = _chance(mm / 1000, straight, ms, seconds, sigma, c)
    if g.turnable[ref >> 1]:
        back = g.edge_mm[ref >> 1] - along
        turned, mm, ms, way_in = way(g, ref ^ 1, back, to, to_along, slip_mm, table, w)
        other = _chance(mm / 1000, straight, ms, seconds, sigma, c) - c.turn
        if other > chance:
            return other, turned + TURNED, way_in
    return chance, how, entry


@compiled
def _table(g: Ground, heads: Ints, tails: Ints, most_ms: int, most_mm: int, w: Scratch) -> Longs:
    """Costs from each of `heads` to each of `tails`, FAR beyond the bounds."""
    table = np.empty((len(heads), max(len(tails), 1)), np.int64)
    table[:] = FAR
    if len(tails) == 0:
        return table
    for row in range(len(heads)):
        count = spread(g, w, heads[row], len(tails), most_ms, most_mm)
        for column in range(len(tails)):
            table[row, column] = w.dist[tails[column]]
        clean(w, count)
    return table


@compiled
def _forget(tails: Ints, heads: Ints, w: Scratch) -> None:
    for tail in tails:
        w.slot[tail] = -1
    for head in heads:
        w.row[head] = -1


@compiled
def link(
    g: Ground, states: States, stations: Stations, i: int, j: int, alive: Bytes, c: Chances, w: Scratch
) -> Floats:
    """Log chances (states of i, states of j) of driving from station i to station j; -inf where impossible or
    not `alive` (states of i)."""
    tails = _tails(g, states, j, w)
    heads = _heads(g, states, i, alive, w)
    most_ms, most_mm = _bounds(stations, i, j, c)
    table = _table(g, heads, tails, most_ms, most_mm, w)
    per_lon, per_lat = metres_per_degree(stations.lat[i])
    seconds = max((stations.mean_at[j] - stations.mean_at[i]) / 1000, 0.5)
    sigma = max(stations.sigma[i], stations.sigma[j])
    a, b = states.first[i], states.first[j]
    chances = np.full((states.first[i + 1] - a, states.first[j + 1] - b), IMPOSSIBLE)
    for s in range(chances.shape[0]):
        if alive[s]:
            for t in range(chances.shape[1]):
                straight = _apart(states, a + s, b + t, per_lon, per_lat)
                chances[s, t], _, _ = best_way(
                    g, states.ref[a + s], states.along[a + s], states.ref[b + t], states.along[b + t],
                    straight, seconds, sigma, table, w, c,
                )  # fmt: skip
    _forget(tails, heads, w)
    return chances


@compiled
def retrace(
    g: Ground, states: States, stations: Stations, i: int, j: int, s: int, t: int, c: Chances, w: Scratch
) -> tuple[int, Ints]:
    """How the vehicle got from state s of station i to state t of station j, and the refs between."""
    tails = _tails(g, states, j, w)
    alive = np.zeros(states.first[i + 1] - states.first[i], np.uint8)
    alive[s - states.first[i]] = 1
    heads = _heads(g, states, i, alive, w)
    most_ms, most_mm = _bounds(stations, i, j, c)
    table = _table(g, heads, tails, most_ms, most_mm, w)
    per_lon, per_lat = metres_per_degree(stations.lat[i])
    seconds = max((stations.mean_at[j] - stations.mean_at[i]) / 1000, 0.5)
    sigma = max(stations.sigma[i], stations.sigma[j])
    straight = _apart(states, s, t, per_lon, per_lat)
    _, how, entry = best_way(
        g, states.ref[s], states.along[s], states.ref[t], states.along[t], straight, seconds, sigma, table,
        w, c,
    )  # fmt: skip
    refs = np.empty(0, np.int32)
    if entry >= 0:
        ref = states.ref[s] ^ 1 if how & TURNED else states.ref[s]
        count = spread(g, w, g.ref_head[ref], len(tails), most_ms, most_mm)
        arcs = 0
        place = entry
        while w.parent[place] >= 0:
            arcs += 1
            place = g.arc_tail[w.parent[place]]
        refs = np.empty(arcs, np.int32)
        place = entry
        while w.parent[place] >= 0:
            arcs -= 1
            refs[arcs] = g.out_ref[w.parent[place]]
            place = g.arc_tail[w.parent[place]]
        clean(w, count)
    _forget(tails, heads, w)
    return how, refs
