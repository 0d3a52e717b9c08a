"""Many threads at once get the answers one thread gets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import numpy as np
from oracle import at_nodes, nothing_known
from road_sketch import Scatter
from test_hierarchy import grid_graph

from routing import Network
from routing.customise import sharpen
from routing.engine import FAR, Engine, customise, customise_changed

THREADS = 8
Answer = TypeVar("Answer")


def all_at_once(ask: Callable[[int], Answer]) -> list[list[Answer]]:
    """Every thread asks all questions below THREADS, each beginning with another; the answers by question."""
    start = Barrier(THREADS)

    def ask_together(first: int) -> list[Answer]:
        start.wait()
        return [ask((first + turn) % THREADS) for turn in range(THREADS)]

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask_together, range(THREADS)))
    return [[answers[first][question - first] for first in range(THREADS)] for question in range(THREADS)]


def test_the_engine_in_eight_threads() -> None:
    """With metrics being made while others are asked about, and layers built by all at once."""
    graph = grid_graph(40, 30, seed=8)
    hierarchy = graph.hierarchy()
    weights = sharpen(hierarchy, customise(hierarchy, graph.cost))
    random = np.random.default_rng(8)
    places = at_nodes(random.integers(0, graph.nodes, 200).astype(np.int32))
    few = at_nodes(places.node[:20])
    shut = [random.integers(0, len(graph.tail), 50).astype(np.int32) for _ in range(THREADS)]

    def ask_engine(engine: Engine, question: int) -> list[object]:
        one = at_nodes([question * 31])
        cost = graph.cost.copy()
        cost[shut[question]] = FAR
        changed = customise_changed(hierarchy, weights, cost, shut[question])
        answers: list[object] = []
        for metric in (weights, changed):
            path = engine.path(metric, one, few)
            answers += [
                engine.to_one(metric, one, places, nothing_known(200)).best.tolist(),
                engine.from_one(metric, one, places, nothing_known(200)).via.tolist(),
                engine.matrix(metric, few, 20, places, 200).tolist(),
                engine.reach(metric, one).tolist(),
                engine.reach(metric, few, 60_000, backward=True).tolist(),
                (path.cost, path.seed, path.arcs.tolist()),
            ]
        return answers

    alone = [ask_engine(Engine(hierarchy), question) for question in range(THREADS)]
    shared = Engine(hierarchy)
    for truth, answers in zip(alone, all_at_once(lambda question: ask_engine(shared, question)), strict=True):
        assert all(answer == truth for answer in answers)


def test_a_network_in_eight_threads(batang: Network, scatter: Scatter) -> None:
    points = scatter(batang, 160)

    def ask(question: int) -> list[object]:
        one = points[question]
        return [
            batang.to_one(points, one),
            batang.to_one(points, one, k=5),
            batang.from_one(one, points),
            batang.route(points[-1], one),
            batang.snap(points),
        ]

    alone = [ask(question) for question in range(THREADS)]
    for truth, answers in zip(alone, all_at_once(ask), strict=True):
        assert all(answer == truth for answer in answers)
