"""Many places against many: sixteen of the one side at a time go through the sweep of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import FAR_MS, LENGTH_BITS, Costs, Ints
from routing.lanes import ROW, Indexes, pull_rows, push_rows
from routing.search import collect


@compiled
def many_and_many(
    rank: Ints, parent: Ints,
    up_first: Indexes, up_head: Indexes, up_ms: Ints, back_first: Indexes, back_head: Indexes, back_ms: Ints,
    one_node: Ints, one_cost: Costs, one_first: Ints, end_node: Ints, end_cost: Costs, end_owner: Ints,
    stamp: Ints, turn: int, place: Ints, chosen: Ints, out: NDArray[np.int32],
) -> None:  # fmt: skip
    """Lower `out` (ones, owners) to the least milliseconds between each one and each owner of the ends.

    The ends of one i are one_first[i]..one_first[i+1]. A search climbs from the ones over `up`, and comes
    down to the owners over `back`.
    """
    above = collect(rank, one_node, parent, stamp, turn, chosen, 0)
    count = collect(rank, end_node, parent, stamp, turn, chosen, above)
    for i in range(count):
        place[chosen[i]] = i
    rising = _cut_out(up_first, up_head, up_ms, chosen, above, place)
    falling = _cut_out(back_first, back_head, back_ms, chosen, count, place)
    dist = np.empty((count, ROW), np.int32)
    ones = len(one_first) - 1
    for begin in range(0, ones, ROW):
        lanes = min(ROW, ones - begin)
        for row in range(count):
            for lane in range(ROW):
                dist[row, lane] = FAR_MS
        for lane in range(lanes):
            for end in range(one_first[begin + lane], one_first[begin + lane + 1]):
                row = place[rank[one_node[end]]]
                dist[row, lane] = min(dist[row, lane], one_cost[end] >> LENGTH_BITS)
        for i in range(above - 1, -1, -1):
            push_rows(dist, i, rising[1], rising[2], rising[0][i], rising[0][i + 1])
        for i in range(count):
            pull_rows(dist, i, falling[1], falling[2], falling[0][i], falling[0][i + 1])
        for end in range(len(end_node)):
            cost = end_cost[end] >> LENGTH_BITS
            if cost < FAR_MS:
                row = place[rank[end_node[end]]]
                for lane in range(lanes):
                    total = cost + dist[row, lane]
                    if total < out[begin + lane, end_owner[end]]:
                        out[begin + lane, end_owner[end]] = total


@compiled
def _cut_out(
    first: Indexes, head: Indexes, ms: Ints, chosen: Ints, count: int, place: Ints
) -> tuple[Indexes, Indexes, Ints]:
    """The arcs of the chosen nodes alone, their heads by position in `chosen`."""
    size = 0
    for i in range(count):
        size += first[chosen[i] + 1] - first[chosen[i]]
    own_first = np.zeros(count + 1, np.uint32)
    own_head = np.empty(size, np.uint32)
    own_ms = np.empty(size, np.int32)
    size = 0
    for i in range(count):
        for arc in range(first[chosen[i]], first[chosen[i] + 1]):
            own_head[size] = place[head[arc]]
            own_ms[size] = ms[arc]
            size += 1
        own_first[i + 1] = size
    return own_first, own_head, own_ms
