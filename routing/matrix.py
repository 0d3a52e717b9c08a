"""Many places against many: sixteen of the one side at a time go through the sweep of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import FAR_MS, LENGTH_BITS, Costs, Ints
from routing.customise import Indexes
from routing.search import collect

LANES = 16  # milliseconds in one cache line


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
    above = collect(rank[one_node], parent, stamp, turn, chosen, 0)
    count = collect(rank[end_node], parent, stamp, turn, chosen, above)
    for i in range(count):
        place[chosen[i]] = i
    dist = np.empty((count, LANES), np.int32)
    ones = len(one_first) - 1
    for begin in range(0, ones, LANES):
        lanes = min(LANES, ones - begin)
        dist[:] = FAR_MS
        for lane in range(lanes):
            for end in range(one_first[begin + lane], one_first[begin + lane + 1]):
                row = place[rank[one_node[end]]]
                dist[row, lane] = min(dist[row, lane], one_cost[end] >> LENGTH_BITS)
        for i in range(above - 1, -1, -1):
            node = chosen[i]
            for arc in range(up_first[node], up_first[node + 1]):
                row = place[up_head[arc]]
                for lane in range(LANES):
                    dist[row, lane] = min(dist[row, lane], np.int32(dist[i, lane] + up_ms[arc]))
        for i in range(count):
            node = chosen[i]
            for arc in range(back_first[node], back_first[node + 1]):
                row = place[back_head[arc]]
                for lane in range(LANES):
                    dist[i, lane] = min(dist[i, lane], np.int32(dist[row, lane] + back_ms[arc]))
        for end in range(len(end_node)):
            cost = end_cost[end] >> LENGTH_BITS
            if cost < FAR_MS:
                row = place[rank[end_node[end]]]
                for lane in range(lanes):
                    total = cost + dist[row, lane]
                    if total < out[begin + lane, end_owner[end]]:
                        out[begin + lane, end_owner[end]] = total
