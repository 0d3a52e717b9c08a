"""The engine against scipy's Dijkstra on small adversarial graphs, with every question it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray
from oracle import Graph, at_nodes, check_path, milliseconds_from, nothing_known

from routing.customise import sharpen
from routing.engine import (
    FAR,
    FAR_MS,
    LENGTH_BITS,
    Ends,
    Engine,
    Weights,
    customise,
    customise_changed,
)

# few values, so that ties, zeros and closed arcs are common
MS = st.one_of(st.integers(0, 4), st.integers(0, 1000), st.just(FAR_MS))


@dataclass(frozen=True)
class Question:
    """A graph, places on it with any number of ends, and what is known of each in advance."""

    graph: Graph
    one: Ends
    many: Ends
    owners: int
    known: NDArray[np.int64]


def costs_of(ms: list[int]) -> NDArray[np.int64]:
    """Costs with a length that is as good as random; closed where the milliseconds say so."""
    cost = (np.array(ms, np.int64) << LENGTH_BITS) + np.arange(len(ms)) * 37 % 101
    return np.where(np.array(ms) >= FAR_MS, FAR, cost).astype(np.int64)


@st.composite
def graphs(draw: DrawFn) -> Graph:
    """One-way, parallel and closed arcs, self loops, parts that do not hang together."""
    nodes = draw(st.integers(1, 12))
    node = st.integers(0, nodes - 1)
    arcs = sorted(draw(st.lists(st.tuples(node, node, MS), max_size=40)))
    tail, head = (np.array([arc[k] for arc in arcs], np.int32) for k in (0, 1))
    places = np.array(draw(st.lists(st.integers(0, 5), min_size=2 * nodes, max_size=2 * nodes)), float)
    return Graph(places[:nodes], places[nodes:], tail, head, costs_of([arc[2] for arc in arcs]))


@st.composite
def ends(draw: DrawFn, nodes: int, owners: int, least: int) -> Ends:
    one = st.tuples(st.integers(0, nodes - 1), MS, st.integers(0, owners - 1))
    drawn = draw(st.lists(one, min_size=least, max_size=3 * owners))
    node, ms, owner = (np.array([end[k] for end in drawn], np.int32) for k in range(3))
    return Ends(node, costs_of(ms.tolist()), owner)


@st.composite
def questions(draw: DrawFn) -> Question:
    graph = draw(graphs())
    owners = draw(st.integers(1, 20))
    known = costs_of(draw(st.lists(MS, min_size=owners, max_size=owners)))
    one = draw(ends(graph.nodes, 1, 1))
    return Question(graph, one, draw(ends(graph.nodes, owners, 0)), owners, known)


def least(
    between: NDArray[np.int64], first: Ends, n_first: int, last: Ends, n_last: int
) -> NDArray[np.int64]:
    """(n_first, n_last) milliseconds from each owner of the first ends to each of the last."""
    best = np.full((n_first, n_last), FAR_MS, np.int64)
    for start, leave, i in zip(*first, strict=True):
        for stop, arrive, j in zip(*last, strict=True):
            legs = [leave >> LENGTH_BITS, between[start, stop], arrive >> LENGTH_BITS]
            if max(legs) < FAR_MS:
                best[i, j] = min(best[i, j], sum(legs))
    return best


def both_forms(graph: Graph) -> tuple[Engine, list[Weights]]:
    hierarchy = graph.hierarchy()
    weights = customise(hierarchy, graph.cost)
    return Engine(hierarchy), [weights, sharpen(hierarchy, weights)]


@settings(max_examples=250, deadline=None)
@given(questions())
def test_one_to_many_and_many_to_one(question: Question) -> None:
    graph, one, many, owners, known = vars(question).values()
    between = milliseconds_from(graph, np.arange(graph.nodes, dtype=np.int32))
    engine, forms = both_forms(graph)
    known_ms = (known >> LENGTH_BITS).astype(np.int32)
    to_one = np.minimum(least(between, many, owners, one, 1)[:, 0], known_ms)
    from_one = np.minimum(least(between, one, 1, many, owners)[0], known_ms)
    for weights in forms:
        for truth, search, search_ms in (
            (to_one, engine.to_one, engine.to_one_ms),
            (from_one, engine.from_one, engine.from_one_ms),
        ):
            found = search(weights, one, many, known)
            assert (found.best >> LENGTH_BITS).tolist() == truth.tolist()
            quick = search_ms(weights, one, many, known_ms)
            assert quick.best.dtype == np.int32
            assert quick.best.tolist() == truth.tolist()
            for owner, via in enumerate(found.via.tolist()):
                assert (via < 0) == (found.best[owner] == known[owner])
                assert via < 0 or many.owner[via] == owner


@settings(max_examples=200, deadline=None)
@given(questions(), st.data())
def test_matrix_and_reach(question: Question, data: st.DataObject) -> None:
    graph, _, many, owners, _ = vars(question).values()
    between = milliseconds_from(graph, np.arange(graph.nodes, dtype=np.int32))
    engine, forms = both_forms(graph)
    sources = data.draw(st.integers(1, 20))
    origins = data.draw(ends(graph.nodes, sources, 0))
    truth = least(between, origins, sources, many, owners)
    known = data.draw(st.none() | st.just(np.full(truth.shape, 500, np.int32)))
    nodes = at_nodes(list(range(graph.nodes)))
    for weights in forms:
        found = engine.matrix(weights, origins, sources, many, owners, known)
        assert found.tolist() == (truth if known is None else np.minimum(truth, known)).tolist()
        for limit in (None, 6):
            most = FAR_MS if limit is None else limit
            ahead = least(between, origins, sources, nodes, graph.nodes).min(axis=0)
            back = least(between, nodes, graph.nodes, origins, sources).min(axis=1)
            reached = engine.reach(weights, origins, limit)
            assert reached.tolist() == np.where(ahead <= most, ahead, FAR_MS).tolist()
            reached = engine.reach(weights, origins, limit, backward=True)
            assert reached.tolist() == np.where(back <= most, back, FAR_MS).tolist()


@settings(max_examples=250, deadline=None)
@given(questions())
def test_a_path_is_a_way_of_its_cost(question: Question) -> None:
    graph, one, many, _, known = vars(question).values()
    between = milliseconds_from(graph, np.arange(graph.nodes, dtype=np.int32))
    engine, forms = both_forms(graph)
    place = Ends(many.node, many.cost, np.zeros_like(many.owner))
    truth = min(int(least(between, place, 1, one, 1)[0, 0]), int(known[0]) >> LENGTH_BITS)
    for weights in forms:
        path = engine.path(weights, place, one, int(known[0]))
        assert path.cost >> LENGTH_BITS == truth
        if path.via < 0:
            assert (path.cost, path.seed, path.arcs.tolist()) == (known[0], -1, [])
            continue
        here = place.node[path.via]
        for arc in path.arcs.tolist():
            assert graph.tail[arc] == here
            here = graph.head[arc]
        assert here == one.node[path.seed]
        total = place.cost[path.via] + graph.cost[path.arcs].sum() + one.cost[path.seed]
        assert total == path.cost
        # what `to_one` says of the same place
        best = engine.to_one(weights, one, place, known[:1]).best
        assert best.tolist() == [path.cost]


@settings(max_examples=250, deadline=None)
@given(graphs(), st.data())
def test_a_changed_metric_is_the_one_made_anew(graph: Graph, data: st.DataObject) -> None:
    hierarchy = graph.hierarchy()
    weights, cost = customise(hierarchy, graph.cost), graph.cost
    for _ in range(3):
        changed = np.array(data.draw(st.lists(st.integers(0, max(0, len(cost) - 1)))), np.int32)
        changed = changed[: len(cost)] if len(cost) else changed[:0]
        before = (weights.up.copy(), weights.down.copy())
        renewed = cost.copy()
        fresh = data.draw(st.lists(MS, min_size=len(changed), max_size=len(changed)))
        renewed[changed] = costs_of(fresh)
        step = customise_changed(hierarchy, weights, renewed, changed)
        anew = customise(hierarchy, renewed)
        for mine, whole in ((step.up, anew.up), (step.down, anew.down)):
            assert mine.tolist() == whole.tolist()
        # the old metric goes on serving whoever still holds it
        assert all((old == now).all() for old, now in zip(before, (weights.up, weights.down), strict=True))
        weights, cost = step, renewed


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_milliseconds_are_the_upper_half_of_costs(graph: Graph) -> None:
    _, forms = both_forms(graph)
    for weights in forms:
        for side in (weights.rising, weights.falling):
            assert side.ms.tolist() == (side.cost >> LENGTH_BITS).tolist()


def test_a_search_leaves_no_trace() -> None:
    """Scratch space is used again: a second search must not see what the first one reached."""
    line = Graph(
        np.arange(4.0), np.zeros(4), np.array([0, 1, 2], np.int32), np.array([1, 2, 3], np.int32),
        np.full(3, 5 << LENGTH_BITS),
    )  # fmt: skip
    hierarchy = line.hierarchy()
    engine, weights = Engine(hierarchy), customise(hierarchy, line.cost)
    for _ in range(3):
        assert engine.to_one(weights, at_nodes([3]), at_nodes([0]), nothing_known(1)).best[0] >> 32 == 15
        assert engine.to_one(weights, at_nodes([0]), at_nodes([3]), nothing_known(1)).best.tolist() == [FAR]
        assert engine.reach(weights, at_nodes([2])).tolist() == [FAR_MS, FAR_MS, 0, 5]
        check_path(engine, weights, line, 0, 3, 15)
        check_path(engine, weights, line, 3, 0, FAR_MS)


def test_stamps_run_out() -> None:
    """After two thousand million searches of a thread the stamps begin anew."""
    line = Graph(np.arange(2.0), np.zeros(2), np.array([0], np.int32), np.array([1], np.int32), costs_of([7]))
    hierarchy = line.hierarchy()
    engine, weights = Engine(hierarchy), customise(hierarchy, line.cost)
    check_path(engine, weights, line, 0, 1, 7)
    engine._own_scratch()._turn = 2**31 - 4
    for _ in range(4):
        check_path(engine, weights, line, 0, 1, 7)
        check_path(engine, weights, line, 1, 0, FAR_MS)
