"""Crossings and gaps, against shapely."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from road_sketch import at

from routing.closeness import crossings, nearest_other, segments_of
from routing.metric import metres_per_degree

PLACE = st.tuples(st.integers(-300, 300), st.integers(-300, 300))
LINES = st.lists(st.lists(PLACE, min_size=2, max_size=4, unique=True), min_size=1, max_size=8)


def laid(lines: list[list[tuple[int, int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lon, lat = (
        np.array(axis) for axis in zip(*(at(*place) for line in lines for place in line), strict=True)
    )
    edge = np.repeat(np.arange(len(lines), dtype=np.int32), [len(line) for line in lines])
    return lon, lat, edge


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_crossings_are_those_of_shapely(lines: list[list[tuple[int, int]]]) -> None:
    lon, lat, edge = laid(lines)
    flat = [place for line in lines for place in line]
    starts = [i for i in range(len(flat) - 1) if edge[i] == edge[i + 1]]
    segments = {i: shapely.LineString(flat[i : i + 2]) for i in starts}
    truth = {(a, b) for a, b in itertools.combinations(starts, 2) if segments[a].crosses(segments[b])}
    one, other, places = crossings(segments_of(lon, lat, edge))
    found = dict(zip(zip(one.tolist(), other.tolist(), strict=True), places.tolist(), strict=True))
    assert len(found) == len(one)
    assert set(found) == truth
    for (a, b), place in found.items():
        meeting = segments[a].intersection(segments[b])
        assert place == pytest.approx(at(meeting.x, meeting.y), abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(LINES, PLACE, st.sampled_from([5.0, 60.0, 400.0]))
def test_the_nearest_other_road(
    lines: list[list[tuple[int, int]]], place: tuple[int, int], reach: float
) -> None:
    lon, lat, edge = laid(lines)
    x, y = (np.array([value]) for value in at(*place))
    nodes = np.arange(len(lines), dtype=np.int32)
    own, free = np.array([0], np.int32), np.array([-1], np.int32)
    found, metres = nearest_other(segments_of(lon, lat, edge), x, y, own, free, nodes, nodes, reach)
    scale = np.array(metres_per_degree(float(y[0])))
    away = {
        number: shapely.LineString((np.array([at(*p) for p in line]) - [x[0], y[0]]) * scale).distance(
            shapely.Point(0, 0)
        )
        for number, line in enumerate(lines)
        if number != 0
    }
    least = min(away.values(), default=np.inf)
    if least > reach:
        assert found.tolist() == [-1]
    else:
        assert metres[0] == pytest.approx(least, abs=1e-6)
        assert away[int(found[0])] == pytest.approx(least, abs=1e-6)


def test_joined_roads_and_no_roads_do_not_count() -> None:
    lon, lat, edge = laid([[(0, 0), (100, 0)], [(100, 2), (200, 2)], [(0, 3), (100, 3)]])
    x, y = (np.array([value]) for value in at(100, 0))
    tail, head = np.array([0, 1, 2], np.int32), np.array([5, 6, 7], np.int32)
    own = np.array([0], np.int32)

    def near(joined: int, edges: np.ndarray = edge) -> int:
        s = segments_of(lon, lat, edges)
        return int(nearest_other(s, x, y, own, np.array([joined], np.int32), tail, head, 5.0)[0][0])

    assert near(-1) == 1
    assert near(6) == 2
    assert near(-1, np.where(edge == 1, -1, edge).astype(np.int32)) == 2
