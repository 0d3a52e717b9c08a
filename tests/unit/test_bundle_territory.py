"""The ground of a regency: slivers close, enclaves stay, every point finds its village."""

from pathlib import Path

import pytest
import shapely
from shapely import Polygon, box
from shapely.geometry.base import BaseGeometry

from dispatch.bundle import Bundle, Territory, read_bundle

REGENCIES = Path(__file__).resolve().parents[2] / "regencies"
METRE = 1 / 111_195.0
"""Degrees that one metre spans near the equator."""


@pytest.fixture(scope="module")
def purwakarta() -> Bundle:
    return read_bundle(REGENCIES / "32.14-purwakarta")


def square(west_m: float, south_m: float, east_m: float, north_m: float) -> Polygon:
    return box(west_m * METRE, south_m * METRE, east_m * METRE, north_m * METRE)


def ring_around(hole: Polygon) -> BaseGeometry:
    return square(0, 0, 1000, 1000).difference(hole)


def test_all_slivers_of_purwakarta_are_closed(purwakarta: Bundle) -> None:
    territory = purwakarta.territory
    assert len(territory.slivers) == 1359
    boundary = purwakarta.boundary
    assert boundary.is_valid
    assert [len(part.interiors) for part in boundary.geoms] == [0]
    square_km = territory.in_metres(boundary).area / 1e6
    assert square_km == pytest.approx(997.4, abs=0.2)


def test_a_caller_in_a_sliver_is_not_outside(purwakarta: Bundle) -> None:
    territory = purwakarta.territory
    known = {village.code for village in purwakarta.villages}
    for sliver in territory.slivers:
        point = shapely.maximum_inscribed_circle(sliver).coords[0]
        assert territory.holds(*point)
        assert territory.village_at(*point) in known


def test_the_middle_of_every_village_is_in_that_village(purwakarta: Bundle) -> None:
    for village in purwakarta.villages:
        point = shapely.maximum_inscribed_circle(village.geometry).coords[0]
        assert purwakarta.territory.village_at(*point) == village.code


def test_a_hole_of_up_to_two_hectares_is_closed_and_a_larger_one_stays() -> None:
    sliver = Territory({"a": ring_around(square(100, 100, 300, 195))})
    enclave = Territory({"a": ring_around(square(100, 100, 300, 205))})
    assert (len(sliver.slivers), len(sliver.boundary.geoms[0].interiors)) == (1, 0)
    assert (len(enclave.slivers), len(enclave.boundary.geoms[0].interiors)) == (0, 1)


def test_the_nearest_village_takes_a_point_up_to_the_tolerance() -> None:
    territory = Territory({"west": square(0, 0, 400, 1000), "east": square(420, 0, 1000, 1000)})
    assert territory.village_at(408 * METRE, 500 * METRE) == "west"
    assert territory.village_at(412 * METRE, 500 * METRE) == "east"
    assert territory.village_at(1099 * METRE, 500 * METRE) == "east"
    assert territory.village_at(1102 * METRE, 500 * METRE) is None
    assert not territory.holds(1102 * METRE, 500 * METRE)


def test_the_middle_of_a_closed_hole_is_inside_even_beyond_the_tolerance() -> None:
    territory = Territory({"a": ring_around(square(400, 400, 540, 540))})
    assert territory.holds(470 * METRE, 470 * METRE, within_m=10)


def test_a_common_edge_always_gives_the_same_village() -> None:
    villages = {"b": square(0, 0, 500, 1000), "a": square(500, 0, 1000, 1000)}
    assert Territory(villages).village_at(500 * METRE, 500 * METRE) == "a"
    assert Territory(dict(reversed(villages.items()))).village_at(500 * METRE, 500 * METRE) == "a"


def test_a_crossed_outline_does_not_break_the_ground() -> None:
    bow = Polygon([(0, 0), (1000 * METRE, 1000 * METRE), (1000 * METRE, 0), (0, 1000 * METRE)])
    assert Territory({"a": bow}).holds(900 * METRE, 500 * METRE)


def test_no_villages_hold_nothing() -> None:
    assert Territory({}).boundary.is_empty
    assert not Territory({}).holds(107.4, -6.5)


def test_the_district_follows_from_the_code(purwakarta: Bundle) -> None:
    assert {village.district_code for village in purwakarta.villages} == {
        district.code for district in purwakarta.districts
    }
