"""Walks up and down a hierarchy: from one place to many, from many to one, and between two.

Every fastest way can be had by going up from its start and down to its end, and what lies above a node is
its line of ancestors in the elimination tree. So a search walks the ancestors of the one place upwards, and
then sweeps all ancestors of the many from the top down (Dibbelt, Strasser, Wagner 2016; Delling, Goldberg,
Werneck: Faster batched shortest paths in road networks, ATMOS 2011, for the restricted sweep).

Kernels take nodes by rank. Costs and distances are int64 costs or int32 milliseconds; `far` says which.
"""

from __future__ import annotations

import numpy as np

from routing.compiled import compiled
from routing.costs import Costs, Ints
from routing.lanes import Indexes, Numbers, least_over


@compiled
def collect(
    rank: Ints, nodes: Ints, parent: Ints, stamp: Ints, turn: int, chosen: Ints, count: int
) -> int:  # fmt: skip
    """Append the ranks of the nodes and their ancestors to `chosen`, but for those stamped before; returns
    its new length.

    Every ancestor stands before its descendants.
    """
    for node in nodes:
        start, at = count, rank[node]
        while at >= 0 and stamp[np.uint32(at)] != turn:
            stamp[np.uint32(at)] = turn
            chosen[count] = at
            count += 1
            at = parent[np.uint32(at)]
        low, high = start, count - 1
        while low < high:
            chosen[low], chosen[high] = chosen[high], chosen[low]
            low, high = low + 1, high - 1
    return count


@compiled
def sow(
    rank: Ints, end_node: Ints, end_cost: Costs, shift: int, far: int, chosen: Ints, count: int, dist: Numbers
) -> None:
    """Set the distances of the first `count` chosen nodes to those of the ends, the others far."""
    for i in range(count):
        dist[chosen[i]] = far
    for end in range(len(end_node)):
        cost = end_cost[end] >> shift
        node = rank[end_node[end]]
        if cost < dist[node]:
            dist[node] = cost


@compiled
def climb(
    first: Indexes, head: Indexes, cost: Numbers, far: int, chosen: Ints, count: int, dist: Numbers
) -> None:
    """Pass distances on from the first `count` chosen nodes to all that lie above them."""
    for i in range(count - 1, -1, -1):
        node = chosen[i]
        own = dist[node]
        if own < far:
            for arc in range(first[node], first[node + 1]):
                total = own + cost[arc]
                if total < dist[head[arc]]:
                    dist[head[arc]] = total


@compiled
def sweep(
    first: Indexes,
    head: Indexes,
    cost: Numbers,
    far: int,
    chosen: Ints,
    start: int,
    count: int,
    dist: Numbers,
) -> None:
    """Final distances of the chosen nodes, from the top down; from `start` on they have none yet."""
    for i in range(count):
        node = np.uint32(chosen[i])
        least = dist[node] if i < start else far
        dist[node] = least_over(head, cost, dist, first[node], first[node + np.uint32(1)], least)


@compiled
def settle(
    rank: Ints, end_node: Ints, end_cost: Costs, end_owner: Ints, shift: int, far: int, dist: Numbers,
    best: Numbers, via: Ints,
) -> None:  # fmt: skip
    """Lower `best` of every owner to what its ends offer; of equal ends the first one stands in `via`."""
    for end in range(len(end_node)):
        cost = end_cost[end] >> shift
        if cost < far:
            total = cost + dist[rank[end_node[end]]]
            if total < best[end_owner[end]]:
                best[end_owner[end]] = total
                via[end_owner[end]] = end


@compiled
def one_and_many(
    rank: Ints, parent: Ints,
    up_first: Indexes, up_head: Indexes, up_cost: Numbers,
    back_first: Indexes, back_head: Indexes, back_cost: Numbers,
    seed_node: Ints, seed_cost: Costs, end_node: Ints, end_cost: Costs, end_owner: Ints,
    shift: int, far: int, best: Numbers, via: Ints, dist: Numbers, stamp: Ints, turn: int, chosen: Ints,
) -> None:  # fmt: skip
    """Least costs between the place with the seeds and the owners of the ends; lowers `best`, sets `via`.

    The search climbs from the seeds over `up`, and comes down over `back`.
    """
    seeds = collect(rank, seed_node, parent, stamp, turn, chosen, 0)
    sow(rank, seed_node, seed_cost, shift, far, chosen, seeds, dist)
    climb(up_first, up_head, up_cost, far, chosen, seeds, dist)
    count = collect(rank, end_node, parent, stamp, turn, chosen, seeds)
    sweep(back_first, back_head, back_cost, far, chosen, seeds, count, dist)
    settle(rank, end_node, end_cost, end_owner, shift, far, dist, best, via)


@compiled
def ways_up(
    first: Indexes, head: Indexes, cost: Costs, far: int, chosen: Ints, count: int, dist: Costs, before: Ints
) -> None:
    """`climb`, noting in `before` the node each distance came from (-1: an end)."""
    for i in range(count):
        before[chosen[i]] = -1
    for i in range(count - 1, -1, -1):
        node = chosen[i]
        own = dist[node]
        if own < far:
            for arc in range(first[node], first[node + 1]):
                total = own + cost[arc]
                if total < dist[head[arc]]:
                    dist[head[arc]] = total
                    before[head[arc]] = node
