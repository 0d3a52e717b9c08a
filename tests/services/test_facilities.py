"""Facilities by road minutes, on real roads and a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from report_scene import TOWN, MadeDatabase, Scene, open_scene, road_stores

import routing
from dispatch.domain.errors import InvalidInput, Unavailable
from dispatch.services.find_facilities import by_road, find_facilities
from dispatch.services.placing import Point
from dispatch.services.roads import Roads

FAR = Point(107.5187, -6.7003)
NEAR = Point(107.4500, -6.5500)


@pytest.fixture
async def scene(database: MadeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with open_scene(database, road_stores(tmp_path_factory)) as made:
        await made.put(
            [
                made.facility("F-FAR", FAR, capabilities=["igd24", "ponek", "icu"], beds=7),
                made.facility("F-NEAR", NEAR, phone="+62264000001", ems_status="advisory"),
                made.facility("F-ABOUT", TOWN, kind="puskesmas", position_quality="approximate"),
                made.facility("F-SHUT", NEAR, kind="clinic", ems_status="closed", capabilities=[]),
                made.facility("F-GONE", TOWN, active=False),
            ]
        )
        yield made


async def test_all_are_listed_by_road_time(scene: Scene) -> None:
    found = await find_facilities(scene.centre, scene.entry, TOWN)

    assert [f.code for f in found.facilities] == ["F-ABOUT", "F-NEAR", "F-SHUT", "F-FAR"]
    times = [f.total_s for f in found.facilities]
    assert times == sorted(t for t in times if t is not None)
    network = await scene.centre.roads.of(scene.entry)
    far = found.facilities[-1]
    way = network.route((TOWN.lon, TOWN.lat), (FAR.lon, FAR.lat))
    assert found.roads_version == way.version
    assert far.total_s == pytest.approx(way.total_s)
    assert far.road_m == pytest.approx(way.road_m)
    assert far.access_m == pytest.approx(way.access_m)
    assert (far.lon, far.lat) == pytest.approx((FAR.lon, FAR.lat))
    assert far.beds == 7


async def test_approximate_is_marked_and_never_proposed(scene: Scene) -> None:
    found = {f.code: f for f in (await find_facilities(scene.centre, scene.entry, TOWN)).facilities}

    about = found["F-ABOUT"]
    assert about.approximate
    assert about.minutes is not None
    assert about.minutes.startswith("~")
    assert not about.proposable
    assert about.why_not_id == "posisi perkiraan, belum dipastikan"
    near = found["F-NEAR"]
    assert near.proposable
    assert near.why_not_id is None
    assert near.minutes is not None
    assert not near.minutes.startswith("~")
    shut = found["F-SHUT"]
    assert shut.closed
    assert not shut.proposable
    assert shut.why_not_en == "closed to ambulances"


async def test_kind_capabilities_and_limit_narrow_the_list(scene: Scene) -> None:
    centre, entry = scene.centre, scene.entry

    hospitals = await find_facilities(centre, entry, TOWN, kind="hospital")
    assert [f.code for f in hospitals.facilities] == ["F-NEAR", "F-FAR"]
    able = await find_facilities(centre, entry, TOWN, capabilities=frozenset({"icu", "igd24"}))
    assert [f.code for f in able.facilities] == ["F-FAR"]
    assert able.capabilities == ["icu", "igd24"]
    first = await find_facilities(centre, entry, TOWN, limit=1)
    assert [f.code for f in first.facilities] == ["F-ABOUT"]
    none = await find_facilities(centre, entry, TOWN, kind="clinic", capabilities=frozenset({"icu"}))
    assert none.facilities == []


async def test_unknown_words_are_named_with_the_known_ones(scene: Scene) -> None:
    centre, entry = scene.centre, scene.entry

    with pytest.raises(InvalidInput, match="'rumah' is unknown; known are: clinic, hospital, puskesmas"):
        await find_facilities(centre, entry, TOWN, kind="rumah")
    with pytest.raises(InvalidInput) as refused:
        await find_facilities(centre, entry, TOWN, capabilities=frozenset({"xray", "icu"}), limit=0)
    assert [p.field for p in refused.value.problems] == ["capabilities", "limit"]
    assert "'xray'" in refused.value.problems[0].reason_id
    with pytest.raises(InvalidInput, match="swapped"):
        await find_facilities(centre, entry, Point(TOWN.lat, TOWN.lon))


async def test_missing_roads_are_said(scene: Scene, tmp_path: Path) -> None:
    scene.centre.roads = Roads(tmp_path)
    with pytest.raises(Unavailable, match="dispatch regency load"):
        await find_facilities(scene.centre, scene.entry, TOWN)


async def test_those_without_a_road_come_last_without_times(scene: Scene) -> None:
    snap = routing.Snap(TOWN.lon, TOWN.lat, 0, 0.0, 0.0)
    inf = float("inf")
    facilities = [scene.facility("B", TOWN), scene.facility("A", TOWN), scene.facility("C", TOWN)]
    travels = [
        routing.Travel(2, True, 90.0, 80.0, 10.0, 900.0, 50.0, snap, snap, 66.0, 138.0, "v"),
        routing.Travel(0, False, inf, inf, 10.0, inf, 50.0, snap, snap, inf, inf, "v", ("cut_off",)),
        routing.Travel(1, False, inf, inf, 10.0, inf, 50.0, snap, snap, inf, inf, "v"),
    ]
    listed = by_road(facilities, travels)

    assert [f.code for f in listed] == ["C", "A", "B"]
    assert listed[0].minutes == "1:30"
    assert (listed[0].low_s, listed[0].high_s) == (66.0, 138.0)
    assert [[d.code for d in f.doubts] for f in listed] == [[], [], ["cut_off"]]
    for lost in listed[1:]:
        assert (lost.total_s, lost.road_s, lost.access_m, lost.minutes) == (None, None, None, None)
        assert (lost.low_s, lost.high_s) == (None, None)
        assert not lost.proposable
        assert lost.why_not_en == "no road leads there"
