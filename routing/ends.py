"""Joins places on edges to the nodes a search runs between: the cost of the partial edge at either end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routing.arrays import CLOSED_MS, Bytes, Floats, Ints, Longs, NetworkArrays
from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS

# A place at fraction f of an edge of w milliseconds lies at rint(w * f) from its first node and at the rest
# from its last. Whatever way an edge is cut, the pieces then add up to the whole to the millisecond; the
# same goes for millimetres, and for what live changes cost more.

SHUT = -1  # in place of milliseconds: nothing gets through


class EdgeTimes(NamedTuple):
    """What one metric makes of the E edges, and how they hang in the graph: all a place on one needs.

    `forward`, `backward` (E,) milliseconds, CLOSED_MS where not permitted. Live changes, none overlapping and
    sorted: `hit_ref` the edge times two, plus one for the direction against it, `hit_low`, `hit_high` from
    and to which fraction of it, and `hit_ms` the milliseconds this costs more than usual, SHUT where closed.
    `bit` is the profile's in `banned`. `copy_origin`, `copy_node` (c,): copies of junctions, sorted by the
    junction they are copies of.
    """

    forward: Ints
    backward: Ints
    hit_ref: Ints
    hit_low: Floats
    hit_high: Floats
    hit_ms: Longs
    bit: int
    mm: Ints
    edge_from: Ints
    edge_to: Ints
    ref_first: Ints
    ref_arc: Ints
    out_first: Ints
    out_head: Ints
    out_ref: Ints
    banned: Bytes
    copy_origin: Ints
    copy_node: Ints


class PlaceEnds(NamedTuple):
    """Ends of places: `node`, `cost` and the place (`owner`) of each, and whether it uses the edge `against`
    its direction (1) or along it (0). An end with cost FAR does not exist."""

    node: Ints
    cost: Longs
    owner: Ints
    against: Bytes


def node_copies(arrays: NetworkArrays) -> tuple[Ints, Ints]:
    """The junctions that have copies, once per copy and sorted, and those copies."""
    copy = np.flatnonzero(arrays.node_origin != np.arange(len(arrays.node_origin), dtype=np.int32))
    origin = arrays.node_origin[copy]
    order = np.argsort(origin, kind="stable")
    return origin[order], copy[order].astype(np.int32)


@compiled
def piece(t: EdgeTimes, ref: int, start: float, stop: float) -> int:
    """The cost of an edge between two fractions, start <= stop, in the direction of the ref; FAR when that is
    not permitted or a closed stretch lies between. A piece of no length costs nothing."""
    ms = t.backward[ref >> 1] if ref & 1 else t.forward[ref >> 1]
    cost = _usual(ms, t.mm[ref >> 1], start, stop)
    if len(t.hit_ref) > 0 and start < stop and cost < FAR:
        return _changed(cost, t.hit_ref, t.hit_low, t.hit_high, t.hit_ms, ref, start, stop)
    return cost


# The loops below take the arrays out of their box first: handing the whole box on, once per place, costs more
# than all the rest.


@compiled
def _usual(ms: int, mm: int, start: float, stop: float) -> int:
    """`piece` without live changes, of an edge of `ms` and `mm`."""
    if start == stop:
        return 0
    if ms == CLOSED_MS:
        return FAR
    time = int(np.rint(ms * stop)) - int(np.rint(ms * start))
    length = int(np.rint(mm * stop)) - int(np.rint(mm * start))
    return (time << LENGTH_BITS) + length


@compiled
def _changed(
    cost: int, hit_ref: Ints, hit_low: Floats, hit_high: Floats, hit_ms: Longs, ref: int, start: float,
    stop: float,
) -> int:  # fmt: skip
    """The cost of a piece with what live changes add to it; FAR when they close the way.

    A place at the rim of a closed stretch can still be driven to from its own side.
    """
    for i in range(np.searchsorted(hit_ref, ref), len(hit_ref)):
        if hit_ref[i] != ref:
            break
        low, high = hit_low[i], hit_high[i]
        if low >= stop or high <= start:
            continue
        if hit_ms[i] == SHUT:
            return FAR
        share = hit_ms[i] / (high - low)
        more = int(np.rint(share * (min(stop, high) - low))) - int(np.rint(share * (max(start, low) - low)))
        cost += more << LENGTH_BITS
    return cost


@compiled
def inside_closed(edge: Ints, fraction: Floats, t: EdgeTimes) -> Bytes:
    """Which places (n,) lie within a stretch that is closed in a direction the profile could drive in."""
    out = np.zeros(len(edge), np.uint8)
    for i in range(len(edge)):
        for ref in (2 * edge[i], 2 * edge[i] + 1):
            permitted = (t.backward[edge[i]] if ref & 1 else t.forward[edge[i]]) != CLOSED_MS
            for k in range(np.searchsorted(t.hit_ref, ref), len(t.hit_ref)):
                if t.hit_ref[k] != ref:
                    break
                within = t.hit_low[k] < fraction[i] < t.hit_high[k]
                if within and permitted and t.hit_ms[k] == SHUT:
                    out[i] = 1
    return out


@compiled
def leaving_ends(edge: Ints, fraction: Floats, extra: Longs, t: EdgeTimes) -> PlaceEnds:
    """From places (n,) to the next nodes: ends 2i along the edge of place i and 2i+1 against it.

    A place exactly on a node is that node, whatever the edge permits, and leaves by any of its roads.
    `extra` (n,) is added to both costs.
    """
    n = len(edge)
    node, cost = np.zeros(2 * n, np.int32), np.full(2 * n, FAR, np.int64)
    owner, against = np.empty(2 * n, np.int32), np.empty(2 * n, np.uint8)
    forward, backward, mm, edge_from, edge_to = t.forward, t.backward, t.mm, t.edge_from, t.edge_to
    ref_first, ref_arc, out_head = t.ref_first, t.ref_arc, t.out_head
    hit_ref, hit_low, hit_high, hit_ms = t.hit_ref, t.hit_low, t.hit_high, t.hit_ms
    changed = len(hit_ref) > 0
    for i in range(n):
        e, f = edge[i], fraction[i]
        for side in range(2):
            end, ref = 2 * i + side, 2 * e + side
            owner[end] = i
            against[end] = side
            if f == 1.0 - side:
                node[end] = edge_from[e] if side else edge_to[e]
                cost[end] = extra[i]
            elif ref_first[ref] < ref_first[ref + 1]:
                node[end] = out_head[ref_arc[ref_first[ref]]]
                start, stop = (0.0, f) if side else (f, 1.0)
                value = _usual(backward[e] if side else forward[e], mm[e], start, stop)
                if changed and value < FAR:
                    value = _changed(value, hit_ref, hit_low, hit_high, hit_ms, ref, start, stop)
                cost[end] = min(FAR, value + extra[i])
    return PlaceEnds(node, cost, owner, against)


@compiled
def arriving_ends(edge: Ints, fraction: Floats, extra: Longs, t: EdgeTimes) -> PlaceEnds:
    """From the nodes before places (n,) to the places; a place has as many ends as there are arcs onto its
    edge, one per copy of the junction they leave, without those the profile must not turn into."""
    n = len(edge)
    forward, backward, mm, edge_from, edge_to = t.forward, t.backward, t.mm, t.edge_from, t.edge_to
    ref_first, ref_arc, out_first, banned, bit = t.ref_first, t.ref_arc, t.out_first, t.banned, t.bit
    hit_ref, hit_low, hit_high, hit_ms = t.hit_ref, t.hit_low, t.hit_high, t.hit_ms
    copy_origin, copy_node = t.copy_origin, t.copy_node
    changed = len(hit_ref) > 0
    room = 0
    for i in range(n):
        room += 2 + ref_first[2 * edge[i] + 2] - ref_first[2 * edge[i]]
        if fraction[i] == 0.0 or fraction[i] == 1.0:
            room += len(copy_node)
    node, cost = np.empty(room, np.int32), np.empty(room, np.int64)
    owner, against = np.empty(room, np.int32), np.empty(room, np.uint8)
    count = 0
    for i in range(n):
        e, f = edge[i], fraction[i]
        for side in range(2):
            ref, tail, begin = 2 * e + side, edge_to[e] if side else edge_from[e], count
            value = 0
            if f == side:
                count = _at_junction(tail, node, count, copy_origin, copy_node)
            else:
                for k in range(ref_first[ref], ref_first[ref + 1]):
                    arc = ref_arc[k]
                    if not banned[arc] & bit:
                        # the first arc with a ref leaves the junction itself
                        first = k == ref_first[ref]
                        node[count] = tail if first else np.searchsorted(out_first, arc, side="right") - 1
                        count += 1
                start, stop = (f, 1.0) if side else (0.0, f)
                value = _usual(backward[e] if side else forward[e], mm[e], start, stop)
                if changed and value < FAR:
                    value = _changed(value, hit_ref, hit_low, hit_high, hit_ms, ref, start, stop)
            for end in range(begin, count):
                cost[end] = min(FAR, value + extra[i])
                owner[end] = i
                against[end] = side
    return PlaceEnds(node[:count], cost[:count], owner[:count], against[:count])


@compiled
def _at_junction(junction: int, node: Ints, count: int, copy_origin: Ints, copy_node: Ints) -> int:
    """The junction itself and all its copies."""
    node[count] = junction
    count += 1
    for i in range(np.searchsorted(copy_origin, junction), len(copy_origin)):
        if copy_origin[i] != junction:
            break
        node[count] = copy_node[i]
        count += 1
    return count


@compiled
def along_edge(
    edge: Ints, fraction: Floats, one_edge: int, one_fraction: float, to_one: bool, extra: Longs, t: EdgeTimes
) -> Longs:  # fmt: skip
    """Costs (n,) between each place and the one place without leaving their edge; FAR where that is
    impossible.

    `to_one`: from the places to the one, otherwise from the one to the places.
    """
    cost = np.full(len(edge), FAR, np.int64)
    for i in range(len(edge)):
        if edge[i] != one_edge:
            continue
        start, stop = (fraction[i], one_fraction) if to_one else (one_fraction, fraction[i])
        if start == stop:
            cost[i] = extra[i]
        elif start < stop:
            cost[i] = min(FAR, piece(t, 2 * one_edge, start, stop) + extra[i])
        else:
            cost[i] = min(FAR, piece(t, 2 * one_edge + 1, stop, start) + extra[i])
    return cost


def access_milliseconds(metres: Floats, kmh: float) -> Longs:
    """Whole milliseconds for legs off the network."""
    return np.rint(metres * 3600 / kmh).astype(np.int64)
