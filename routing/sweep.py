"""How far every node of the network is from the nearest of some places."""

from __future__ import annotations

from routing.compiled import compiled
from routing.costs import FAR_MS, LENGTH_BITS, Costs, Ints
from routing.customise import Indexes
from routing.search import climb, collect, sow


@compiled
def reach_all(
    rank: Ints, parent: Ints,
    up_first: Indexes, up_head: Indexes, up_ms: Ints, back_first: Indexes, back_head: Indexes, back_ms: Ints,
    seed_node: Ints, seed_cost: Costs, limit: int, stamp: Ints, turn: int, chosen: Ints, dist: Ints, out: Ints,
) -> None:  # fmt: skip
    """Fill `out` (N,) with milliseconds by node, FAR_MS where they exceed the limit."""
    seeds = collect(rank[seed_node], parent, stamp, turn, chosen, 0)
    sow(rank, seed_node, seed_cost, LENGTH_BITS, FAR_MS, chosen, seeds, dist)
    climb(up_first, up_head, up_ms, FAR_MS, chosen, seeds, dist)
    for node in range(len(rank) - 1, -1, -1):
        least = dist[node] if stamp[node] == turn else FAR_MS
        for arc in range(back_first[node], back_first[node + 1]):
            least = min(least, back_ms[arc] + dist[back_head[arc]])
        dist[node] = least
    for node in range(len(rank)):
        ms = dist[rank[node]]
        out[node] = ms if ms <= limit else FAR_MS
