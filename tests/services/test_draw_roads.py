"""The roads that maps show: written with the regency, and again only when they are others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loading_scene import Folder, HasUrls, Scene, open_scene, small_folder
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import routing
from dispatch.services.load_regency import load_regency
from dispatch.services.map_tile import view_map
from dispatch.storage.database import asyncpg_url

# the row's own version tells whether a road was written anew
ROADS = "SELECT count(*), min(CAST(CAST(xmin AS text) AS bigint)) FROM road_line"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return small_folder(tmp_path / "33.25-kecil")


@pytest.fixture
async def scene(database: HasUrls, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path) as opened:
        yield opened


async def test_roads_are_written_once_and_when_they_change(
    database: HasUrls, scene: Scene, folder: Folder
) -> None:
    first = await load_regency(scene.centre, folder.path)
    written = (await scene.rows(ROADS))[0]
    assert written[0] == len(routing.read_drawn_roads(folder.path / "roads.osm.pbf"))
    version = (await view_map(scene.centre, first.entry)).version

    folder.edit("facilities.csv", lambda row: row | {"name": row["name"] + " Baru"})
    report = await load_regency(scene.centre, folder.path)
    assert report.changed
    assert (await scene.rows(ROADS))[0] == written
    assert (await view_map(scene.centre, first.entry)).version != version

    owner = create_async_engine(asyncpg_url(database.owner_url))
    async with owner.begin() as connection:  # as in a database of before there were maps
        await connection.execute(text("DELETE FROM road_line"))
        await connection.execute(text("UPDATE regency SET roads_drawn = ''"))
    await owner.dispose()
    again = await load_regency(scene.centre, folder.path)
    assert again.changed
    assert (await scene.rows(ROADS))[0][0] == written[0]
    assert not (await load_regency(scene.centre, folder.path)).changed


async def test_the_sheet_names_the_sources_of_the_map(scene: Scene, folder: Folder) -> None:
    sheet = folder.path / "regency.toml"
    sheet.write_text(sheet.read_text().replace('attribution = ["', 'attribution = ["© Contoh", "'))
    report = await load_regency(scene.centre, folder.path)
    assert (await view_map(scene.centre, report.entry)).attribution[0] == "© Contoh"

    sheet.write_text("\n".join(line for line in sheet.read_text().splitlines() if "attribution" not in line))
    report = await load_regency(scene.centre, folder.path)
    assert (await view_map(scene.centre, report.entry)).attribution == ["© OpenStreetMap contributors"]
