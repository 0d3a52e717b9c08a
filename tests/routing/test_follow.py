"""Live fixes are put on the road the vehicle is on, not simply on the nearest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from road_sketch import Edge, at
from track_sketch import SIDE, matcher_of, town

from routing.arrays import CLOSED_MS
from routing.follow import UNKNOWN, Fixes, Followed, follow, nowhere
from routing.match import Matcher

pytestmark = pytest.mark.timeout(600)  # the first one waits for the kernels to be compiled

FIRST = math.inf


@pytest.fixture(scope="module")
def streets() -> Matcher:
    return town()


def fixes_at(
    places: Sequence[tuple[float, float]], *, heading: float = math.nan, seconds: float = 5.0,
    accuracy: float = 12.0,
) -> Fixes:  # fmt: skip
    lon, lat = (np.array(axis) for axis in zip(*(at(x, y) for x, y in places), strict=True))
    n = len(places)
    speed = math.nan if math.isnan(heading) else 10.0
    return Fixes(lon, lat, *(np.full(n, value) for value in (accuracy, heading, speed, seconds)))


def driven(matcher: Matcher, places: Sequence[tuple[float, float]]) -> list[Followed]:
    """One vehicle, fix after fix."""
    known = [follow(matcher.ground, nowhere(1), fixes_at(places[:1], seconds=FIRST))]
    for place in places[1:]:
        known.append(follow(matcher.ground, known[-1], fixes_at([place])))
    return known


def test_the_road_driven_on_is_kept_beside_another() -> None:
    """Two roads 24 m apart; one fix of a drive along the southern one lies nearer to the northern one."""
    ends = [(0, 0), (800, 0), (0, 24), (800, 24)]
    roads = matcher_of(ends, [Edge(0, 1, 80_000, 80_000), Edge(2, 3, 80_000, 80_000)])
    known = driven(roads, [(60, 2), (110, -2), (160, 1), (210, 14), (260, 2)])
    nearest = follow(roads.ground, nowhere(1), fixes_at([(210, 14)], seconds=FIRST))
    assert nearest.edge[0] == 1
    assert [place.edge[0] for place in known] == [0, 0, 0, 0, 0]
    assert known[3].fraction[0] == pytest.approx(210 / 800, abs=0.01)
    assert known[3].metres[0] == pytest.approx(14, abs=0.1)
    assert known[2].against[0] == 0


@pytest.mark.parametrize(("heading", "against"), [(90.0, 0), (270.0, 1), (math.nan, UNKNOWN)])
def test_heading_tells_the_direction(streets: Matcher, heading: float, against: int) -> None:
    known = follow(streets.ground, nowhere(1), fixes_at([(100, 3)], heading=heading, seconds=FIRST))
    assert known.against[0] == against


def test_heading_tells_the_street_at_a_corner(streets: Matcher) -> None:
    north = follow(streets.ground, nowhere(1), fixes_at([(206, 8)], heading=0.0, seconds=FIRST))
    east = follow(streets.ground, nowhere(1), fixes_at([(206, 8)], heading=90.0, seconds=FIRST))
    assert north.lon[0] != east.lon[0]
    assert east.fraction[0] == pytest.approx(6 / 200, abs=0.01)


def test_a_one_way_street_has_one_direction() -> None:
    matcher = matcher_of([(0, 0), (400, 0)], [Edge(0, 1, CLOSED_MS, 40_000)])
    known = follow(matcher.ground, nowhere(1), fixes_at([(100, 3)], seconds=FIRST))
    assert known.against[0] == 1


def test_what_is_no_place_or_far_off_is_on_no_road(streets: Matcher) -> None:
    fixes = fixes_at([(100, 0), (5000, 5000), (100, 0), (100, 0)], seconds=FIRST)
    fixes.lon[2] = math.nan
    fixes.lat[3] = 1e9
    known = follow(streets.ground, nowhere(4), fixes)
    assert known.edge.tolist()[1:] == [-1, -1, -1]
    assert known.edge[0] >= 0
    again = follow(streets.ground, known, fixes_at([(110, 0)] * 4))
    assert (again.edge >= 0).all()


def test_after_a_long_silence_only_the_fix_counts() -> None:
    ends = [(0, 0), (800, 0), (0, 24), (800, 24)]
    roads = matcher_of(ends, [Edge(0, 1, 80_000, 80_000), Edge(2, 3, 80_000, 80_000)])
    known = driven(roads, [(60, 2), (110, -2), (160, 1)])[-1]
    assert follow(roads.ground, known, fixes_at([(210, 14)], seconds=600)).edge[0] == 1


def test_units_do_not_disturb_each_other(streets: Matcher) -> None:
    places = [(60.0 + 7 * n, 3.0 * (n % 5)) for n in range(40)]
    first = follow(streets.ground, nowhere(40), fixes_at(places, seconds=FIRST))
    moved = [(x + 40, y) for x, y in places]
    together = follow(streets.ground, first, fixes_at(moved))
    for n in range(40):
        own = Followed(*(column[n : n + 1] for column in first))
        alone = follow(streets.ground, own, fixes_at(moved[n : n + 1]))
        assert alone.edge[0] == together.edge[n]
        assert alone.fraction[0] == together.fraction[n]
    assert len(set(together.edge.tolist())) <= 2 * SIDE
