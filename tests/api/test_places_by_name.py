"""Places by name over HTTP: namesakes by district, slips forgiven, each tenant its own, and into a case."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE, THERE = "32.14-latihan", "33.25-latihan"


async def found(api: Api, typed: str, slug: str = HERE, **more: Any) -> list[dict[str, Any]]:
    answer = await api.staff("operator1", slug).get("/operator/places", name=typed, **more)
    assert answer.status_code == 200, answer.text
    places: list[dict[str, Any]] = answer.json()
    return places


async def test_namesakes_are_told_apart_by_their_district(api: Api) -> None:
    both = [p for p in await found(api, "citalang") if p["name"] == "Citalang"]
    assert len(both) == 2
    assert len({p["district"] for p in both}) == 2
    wanted = both[1]
    (first, *_) = await found(api, f"citalang {wanted['district']}")
    assert (first["name"], first["district"]) == ("Citalang", wanted["district"])


@pytest.mark.parametrize(
    "typed", ["nagri kal", "NAGRIKALER", "desa nagri kaler", "nagry kaller", "nagri kelar"]
)
async def test_a_beginning_and_a_misspelling_are_enough(api: Api, typed: str) -> None:
    assert "Nagri Kaler" in [p["name"] for p in await found(api, typed)][:2]


async def test_a_village_is_its_middle_and_says_how_far_its_edge_is(api: Api) -> None:
    village = (await found(api, "nagri kaler"))[0]
    assert village["kind"] == "village"
    assert 200 < village["accuracy_m"] < 5_000
    operator = api.staff("operator1", HERE)
    place = {"lon": village["lon"], "lat": village["lat"]}
    call_id = str(uuid4())
    receipt = await operator.post(
        "/operator/calls",
        {"id": call_id, "channel": "phone", "place": place, "place_accuracy_m": village["accuracy_m"]},
    )
    assert receipt.json()["village"] == "Nagri Kaler"
    opened = (await operator.post(f"/operator/calls/{call_id}/incident", {"triage": "green"})).json()
    path = f"/operator/incidents/{opened['incident_id']}"
    case = (await operator.get(path)).json()["incident"]
    assert case["place_accuracy_m"] == village["accuracy_m"], "the case is as vague as the call"
    await operator.patch(path, {"place": place})
    assert (await operator.get(path)).json()["incident"]["place_accuracy_m"] is None, (
        "a point was chosen since"
    )


async def test_facilities_are_found_and_a_surveyed_one_is_where_it_is(api: Api) -> None:
    hospital = (await found(api, "bayu asih"))[0]
    assert (hospital["kind"], hospital["district"]) == ("facility", "Purwakarta")
    assert hospital["accuracy_m"] > 1_000, "its position is a guess within its district"
    surveyed = next(p for p in await found(api, "puskesmas koncara") if p["kind"] == "facility")
    assert surveyed["accuracy_m"] is None


async def test_a_neighbour_s_villages_are_not_there(api: Api) -> None:
    assert (await found(api, "silurah", THERE))[0]["name"] == "Silurah"
    assert "Silurah" not in {p["name"] for p in await found(api, "silurah", HERE)}
    codes = {p["code"][:5] for p in await found(api, "a", HERE, limit=50)}
    assert codes == {"32.14"}


async def test_nothing_fits_is_an_empty_list_and_no_name_a_refusal(api: Api) -> None:
    assert await found(api, "zzzzzzzz") == []
    assert await found(api, "desa") == []
    problem(await api.staff("operator1", HERE).get("/operator/places"), 422, "invalid_input")
