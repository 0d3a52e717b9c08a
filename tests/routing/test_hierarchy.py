"""The hierarchy: its shape, and that no order of the nodes changes an answer."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from oracle import Graph, at_nodes, milliseconds_from, nothing_known
from test_engine import graphs

from routing.dissection import dissection_order
from routing.engine import LENGTH_BITS, Engine, build_hierarchy, customise
from routing.order import node_order


def grid_graph(width: int, height: int, seed: int) -> Graph:
    """Streets in a grid, some of them missing; both directions of one street are parallel to nothing."""
    random = np.random.default_rng(seed)
    number = np.arange(width * height, dtype=np.int32).reshape(height, width)
    one = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    other = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    keep = random.random(len(one)) < 0.9
    tail, head = np.concatenate([one[keep], other[keep]]), np.concatenate([other[keep], one[keep]])
    order = np.argsort(tail, kind="stable")
    cost = random.integers(1000, 9000, len(tail)).astype(np.int64) << LENGTH_BITS
    lat, lon = np.divmod(np.arange(width * height), width)
    return Graph(lon / 1000, lat / 1000, tail[order], head[order], cost)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_shape(graph: Graph) -> None:
    hierarchy = graph.hierarchy()
    assert sorted(hierarchy.rank.tolist()) == list(range(graph.nodes))
    ups = [
        hierarchy.up_head[hierarchy.up_first[r] : hierarchy.up_first[r + 1]].tolist()
        for r in range(graph.nodes)
    ]
    for rank, heads in enumerate(ups):
        assert heads == sorted(set(heads))
        assert all(head > rank for head in heads)
        assert hierarchy.parent[rank] == (heads[0] if heads else -1)
        if heads:  # what contraction makes: the higher neighbours are all joined to the lowest of them
            assert set(heads[1:]) <= set(ups[heads[0]])
    for arc, above in enumerate(hierarchy.arc.tolist()):
        tail, head = hierarchy.rank[graph.tail[arc]], hierarchy.rank[graph.head[arc]]
        if above < 0:
            assert tail == head
            continue
        assert hierarchy.up_head[above >> 1] == max(tail, head)
        assert hierarchy.up_first[min(tail, head)] <= above >> 1 < hierarchy.up_first[min(tail, head) + 1]
        assert (above & 1) == (tail > head)
    for above in range(hierarchy.arcs):
        below = hierarchy.base_arc[hierarchy.base_first[above] : hierarchy.base_first[above + 1]]
        assert all(hierarchy.arc[base >> 1] == 2 * above + (base & 1) for base in below)
    assert len(hierarchy.base_arc) == np.count_nonzero(hierarchy.arc >= 0)
    for rank in range(graph.nodes):
        down = range(hierarchy.down_first[rank], hierarchy.down_first[rank + 1])
        assert [hierarchy.up_head[hierarchy.down_arc[i]] for i in down] == [rank] * len(down)
        assert all(rank in ups[hierarchy.down_node[i]] for i in down)


def test_a_subtree_is_one_stretch() -> None:
    """Ranks in post-order: the subtree below a node ends with it."""
    hierarchy = grid_graph(12, 9, seed=1).hierarchy()
    lowest = np.arange(hierarchy.nodes)
    size = np.ones(hierarchy.nodes, int)
    for rank, parent in enumerate(hierarchy.parent.tolist()):
        if parent >= 0:
            lowest[parent] = min(lowest[parent], lowest[rank])
            size[parent] += size[rank]
    assert (np.arange(hierarchy.nodes) - lowest + 1 == size).all()


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_order_answers_alike(graph: Graph) -> None:
    orders = [
        np.arange(graph.nodes, dtype=np.int32),
        dissection_order(graph.nodes, graph.tail, graph.head, graph.lon, graph.lat),
        node_order(graph.nodes, graph.tail, graph.head, graph.lon, graph.lat),
    ]
    truth = milliseconds_from(graph, np.arange(graph.nodes, dtype=np.int32))
    everywhere = at_nodes(list(range(graph.nodes)))
    for order in orders:
        assert sorted(order.tolist()) == list(range(graph.nodes))
        hierarchy = graph.hierarchy(order)
        weights = customise(hierarchy, graph.cost)
        found = Engine(hierarchy).matrix(weights, everywhere, graph.nodes, everywhere, graph.nodes)
        assert found.tolist() == truth.tolist()


def test_a_machine_without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The own order serves: exact, and the hierarchy not much larger than the one of inertial flow."""
    graph = grid_graph(60, 50, seed=2)
    with_wheel = graph.hierarchy()
    monkeypatch.setattr(importlib, "util", SimpleNamespace(find_spec=lambda _name: None))
    own = graph.hierarchy()
    assert own.arcs < 1.5 * with_wheel.arcs
    target = at_nodes([1234])
    weights = customise(own, graph.cost)
    everywhere = at_nodes(list(range(graph.nodes)))
    found = Engine(own).from_one(weights, target, everywhere, nothing_known(graph.nodes)).best >> LENGTH_BITS
    assert found.tolist() == milliseconds_from(graph, np.array([1234], np.int32))[0].tolist()


def test_progress_is_told() -> None:
    graph = grid_graph(5, 5, seed=3)
    told: list[float] = []
    build_hierarchy(graph.nodes, graph.tail, graph.head, graph.lon, graph.lat, told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
