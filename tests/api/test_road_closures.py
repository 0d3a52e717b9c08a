"""Closing and slowing roads over the wire: who may, what is refused, and what is kept."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, Client, fields, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATANG = "33.25-latihan"
CHANGES = "/operator/road-changes"
# along the main street of Purwakarta's town
LINE = {"type": "LineString", "coordinates": [[107.4400, -6.5500], [107.4425, -6.5560], [107.4440, -6.5600]]}


def drawn(**given: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "shape": LINE, "effect": "close", "reason": "flood"} | given


def around(lon: float, lat: float, reach: float) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return {"type": "Polygon", "coordinates": [[[lon + x * reach, lat + y * reach] for x, y in corners]]}


TOWN_AREA = around(TOWN["lon"], TOWN["lat"], 0.01)


async def standing(who: Client, **query: Any) -> list[dict[str, Any]]:
    answer = await who.get(CHANGES, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def made(who: Client, **given: Any) -> dict[str, Any]:
    answer = await who.post(CHANGES, drawn(**given))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_change_lives_extended_and_lifted(api: Api) -> None:
    operator, colleague = api.staff("operator1"), api.staff("operator2")
    change = await made(operator, shape=TOWN_AREA, effect="slow", speed_factor=0.5, note="Pasar malam")
    assert change["state"] == "active"
    assert change["author"] == "Contoh operator1"
    assert change["roads"]["km"] > 1
    assert len(change["roads"]["lines"]) == len([line for line in change["roads"]["lines"] if len(line) > 1])
    assert change["roads"]["lines"]
    assert [c["id"] for c in await standing(colleague)] == [change["id"]]

    later = "2026-11-20T12:00:00Z"
    extended = await colleague.patch(f"{CHANGES}/{change['id']}", {"ends_at": later})
    assert extended.json()["ends_at"] == later
    lifted = await colleague.post(f"{CHANGES}/{change['id']}/lifting")
    assert lifted.json()["lifted_by"] == "Contoh operator2"
    assert (await operator.post(f"{CHANGES}/{change['id']}/lifting")).json() == lifted.json()
    assert await standing(operator) == []
    assert [c["state"] for c in await standing(operator, ended_hours=1)] == ["lifted"]
    refused = problem(await operator.patch(f"{CHANGES}/{change['id']}", {"ends_at": None}), 409, "conflict")
    assert refused["state"] == "lifted"


async def test_a_spot_closes_its_piece_of_road(api: Api) -> None:
    operator = api.staff("operator1")
    spot = {"type": "Point", "coordinates": [TOWN["lon"], TOWN["lat"]]}
    change = await made(operator, shape=spot, ends_at="2026-11-20T12:00:00Z")
    assert change["shape"] == spot
    assert change["roads"]["km"] < 0.1
    assert len(change["roads"]["lines"]) == 1
    await operator.post(f"{CHANGES}/{change['id']}/lifting")


async def test_the_same_id_twice(api: Api) -> None:
    operator = api.staff("operator1")
    body = drawn()
    first, again = await operator.post(CHANGES, body), await operator.post(CHANGES, body)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    problem(await operator.post(CHANGES, body | {"reason": "works"}), 409, "content_differs")
    await operator.post(f"{CHANGES}/{body['id']}/lifting")


@pytest.mark.parametrize("path", [CHANGES, f"{CHANGES}/preview"])
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"shape": None}, "shape"),
        ({"shape": {}}, "shape"),
        ({"shape": {"type": "Circle", "coordinates": [107.44, -6.55]}}, "shape"),
        ({"shape": {"type": "Point", "coordinates": [107.44]}}, "shape"),
        ({"shape": {"type": "Point", "coordinates": [-6.55, 107.44]}}, "shape"),
        ({"shape": {"type": "Point", "coordinates": [0.0, 0.0]}}, "shape"),
        ({"shape": {"type": "LineString", "coordinates": [[107.44, -6.55]]}}, "shape"),
        ({"shape": {"type": "LineString", "coordinates": [[107.44, -6.55]] * 3}}, "shape"),
        ({"shape": {"type": "LineString", "coordinates": [[107.44, -6.55]] * 501}}, "shape"),
        (
            {"shape": {"type": "Polygon", "coordinates": [[[107.4, -6.5], [107.5, -6.5], [107.5, -6.6]]]}},
            "shape",
        ),
        (
            {
                "shape": {
                    "type": "Polygon",
                    "coordinates": [
                        [[107.4, -6.5], [107.5, -6.6], [107.5, -6.5], [107.4, -6.6], [107.4, -6.5]]
                    ],
                }
            },
            "shape",
        ),
        ({"effect": "vanish"}, "effect"),
        ({"effect": "slow"}, "speed_factor"),
        ({"effect": "slow", "speed_factor": 0}, "speed_factor"),
        ({"effect": "close", "speed_factor": 0.5}, "speed_factor"),
        ({"reason": "dragons"}, "reason"),
        ({"ends_at": "2026-11-20T04:00:00Z"}, "ends_at"),
        ({"ends_at": "2026-11-20T12:00:00"}, "ends_at"),
        ({"starts_at": "2027-11-20T12:00:00Z"}, "starts_at"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_nonsense_is_named(api: Api, path: str, given: dict[str, Any], field: str) -> None:
    operator = api.staff("operator1")
    refused = problem(await operator.post(path, drawn(**given)), 422, "invalid_input")
    assert any(name == field or name.startswith(f"{field}.") for name in fields(refused)), fields(refused)
    assert await standing(operator) == []


async def test_the_preview_keeps_nothing(api: Api) -> None:
    operator = api.staff("operator1")
    head = (await operator.get("/operator/board")).json()["seq"]
    answer = await operator.post(f"{CHANGES}/preview", drawn(shape=TOWN_AREA))
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["roads"]["edges"] > 10
    assert shown["villages_in_all"] == 192
    assert shown["available_units"] > 0
    assert 0 < len(shown["villages"]) <= shown["villages_changed"]
    assert await standing(operator, ended_hours=1) == [] or all(
        change["state"] == "lifted" for change in await standing(operator, ended_hours=1)
    )
    assert (await operator.get("/operator/board")).json()["seq"] == head


async def test_another_tenant_sees_and_reaches_nothing(api: Api) -> None:
    change = await made(api.staff("operator1"))
    stranger = api.staff("operator1", BATANG)
    assert await standing(stranger, ended_hours=24) == []
    problem(await stranger.post(f"{CHANGES}/{change['id']}/lifting"), 404, "not_found")
    problem(await stranger.patch(f"{CHANGES}/{change['id']}", {"ends_at": None}), 404, "not_found")
    assert [c["state"] for c in await standing(api.staff("operator1"))] == ["active"]
    await api.staff("operator1").post(f"{CHANGES}/{change['id']}/lifting")


async def test_answers_and_their_versions_follow_it(api: Api) -> None:
    operator = api.staff("operator1")
    place = {"lon": TOWN["lon"], "lat": TOWN["lat"]}
    before = (await operator.get("/operator/candidates", **place)).json()
    change = await made(operator, shape=TOWN_AREA, effect="slow", speed_factor=0.1)
    during = (await operator.get("/operator/candidates", **place)).json()
    assert during["roads_version"] != before["roads_version"]
    assert during["roads_version"].split(".")[0] == before["roads_version"].split(".")[0]
    slower = {c["unit"]["id"]: c["total_s"] for c in during["candidates"]}
    assert sum(slower.values()) > sum(c["total_s"] for c in before["candidates"] if c["unit"]["id"] in slower)
    await operator.post(f"{CHANGES}/{change['id']}/lifting")
    after = (await operator.get("/operator/candidates", **place)).json()
    assert after["roads_version"] == before["roads_version"]
    assert [c["total_s"] for c in after["candidates"]] == [c["total_s"] for c in before["candidates"]]


async def test_far_outside_the_roads_is_refused_and_named(api: Api) -> None:
    operator = api.staff("operator1")
    refused = problem(await operator.get("/operator/candidates", lon=120.0, lat=-3.0), 422, "invalid_input")
    assert set(fields(refused)) == {"lon,lat"}
    assert "120" in refused["detail_en"] or "120" in str(refused["fields"])
    way = {"from_lon": TOWN["lon"], "from_lat": TOWN["lat"], "to_lon": 120.0, "to_lat": -3.0}
    assert set(fields(problem(await operator.get("/route", **way), 422, "invalid_input"))) == {
        "to_lon,to_lat"
    }
    refused = problem(await operator.get("/facilities", lon=120.0, lat=-3.0), 422, "invalid_input")
    assert set(fields(refused)) == {"lon,lat"}


async def test_the_quality_of_the_map(api: Api) -> None:
    for user in ("dinkes1", "auditor1", "admin1"):
        answer = await api.staff(user).get("/reports/road-quality")
        assert answer.status_code == 200, answer.text
    report = answer.json()
    order = [("serious", "warning", "info").index(f["severity"]) for f in report["findings"]]
    assert order == sorted(order)
    codes = {f["code"] for f in report["findings"]}
    assert "approximate_facilities" in codes
    assert all(f["text_id"] and f["text_en"] for f in report["findings"])
    promise = report["promise"]
    assert promise["villages"] == 192
    assert promise["share"] == pytest.approx(promise["villages_within"] / promise["villages"])
    assert 0 < promise["road_share"] <= 1
    waits = [v["seconds"] for v in promise["slowest"] if v["seconds"] is not None]
    assert waits == sorted(waits, reverse=True)
    assert min(waits) > promise["within_s"]
