"""Travel times between places on edges, against scipy on the network with its edges cut at the places."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy.typing import NDArray
from road_sketch import Edge, at, network_of
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from routing import Network, Snap, Unreachable
from routing.arrays import CLOSED_MS
from routing.metric import segment_lengths

# time in units of MM, length below: both fit a double exactly, so scipy's sums are exact too
MM = 1 << 26

TIMES = st.one_of(st.just(CLOSED_MS), st.integers(0, 3), st.integers(0, 100_000))
METRES = st.integers(-300, 300).map(float)
PLACES = st.tuples(METRES, METRES)


@st.composite
def sketches(draw: DrawFn) -> tuple[list[tuple[float, float]], list[Edge], list[tuple[float, float]]]:
    """Nodes, edges between them (one-way, parallel, loops, closed) and places; a few places lie on nodes."""
    nodes = draw(st.lists(PLACES, min_size=2, max_size=6, unique=True))
    node = st.integers(0, len(nodes) - 1)
    edges = []
    for _ in range(draw(st.integers(1, 9))):
        first, last = draw(node), draw(node)
        least = 2 if first == last else 0
        between = tuple(draw(st.lists(PLACES, min_size=least, max_size=3)))
        edges.append(Edge(first, last, draw(TIMES), draw(TIMES), between, draw(st.booleans())))
    places = draw(st.lists(st.one_of(PLACES, st.sampled_from(nodes)), min_size=2, max_size=6))
    return nodes, edges, places


def cut_distances(network: Network, nodes: int, edges: list[Edge], places: list[Snap]) -> NDArray[np.float64]:
    """Least time and length between all places: rows from, columns to, infinite where there is no way."""
    arcs: dict[tuple[int, int], float] = {}

    def join(tail: int, head: int, cost: float) -> None:
        arcs[tail, head] = min(cost, arcs.get((tail, head), math.inf))

    for number, edge in enumerate(edges):
        mm = int(network._arrays.edge_mm[number])
        stops = [(0.0, edge.first)]
        stops += sorted((p.fraction, nodes + i) for i, p in enumerate(places) if p.edge == number)
        stops.append((1.0, edge.last))
        for (start, a), (stop, b) in itertools.pairwise(stops):
            if start == stop:
                join(a, b, 0.0)
                join(b, a, 0.0)
                continue
            length = round(mm * stop) - round(mm * start)
            for tail, head, ms in ((a, b, edge.forward_ms), (b, a, edge.backward_ms)):
                if ms != CLOSED_MS:
                    join(tail, head, (round(ms * stop) - round(ms * start)) * MM + length)
    size = nodes + len(places)
    tails, heads = [t for t, _ in arcs], [h for _, h in arcs]
    matrix = csr_array((np.array(list(arcs.values())), (tails, heads)), shape=(size, size))
    return dijkstra(matrix, indices=range(nodes, size))[:, nodes:]


def access_ms(origin: Snap, target: Snap, kmh: float) -> int:
    return round(origin.access_m * 3600 / kmh) + round(target.access_m * 3600 / kmh)


def ranking(costs: NDArray[np.float64], access: list[int]) -> list[int]:
    """Rows by total time, then length, then row; unreachable ones last."""
    ranks = [
        (cost // MM + leg, cost % MM, i) if np.isfinite(cost) else (math.inf, 0.0, i)
        for i, (cost, leg) in enumerate(zip(costs, access, strict=True))
    ]
    return [rank[2] for rank in sorted(ranks)]


@settings(max_examples=100, deadline=None)
@given(sketches(), st.integers(1, 4), st.sampled_from([3.0, 20.0]))
def test_times_and_lengths_are_those_of_scipy(
    sketch: tuple[list[tuple[float, float]], list[Edge], list[tuple[float, float]]], k: int, kmh: float
) -> None:
    nodes, edges, places = sketch
    network = network_of(nodes, edges)
    points = [at(*place) for place in places]
    snaps = network.snap(points)
    truth = cut_distances(network, len(nodes), edges, snaps)
    for one in range(len(points)):
        for ask, cost in ((network.to_one, truth[:, one]), (network.from_one, truth[one])):
            to_one = ask == network.to_one
            args = (points, points[one]) if to_one else (points[one], points)
            travels = ask(*args, access_kmh=kmh)
            order = ranking(cost, [access_ms(snap, snaps[one], kmh) for snap in snaps])
            reached = [i for i in order if np.isfinite(cost[i])]
            assert [t.index for t in travels] == order
            for t in travels:
                assert t.reachable == bool(np.isfinite(cost[t.index]))
                assert (t.origin, t.target) == (
                    (snaps[t.index], snaps[one]) if to_one else (snaps[one], snaps[t.index])
                )
                if t.reachable:
                    assert round(t.road_s * 1000) == cost[t.index] // MM
                    assert round(t.road_m * 1000) == cost[t.index] % MM
                    assert round(t.total_s * 1000) == round(t.road_s * 1000) + round(t.access_s * 1000)
                    assert round(t.access_s * 1000) == access_ms(t.origin, t.target, kmh)
                else:
                    assert (t.total_s, t.road_s, t.road_m) == (math.inf, math.inf, math.inf)
            assert ask(*args, k=k, access_kmh=kmh) == travels[: min(k, len(reached))]


@settings(max_examples=100, deadline=None)
@given(sketches())
def test_a_route_is_the_travel_laid_out(
    sketch: tuple[list[tuple[float, float]], list[Edge], list[tuple[float, float]]],
) -> None:
    nodes, edges, places = sketch
    network = network_of(nodes, edges)
    points = [at(*place) for place in places]
    for origin, target in itertools.product(points, points):
        travel = network.to_one([origin], target)[0]
        if not travel.reachable:
            with pytest.raises(Unreachable):
                network.route(origin, target)
            continue
        route = network.route(origin, target)
        assert (route.total_s, route.road_s, route.road_m) == (travel.total_s, travel.road_s, travel.road_m)
        assert (route.access_s, route.access_m) == (travel.access_s, travel.access_m)
        assert (route.origin, route.target) == (travel.origin, travel.target)
        assert route.geometry[0] == (route.origin.lon, route.origin.lat)
        assert route.geometry[-1] == (route.target.lon, route.target.lat)
        lon, lat = np.array(route.geometry).T
        # the sketch measures in one plane and rounds each shape point to a millimetre
        assert segment_lengths(lon, lat).sum() == pytest.approx(route.road_m, rel=1e-4, abs=0.05)
        assert 0 <= route.connector_m <= route.road_m + 0.01


def test_same_one_way_edge_ahead_and_behind() -> None:
    """Ahead on a one-way street is a short drive; behind means going round."""
    square = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]
    edges = [Edge(i, (i + 1) % 4, 10_000, CLOSED_MS) for i in range(4)]
    network = network_of(square, edges)
    early, late = at(25, 0), at(75, 0)
    assert network.route(early, late).road_s == pytest.approx(5.0, abs=0.01)
    behind = network.route(late, early)
    assert behind.road_s == pytest.approx(35.0, abs=0.01)
    assert behind.road_m == pytest.approx(350.0, abs=0.1)
    assert len(behind.geometry) == 6


def test_a_shortcut_beats_the_direct_edge() -> None:
    """Even on the same two-way edge the fast way may lead over its ends."""
    network = network_of(
        [(0.0, 0.0), (200.0, 0.0)],
        [Edge(0, 1, 100_000, 100_000), Edge(0, 1, 1_000, 1_000, ((100.0, 200.0),))],
    )
    assert network.route(at(2, 0), at(198, 0)).road_s == pytest.approx(3.0, abs=0.1)


def test_a_place_on_a_node_leaves_by_any_road() -> None:
    """A unit at a junction is not made to drive along the one-way street that happens to be nearest."""
    network = network_of(
        [(0.0, 0.0), (300.0, 0.0), (0.0, 300.0)],
        [
            Edge(0, 1, 50_000, CLOSED_MS),
            Edge(1, 0, 50_000, CLOSED_MS, ((150.0, 50.0),)),
            Edge(0, 2, 9_000, 9_000),
        ],
    )
    assert network.route(at(0, 0), at(0, 300)).road_s == 9.0


def test_a_route_says_what_was_invented() -> None:
    line = [(0.0, 0.0), (100.0, 0.0), (300.0, 0.0)]
    network = network_of(line, [Edge(0, 1, 9_000, 9_000), Edge(1, 2, 9_000, 9_000, (), True)])
    assert network.route(at(0, 0), at(90, 0)).connector_m == 0.0
    assert network.route(at(0, 0), at(150, 0)).connector_m == pytest.approx(50.0, abs=0.1)
    assert network.route(at(300, 0), at(0, 0)).connector_m == pytest.approx(200.0, abs=0.1)


def test_origin_and_target_in_one_place() -> None:
    network = network_of([(0.0, 0.0), (100.0, 0.0)], [Edge(0, 1, 9_000, 9_000)])
    route = network.route(at(50, 0), at(50, 0))
    assert (route.road_s, route.road_m) == (0.0, 0.0)
    assert len(route.geometry) == 2
