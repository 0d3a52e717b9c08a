"""The search engine: exact Dijkstra over arrays of integer costs; many to one, one to many, and paths."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled

Ints = NDArray[np.int32]
Costs = NDArray[np.int64]
Ends = tuple[Ints, Costs]

# One cost is milliseconds in the upper half and millimetres in the lower half of an int64. Sums stay
# ordered by time first and length second, so that of two equally fast ways the shorter is taken, always the
# same one, and the length along the fastest way comes for free. A way may have up to 24 days and 4,294 km.
LENGTH_BITS = 32
# Twice this still fits an int64. A closed arc costs FAR: it never improves anything.
FAR = 1 << 61


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs of a directed graph grouped by the node a search leaves them from.

    `first` (n+1,) int32: arcs of node v are first[v]..first[v+1]; `head` (m,) int32 the node at the other
    end; `cost` (m,) int64, at least 0 or FAR; `ref` (m,) int32 the caller's name of the arc.
    """

    first: Ints
    head: Ints
    cost: Costs
    ref: Ints


class Found(NamedTuple):
    """`best` (n,) int64 the least cost per owner, FAR if none; `via` (n,) int32 the end it leaves by, or -1
    when the cost given in advance was the best."""

    best: Costs
    via: Ints


class Path(NamedTuple):
    """One way: its `cost`, the end `via` it leaves by (-1: the cost known in advance was the best), the
    `seed` it arrives by (-1 likewise) and the `refs` of the arcs between in the order of travel. Cost FAR:
    there is none."""

    cost: int
    via: int
    seed: int
    refs: Ints


class _Scratch:
    """What one search writes on; clean between searches, so a search costs what it touches and no more."""

    def __init__(self, nodes: int, arcs: int) -> None:
        self.dist = np.full(nodes, FAR, np.int64)
        self.parent = np.full(nodes, -1, np.int32)
        self.slot = np.full(nodes, -1, np.int32)
        self.touched = np.empty(nodes, np.int32)
        # an arc enters the heap at most once, and so does each of the two seeds
        self.heap_key = np.empty(arcs + 2, np.int64)
        self.heap_node = np.empty(arcs + 2, np.int32)


class Engine:
    """Searches over one graph given by its arcs both ways. Safe to use from many threads at once.

    A place between nodes is given as two (node, cost) ends; an end with cost FAR does not exist. Owner i of a
    batch has the ends 2i and 2i+1.
    """

    def __init__(self, out: Arcs, into: Arcs) -> None:
        self._out = out
        self._into = into
        self._threads = threading.local()

    def to_one(self, seeds: Ends, ends: Ends, known: Costs, wanted: int) -> Found:
        """Least costs from many places to the one with `seeds`; see `_ranked`."""
        return self._ranked(self._into, seeds, ends, known, wanted)

    def from_one(self, seeds: Ends, ends: Ends, known: Costs, wanted: int) -> Found:
        """Least costs from the place with `seeds` to many; see `_ranked`."""
        return self._ranked(self._out, seeds, ends, known, wanted)

    def path(self, seeds: Ends, ends: Ends, known: int) -> Path:
        """The cheapest way from the place with `ends` (2,) to the one with `seeds` (2,)."""
        best = np.array([known], np.int64)
        via = np.full(1, -1, np.int32)
        scratch = self._own_scratch()
        touched = _run(self._into, seeds, ends, 0, best, via, scratch)
        seed, refs = -1, np.empty(0, np.int32)
        if via[0] >= 0:
            refs = np.empty(touched, np.int32)
            arcs = self._into
            seed, count = _walk(ends[0][via[0]], arcs.first, arcs.ref, scratch.parent, refs)
            refs = refs[:count]
        _clean(scratch.touched, touched, scratch.dist, scratch.parent)
        return Path(int(best[0]), int(via[0]), int(seed), refs)

    def _ranked(self, arcs: Arcs, seeds: Ends, ends: Ends, known: Costs, wanted: int) -> Found:
        """Search until every end is settled or, with `wanted` > 0, until that many owners are surely the
        best.

        `known` (n,) is a cost per owner that is possible without the search (FAR: none). With `wanted`, only
        the `wanted` least of `best` are final; the others are upper bounds.
        """
        best = known.copy()
        via = np.full(len(known), -1, np.int32)
        scratch = self._own_scratch()
        touched = _run(arcs, seeds, ends, wanted, best, via, scratch)
        _clean(scratch.touched, touched, scratch.dist, scratch.parent)
        return Found(best, via)

    def _own_scratch(self) -> _Scratch:
        scratch: _Scratch | None = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = _Scratch(len(self._out.first) - 1, len(self._out.head))
        return scratch


def _run(arcs: Arcs, seeds: Ends, ends: Ends, wanted: int, best: Costs, via: Ints, scratch: _Scratch) -> int:
    """`_search` with its arrays taken out of their boxes."""
    return _search(
        arcs.first, arcs.head, arcs.cost, seeds[0], seeds[1], ends[0], ends[1], wanted, best, via,
        scratch.dist, scratch.parent, scratch.slot, scratch.touched, scratch.heap_key, scratch.heap_node,
    )  # fmt: skip


