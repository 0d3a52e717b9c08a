"""Every kind of answer, for every profile, with forbidden turns and live changes, against a plain search."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from road_oracle import NEVER, Changes, Oracle, in_seconds
from road_sketch import Edge, at, network_of

from routing import AMBULANCE, Network, Unreachable
from routing.arrays import CLOSED_MS
from routing.live import Stretches, overlaid
from routing.turns import Ban

TWO = (replace(AMBULANCE, name="one"), replace(AMBULANCE, name="two"))
TIMES = st.one_of(st.just(CLOSED_MS), st.integers(0, 3), st.integers(0, 100_000))
METRES = st.integers(-300, 300).map(float)
PLACES = st.tuples(METRES, METRES)


@dataclass(frozen=True)
class Sketch:
    nodes: list[tuple[float, float]]
    edges: list[Edge]
    bans: list[Ban]
    places: list[tuple[float, float]]
    changes: Changes

    def network(self) -> Network:
        return network_of(self.nodes, self.edges, self.bans, TWO)

    def changed(self, network: Network) -> Network:
        """The network under the changes, past the drawing."""
        parts = [
            (Stretches(np.array([ref], np.int32), np.array([low]), np.array([high])), factor)
            for ref, stretches in self.changes.items()
            for low, high, factor in stretches
        ]
        view = copy.copy(network)
        view._metrics = network._core.metrics.under(overlaid(parts), "changed")
        return view

    def oracle(self, network: Network, row: int, *, changed: bool) -> Oracle:
        times = [((e.forward_ms, e.backward_ms), *e.others)[row] for e in self.edges]
        mm = network._arrays.edge_mm.tolist()
        bans = [ban for ban in self.bans if ban.mask >> row & 1]
        return Oracle(self.edges, times, mm, bans, self.changes if changed else {})


@st.composite
def chains(draw: DrawFn, edges: list[Edge]) -> Ban | None:
    """Two or three refs that follow each other."""

    def ends(ref: int) -> tuple[int, int]:
        edge = edges[ref >> 1]
        return (edge.last, edge.first) if ref & 1 else (edge.first, edge.last)

    refs = [draw(st.integers(0, 2 * len(edges) - 1))]
    for _ in range(draw(st.integers(1, 2))):
        following = [ref for ref in range(2 * len(edges)) if ends(ref)[0] == ends(refs[-1])[1]]
        refs.append(draw(st.sampled_from(following)))
    return Ban(tuple(refs), draw(st.integers(1, 3)))


@st.composite
def stretches(draw: DrawFn) -> list[tuple[float, float, float]]:
    """Some that touch, none that could be told as one."""
    marks = sorted(draw(st.lists(st.integers(0, 20), min_size=2, max_size=4, unique=True)))
    found: list[tuple[float, float, float]] = []
    for low, high in itertools.pairwise(marks):
        factor = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
        if not found or found[-1][2] != factor:
            found.append((low / 20, high / 20, factor))
    return found


@st.composite
def sketches(draw: DrawFn) -> Sketch:
    """Nodes, edges between them (one-way, parallel, loops, closed), forbidden turns and live changes."""
    nodes = draw(st.lists(PLACES, min_size=2, max_size=5, unique=True))
    node = st.integers(0, len(nodes) - 1)
    edges = []
    for _ in range(draw(st.integers(1, 8))):
        first, last = draw(node), draw(node)
        between = tuple(draw(st.lists(PLACES, min_size=2 if first == last else 0, max_size=2)))
        ways = draw(st.tuples(TIMES, TIMES)), draw(st.tuples(TIMES, TIMES))
        edges.append(Edge(first, last, *ways[0], between, draw(st.booleans()), (ways[1],)))
    bans = list({ban for ban in draw(st.lists(chains(edges), max_size=4)) if ban is not None})
    places = draw(st.lists(st.one_of(PLACES, st.sampled_from(nodes)), min_size=2, max_size=4))
    refs = st.integers(0, 2 * len(edges) - 1)
    changes = draw(st.dictionaries(refs, stretches(), max_size=4))
    return Sketch(nodes, edges, bans, places, changes)


@settings(max_examples=120, deadline=None)
@given(sketches(), st.sampled_from([0, 1]))
def test_all_answers_agree_with_the_plain_search(sketch: Sketch, row: int) -> None:
    base = sketch.network()
    points = [at(*place) for place in sketch.places]
    for network in (base, sketch.changed(base)) if sketch.changes else (base,):
        oracle = sketch.oracle(base, row, changed=network is not base)
        snaps = network.snap(points, profile=TWO[row].name)
        truth = [[oracle.cost(a, b) for b in snaps] for a in snaps]
        table = network.matrix(points, points, profile=TWO[row].name).seconds
        for i, j in itertools.product(range(len(points)), repeat=2):
            access = [round(s.access_m * 3600 / 20) for s in (snaps[i], snaps[j])]
            total = in_seconds(truth[i][j]) + sum(access) / 1000
            assert table[i, j] == pytest.approx(total, abs=1e-3)
        for one in range(len(points)):
            column, line = [truth[i][one] for i in range(len(points))], truth[one]
            here = points[one]
            for travels, costs in (
                (network.to_one(points, here, profile=TWO[row].name), column),
                (network.from_one(here, points, profile=TWO[row].name), line),
            ):
                for t in travels:
                    assert t.reachable == (costs[t.index] < NEVER)
                    if t.reachable:
                        assert (round(t.road_s * 1000), round(t.road_m * 1000)) == costs[t.index]
                        assert t.low_s <= t.total_s <= t.high_s
            for times, costs in (
                (network.times_to_one(points, here, profile=TWO[row].name), column),
                (network.times_from_one(here, points, profile=TWO[row].name), line),
            ):
                road = [c[0] if c < NEVER else 1 << 29 for c in costs]
                assert times.road_ms.tolist() == road


@settings(max_examples=120, deadline=None)
@given(sketches(), st.sampled_from([0, 1]))
def test_routes_and_their_steps_add_up(sketch: Sketch, row: int) -> None:
    base = sketch.network()
    network = sketch.changed(base) if sketch.changes else base
    oracle = sketch.oracle(base, row, changed=network is not base)
    points = [at(*place) for place in sketch.places]
    snaps = network.snap(points, profile=TWO[row].name)
    for i, j in itertools.product(range(len(points)), repeat=2):
        cost = oracle.cost(snaps[i], snaps[j])
        if cost >= NEVER:
            with pytest.raises(Unreachable):
                network.route(points[i], points[j], profile=TWO[row].name)
            continue
        route = network.route(points[i], points[j], steps=True, profile=TWO[row].name)
        assert (round(route.road_s * 1000), round(route.road_m * 1000)) == cost
        assert sum(round(step.seconds * 1000) for step in route.steps) == cost[0]
        assert sum(round(step.metres * 1000) for step in route.steps) == cost[1]
        assert route.steps[-1].maneuver.startswith("arrive")
        assert all(step.text_id and step.text_en for step in route.steps)


@settings(max_examples=100, deadline=None)
@given(sketches())
def test_a_travel_over_a_connector_says_so(sketch: Sketch) -> None:
    """Exactly when the fastest way without connectors is worse."""
    network = sketch.network()
    points = [at(*place) for place in sketch.places]
    snaps = network.snap(points)
    oracle = sketch.oracle(network, 0, changed=False)
    closed = [
        (CLOSED_MS, CLOSED_MS) if e.connector else t for e, t in zip(oracle.edges, oracle.times, strict=True)
    ]
    without = replace(oracle, times=closed)
    for one, point in enumerate(points):
        for t in network.to_one(points, point):
            if t.reachable:
                worse = without.cost(snaps[t.index], snaps[one]) > oracle.cost(snaps[t.index], snaps[one])
                assert ("connector" in t.doubts) == worse
            else:
                assert t.total_s == math.inf
