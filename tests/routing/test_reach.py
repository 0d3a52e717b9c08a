"""Coverage and isochrones against the times of the single places."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from road_sketch import Edge, Scatter, at, network_of

from routing import BadQuestion, Network, NoUnits

UNITS = 6


def test_coverage_is_the_least_of_all_units(batang: Network, scatter: Scatter) -> None:
    places = scatter(batang, 120)
    units, villages = places[:UNITS], places[UNITS:]
    weights = np.arange(len(villages), dtype=float)
    found = batang.coverage(units, 900, places=villages, weights=weights)
    table = batang.matrix(units, villages).seconds
    assert found.seconds.tolist() == table.min(axis=0).tolist()
    assert table[found.source, np.arange(len(villages))].tolist() == found.seconds.tolist()
    assert found.within.tolist() == (table.min(axis=0) <= 900).tolist()
    assert found.share == pytest.approx(weights[found.within].sum() / weights.sum())
    assert found.version == batang.matrix(units, villages).version


def test_covered_roads_grow_with_the_time_up_to_all(batang: Network, scatter: Scatter) -> None:
    units = scatter(batang, UNITS)
    reached = [batang.coverage(units, seconds) for seconds in (60, 300, 900, 20_000)]
    assert all(a.km_within < b.km_within for a, b in pairwise(reached))
    assert all(a.node_share < b.node_share for a, b in pairwise(reached))
    assert reached[-1].km_within == pytest.approx(reached[-1].km)
    assert reached[-1].node_share == 1.0
    assert reached[0].km == pytest.approx(batang.report.km_in_store, rel=1e-6)


def test_covered_kilometres_of_a_long_road() -> None:
    """From the middle of 2 km at 20 m/s: 10 s each way are 400 m; at 60 s all is reached."""
    network = network_of([(0.0, 0.0), (2000.0, 0.0)], [Edge(0, 1, 100_000, 100_000)])
    assert network.coverage([at(1000, 0)], 10).km_within == pytest.approx(0.4, abs=0.002)
    assert network.coverage([at(1000, 0)], 60).km_within == pytest.approx(2.0)
    assert network.coverage([at(0, 0), at(1000, 0)], 10).km_within == pytest.approx(0.6, abs=0.002)
    assert network.coverage([at(0, 0)], 10).node_share == 0.5


@pytest.mark.parametrize("access_kmh", [5.0, 20.0])
def test_isochrones_hold_the_places_that_are_reached(
    batang: Network, scatter: Scatter, access_kmh: float
) -> None:
    units, places = scatter(batang, 3), scatter(batang, 4000)
    limits = [300.0, 600.0, 1200.0]
    areas = batang.isochrones(units, limits, access_kmh=access_kmh)
    total = np.array([batang.times_from_one(u, places, access_kmh=access_kmh).total_ms for u in units])
    access = np.array([snap.access_m for snap in batang.snap(places)])
    for limit, area in zip(limits, areas, strict=True):
        assert area.polygon.is_valid
        assert area.limit_s == limit
        reached = (total.min(axis=0) <= limit * 1000) & (access <= 250)
        inside = shapely.contains_xy(area.polygon, places)
        # corners are moved by some metres: places right at the rim may fall on either side
        assert (reached != inside).mean() < 0.004
        assert shapely.get_num_coordinates(area.polygon) < 6000
    for inner, outer in pairwise(areas):
        assert shapely.difference(inner.polygon, outer.polygon).area == pytest.approx(0.0, abs=1e-12)


def test_isochrones_come_in_the_order_asked(purwakarta: Network) -> None:
    here = [(107.443, -6.556)]
    big, small, same = purwakarta.isochrones(here, [600, 300, 600])
    assert (big.limit_s, small.limit_s) == (600, 300)
    assert big.polygon.equals(same.polygon)
    assert big.polygon.area > small.polygon.area > 0


def test_nobody_reaches_anything_from_far_away(purwakarta: Network) -> None:
    """30 km off the roads, five minutes are over on the way to them."""
    (area,) = purwakarta.isochrones([(107.9, -6.5)], [300])
    assert area.polygon.is_empty
    found = purwakarta.coverage([(107.9, -6.5)], 300, places=[(107.443, -6.556)])
    assert (found.share, found.km_within, found.node_share) == (0.0, 0.0, 0.0)


def test_what_is_no_question(purwakarta: Network) -> None:
    here = [(107.443, -6.556)]
    with pytest.raises(NoUnits):
        purwakarta.coverage([], 600)
    with pytest.raises(NoUnits):
        purwakarta.isochrones([], [600])
    for limits in ([], [0.0], [-5.0], [float("nan")], [1e9], [60.0] * 25):
        with pytest.raises(BadQuestion):
            purwakarta.isochrones(here, limits)
    with pytest.raises(BadQuestion):
        purwakarta.isochrones(here, [60.0], access_m=1e6)
    for weights in ([1.0, 2.0], [-1.0], [float("nan")]):
        with pytest.raises(BadQuestion):
            purwakarta.coverage(here, 600, places=here, weights=weights)