@compiled
def _push(keys: Costs, nodes: Ints, size: int, key: int, node: int) -> int:
    """Put (key, node) on a heap with four children per entry; returns the new size."""
    i = size
    while i > 0:
        above = (i - 1) >> 2
        if keys[above] <= key:
            break
        keys[i] = keys[above]
        nodes[i] = nodes[above]
        i = above
    keys[i] = key
    nodes[i] = node
    return size + 1


@compiled
def _drop_top(keys: Costs, nodes: Ints, size: int) -> int:
    """Take the least entry off the heap; returns the new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for j in range(child + 1, min(child + 4, size)):
            if keys[j] < keys[least]:
                least = j
        if keys[least] >= key:
            break
        keys[i] = keys[least]
        nodes[i] = nodes[least]
        i = least
    keys[i] = key
    nodes[i] = node
    return size


@compiled
def _hang_ends(end_node: Ints, end_cost: Costs, slot: Ints, following: Ints) -> tuple[int, int]:
    """Link the existing ends to their nodes; returns how many nodes have one, and the least end cost."""
    pending = 0
    least = FAR
    for end in range(len(end_node)):
        if end_cost[end] >= FAR:
            continue
        node = end_node[end]
        if slot[node] < 0:
            pending += 1
        following[end] = slot[node]
        slot[node] = end
        least = min(least, end_cost[end])
    return pending, least


@compiled
def _bound(best: Costs, wanted: int) -> int:
    """The cost that another owner must beat to be among the `wanted` best."""
    if wanted <= 0 or wanted > len(best):
        return FAR
    return int(np.partition(best, wanted - 1)[wanted - 1])


@compiled
def _meet(
    key: int, end: int, following: Ints, end_cost: Costs, best: Costs, via: Ints, bound: int
) -> bool:  # fmt: skip
    """Offer a settled node's cost to the owners whose ends hang there; whether one got below the bound."""
    better = False
    while end >= 0:
        owner = end >> 1
        total = key + end_cost[end]
        if total < best[owner] or (total == best[owner] and via[owner] > end):
            better = better or total < bound
            best[owner] = total
            via[owner] = end
        end = following[end]
    return better


@compiled
def _sow(
    seed_node: Ints, seed_cost: Costs, dist: Costs, parent: Ints, touched: Ints, keys: Costs, nodes: Ints
) -> tuple[int, int]:  # fmt: skip
    """Put the seeds on the heap; returns heap size and touched nodes."""
    size, count = 0, 0
    for seed in range(len(seed_node)):
        node, key = seed_node[seed], seed_cost[seed]
        if key < dist[node]:
            if dist[node] == FAR:
                touched[count] = node
                count += 1
            dist[node] = key
            parent[node] = -2 - seed
            size = _push(keys, nodes, size, key, node)
    return size, count


@compiled
def _search(
    first: Ints, head: Ints, cost: Costs, seed_node: Ints, seed_cost: Costs, end_node: Ints, end_cost: Costs,
    wanted: int, best: Costs, via: Ints,
    dist: Costs, parent: Ints, slot: Ints, touched: Ints, keys: Costs, nodes: Ints,
) -> int:  # fmt: skip
    """Dijkstra from the seeds; lowers `best` and sets `via`; returns how many nodes it touched.

    `parent` holds the arc a node was reached by, or -2 - seed. The caller cleans up with `_clean`.
    """
    following = np.empty(len(end_node), np.int32)
    pending, least_end = _hang_ends(end_node, end_cost, slot, following)
    bound = _bound(best, wanted)
    size, count = _sow(seed_node, seed_cost, dist, parent, touched, keys, nodes)
    while size > 0 and pending > 0:
        key, node = keys[0], nodes[0]
        # `>` and not `>=`: an equal cost may still belong to an owner that stands earlier in the list
        if key + least_end > bound:
            break
        size = _drop_top(keys, nodes, size)
        if key > dist[node]:
            continue
        if slot[node] >= 0:
            pending -= 1
            if _meet(key, slot[node], following, end_cost, best, via, bound) and wanted > 0:
                bound = _bound(best, wanted)
        for arc in range(first[node], first[node + 1]):
            other = head[arc]
            total = key + cost[arc]
            if total < dist[other]:
                if dist[other] == FAR:
                    touched[count] = other
                    count += 1
                dist[other] = total
                parent[other] = arc
                size = _push(keys, nodes, size, total, other)
    for end in range(len(end_node)):
        if end_cost[end] < FAR:
            slot[end_node[end]] = -1
    return count


@compiled
def _clean(touched: Ints, count: int, dist: Costs, parent: Ints) -> None:
    for i in range(count):
        dist[touched[i]] = FAR
        parent[touched[i]] = -1


@compiled
def _walk(start: int, first: Ints, ref: Ints, parent: Ints, refs: Ints) -> tuple[int, int]:
    """Follow the parents from `start` to a seed; fills `refs`, returns the seed and the number of arcs."""
    node = start
    count = 0
    while parent[node] >= 0:
        arc = parent[node]
        refs[count] = ref[arc]
        count += 1
        node = np.searchsorted(first, arc, side="right") - 1
    return -2 - parent[node], count
