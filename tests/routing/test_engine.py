"""The search engine against scipy's Dijkstra on small adversarial graphs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing.engine import FAR, Engine
from routing.graph import group_arcs

Arc = tuple[int, int, int]
Ends = list[tuple[int, int]]

# few values, so that ties, zeros and closed arcs are common
COSTS = st.one_of(st.integers(0, 4), st.integers(0, 1000), st.just(FAR))


@st.composite
def questions(draw: DrawFn) -> tuple[int, list[Arc], Ends, list[Ends], list[int], int]:
    """Nodes, arcs, the seeds, ends per owner, the cost known in advance per owner, how many are wanted."""
    nodes = draw(st.integers(1, 9))
    node = st.integers(0, nodes - 1)
    arcs = draw(st.lists(st.tuples(node, node, COSTS), max_size=30))
    pair = st.lists(st.tuples(node, COSTS), min_size=2, max_size=2)
    owners = draw(st.lists(pair, min_size=1, max_size=6))
    known = draw(st.lists(COSTS, min_size=len(owners), max_size=len(owners)))
    return nodes, arcs, draw(pair), owners, known, draw(st.integers(0, 7))


def engine_of(nodes: int, arcs: list[Arc]) -> Engine:
    tail, head, cost = (np.array(column) for column in zip(*arcs, strict=True)) if arcs else ([], [], [])
    tail, head = np.array(tail, np.int32), np.array(head, np.int32)
    cost, ref = np.array(cost, np.int64), np.arange(len(arcs), dtype=np.int32)
    return Engine(group_arcs(nodes, tail, head, cost, ref), group_arcs(nodes, head, tail, cost, ref))


def as_arrays(ends: Ends) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return np.array([n for n, _ in ends], np.int32), np.array([c for _, c in ends], np.int64)


def distances(nodes: int, arcs: list[Arc]) -> NDArray[np.float64]:
    """All pairs by scipy. It adds parallel arcs up, so only the cheapest is given to it."""
    cheapest: dict[tuple[int, int], int] = {}
    for tail, head, cost in arcs:
        if cost < FAR:
            cheapest[tail, head] = min(cost, cheapest.get((tail, head), FAR))
    rows, columns = [t for t, _ in cheapest], [h for _, h in cheapest]
    matrix = csr_array((np.array(list(cheapest.values()), float), (rows, columns)), shape=(nodes, nodes))
    return dijkstra(matrix)


def expected(
    between: NDArray[np.float64], seeds: Ends, owners: list[Ends], known: list[int], to_one: bool
) -> list[int]:
    best = []
    for ends, start in zip(owners, known, strict=True):
        costs = [float(start)] if start < FAR else []
        for node, leave in ends:
            for seed, arrive in seeds:
                way = between[node, seed] if to_one else between[seed, node]
                if leave < FAR and arrive < FAR and np.isfinite(way):
                    costs.append(leave + way + arrive)
        best.append(int(min(costs)) if costs else FAR)
    return best


@settings(max_examples=400, deadline=None)
@given(questions())
def test_costs_are_those_of_scipy(
    question: tuple[int, list[Arc], Ends, list[Ends], list[int], int],
) -> None:
    nodes, arcs, seeds, owners, known, wanted = question
    engine, between = engine_of(nodes, arcs), distances(nodes, arcs)
    ends = as_arrays([end for pair in owners for end in pair])
    start = np.array(known, np.int64)
    for to_one, search in ((True, engine.to_one), (False, engine.from_one)):
        truth = expected(between, seeds, owners, known, to_one)
        found = search(as_arrays(seeds), ends, start, 0)
        assert found.best.tolist() == truth
        ranked = search(as_arrays(seeds), ends, start, wanted).best
        if wanted:
            order = np.argsort(ranked, kind="stable")[:wanted]
            assert order.tolist() == np.argsort(truth, kind="stable")[:wanted].tolist()
            assert ranked[order].tolist() == np.array(truth)[order].tolist()


@settings(max_examples=300, deadline=None)
@given(questions())
def test_a_path_is_a_way_of_its_cost(
    question: tuple[int, list[Arc], Ends, list[Ends], list[int], int],
) -> None:
    nodes, arcs, seeds, owners, known, _ = question
    engine, between = engine_of(nodes, arcs), distances(nodes, arcs)
    path = engine.path(as_arrays(seeds), as_arrays(owners[0]), known[0])
    assert path.cost == expected(between, seeds, owners[:1], known[:1], to_one=True)[0]
    if path.via < 0:
        assert path.cost == known[0]
        assert path.refs.tolist() == []
        return
    here, total = owners[0][path.via]
    for ref in path.refs.tolist():
        tail, head, cost = arcs[ref]
        assert tail == here
        here, total = head, total + cost
    assert here == seeds[path.seed][0]
    assert total + seeds[path.seed][1] == path.cost


def test_a_search_leaves_no_trace() -> None:
    """Scratch space is used again: a second search must not see what the first one reached."""
    engine = engine_of(4, [(0, 1, 5), (1, 2, 5), (2, 3, 5)])
    none = np.array([FAR], np.int64)
    near = engine.to_one(as_arrays([(3, 0), (3, FAR)]), as_arrays([(0, 0), (0, FAR)]), none, 0)
    assert near.best.tolist() == [15]
    away = engine.to_one(as_arrays([(0, 7), (0, FAR)]), as_arrays([(3, 0), (3, FAR)]), none, 0)
    assert away.best.tolist() == [FAR]
