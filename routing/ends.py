"""Joins places on edges to the nodes a search runs between: the cost of the partial edge at either end."""

from __future__ import annotations

import numpy as np

from routing.arrays import CLOSED_MS, Floats, Ints, Longs
from routing.compiled import compiled
from routing.engine import FAR, LENGTH_BITS

# A place at fraction f of an edge of w milliseconds lies at rint(w * f) from its first node and at the rest
# from its last. Whatever way an edge is cut, the pieces then add up to the whole to the millisecond; the
# same goes for millimetres.


@compiled
def _piece(ms: int, mm: int, start: float, stop: float) -> int:
    """The cost of an edge between two fractions, start <= stop; FAR if the direction is closed."""
    if ms == CLOSED_MS:
        return FAR
    time = int(np.rint(ms * stop)) - int(np.rint(ms * start))
    length = int(np.rint(mm * stop)) - int(np.rint(mm * start))
    return (time << LENGTH_BITS) + length


@compiled
def ends_of(
    edge: Ints, fraction: Floats, leaving: bool, extra: Longs,
    edge_from: Ints, edge_to: Ints, forward: Ints, backward: Ints, mm: Ints,
) -> tuple[Ints, Longs]:  # fmt: skip
    """Two ends per place (n,): nodes (2n,) and costs (2n,), as the engine takes them.

    `leaving`: from the place to the nodes, otherwise from the nodes to the place. End 2i uses the edge in its
    direction, end 2i+1 against it. A place exactly on a node is that node, whatever the edge permits.
    `extra` (n,) is added to both costs.
    """
    node = np.empty(2 * len(edge), np.int32)
    cost = np.empty(2 * len(edge), np.int64)
    for i in range(len(edge)):
        e, f = edge[i], fraction[i]
        node[2 * i] = edge_to[e] if leaving else edge_from[e]
        node[2 * i + 1] = edge_from[e] if leaving else edge_to[e]
        to_last = _piece(forward[e] if leaving else backward[e], mm[e], f, 1.0)
        to_first = _piece(backward[e] if leaving else forward[e], mm[e], 0.0, f)
        if f == 1.0:
            to_last = 0
        if f == 0.0:
            to_first = 0
        cost[2 * i] = min(FAR, (to_last if leaving else to_first) + extra[i])
        cost[2 * i + 1] = min(FAR, (to_first if leaving else to_last) + extra[i])
    return node, cost


@compiled
def along_edge(
    edge: Ints, fraction: Floats, one_edge: int, one_fraction: float, to_one: bool, extra: Longs,
    forward: Ints, backward: Ints, mm: Ints,
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
            cost[i] = min(FAR, _piece(forward[one_edge], mm[one_edge], start, stop) + extra[i])
        else:
            cost[i] = min(FAR, _piece(backward[one_edge], mm[one_edge], stop, start) + extra[i])
    return cost


def access_milliseconds(metres: Floats, kmh: float) -> Longs:
    """Whole milliseconds for legs off the network."""
    return np.rint(metres * 3600 / kmh).astype(np.int64)
