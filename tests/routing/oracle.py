"""What the engine is held against: scipy's Dijkstra over the same arcs, to the millisecond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.engine import FAR, FAR_MS, LENGTH_BITS, Ends, Engine, Hierarchy, Weights, build_hierarchy

Ints = NDArray[np.int32]
Costs = NDArray[np.int64]
# scipy takes an entry of 0 for no entry at all. So milliseconds are counted in millionths, and nought becomes
# one of them: fewer than a million arcs of that kind do not add up to a millisecond.
_MILLIONTHS = 2**20


@dataclass(frozen=True)
class Graph:
    """N nodes at (lon, lat) and the arcs tail -> head (A,) with costs as the engine takes them."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tail: Ints
    head: Ints
    cost: Costs

    @property
    def nodes(self) -> int:
        return len(self.lon)

    def hierarchy(self, order: Ints | None = None) -> Hierarchy:
        return build_hierarchy(self.nodes, self.tail, self.head, self.lon, self.lat, order=order)

    def with_cost(self, cost: Costs) -> Graph:
        return Graph(self.lon, self.lat, self.tail, self.head, cost)


def milliseconds_from(graph: Graph, sources: Ints) -> NDArray[np.int64]:
    """(sources, N) milliseconds to every node, FAR_MS where there is no way."""
    assert len(graph.cost) < _MILLIONTHS
    open_ = np.flatnonzero(graph.cost < FAR)
    # scipy adds parallel arcs up: only the cheapest is given to it
    order = open_[np.lexsort((graph.cost[open_], graph.head[open_], graph.tail[open_]))]
    tail, head, ms = graph.tail[order], graph.head[order], graph.cost[order] >> LENGTH_BITS
    cheapest = np.ones(len(order), bool)
    cheapest[1:] = (np.diff(tail) != 0) | (np.diff(head) != 0)
    weight = np.maximum(ms[cheapest].astype(np.float64) * _MILLIONTHS, 1.0)
    matrix = csr_array((weight, (tail[cheapest], head[cheapest])), shape=(graph.nodes, graph.nodes))
    found = np.floor(dijkstra(matrix, indices=sources) / _MILLIONTHS)
    return np.where(np.isfinite(found), found, FAR_MS).astype(np.int64)


def milliseconds_to(graph: Graph, targets: Ints) -> NDArray[np.int64]:
    """(targets, N) milliseconds from every node."""
    turned = Graph(graph.lon, graph.lat, graph.head, graph.tail, graph.cost)
    return milliseconds_from(turned, targets)


def at_nodes(nodes: Ints | list[int]) -> Ends:
    """Places that are nodes."""
    count = len(nodes)
    return Ends(np.asarray(nodes, np.int32), np.zeros(count, np.int64), np.arange(count, dtype=np.int32))


def nothing_known(count: int) -> Costs:
    return np.full(count, FAR, np.int64)


def check_path(engine: Engine, weights: Weights, graph: Graph, start: int, stop: int, ms: int) -> None:
    """The way from node to node takes `ms`, leads from the one to the other, and its arcs add up."""
    path = engine.path(weights, at_nodes([start]), at_nodes([stop]))
    assert path.cost >> LENGTH_BITS == ms
    if ms == FAR_MS:
        assert (path.via, path.seed, path.arcs.tolist()) == (-1, -1, [])
        return
    assert int(graph.cost[path.arcs].sum()) == path.cost
    stations = [start, *graph.head[path.arcs].tolist()]
    assert stations[-1] == stop
    assert stations[:-1] == graph.tail[path.arcs].tolist()
