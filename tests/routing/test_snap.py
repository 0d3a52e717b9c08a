"""Snapping: the nearest road is really the nearest, and what is no point is refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from road_sketch import LAT0, LON0, Edge, Scatter, at, network_of

from routing import BadPoint, Network, NoUnits, OutsideNetwork
from routing.metric import metres_per_degree


def nearest_by_shapely(network: Network, point: tuple[float, float]) -> float:
    """Metres to the nearest edge, in the plane scaled at the point's latitude."""
    scale = np.array(metres_per_degree(point[1]))
    a = network._arrays
    shapes = np.column_stack([a.shape_lon, a.shape_lat])
    lines = [
        shapely.LineString((shapes[first:last] - point) * scale)
        for first, last in zip(a.shape_first[:-1], a.shape_first[1:], strict=True)
    ]
    return float(shapely.distance(shapely.Point(0, 0), np.array(lines)).min())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5e3, 5e3), st.floats(-5e3, 5e3)), min_size=2, max_size=30),
    st.lists(st.tuples(st.floats(-2e4, 2e4), st.floats(-2e4, 2e4)), min_size=1, max_size=10),
)
def test_the_nearest_place_is_the_nearest(
    corners: list[tuple[float, float]], places: list[tuple[float, float]]
) -> None:
    edges = [Edge(i, i + 1, 1, 1) for i in range(len(corners) - 1)]
    network = network_of(corners, edges)
    for place, snap in zip(places, network.snap([at(*p) for p in places]), strict=True):
        # half a per mille: the reported metres are measured half-way, not at the point
        truth = nearest_by_shapely(network, at(*place))
        assert snap.access_m == pytest.approx(truth, rel=5e-4, abs=0.01)


def test_real_network(purwakarta: Network, scatter: Scatter) -> None:
    points = scatter(purwakarta, 150)
    a = purwakarta._arrays
    for point, snap in zip(points.tolist(), purwakarta.snap(points), strict=True):
        assert snap.access_m == pytest.approx(
            nearest_by_shapely(purwakarta, tuple(point)), rel=1e-3, abs=0.01
        )
        first, last = a.shape_first[snap.edge], a.shape_first[snap.edge + 1]
        along = np.interp(
            snap.fraction * a.edge_mm[snap.edge], a.shape_mm[first:last], a.shape_lon[first:last]
        )
        assert snap.lon == pytest.approx(along, abs=1e-6)


def test_places_far_away_are_answered(purwakarta: Network) -> None:
    """Bandung to the south, the far side of Subang to the east; up to 50 km outside the box."""
    bandung, subang_east = purwakarta.snap([(107.61, -6.92), (108.0, -6.6)])
    assert 15_000 < bandung.access_m < 35_000
    assert 35_000 < subang_east.access_m < 55_000


def test_places_beyond_are_refused_by_name(purwakarta: Network) -> None:
    """Central Jakarta: the one place of a question is refused; one of many is said to be outside."""
    jakarta, town = (106.8272, -6.1754), (107.44, -6.55)
    for ask in (
        lambda: purwakarta.snap([town, jakarta]),
        lambda: purwakarta.to_one([town], jakarta),
        lambda: purwakarta.from_one(jakarta, [town]),
        lambda: purwakarta.route(town, jakarta),
    ):
        with pytest.raises(OutsideNetwork) as caught:
            ask()
        assert caught.value.value == jakarta
        assert "106.8272" in caught.value.message_en
    near, far = purwakarta.to_one([jakarta, town], town)
    assert (near.index, near.reachable) == (1, True)
    assert (far.index, far.reachable, far.total_s) == (0, False, math.inf)
    assert "outside" in far.doubts
    assert np.isinf(purwakarta.matrix([jakarta, town], [town]).seconds).tolist() == [[True], [False]]


def test_on_the_road_means_no_access(purwakarta: Network) -> None:
    a = purwakarta._arrays
    middle = np.column_stack([a.shape_lon, a.shape_lat])[1:50]
    for snap in purwakarta.snap(middle):
        assert snap.access_m < 1e-3


def test_empty_and_list_inputs(purwakarta: Network) -> None:
    assert purwakarta.snap([]) == []
    assert purwakarta.snap(np.empty((0, 2))) == []
    assert purwakarta.from_one((107.44, -6.55), []) == []
    with pytest.raises(NoUnits, match="origins"):
        purwakarta.to_one([], (107.44, -6.55))
    assert len(purwakarta.snap([[107.44, -6.55], (107.45, -6.56)])) == 2


@pytest.mark.parametrize(
    "point",
    [
        (math.nan, -6.5),
        (107.4, math.nan),
        (math.inf, -6.5),
        (107.4, -math.inf),
        (181.0, -6.5),
        (107.4, 1e9),
        (-6.5, 200.0),
    ],
)
def test_no_place_on_earth(purwakarta: Network, point: tuple[float, float]) -> None:
    good = (107.44, -6.55)
    with pytest.raises(BadPoint) as caught:
        purwakarta.snap([good, point])
    assert caught.value.index == 1
    assert str(caught.value.value) == str(point)
    assert str(point[0]) in caught.value.message_en
    assert "swapped" not in caught.value.message_en
    for many, one in (([point], good), ([good], point)):
        with pytest.raises(BadPoint):
            purwakarta.to_one(many, one)
        with pytest.raises(BadPoint):
            purwakarta.from_one(one, many)
    with pytest.raises(BadPoint):
        purwakarta.route(good, point)


def test_swapped_coordinates_are_named(purwakarta: Network) -> None:
    with pytest.raises(BadPoint, match="swapped") as caught:
        purwakarta.snap([(-6.55, 107.44)])
    assert "tertukar" in caught.value.message_id
    assert caught.value.value == (-6.55, 107.44)


def test_swapped_coordinates_inside_the_globe() -> None:
    """Where both readings are places on earth, the network's own box decides."""
    network = network_of([(0.0, 0.0), (900.0, 900.0)], [Edge(0, 1, 1, 1)])
    shifted = network.box
    assert shifted[0] <= LON0 <= shifted[2]
    with pytest.raises(BadPoint, match="swapped"):
        network.snap([(LAT0, LON0)])


@pytest.mark.parametrize("bad", [[(1.0, 2.0, 3.0)], "jalan", [("a", "b")], [None], 7.0])
def test_what_is_not_a_list_of_points(purwakarta: Network, bad: ArrayLike) -> None:
    with pytest.raises(BadPoint):
        purwakarta.snap(bad)


def test_one_place_means_one_point(purwakarta: Network) -> None:
    points: NDArray[np.float64] = np.array([[107.44, -6.55], [107.45, -6.56]])
    with pytest.raises(BadPoint):
        purwakarta.to_one(points, points)


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf])
def test_access_speed_must_be_a_speed(purwakarta: Network, speed: float) -> None:
    with pytest.raises(ValueError, match="access_kmh"):
        purwakarta.route((107.44, -6.55), (107.45, -6.56), access_kmh=speed)
    with pytest.raises(ValueError, match="access_kmh"):
        purwakarta.to_one([(107.44, -6.55)], (107.45, -6.56), access_kmh=speed)


def test_k_counts_from_one(purwakarta: Network) -> None:
    with pytest.raises(ValueError, match="k must"):
        purwakarta.to_one([(107.44, -6.55)], (107.45, -6.56), k=0)
