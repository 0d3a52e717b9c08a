"""The map's tiles: what is in them, for whom, and what they cost to keep."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import shapely
from report_scene import TOWN, MadeDatabase, Scene, open_scene
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tile_reader import Layers, read_tile

from dispatch.domain.errors import NotFound
from dispatch.services.map_tile import MAX_ZOOM, OtherMapVersion, get_tile, view_map
from dispatch.services.placing import Point
from dispatch.services.tile_cache import TileCache, TileKey
from dispatch.storage.database import asyncpg_url
from dispatch.storage.queries.tiles import UNFINISHED
from dispatch.storage.regency_loading import RoadRow, finish_load, write_roads

WIDE, CLOSE = (10, 817, 530), (14, 13081, 8491)  # around TOWN
ROADS = [
    RoadRow("motorway", "Tol Contoh", shapely.LineString([(107.40, -6.55), (107.46, -6.56)]).wkb),
    RoadRow("motorway_link", None, shapely.LineString([(107.44, -6.5563), (107.445, -6.56)]).wkb),
    RoadRow("tertiary", "Jalan Contoh", shapely.LineString([(107.443, -6.55), (107.4435, -6.56)]).wkb),
    RoadRow("tertiary", "Jalan Contoh", shapely.LineString([(107.4435, -6.56), (107.444, -6.57)]).wkb),
    RoadRow("residential", None, shapely.LineString([(107.4434, -6.556), (107.4436, -6.558)]).wkb),
    RoadRow("path", None, shapely.LineString([(107.4431, -6.556), (107.4436, -6.557)]).wkb),
]


async def load_roads(database: MadeDatabase, scene: Scene, roads: list[RoadRow], digest: str) -> None:
    owner = create_async_engine(asyncpg_url(database.owner_url))
    async with owner.begin() as connection:
        await write_roads(connection, scene.regency_id, roads, f"roads of {digest}")
        await finish_load(connection, scene.regency_id, digest, scene.now)
    await owner.dispose()


@pytest.fixture
async def scene(database: MadeDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path, settings={"map": {"attribution": ["© Contoh"]}}) as made:
        await made.put(
            [
                made.facility("F-1", TOWN, name="RSUD Contoh"),
                made.facility("F-2", Point(107.4440, -6.5560), kind="clinic", position_quality="approximate"),
                made.facility("F-GONE", TOWN, active=False),
            ]
        )
        await load_roads(database, made, ROADS, "one")
        yield made


async def layers(scene: Scene, z: int, x: int, y: int) -> Layers:
    version = (await view_map(scene.centre, scene.entry)).version
    tile = await get_tile(scene.centre, scene.entry, version, z, x, y)
    return read_tile(gzip.decompress(tile.compressed))


async def test_the_map_says_what_a_page_needs(scene: Scene) -> None:
    view = await view_map(scene.centre, scene.entry)

    assert (view.slug, view.name, view.training) == ("99.01-latihan", "Kabupaten Contoh", True)
    assert view.bounds == (107.3, -6.8, 107.6, -6.5)
    assert (view.center.lon, view.center.lat) == pytest.approx((107.45, -6.65))
    assert view.tiles == f"/tiles/99.01-latihan/{view.version}/{{z}}/{{x}}/{{y}}.mvt"
    assert view.attribution == ["© Contoh"]
    assert view.max_zoom == MAX_ZOOM


async def test_a_close_tile_holds_everything(scene: Scene) -> None:
    tile = await layers(scene, *CLOSE)

    assert {(road["class"], road.get("name")) for road in tile["roads"]} == {
        ("motorway", "Tol Contoh"),
        ("motorway", None),
        ("tertiary", "Jalan Contoh"),
        ("residential", None),
        ("path", None),
    }
    assert tile["villages"] == [{"code": "99.01.01.2001", "name": "Desa Utara"}]
    assert tile["districts"] == [{"code": "99.01.01", "name": "Kecamatan Utara"}]
    facilities = {f["name"]: (f["kind"], f["approximate"]) for f in tile["facilities"]}
    assert facilities == {"RSUD Contoh": ("hospital", False), "Faskes F-2": ("clinic", True)}
    assert all(isinstance(f["id"], str) and len(f["id"]) == 36 for f in tile["facilities"])


async def test_far_tiles_leave_small_things_out(scene: Scene) -> None:
    middle = await layers(scene, *WIDE)
    assert {road["class"] for road in middle["roads"]} == {"motorway", "tertiary"}
    assert "village_names" not in middle
    assert [d["name"] for d in middle["district_names"]] == ["Kecamatan Utara"]

    whole = await layers(scene, 7, 102, 66)
    assert {road["class"] for road in whole["roads"]} == {"motorway"}
    assert set(whole) == {"roads", "districts", "district_names"}


async def test_names_stand_in_one_tile_only(scene: Scene) -> None:
    """A name at the seam of two tiles would be drawn twice."""
    found = []
    for x in range(1633, 1639):
        for y in range(1059, 1065):
            tile = await layers(scene, 11, x, y)
            found += [name["name"] for name in tile.get("village_names", [])]
    assert sorted(found) == ["Desa Selatan", "Desa Utara"]


async def test_where_nothing_lies_a_tile_has_no_bytes(scene: Scene) -> None:
    version = (await view_map(scene.centre, scene.entry)).version
    assert (await get_tile(scene.centre, scene.entry, version, 14, 0, 0)).compressed == b""


@pytest.mark.parametrize(
    ("z", "x", "y"), [(15, 0, 0), (-1, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0), (10**6, 1, 1)]
)
async def test_tiles_outside_the_world_are_not_found(scene: Scene, z: int, x: int, y: int) -> None:
    version = (await view_map(scene.centre, scene.entry)).version
    with pytest.raises(NotFound):
        await get_tile(scene.centre, scene.entry, version, z, x, y)


async def test_a_changed_map_has_another_version(database: MadeDatabase, scene: Scene) -> None:
    old = (await view_map(scene.centre, scene.entry)).version
    await load_roads(database, scene, ROADS[:1], "two")
    new = (await view_map(scene.centre, scene.entry)).version

    assert new != old
    with pytest.raises(OtherMapVersion) as gone:
        await get_tile(scene.centre, scene.entry, old, *CLOSE)
    assert gone.value.extra["version"] == new
    tile = await get_tile(scene.centre, scene.entry, new, *CLOSE)
    assert [road["class"] for road in read_tile(gzip.decompress(tile.compressed))["roads"]] == ["motorway"]


async def test_an_unfinished_load_is_drawn_but_not_kept(database: MadeDatabase, scene: Scene) -> None:
    await load_roads(database, scene, ROADS[:1], "")
    assert (await view_map(scene.centre, scene.entry)).version == UNFINISHED
    assert not (await get_tile(scene.centre, scene.entry, UNFINISHED, *CLOSE)).lasting
    assert len(scene.centre.tiles) == 0


async def test_a_tile_is_made_once(scene: Scene) -> None:
    version = (await view_map(scene.centre, scene.entry)).version
    first = await get_tile(scene.centre, scene.entry, version, *CLOSE)
    assert len(scene.centre.tiles) == 1
    await scene.centre.database.close()  # what follows can come from nowhere but memory
    again = await get_tile(scene.centre, scene.entry, version, *CLOSE)
    assert again == first


async def test_roads_of_another_regency_are_not_seen(
    database: MadeDatabase, scene: Scene, tmp_path: Path
) -> None:
    async with open_scene(database, tmp_path, code="99.02") as other:
        version = (await view_map(other.centre, other.entry)).version
        tile = await get_tile(other.centre, other.entry, version, *CLOSE)
        assert "roads" not in read_tile(gzip.decompress(tile.compressed))
        async with other.centre.read(other.entry.tenant) as tx:
            assert (await tx.session.execute(text("SELECT count(*) FROM road_line"))).scalar_one() == 0
            box = "ST_MakeEnvelope(100, -10, 110, 0, 4326)"
            inside = text(f"SELECT count(*) FROM roads_in_box({box})")
            assert (await tx.session.execute(inside)).scalar_one() == 0


def key(n: int) -> TileKey:
    return TileKey("99.01", "v", 14, n, 0)


def test_the_cache_lets_the_longest_unused_go() -> None:
    cache = TileCache(4 * 1400)
    for n in range(4):
        cache.keep(key(n), bytes(1000))
    assert cache.find(key(0)) is not None
    cache.keep(key(4), bytes(1000))

    assert [cache.find(key(n)) is not None for n in range(5)] == [True, False, True, True, True]
    assert cache.held == 4 * 1400
    cache.keep(key(4), b"")
    assert cache.held == 3 * 1400 + 400
    cache.keep(key(9), bytes(10_000))  # larger than all: not kept, and nothing else either
    assert (len(cache), cache.held) == (0, 0)
