"""Pours costs into a hierarchy: all of them, or again those that a change can reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS, Costs, Ints
from routing.hierarchy import Hierarchy, arc_between, grown
from routing.lanes import Indexes


class Side(NamedTuple):
    """The hierarchy arcs in one direction, grouped by their lower end, as a search takes them."""

    first: Indexes  # (N+1,)
    head: Indexes  # (m,) the upper end
    cost: Costs  # (m,)
    ms: Ints  # (m,) cost >> LENGTH_BITS


@dataclass(frozen=True, slots=True)
class Weights:
    """One metric of a hierarchy. Nothing writes to it once it is made: a changed metric is another object.

    `arc_cost` (A,) are the costs of the graph's arcs it was made of; `up` and `down` (M,) what the
    hierarchy's arcs cost in the two directions; `rising` and `falling` the same as searches read them.
    """

    arc_cost: Costs
    up: Costs
    down: Costs
    rising: Side
    falling: Side
    columns: dict[bool, Ints] = field(default_factory=dict, repr=False)  # kept by `Engine.reach`


def customise(hierarchy: Hierarchy, arc_cost: Costs) -> Weights:
    """The metric of the costs `arc_cost` (A,) int64, each 0..FAR."""
    up, down = _poured(hierarchy.arc, arc_cost, hierarchy.arcs)
    _customise(hierarchy.up_first, hierarchy.up_head, hierarchy.down_first, hierarchy.down_node,
               hierarchy.down_arc, up, down)  # fmt: skip
    return _weights(hierarchy, arc_cost, up, down)


def customise_changed(hierarchy: Hierarchy, weights: Weights, arc_cost: Costs, changed: Ints) -> Weights:
    """The metric of `arc_cost`, which differs from that of `weights` at most in the arcs `changed`.

    Equal to `customise`, in a time that grows with what changes. `weights` stays as it is.
    """
    up, down = weights.up.copy(), weights.down.copy()
    above = hierarchy.arc[changed]
    queue = np.unique(above[above >= 0] >> 1)
    _propagate(
        hierarchy.up_first, hierarchy.up_head, hierarchy.down_first, hierarchy.down_node, hierarchy.down_arc,
        hierarchy.base_first, hierarchy.base_arc, arc_cost, queue, up, down,
    )  # fmt: skip
    return _weights(hierarchy, arc_cost, up, down)


def _weights(hierarchy: Hierarchy, arc_cost: Costs, up: Costs, down: Costs) -> Weights:
    first, head = hierarchy.up_first.view(np.uint32), hierarchy.up_head.view(np.uint32)
    rising, falling = (Side(first, head, cost, _milliseconds(cost)) for cost in (up, down))
    return Weights(arc_cost, up, down, rising, falling)


@compiled
def _milliseconds(cost: Costs) -> Ints:
    ms = np.empty(len(cost), np.int32)
    for arc in range(len(cost)):
        ms[arc] = cost[arc] >> LENGTH_BITS
    return ms


def sharpen(hierarchy: Hierarchy, weights: Weights) -> Weights:
    """The same metric with `rising` and `falling` cut down to the arcs a fastest way can need; searches by it
    give the same answers in less time.

    An arc that costs more than some other way between its ends is in no fastest way ("perfect customization",
    Dibbelt, Strasser, Wagner 2016, section 7). Of a road network about half of the arcs a search meets go.
    """
    up, down = weights.up.copy(), weights.down.copy()
    _perfect(hierarchy.up_first, hierarchy.up_head, hierarchy.down_first, hierarchy.down_node,
             hierarchy.down_arc, up, down)  # fmt: skip
    first, head = hierarchy.up_first, hierarchy.up_head
    rising, falling = _needed(first, head, weights.up, up), _needed(first, head, weights.down, down)
    return Weights(weights.arc_cost, weights.up, weights.down, Side(*rising), Side(*falling), weights.columns)


@compiled
def _poured(above: Ints, arc_cost: Costs, count: int) -> tuple[Costs, Costs]:
    """Every hierarchy arc at the cost of the cheapest arc of the graph under it."""
    up = np.full(count, FAR, np.int64)
    down = np.full(count, FAR, np.int64)
    for arc in range(len(above)):
        place = above[arc]
        if place < 0:
            continue
        if place & 1:
            down[place >> 1] = min(down[place >> 1], arc_cost[arc])
        else:
            up[place >> 1] = min(up[place >> 1], arc_cost[arc])
    return up, down


@compiled
def _customise(
    up_first: Ints, up_head: Ints, down_first: Ints, down_node: Ints, down_arc: Ints, up: Costs, down: Costs
) -> None:
    """Lower every arc (node, other) to the cost of going over a node below both, in ascending order."""
    count = len(up_first) - 1
    place = np.zeros(count, np.int32)
    for node in range(count):
        for arc in range(up_first[node], up_first[node + 1]):
            place[up_head[arc]] = arc
        for i in range(down_first[node], down_first[node + 1]):
            below, side = down_node[i], down_arc[i]
            from_node, to_node = down[side], up[side]  # node -> below, below -> node
            for other in range(side + 1, up_first[below + 1]):
                arc = place[up_head[other]]
                up[arc] = min(up[arc], from_node + up[other])
                down[arc] = min(down[arc], down[other] + to_node)


@compiled
def _perfect(
    up_first: Ints, up_head: Ints, down_first: Ints, down_node: Ints, down_arc: Ints, up: Costs, down: Costs
) -> None:
    """Lower every arc of a customised metric to the cost of the best way between its ends.

    When a node's turn comes, from the top down, its own arcs are final. They then serve the arcs of every
    lower neighbour.
    """
    count = len(up_first) - 1
    place = np.zeros(count, np.int32)
    for node in range(count - 1, -1, -1):
        for arc in range(up_first[node], up_first[node + 1]):
            place[up_head[arc]] = arc
        for i in range(down_first[node], down_first[node + 1]):
            below, side = down_node[i], down_arc[i]
            to_node, from_node = up[side], down[side]  # below -> node, node -> below
            least_to, least_from = to_node, from_node
            for other in range(side + 1, up_first[below + 1]):
                arc = place[up_head[other]]
                least_to = min(least_to, up[other] + down[arc])
                least_from = min(least_from, up[arc] + down[other])
                up[other] = min(up[other], to_node + up[arc])
                down[other] = min(down[other], down[arc] + from_node)
            up[side], down[side] = least_to, least_from


@compiled
def _needed(
    first: Ints, head: Ints, cost: Costs, perfect: Costs
) -> tuple[Indexes, Indexes, Costs, Ints]:  # fmt: skip
    """The arcs that cost no more than the best way between their ends, as a `Side`."""
    count = len(first) - 1
    size = 0
    for arc in range(len(head)):
        size += cost[arc] == perfect[arc] and cost[arc] < FAR
    new_first = np.zeros(count + 1, np.uint32)
    new_head = np.empty(size, np.uint32)
    new_cost = np.empty(size, np.int64)
    ms = np.empty(size, np.int32)
    size = 0
    for node in range(count):
        for arc in range(first[node], first[node + 1]):
            if cost[arc] == perfect[arc] and cost[arc] < FAR:
                new_head[size] = head[arc]
                new_cost[size] = cost[arc]
                ms[size] = cost[arc] >> LENGTH_BITS
                size += 1
        new_first[node + 1] = size
    return new_first, new_head, new_cost, ms


@compiled
def _push(heap: Ints, size: int, arc: int) -> int:
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if heap[above] <= arc:
            break
        heap[i] = heap[above]
        i = above
    heap[i] = arc
    return size + 1


@compiled
def _drop_least(heap: Ints, size: int) -> int:
    size -= 1
    arc = heap[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= arc:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = arc
    return size


@compiled
def _least_cost(
    arc: int, low: int, high: int, down_first: Ints, down_node: Ints, down_arc: Ints,
    base_first: Ints, base_arc: Ints, arc_cost: Costs, up: Costs, down: Costs,
) -> tuple[int, int]:  # fmt: skip
    """What a hierarchy arc costs, up and down: the least of the graph's arcs under it and of the ways over a
    node below both its ends."""
    new_up, new_down = FAR, FAR
    for i in range(base_first[arc], base_first[arc + 1]):
        base = base_arc[i]
        if base & 1:
            new_down = min(new_down, arc_cost[base >> 1])
        else:
            new_up = min(new_up, arc_cost[base >> 1])
    i, j = down_first[low], down_first[high]
    while i < down_first[low + 1] and j < down_first[high + 1]:
        if down_node[i] < down_node[j]:
            i += 1
        elif down_node[i] > down_node[j]:
            j += 1
        else:
            near_side, far_side = down_arc[i], down_arc[j]
            new_up = min(new_up, down[near_side] + up[far_side])
            new_down = min(new_down, down[far_side] + up[near_side])
            i, j = i + 1, j + 1
    return new_up, new_down


@compiled
def _lower_end(arc: int, up_first: Ints) -> int:
    """The rank whose arc upwards this is."""
    left, right = 0, len(up_first) - 1
    while right - left > 1:
        middle = (left + right) >> 1
        if up_first[middle] <= arc:
            left = middle
        else:
            right = middle
    return left


@compiled
def _propagate(
    up_first: Ints, up_head: Ints, down_first: Ints, down_node: Ints, down_arc: Ints,
    base_first: Ints, base_arc: Ints, arc_cost: Costs, queue: Ints, up: Costs, down: Costs,
) -> None:  # fmt: skip
    """Work out the arcs in `queue` again and, in ascending order, every arc that what changes can reach."""
    heap = np.empty(max(64, 2 * len(queue)), np.int32)
    queued = np.zeros(len(up), np.uint8)
    size = 0
    for arc in queue:
        size = _push(heap, size, arc)
        queued[arc] = 1
    while size > 0:
        arc = heap[0]
        size = _drop_least(heap, size)
        queued[arc] = 0
        node = _lower_end(arc, up_first)
        other = up_head[arc]
        new_up, new_down = _least_cost(
            arc, node, other, down_first, down_node, down_arc, base_first, base_arc, arc_cost, up, down
        )
        old_up, old_down = up[arc], down[arc]
        if new_up == old_up and new_down == old_down:
            continue
        up[arc], down[arc] = new_up, new_down
        for side in range(up_first[node], up_first[node + 1]):
            if side == arc:
                continue
            third = up_head[side]
            target = arc_between(min(third, other), max(third, other), up_first, up_head)
            # over `node`: from the lower to the upper end of the target arc, and back
            if other < third:
                ahead, back = (old_down, new_down, up[side]), (old_up, new_up, down[side])
            else:
                ahead, back = (old_up, new_up, down[side]), (old_down, new_down, up[side])
            matters = (
                (ahead[0] + ahead[2] == up[target] or ahead[1] + ahead[2] < up[target])
                or (back[0] + back[2] == down[target] or back[1] + back[2] < down[target])
            )  # fmt: skip
            if matters and not queued[target]:
                if size == len(heap):
                    heap = grown(heap, 0)
                queued[target] = 1
                size = _push(heap, size, target)
