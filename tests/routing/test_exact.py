"""The engine on every map that comes with the program: the times are scipy's, before and after closures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from oracle import Graph, at_nodes, check_path, milliseconds_from, milliseconds_to, nothing_known
from road_sketch import REPOSITORY

import routing
from routing.arrays import CLOSED_MS, NetworkArrays
from routing.customise import sharpen
from routing.engine import (
    FAR,
    FAR_MS,
    LENGTH_BITS,
    Engine,
    Hierarchy,
    Weights,
    customise,
    customise_changed,
)
from routing.store import read_store

EXTRACTS = sorted(
    [*(REPOSITORY / "regencies").glob("*/roads.osm.pbf"), *Path(__file__).parent.glob("data/*.osm.pbf")]
)
SAMPLE = (4, 30)  # sources, targets
SLOW = (100, 100)
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Town:
    """A map as the engine sees it: the graph, its hierarchy, and what each profile's arcs cost."""

    graph: Graph
    hierarchy: Hierarchy
    costs: dict[str, NDArray[np.int64]]


def profile_costs(arrays: NetworkArrays, row: int) -> NDArray[np.int64]:
    """What each arc costs in profile `row`; banned turns and forbidden directions are closed."""
    edge, against = arrays.out_ref >> 1, (arrays.out_ref & 1) == 1
    ms = np.where(against, arrays.edge_ms_backward[row][edge], arrays.edge_ms_forward[row][edge])
    cost = (ms.astype(np.int64) << LENGTH_BITS) + arrays.edge_mm[edge]
    closed = (ms == CLOSED_MS) | ((arrays.out_banned >> row) & 1 == 1)
    return np.where(closed, FAR, cost).astype(np.int64)


@pytest.fixture(scope="module", params=EXTRACTS, ids=lambda path: path.parent.name + "-" + path.name[:8])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("exact") / "store"
    routing.build_store(request.param, folder)
    store = read_store(folder)
    arrays = store.arrays
    tail = np.repeat(np.arange(len(arrays.node_lon), dtype=np.int32), np.diff(arrays.out_first))
    names = [profile.name for profile in store.manifest.profiles]
    costs = {name: profile_costs(arrays, row) for row, name in enumerate(names)}
    graph = Graph(arrays.node_lon, arrays.node_lat, tail, arrays.out_head, costs[names[0]])
    return Town(graph, graph.hierarchy(), costs)


def check_pairs(engine: Engine, weights: Weights, graph: Graph, sources: Ints, targets: Ints) -> None:
    """Every question the engine answers, for all pairs."""
    truth = milliseconds_from(graph, sources)[:, targets]
    starts, stops = at_nodes(sources), at_nodes(targets)
    assert (engine.matrix(weights, starts, len(sources), stops, len(targets)) == truth).all()
    known, known_ms = nothing_known(len(targets)), np.full(len(targets), FAR_MS, np.int32)
    for row, source in enumerate(sources.tolist()):
        one = at_nodes([source])
        found = engine.from_one(weights, one, stops, known).best
        assert (found >> LENGTH_BITS == truth[row]).all()
        assert (engine.from_one_ms(weights, one, stops, known_ms).best == truth[row]).all()
        assert (engine.reach(weights, one)[targets] == truth[row]).all()
        for column in range(row % 7, len(targets), 7):
            check_path(engine, weights, graph, source, int(targets[column]), int(truth[row, column]))
            path = engine.path(weights, one, at_nodes(targets[column : column + 1]))
            assert path.cost == found[column]
    back = milliseconds_to(graph, targets[:3])[:, sources]
    for row, target in enumerate(targets[:3].tolist()):
        one, start = at_nodes([target]), nothing_known(len(sources))
        assert (engine.to_one(weights, one, starts, start).best >> LENGTH_BITS == back[row]).all()
        assert (engine.reach(weights, one, backward=True)[sources] == back[row]).all()
    assert (engine.reach(weights, starts)[targets] == truth.min(axis=0)).all()


def check_town(town: Town, seed: int, sources: int, targets: int) -> None:
    """All profiles, before and after random closures, slowings and reopenings."""
    random = np.random.default_rng(seed)
    engine = Engine(town.hierarchy)

    def drawn(count: int) -> Ints:
        return random.integers(0, town.graph.nodes, count).astype(np.int32)

    for cost in town.costs.values():
        graph = town.graph.with_cost(cost)
        weights = customise(town.hierarchy, cost)
        check_pairs(engine, weights, graph, drawn(sources), drawn(targets))
        sharp = sharpen(town.hierarchy, weights)
        check_pairs(engine, sharp, graph, drawn(sources), drawn(targets))
        changed = random.choice(len(cost), len(cost) // 20, replace=False).astype(np.int32)
        altered = cost.copy()
        altered[changed] = np.where(
            random.random(len(changed)) < 0.5, FAR, np.minimum(FAR, cost[changed] * 3)
        )
        shut = customise_changed(town.hierarchy, sharp, altered, changed)
        check_pairs(engine, shut, graph.with_cost(altered), drawn(sources), drawn(targets))
        reopened = customise_changed(town.hierarchy, shut, cost, changed)
        assert (reopened.up == weights.up).all()
        assert (reopened.down == weights.down).all()


def test_a_sample_of_pairs(town: Town) -> None:
    check_town(town, 41, *SAMPLE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_pairs(town: Town) -> None:
    check_town(town, 42, *SLOW)


def test_a_second_witness(town: Town) -> None:
    """routingkit-cch, whose way to an answer shares nothing with scipy's, agrees."""
    routingkit = pytest.importorskip("routingkit_cch")
    for number, cost in enumerate(town.costs.values()):
        random = np.random.default_rng(number)
        open_ = cost < FAR
        tail, head = town.graph.tail[open_].tolist(), town.graph.head[open_].tolist()
        ms = (cost[open_] >> LENGTH_BITS).tolist()
        order = np.argsort(town.hierarchy.rank).tolist()
        metric = routingkit.CCHMetric(routingkit.CCH(order, tail, head, False), ms)
        query = routingkit.CCHQuery(metric)
        engine, weights = Engine(town.hierarchy), customise(town.hierarchy, cost)
        for source, target in random.integers(0, town.graph.nodes, (100, 2)).tolist():
            other = query.run(source, target).distance
            path = engine.path(weights, at_nodes([source]), at_nodes([target]))
            assert path.cost >> LENGTH_BITS == (FAR_MS if other is None else other)
