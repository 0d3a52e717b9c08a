"""How far every node of the network is from the nearest of some places.

A climb from the places, then one sweep over the whole hierarchy from the top down (PHAST: Delling, Goldberg,
Nowatzyk, Werneck, J. Parallel Distrib. Comput. 73, 2013). Nodes at the same depth of the elimination tree
have no arcs between them, so several go at once: they stand side by side, those with about as many arcs
together, and their arcs are stored in columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routing.compiled import compiled
from routing.costs import FAR_MS, LENGTH_BITS, Costs, Ints
from routing.hierarchy import Hierarchy
from routing.lanes import LANES, Indexes, least_columns
from routing.search import climb, collect, sow


@dataclass(frozen=True, slots=True)
class Layers:
    """The hierarchy in the order of the sweep. A slot is the place of one node; S slots in groups of LANES,
    some of them empty.

    Group g has the columns column_first[g]..column_first[g+1] (in steps of LANES) of `head` and `arc`: one
    arc for each of its nodes, where it has that many.
    """

    rank_slot: Ints  # (N,) by rank
    node_slot: Ints  # (N,) by node
    column_first: Indexes  # (S / LANES + 1,)
    head: Indexes  # (entries,) slot
    arc: Ints  # (entries,) hierarchy arc, -1 for an empty place

    @property
    def slots(self) -> int:
        return (len(self.column_first) - 1) * LANES


def build_layers(hierarchy: Hierarchy) -> Layers:
    """Sort a hierarchy for the sweep."""
    depth = _depths(hierarchy.parent)
    order = np.lexsort((-np.diff(hierarchy.up_first), depth)).astype(np.int32)
    slot, groups = _slots(depth, order)
    column_first, head, arc = _columns(hierarchy.up_first, hierarchy.up_head, order, slot, groups)
    return Layers(slot, slot[hierarchy.rank], column_first, head, arc)


@compiled
def _depths(parent: Ints) -> Ints:
    depth = np.zeros(len(parent), np.int32)
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
    return depth


@compiled
def _slots(depth: Ints, order: Ints) -> tuple[Ints, int]:
    """The slot of each rank, and the number of groups; every depth begins a new group."""
    slot = np.empty(len(order), np.int32)
    free = 0
    for i in range(len(order)):
        if i > 0 and depth[order[i]] != depth[order[i - 1]]:
            free = (free + LANES - 1) // LANES * LANES
        slot[order[i]] = free
        free += 1
    return slot, (free + LANES - 1) // LANES


@compiled
def _columns(
    up_first: Ints, up_head: Ints, order: Ints, slot: Ints, groups: int
) -> tuple[Indexes, Indexes, Ints]:
    """`column_first`, `head` and `arc` of the layers."""
    first = np.zeros(groups + 1, np.uint32)
    for rank in order:
        group = slot[rank] // LANES
        size = (up_first[rank + 1] - up_first[rank]) * LANES
        first[group + 1] = max(first[group + 1], size)
    for group in range(groups):
        first[group + 1] += first[group]
    head = np.zeros(first[groups], np.uint32)
    number = np.full(first[groups], -1, np.int32)
    for rank in order:
        group, lane = slot[rank] // LANES, slot[rank] % LANES
        for arc in range(up_first[rank], up_first[rank + 1]):
            place = first[group] + (arc - up_first[rank]) * LANES + lane
            head[place] = slot[up_head[arc]]
            number[place] = arc
    return first, head, number


@compiled
def in_columns(arc: Ints, cost: Costs) -> Ints:
    """The milliseconds of a metric in the order of the layers, FAR_MS in empty places."""
    ms = np.empty(len(arc), np.int32)
    for place in range(len(arc)):
        ms[place] = cost[arc[place]] >> LENGTH_BITS if arc[place] >= 0 else FAR_MS
    return ms


@compiled
def reach_all(
    rank: Ints, parent: Ints, up_first: Indexes, up_head: Indexes, up_ms: Ints,
    rank_slot: Ints, node_slot: Ints, column_first: Indexes, column_head: Indexes, column_ms: Ints,
    seed_node: Ints, seed_cost: Costs, limit: int,
    stamp: Ints, turn: int, chosen: Ints, dist: Ints, slot_dist: Ints, out: Ints,
) -> None:  # fmt: skip
    """Fill `out` (N,) with milliseconds by node, FAR_MS where they exceed the limit."""
    seeds = collect(rank, seed_node, parent, stamp, turn, chosen, 0)
    sow(rank, seed_node, seed_cost, LENGTH_BITS, FAR_MS, chosen, seeds, dist)
    climb(up_first, up_head, up_ms, FAR_MS, chosen, seeds, dist)
    for slot in range(len(slot_dist)):
        slot_dist[slot] = FAR_MS
    for i in range(seeds):
        slot_dist[rank_slot[chosen[i]]] = dist[chosen[i]]
    for group in range(len(column_first) - 1):
        least_columns(column_head, column_ms, slot_dist, column_first[group], column_first[group + 1],
                      group * LANES)  # fmt: skip
    for node in range(len(node_slot)):
        ms = slot_dist[np.uint32(node_slot[node])]
        out[node] = ms if ms <= limit else FAR_MS
