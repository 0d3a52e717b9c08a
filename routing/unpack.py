"""Turns a way through a hierarchy into the arcs of the road graph it stands for."""

from __future__ import annotations

import numpy as np

from routing.compiled import compiled
from routing.costs import FAR, Costs, Ints
from routing.hierarchy import arc_between
from routing.lanes import Indexes
from routing.search import collect, sow, ways_up


@compiled
def _base(
    arc: int, against: int, cost: int, above: Ints, base_first: Ints, base_arc: Ints, arc_cost: Costs
) -> int:
    """The graph's arc under a hierarchy arc that has exactly this cost, or -1."""
    for i in range(base_first[arc], base_first[arc + 1]):
        base = base_arc[i]
        if (above[base] & 1) == against and arc_cost[base] == cost:
            return int(base)
    return -1


@compiled
def _middle(
    low: int, high: int, rising: bool, cost: int, up_first: Ints, up_head: Ints, down_first: Ints,
    down_node: Ints, down_arc: Ints, up: Costs, down: Costs,
) -> int:  # fmt: skip
    """The node below both over which the way between them costs this much."""
    for i in range(down_first[low], down_first[low + 1]):
        node, near = down_node[i], down_arc[i]
        other = arc_between(node, high, up_first, up_head)
        if other >= 0:
            total = down[near] + up[other] if rising else down[other] + up[near]
            if total == cost:
                return int(node)
    return -1


@compiled
def unpack(
    line: Ints, length: int, up_first: Ints, up_head: Ints, down_first: Ints, down_node: Ints, down_arc: Ints,
    above: Ints, base_first: Ints, base_arc: Ints, up: Costs, down: Costs, arc_cost: Costs,
) -> Ints:  # fmt: skip
    """The arcs of the graph along the ranks `line`, each joined to the next by a hierarchy arc."""
    out = np.empty(256, np.int32)
    size = 0
    start, stop = np.empty(64, np.int32), np.empty(64, np.int32)
    for step in range(length - 1):
        start[0], stop[0] = line[step], line[step + 1]
        depth = 1
        while depth > 0:
            depth -= 1
            tail, head = start[depth], stop[depth]
            rising = tail < head
            arc = arc_between(min(tail, head), max(tail, head), up_first, up_head)
            cost = up[arc] if rising else down[arc]
            base = _base(arc, 0 if rising else 1, cost, above, base_first, base_arc, arc_cost)
            if base >= 0:
                if size == len(out):
                    out = np.concatenate((out, np.empty(size, np.int32)))
                out[size] = base
                size += 1
                continue
            middle = _middle(min(tail, head), max(tail, head), rising, cost, up_first, up_head,
                             down_first, down_node, down_arc, up, down)  # fmt: skip
            if depth + 2 > len(start):
                start = np.concatenate((start, np.empty(depth + 2, np.int32)))
                stop = np.concatenate((stop, np.empty(depth + 2, np.int32)))
            start[depth], stop[depth] = middle, head
            start[depth + 1], stop[depth + 1] = tail, middle
            depth += 2
    return out[:size].copy()


@compiled
def _least_end(rank: Ints, end_node: Ints, end_cost: Costs, node: int) -> int:
    """The first of the cheapest ends at a rank."""
    least = -1
    for end in range(len(end_node)):
        if rank[end_node[end]] == node and (least < 0 or end_cost[end] < end_cost[least]):
            least = end
    return least


@compiled
def find_way(
    rank: Ints, parent: Ints,
    up_first: Indexes, up_head: Indexes, up_cost: Costs,
    down_first: Indexes, down_head: Indexes, down_cost: Costs,
    end_node: Ints, end_cost: Costs, seed_node: Ints, seed_cost: Costs, known: int,
    stamp: Ints, turn: int, chosen: Ints, dist: Costs, rest: Costs, before: Ints, behind: Ints,
) -> tuple[int, int, int, Ints, int]:  # fmt: skip
    """The cheapest way from the ends to the seeds: cost, end, seed, the ranks along it, and how many."""
    risen = collect(rank[end_node], parent, stamp, turn, chosen, 0)
    sow(rank, end_node, end_cost, 0, FAR, chosen, risen, dist)
    ways_up(up_first, up_head, up_cost, FAR, chosen, risen, dist, before)
    fallen = chosen[risen:]
    count = collect(rank[seed_node], parent, stamp, turn + 1, fallen, 0)
    sow(rank, seed_node, seed_cost, 0, FAR, fallen, count, rest)
    ways_up(down_first, down_head, down_cost, FAR, fallen, count, rest, behind)
    best, top = known, -1
    for i in range(risen):
        node = chosen[i]
        # the second stamp lies over the first where both climbs came by
        if stamp[node] == turn + 1 and dist[node] + rest[node] < best:
            best, top = dist[node] + rest[node], node
    if top < 0:
        return best, -1, -1, np.empty(0, np.int32), 0
    line, length = _line(top, before, behind)
    via = _least_end(rank, end_node, end_cost, line[0])
    seed = _least_end(rank, seed_node, seed_cost, line[length - 1])
    return best, via, seed, line, length


@compiled
def _line(top: int, before: Ints, behind: Ints) -> tuple[Ints, int]:
    """The ranks from where the way up to `top` began to where the way down from it ends."""
    up, at = 0, top
    while before[at] >= 0:
        at = before[at]
        up += 1
    down, at = 0, top
    while behind[at] >= 0:
        at = behind[at]
        down += 1
    line = np.empty(up + 1 + down, np.int32)
    at = top
    for i in range(up, -1, -1):
        line[i] = at
        at = before[at]
    at = top
    for i in range(up, len(line)):
        line[i] = at
        at = behind[at]
    return line, len(line)
