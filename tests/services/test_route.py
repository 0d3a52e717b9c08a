"""Routes between two points, and the refusals of the road network in the centre's words."""

from collections.abc import AsyncIterator

import pytest
from report_scene import TOWN, MadeDatabase, Scene, open_scene, road_stores

import routing
from dispatch.domain.errors import Conflict, InvalidInput
from dispatch.services.find_route import find_route, in_words
from dispatch.services.placing import Point

SOUTH_END = Point(107.5187, -6.7003)


@pytest.fixture
async def scene(database: MadeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    settings = {"routing": {"access_kmh": 10}}
    async with open_scene(database, road_stores(tmp_path_factory), settings=settings) as made:
        yield made


async def test_a_route_follows_the_roads(scene: Scene) -> None:
    route = await find_route(scene.centre, scene.entry, TOWN, SOUTH_END)

    network = await scene.centre.roads.of(scene.entry)
    direct = network.route((TOWN.lon, TOWN.lat), (SOUTH_END.lon, SOUTH_END.lat), access_kmh=10)
    assert route.geometry == direct.geometry
    assert len(route.geometry) > 10
    assert route.total_s == direct.total_s == pytest.approx(route.road_s + route.access_s, abs=0.01)
    assert route.road_m == direct.road_m
    assert route.access_kmh == 10  # the tenant's own setting
    assert route.roads_version == direct.version


@pytest.mark.parametrize(
    ("origin", "target", "field"),
    [
        (Point(TOWN.lat, TOWN.lon), SOUTH_END, "origin"),
        (TOWN, Point(float("nan"), -6.7), "target"),
        (TOWN, Point(181.0, -6.7), "target"),
    ],
)
async def test_a_bad_point_is_named(scene: Scene, origin: Point, target: Point, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await find_route(scene.centre, scene.entry, origin, target)
    assert [p.field for p in refused.value.problems] == [field]


def test_refusals_of_the_network_keep_their_words() -> None:
    lost = in_words(routing.Unreachable("Tidak ada jalan", "No road"), "target")
    assert isinstance(lost, Conflict)
    assert (lost.status, lost.message_id, lost.message_en) == (409, "Tidak ada jalan", "No road")
    assert lost.extra == {"reachable": False}
    bad = in_words(routing.BadPoint("Tertukar", "Swapped", (1.0, 2.0), 0), "origin")
    assert isinstance(bad, InvalidInput)
    assert bad.status == 422
    assert bad.problems[0].field == "origin"
