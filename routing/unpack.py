"""Turns a way through a hierarchy into the arcs of the road graph it stands for."""

from __future__ import annotations

import numpy as np

from routing.compiled import compiled
from routing.costs import FAR, Costs, Ints
from routing.hierarchy import arc_between, grown
from routing.lanes import Indexes
from routing.search import collect, sow, ways_up


@compiled
def _base(arc: int, against: int, cost: int, base_first: Ints, base_arc: Ints, arc_cost: Costs) -> int:
    """The graph's arc under a hierarchy arc, in this direction, that has exactly this cost, or -1."""
    for i in range(base_first[arc], base_first[arc + 1]):
        base = base_arc[i]
        if (base & 1) == against and arc_cost[base >> 1] == cost:
            return int(base >> 1)
    return -1


@compiled
def _split(
    low: int, high: int, rising: bool, cost: int, down_first: Ints, down_node: Ints, down_arc: Ints,
    up: Costs, down: Costs,
) -> tuple[int, int, int]:  # fmt: skip
    """The node below both over which the way between them costs this much, and the arcs from it to `low` and
    to `high`."""
    to_low, to_high = (down, up) if rising else (up, down)
    i, j = down_first[low + 1] - 1, down_first[high + 1] - 1
    # the way was put together over its highest node last, so that is the likeliest place
    while i >= down_first[low] and j >= down_first[high]:
        if down_node[i] < down_node[j]:
            j -= 1
        elif down_node[i] > down_node[j]:
            i -= 1
        elif to_low[down_arc[i]] + to_high[down_arc[j]] == cost:
            return down_node[i], down_arc[i], down_arc[j]
        else:
            i, j = i - 1, j - 1
    return -1, -1, -1


@compiled
def _unpack(
    line: Ints, up_first: Ints, up_head: Ints, down_first: Ints, down_node: Ints, down_arc: Ints,
    base_first: Ints, base_arc: Ints, up: Costs, down: Costs, arc_cost: Costs,
) -> Ints:  # fmt: skip
    """The arcs of the graph along the ranks `line`, each joined to the next by a hierarchy arc."""
    out, size = np.empty(512, np.int32), 0
    # what is still to be unpacked: the lower end of an arc, the arc, and whether it is taken upwards
    stack = np.empty(3 * 64, np.int32)
    for step in range(len(line) - 1):
        low, high = min(line[step], line[step + 1]), max(line[step], line[step + 1])
        _put(stack, 0, low, arc_between(low, high, up_first, up_head), line[step] == low)
        depth = 1
        while depth > 0:
            depth -= 1
            low, arc, rising = stack[3 * depth], stack[3 * depth + 1], stack[3 * depth + 2] == 1
            cost = up[arc] if rising else down[arc]
            base = _base(arc, 0 if rising else 1, cost, base_first, base_arc, arc_cost)
            if base >= 0:
                if size == len(out):
                    out = grown(out, 0)
                out[size] = base
                size += 1
                continue
            middle, near, far = _split(low, up_head[arc], rising, cost, down_first, down_node, down_arc,
                                       up, down)  # fmt: skip
            if 3 * (depth + 2) > len(stack):
                stack = grown(stack, 0)
            _put(stack, depth, middle, far if rising else near, True)
            _put(stack, depth + 1, middle, near if rising else far, False)
            depth += 2
    arcs = np.empty(size, np.int32)
    for i in range(size):
        arcs[i] = out[i]
    return arcs


@compiled
def _put(stack: Ints, depth: int, low: int, arc: int, rising: bool) -> None:
    stack[3 * depth] = low
    stack[3 * depth + 1] = arc
    stack[3 * depth + 2] = rising


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
    arc_first: Ints, arc_head: Ints, below_first: Ints, below_node: Ints, below_arc: Ints,
    base_first: Ints, base_arc: Ints, up: Costs, down: Costs, arc_cost: Costs,
    stamp: Ints, turn: int, chosen: Ints, dist: Costs, rest: Costs, before: Ints, behind: Ints,
) -> tuple[int, int, int, Ints]:  # fmt: skip
    """The cheapest way from the ends to the seeds: cost, end, seed, and the graph's arcs along it."""
    risen = collect(rank, end_node, parent, stamp, turn, chosen, 0)
    sow(rank, end_node, end_cost, 0, FAR, chosen, risen, dist)
    ways_up(up_first, up_head, up_cost, FAR, chosen, risen, dist, before)
    fallen = chosen[risen:]
    count = collect(rank, seed_node, parent, stamp, turn + 1, fallen, 0)
    sow(rank, seed_node, seed_cost, 0, FAR, fallen, count, rest)
    ways_up(down_first, down_head, down_cost, FAR, fallen, count, rest, behind)
    best, top = known, -1
    for i in range(risen):
        node = chosen[i]
        # the second stamp lies over the first where both climbs came by
        if stamp[node] == turn + 1 and dist[node] + rest[node] < best:
            best, top = dist[node] + rest[node], node
    if top < 0:
        return best, -1, -1, np.empty(0, np.int32)
    line = _line(top, before, behind)
    via = _least_end(rank, end_node, end_cost, line[0])
    seed = _least_end(rank, seed_node, seed_cost, line[-1])
    arcs = _unpack(line, arc_first, arc_head, below_first, below_node, below_arc, base_first, base_arc,
                   up, down, arc_cost)  # fmt: skip
    return best, via, seed, arcs


@compiled
def _line(top: int, before: Ints, behind: Ints) -> Ints:
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
    return line
