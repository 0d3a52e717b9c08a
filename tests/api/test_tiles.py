"""The map over HTTP: public, compressed, cached for ever, and honest about versions."""

from __future__ import annotations

from typing import Any

import pytest
from api_scene import Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLUG = "32.14-latihan"
TOWN_TILE = "14/13081/8491"


async def shown(api: Api, slug: str = SLUG) -> dict[str, Any]:
    answer = await api.anybody.get(f"/map/{slug}")
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_the_map_of_a_regency_is_public(api: Api) -> None:
    view = await shown(api)
    assert (view["slug"], view["name"], view["training"]) == (SLUG, "Kabupaten Purwakarta", True)
    west, south, east, north = view["bounds"]
    assert west < view["center"]["lon"] < east
    assert south < view["center"]["lat"] < north
    assert view["attribution"] == ["© BIG (Peta Rupabumi Indonesia)"]
    document = problem(await api.anybody.get("/map/99.99"), 404, "not_found")
    assert "99.99" in document["detail"]


async def test_a_tile_is_kept_for_ever(api: Api) -> None:
    view = await shown(api)
    address = view["tiles"].format(z=14, x=13081, y=8491)
    squeezed = await api.client.get(address, headers={"Accept-Encoding": "br, gzip"})
    plain = await api.client.get(address, headers={"Accept-Encoding": "gzip;q=0"})

    assert squeezed.status_code == plain.status_code == 200
    for answer in (squeezed, plain):
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert squeezed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert squeezed.content == plain.content  # the client has unpacked the first
    assert int(squeezed.headers["content-length"]) < len(plain.content)
    assert int(plain.headers["content-length"]) == len(plain.content)
    assert b"Puskesmas Purwakarta" in plain.content


async def test_an_empty_tile_has_no_content(api: Api) -> None:
    view = await shown(api)
    answer = await api.client.get(view["tiles"].format(z=14, x=0, y=0))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "immutable" in answer.headers["cache-control"]


async def test_another_version_names_the_present_one(api: Api) -> None:
    view = await shown(api)
    document = problem(await api.client.get(f"/tiles/{SLUG}/abcdef123456/{TOWN_TILE}.mvt"), 404, "not_found")
    assert document["version"] == view["version"]
    answer = await api.client.get(f"/tiles/{SLUG}/abcdef123456/{TOWN_TILE}.mvt")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "place", ["15/0/0", "3/8/0", "3/0/8", "3/-1/0", "99999999/1/1", "a/b/c", "14/1.5/2", "3/1", ""]
)
async def test_tiles_that_cannot_be_are_not_found(api: Api, place: str) -> None:
    version = (await shown(api))["version"]
    problem(await api.client.get(f"/tiles/{SLUG}/{version}/{place}.mvt"), 404, "not_found")


async def test_an_unknown_regency_has_no_tiles(api: Api) -> None:
    problem(await api.client.get(f"/tiles/99.99/v/{TOWN_TILE}.mvt"), 404, "not_found")


async def test_the_description_lists_both(api: Api) -> None:
    paths = (await api.client.get("/openapi.json")).json()["paths"]
    assert "/api/v1/map/{slug}" in paths
    tile = paths["/tiles/{slug}/{version}/{z}/{x}/{y}.mvt"]["get"]
    assert set(tile["responses"]) >= {"200", "204", "404"}
