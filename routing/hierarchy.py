"""The hierarchy over a road graph: which shortcuts an order of its nodes asks for, whatever the roads cost.

Contracting the nodes in order joins the remaining neighbours of each one by an arc. What comes out depends on
the order alone; costs are poured in later (`customise`). Dibbelt, Strasser, Wagner: Customizable Contraction
Hierarchies, ACM JEA 21 (2016), https://arxiv.org/abs/1402.0402.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import Ints
from routing.order import node_order

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """N nodes, M arcs of the hierarchy, A arcs of the graph. Within it nodes are named by rank.

    Every hierarchy arc joins a node to one of higher rank and carries two costs: upwards and downwards. Ranks
    stand in post-order of the elimination tree: the ancestors of a node, which are all the nodes a search
    from it can touch, lie close together in memory.
    """

    rank: Ints  # (N,) rank of each node
    up_first: Ints  # (N+1,) arcs of rank r to higher ranks are up_first[r]..up_first[r+1]
    up_head: Ints  # (M,) the higher rank, ascending within a rank
    parent: Ints  # (N,) the next rank of the elimination tree, the lowest of up_head; -1 at a root
    down_first: Ints  # (N+1,) the same arcs grouped by the higher rank
    down_node: Ints  # (M,) the lower rank, ascending within a rank
    down_arc: Ints  # (M,) the arc
    arc: Ints  # (A,) hierarchy arc * 2, + 1 for the way down; -1 for a self loop
    base_first: Ints  # (M+1,) the graph's arcs under each hierarchy arc are base_first[m]..base_first[m+1]
    base_arc: Ints  # (A - self loops,) the arc * 2, + 1 for the way down

    @property
    def nodes(self) -> int:
        return len(self.rank)

    @property
    def arcs(self) -> int:
        return len(self.up_head)


def build_hierarchy(
    node_count: int,
    tail: Ints,
    head: Ints,
    lon: Floats,
    lat: Floats,
    progress: Callable[[float], None] | None = None,
    order: Ints | None = None,
) -> Hierarchy:
    """The hierarchy of the graph with arcs `tail` -> `head` (A,) and nodes at `lon`, `lat` (N,) degrees.

    Parallel arcs, self loops and parts that do not hang together are all right. `order` (N,) names the nodes
    from the lowest rank to the highest; left out, one is computed. `progress` is called with 0..1.
    """
    tell = progress or _silent
    tell(0.0)
    if order is None:
        order = node_order(node_count, tail, head, lon, lat)
    tell(0.7)
    rank = np.empty(node_count, np.int32)
    rank[order] = np.arange(node_count, dtype=np.int32)
    first, lower = _neighbours(node_count, rank, tail, head, higher=False)
    tree = _elimination_tree(first, lower)
    rank = _post_order(tree)[rank]
    tell(0.8)
    first, higher = _neighbours(node_count, rank, tail, head, higher=True)
    up_first, unsorted, parent = _fill(first, higher)
    down_first, down_node, _ = _turned(up_first, unsorted)
    up_head = _turned_back(up_first, down_first, down_node)
    tell(0.9)
    down_first, down_node, down_arc = _turned(up_first, up_head)
    arc = _arcs_above(rank, tail.astype(np.int32), head.astype(np.int32), up_first, up_head)
    base_first, base_arc = _below(arc, len(up_head))
    tell(1.0)
    return Hierarchy(
        rank, up_first, up_head, parent, down_first, down_node, down_arc, arc, base_first, base_arc
    )


def _silent(_share: float) -> None:
    pass


def _neighbours(count: int, rank: Ints, tail: Ints, head: Ints, *, higher: bool) -> tuple[Ints, Ints]:
    """The neighbours of each rank among the higher or the lower ones, each once, grouped by rank."""
    one, other = rank[tail].astype(np.int64), rank[head].astype(np.int64)
    low, high = np.minimum(one, other), np.maximum(one, other)
    apart = low != high
    of, near = (low, high) if higher else (high, low)
    key = np.unique(of[apart] * count + near[apart])
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(key // count, minlength=count), out=first[1:])
    return first, (key % count).astype(np.int32)


@compiled
def _elimination_tree(first: Ints, lower: Ints) -> Ints:
    """The parent of every node: the lowest of its higher neighbours once all nodes below are contracted.

    J. W. H. Liu: The role of elimination trees in sparse factorization, SIAM J. Matrix Anal. 11 (1990), 4.2.
    """
    count = len(first) - 1
    parent = np.full(count, -1, np.int32)
    shortcut = np.full(count, -1, np.int32)
    for node in range(count):
        for i in range(first[node], first[node + 1]):
            below = lower[i]
            while below != -1 and below != node:
                above = shortcut[below]
                shortcut[below] = node
                if above == -1:
                    parent[below] = node
                below = above
    return parent


@compiled
def _post_order(parent: Ints) -> Ints:
    """The new number of every node: each subtree in one stretch, its largest branch last.

    So a node's parent mostly stands right behind it. The tree, and with it the shortcuts, stay the same.
    """
    count = len(parent)
    size = np.ones(count, np.int32)
    for node in range(count):
        if parent[node] >= 0:
            size[parent[node]] += size[node]
    # where the stretch of each node ends; parents come first, and give their branches room from the right
    last = np.empty(count, np.int32)
    room = np.empty(count, np.int32)
    heavy = np.full(count, -1, np.int32)
    for node in range(count):
        up = parent[node]
        if up >= 0 and (heavy[up] < 0 or size[node] > size[heavy[up]]):
            heavy[up] = node
    free = count
    for node in range(count - 1, -1, -1):
        up = parent[node]
        if up < 0:
            last[node] = free - 1
            free -= size[node]
        elif heavy[up] == node:
            last[node] = last[up] - 1
        else:
            last[node] = room[up]
            room[up] -= size[node]
        room[node] = last[node] - 1 - (size[heavy[node]] if heavy[node] >= 0 else 0)
    return last


@compiled
def grown(numbers: Ints, least: int) -> Ints:
    """The numbers with room behind them: twice as many, or `least`."""
    longer = np.empty(max(2 * len(numbers), least), np.int32)
    for i in range(len(numbers)):
        longer[i] = numbers[i]
    return longer


@compiled
def _fill(first: Ints, higher: Ints) -> tuple[Ints, Ints, Ints]:
    """All arcs upwards, a node's own and those it inherits from its children in the elimination tree: first,
    heads in no order, and parents."""
    count = len(first) - 1
    up_first = np.zeros(count + 1, np.int32)
    up_head = np.empty(2 * len(higher) + 16, np.int32)
    parent = np.full(count, -1, np.int32)
    child = np.full(count, -1, np.int32)
    sibling = np.full(count, -1, np.int32)
    seen = np.full(count, -1, np.int32)
    size = 0
    for node in range(count):
        most = first[node + 1] - first[node]
        branch = child[node]
        while branch != -1:
            most += up_first[branch + 1] - up_first[branch]
            branch = sibling[branch]
        if size + most > len(up_head):
            up_head = grown(up_head, size + most)
        lowest = count
        for i in range(first[node], first[node + 1]):
            seen[higher[i]] = node
            up_head[size] = higher[i]
            lowest = min(lowest, higher[i])
            size += 1
        branch = child[node]
        while branch != -1:
            for i in range(up_first[branch], up_first[branch + 1]):
                other = up_head[i]
                if other != node and seen[other] != node:
                    seen[other] = node
                    up_head[size] = other
                    lowest = min(lowest, other)
                    size += 1
            branch = sibling[branch]
        up_first[node + 1] = size
        if lowest < count:
            parent[node] = lowest
            sibling[node] = child[lowest]
            child[lowest] = node
    return up_first, up_head[:size].copy(), parent


@compiled
def _turned(up_first: Ints, up_head: Ints) -> tuple[Ints, Ints, Ints]:
    """The arcs grouped by their upper end: first, lower rank, arc."""
    count = len(up_first) - 1
    first = np.zeros(count + 1, np.int32)
    for arc in range(len(up_head)):
        first[up_head[arc] + 1] += 1
    for node in range(count):
        first[node + 1] += first[node]
    place = first[:-1].copy()
    below = np.empty(len(up_head), np.int32)
    number = np.empty(len(up_head), np.int32)
    for node in range(count):
        for arc in range(up_first[node], up_first[node + 1]):
            at = place[up_head[arc]]
            place[up_head[arc]] += 1
            below[at] = node
            number[at] = arc
    return first, below, number


@compiled
def _turned_back(up_first: Ints, down_first: Ints, down_node: Ints) -> Ints:
    """The heads of the arcs upwards again, now ascending within each rank."""
    place = up_first[:-1].copy()
    up_head = np.empty(len(down_node), np.int32)
    for node in range(len(down_first) - 1):
        for i in range(down_first[node], down_first[node + 1]):
            up_head[place[down_node[i]]] = node
            place[down_node[i]] += 1
    return up_head


@compiled
def arc_between(lower: int, upper: int, up_first: Ints, up_head: Ints) -> int:
    """The hierarchy arc between two ranks, or -1."""
    left, right = up_first[lower], up_first[lower + 1]
    stop = right
    while left < right:
        middle = (left + right) >> 1
        if up_head[middle] < upper:
            left = middle + 1
        else:
            right = middle
    return left if left < stop and up_head[left] == upper else -1


@compiled
def _arcs_above(rank: Ints, tail: Ints, head: Ints, up_first: Ints, up_head: Ints) -> Ints:
    """For every arc of the graph the hierarchy arc it lies under, as `Hierarchy.arc`."""
    above = np.empty(len(tail), np.int32)
    for arc in range(len(tail)):
        start, stop = rank[tail[arc]], rank[head[arc]]
        if start == stop:
            above[arc] = -1
        elif start < stop:
            above[arc] = 2 * arc_between(start, stop, up_first, up_head)
        else:
            above[arc] = 2 * arc_between(stop, start, up_first, up_head) + 1
    return above


@compiled
def _below(above: Ints, count: int) -> tuple[Ints, Ints]:
    """The arcs of the graph by the hierarchy arc they lie under, as `Hierarchy.base_arc`."""
    first = np.zeros(count + 1, np.int32)
    for arc in range(len(above)):
        if above[arc] >= 0:
            first[(above[arc] >> 1) + 1] += 1
    for i in range(count):
        first[i + 1] += first[i]
    place = first[:-1].copy()
    members = np.empty(first[count], np.int32)
    for arc in range(len(above)):
        if above[arc] >= 0:
            group = above[arc] >> 1
            members[place[group]] = 2 * arc + (above[arc] & 1)
            place[group] += 1
    return first, members
