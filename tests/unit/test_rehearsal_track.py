"""Driving along a line: distances, directions, and the places in between."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.track import EARTH_M, Track, heading, metres_between

DEGREE_M = math.pi * EARTH_M / 180


def test_distances_on_the_sphere() -> None:
    assert metres_between((107.0, 0.0), (108.0, 0.0)) == pytest.approx(DEGREE_M)
    assert metres_between((107.0, -6.0), (107.0, -7.0)) == pytest.approx(DEGREE_M)
    assert metres_between((107.0, -6.0), (108.0, -6.0)) == pytest.approx(
        DEGREE_M * math.cos(math.radians(6.0)), rel=1e-4
    )
    assert metres_between((107.4, -6.5), (107.4, -6.5)) == 0.0


@pytest.mark.parametrize(
    ("to", "degrees"),
    [((107.0, 1.0), 0.0), ((108.0, 0.0), 90.0), ((107.0, -1.0), 180.0), ((106.0, 0.0), 270.0)],
)
def test_headings_are_clockwise_from_north(to: tuple[float, float], degrees: float) -> None:
    assert heading((107.0, 0.0), to) == pytest.approx(degrees)


def test_places_are_interpolated_by_distance_and_not_by_point() -> None:
    track = Track([(107.0, 0.0), (107.001, 0.0), (107.001, 0.003)])
    assert track.length_m == pytest.approx(0.004 * DEGREE_M)
    half = track.at_share(0.5)
    assert (half.lon, half.lat) == pytest.approx((107.001, 0.001))
    assert half.heading_deg == pytest.approx(0.0)
    quarter = track.at(track.length_m / 8)
    assert (quarter.lon, quarter.lat) == pytest.approx((107.0005, 0.0))
    assert quarter.heading_deg == pytest.approx(90.0)


def test_a_track_does_not_go_past_its_ends() -> None:
    track = Track([(107.0, -6.0), (107.1, -6.1)])
    assert (track.at(-5.0).lon, track.at(-5.0).lat) == (107.0, -6.0)
    end = track.at(track.length_m + 1000)
    assert (end.lon, end.lat) == pytest.approx((107.1, -6.1))


def test_points_that_repeat_are_left_out() -> None:
    track = Track([(107.0, 0.0), (107.0, 0.0), (107.01, 0.0), (107.01, 0.0)])
    assert track.length_m == pytest.approx(0.01 * DEGREE_M)
    assert track.at(0.0).heading_deg == pytest.approx(90.0)


def test_a_single_point_is_a_track_of_no_length() -> None:
    track = Track([(107.0, -6.0), (107.0, -6.0)])
    assert track.length_m == 0.0
    assert (track.at_share(0.7).lon, track.at_share(0.7).lat) == (107.0, -6.0)
    with pytest.raises(ValueError, match="at least one point"):
        Track([])


POINT = st.tuples(st.floats(107.0, 107.2), st.floats(-6.8, -6.6))


@given(st.lists(POINT, min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_never_farther_apart_than_driven(points: list[tuple[float, float]], shares: list[float]) -> None:
    track = Track(points)
    a, b = track.at_share(shares[0]), track.at_share(shares[1])
    driven = abs(shares[1] - shares[0]) * track.length_m
    # between two points the line is straight in degrees, which is not quite evenly spaced in metres
    assert metres_between((a.lon, a.lat), (b.lon, b.lat)) <= driven * 1.001 + 0.01
