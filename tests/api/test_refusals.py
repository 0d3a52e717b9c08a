"""What is refused, and that every refusal says why in both languages and names what it is about."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from api_scene import BATANG_TOWN, TOWN, Api, Client, fields, problem, resident

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(operator: Client, **verdict: Any) -> str:
    """Enter a call and return the id of its incident."""
    call_id = str(uuid4())
    body = {"id": call_id, "channel": "phone", "place": TOWN}
    assert (await operator.post("/operator/calls", body)).status_code == 201
    answer = await operator.post(f"/operator/calls/{call_id}/incident", {"triage": "green"} | verdict)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["incident_id"])


async def candidates(operator: Client, incident: str) -> list[dict[str, Any]]:
    answer = await operator.get(f"/operator/incidents/{incident}/candidates")
    return list(answer.json()["candidates"])


async def send(operator: Client, incident: str, unit: dict[str, Any], **more: Any) -> Any:
    body = {"unit_id": unit["unit"]["id"], **more}
    return await operator.post(f"/operator/incidents/{incident}/assignments", body)


async def test_the_same_id_twice(api: Api) -> None:
    warga, other = await api.resident(31), await api.resident(32)
    body = {"id": str(uuid4()), "place": TOWN, "note": "Rumah hijau"}
    first = await warga.post("/calls", body)
    again = await warga.post("/calls", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"repeated": True}
    for changed in (body | {"note": "Rumah biru"}, {"id": body["id"]}):
        refused = problem(await warga.post("/calls", changed), 409, "content_differs")
        assert refused["call_id"] == body["id"]
    problem(await other.post("/calls", body), 409, "content_differs")


async def test_a_second_operator_takes_the_call(api: Api) -> None:
    first, second = api.staff("operator1"), api.staff("operator2")
    call_id = str(uuid4())
    await first.post("/operator/calls", {"id": call_id, "channel": "phone"})
    assert (await first.post(f"/operator/calls/{call_id}/take")).status_code == 200
    assert (await first.post(f"/operator/calls/{call_id}/take")).status_code == 200
    refused = problem(await second.post(f"/operator/calls/{call_id}/take"), 409, "conflict")
    assert refused["taken_by"] == "Contoh operator1"


async def test_another_choice_needs_a_reason_and_a_taken_unit_names_its_case(api: Api) -> None:
    operator = api.staff("operator1")
    incident, other = await opened(operator, triage="red"), await opened(operator, triage="red")
    first, second = (await candidates(operator, incident))[:2]
    refused = problem(await send(operator, incident, second), 422, "reason_needed")
    assert refused["proposed_id"] == first["unit"]["id"]
    assert refused["proposed"] in refused["detail"]
    blank = problem(await send(operator, incident, second, reason="  "), 422, "invalid_input")
    assert "reason" in fields(blank)
    sent = await send(operator, incident, second, reason="Awak mengenal jalan itu")
    assert sent.status_code == 201, sent.text
    number = (await operator.get(f"/operator/incidents/{incident}")).json()["incident"]["number"]
    taken = problem(await send(operator, other, second), 409, "unit_taken")
    assert (taken["unit"], taken["incident"]) == (second["unit"]["call_sign"], number)
    assert number in taken["detail"]


async def test_a_unit_that_is_not_there_is_not_sent(api: Api) -> None:
    operator = api.staff("operator1")
    incident = await opened(operator)
    ranking = (await operator.get(f"/operator/incidents/{incident}/candidates")).json()
    off = next(u for u in ranking["not_offered"] if u["unit"]["status"] == "off_shift")
    refused = problem(await send(operator, incident, off), 409, "unit_not_available")
    assert refused["unit"] == off["unit"]["call_sign"]
    crew = str(api.prepared.crews["PWK-A01"])
    await operator.post(f"/operator/units/{crew}/unavailability", {"reason": "rest"})
    twice = await operator.post(f"/operator/units/{crew}/unavailability", {"reason": "fuel"})
    assert problem(twice, 409, "conflict")["reason"] == "rest"
    not_ready = await send(operator, incident, {"unit": {"id": crew}})
    problem(not_ready, 409, "unit_not_available")
    assert (await operator.delete(f"/operator/units/{crew}/unavailability")).status_code == 204


async def test_illegal_steps_list_the_legal_ones(api: Api) -> None:
    operator = api.staff("operator1")
    incident = await opened(operator)
    first = (await candidates(operator, incident))[0]
    run = (await send(operator, incident, first)).json()["id"]
    steps = f"/operator/assignments/{run}/steps"
    refused = problem(await operator.post(steps, {"to": "cleared"}), 409, "illegal_step")
    assert "accepted" in refused["allowed"]
    assert "cleared" not in refused["allowed"]
    assert refused["state"] == "offered"
    assert (await operator.post(steps, {"to": "at_patient"})).status_code == 200
    nowhere = fields(problem(await operator.post(steps, {"to": "left_scene"}), 422, "invalid_input"))
    assert list(nowhere) == ["facility_id"]
    no_code = await operator.post(steps, {"to": "completed_without_transport"})
    assert list(fields(problem(no_code, 422, "invalid_input"))) == ["code"]
    unknown = fields(problem(await operator.post(steps, {"to": "timed_out"}), 422, "invalid_input"))
    assert "en_route" in unknown["to"][0]
    still = problem(await operator.post(f"/operator/incidents/{incident}/closure"), 409, "conflict")
    assert still["units"] == [first["unit"]["call_sign"]]


async def test_an_ended_incident_takes_nothing_more(api: Api) -> None:
    operator = api.staff("operator1")
    incident = await opened(operator, patients=0)
    assert (await operator.post(f"/operator/incidents/{incident}/closure")).json()["state"] == "closed"
    problem(await operator.patch(f"/operator/incidents/{incident}", {"needs": []}), 409, "illegal_step")
    problem(await operator.post(f"/operator/incidents/{incident}/patients", {}), 409, "illegal_step")
    cancelled = await operator.post(f"/operator/incidents/{incident}/cancellation", {"reason": "duplicate"})
    problem(cancelled, 409, "illegal_step")


async def test_without_a_place_nobody_is_sent(api: Api) -> None:
    operator = api.staff("operator1")
    call_id = str(uuid4())
    await operator.post("/operator/calls", {"id": call_id, "channel": "sms"})
    answer = await operator.post(f"/operator/calls/{call_id}/incident", {"triage": "red"})
    incident = answer.json()["incident_id"]
    assert answer.json()["has_place"] is False
    problem(await operator.get(f"/operator/incidents/{incident}/candidates"), 409, "conflict")


async def test_a_place_outside_is_kept_and_flagged(api: Api) -> None:
    warga = await api.resident(33)
    receipt = (await warga.post("/calls", {"id": str(uuid4()), "place": BATANG_TOWN})).json()
    assert receipt["outside"] is True
    board = (await api.staff("operator1").get("/operator/board")).json()
    shown = next(c for c in board["calls"] if c["id"] == receipt["call_id"])
    assert shown["outside"] is True
    assert shown["place"] == BATANG_TOWN


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/operator/calls/{}", None),
        ("POST", "/operator/calls/{}/take", None),
        ("POST", "/operator/calls/{}/callbacks", {"outcome": "busy"}),
        ("POST", "/operator/calls/{}/disposal", {"disposal": "prank"}),
        ("POST", "/operator/calls/{}/reopening", None),
        ("PUT", "/operator/calls/{}/place", TOWN),
        ("POST", "/operator/calls/{}/incident", {"triage": "red"}),
        ("POST", "/operator/calls/{}/link", {"incident_id": str(uuid4())}),
        ("GET", "/operator/incidents/{}", None),
        ("PATCH", "/operator/incidents/{}", {}),
        ("GET", "/operator/incidents/{}/candidates", None),
        ("POST", "/operator/incidents/{}/confirmation", {"triage": "red"}),
        ("POST", "/operator/incidents/{}/assignments", {"unit_id": str(uuid4())}),
        ("POST", "/operator/incidents/{}/closure", None),
        ("POST", "/operator/incidents/{}/cancellation", {"reason": "duplicate"}),
        ("POST", "/operator/incidents/{}/patients", {}),
        ("PATCH", "/operator/patients/{}", {}),
        ("POST", "/operator/assignments/{}/steps", {"to": "accepted"}),
        ("POST", "/operator/assignments/{}/stand-down", {"reason": "tidak jadi"}),
        ("POST", "/operator/units/{}/unavailability", {"reason": "fuel"}),
        ("DELETE", "/operator/units/{}/unavailability", None),
        ("POST", "/facility/legs/{}/acceptance", {}),
        ("POST", "/facility/legs/{}/refusal", {"reason": "no_bed"}),
        ("POST", "/facility/legs/{}/countersignature", None),
        ("GET", "/facility/incoming?facility_id={}", None),
        ("DELETE", "/sessions/{}", None),
    ],
)
async def test_what_is_not_there_is_not_found(api: Api, method: str, path: str, body: Any) -> None:
    unknown = str(uuid4())
    more = {} if body is None else {"json": body}
    answer = await api.staff("operator1")._ask(method, path.format(unknown), **more)
    assert problem(answer, 404, "not_found")["key"] == unknown


BAD_CALLS: list[tuple[Any, str]] = [
    ({}, "id"),
    ({"id": "bukan-uuid"}, "id"),
    ({"id": 7}, "id"),
    ({"place": {"lon": "timur", "lat": -6.5}}, "place.lon"),
    ({"place": {"lon": 107.4}}, "place.lat"),
    ({"place": {"lon": -6.55, "lat": 107.44}}, "place"),
    ({"place": {"lon": 181, "lat": 0}}, "place"),
    ({"place": 5}, "place"),
    ({"place_accuracy_m": -1}, "place_accuracy_m"),
    ({"note": "\x00"}, "note"),
    ({"note": "a" * 2001}, "note"),
    ({"note": ["a"]}, "note"),
    ({"regency": "99.99"}, "regency"),
    ({"speed_factor": 0}, "speed_factor"),
    ([], "body"),
]


@pytest.mark.parametrize(("body", "field"), BAD_CALLS)
async def test_bad_values_are_named(api: Api, body: Any, field: str) -> None:
    warga = await signed_resident(api)
    given = {"id": str(uuid4())} | body if body and isinstance(body, dict) else body
    named = fields(problem(await warga.post("/calls", given), 422, "invalid_input"))
    assert list(named) == [field]
    reason_id, reason_en = named[field]
    assert reason_id
    assert reason_en
    assert reason_id != reason_en


async def signed_resident(api: Api) -> Client:
    """Return the module's one resident for bad calls."""
    if "bad" not in api.prepared.tokens:
        api.prepared.tokens["bad"] = (await api.resident(34)).token or ""
    return api.signed_in(api.prepared.tokens["bad"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        "nul",
        "\ufeff{}",
        '{"id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10", "place": {"lon": NaN, "lat": -6}}',
        '{"id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10", "place": {"lon": 1e999, "lat": -6}}',
        '{"id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10", "place": {"lon": ' + "9" * 5000 + ', "lat": -6}}',
        '{"id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10", "note": "\\ud800"}',
        "[" * 60_000,
    ],
    ids=["open", "empty", "no json", "mark", "nan", "infinite", "endless", "surrogate", "deep"],
)
async def test_malformed_json_is_refused(api: Api, text: str) -> None:
    headers = {"content-type": "application/json"}
    warga = await signed_resident(api)
    answer = await warga._ask("POST", "/calls", content=text.encode(), headers=headers)
    assert fields(problem(answer, 422, "invalid_input"))


async def test_bytes_that_are_no_text_and_bodies_that_are_no_json(api: Api) -> None:
    warga = await signed_resident(api)
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = await warga._ask("POST", "/calls", content=b"\xff\xfe", headers={"content-type": kind})
        assert "body" in fields(problem(answer, 422, "invalid_input"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-11-20T08:00:00", "tanpa zona"),
        ("besok", "bukan waktu"),
        (1_700_000_000, "bukan waktu"),
        ("1700000000", "bukan waktu"),
        ("2026-13-40T08:00:00Z", "bukan waktu"),
        ("0001-01-01T00:00:00+14:00", "di luar tahun"),
    ],
)
async def test_times_are_aware_and_iso(api: Api, value: Any, words: str) -> None:
    unit = api.prepared.crews["PWK-A01"]
    body = {"reason": "fuel", "expected_until": value}
    answer = await api.staff("operator1").post(f"/operator/units/{unit}/unavailability", body)
    assert words in fields(problem(answer, 422, "invalid_input"))["expected_until"][0]


async def test_a_misspelt_field_of_staff_is_refused_and_of_residents_ignored(api: Api) -> None:
    operator, warga = api.staff("operator1"), await signed_resident(api)
    entered = {"id": str(uuid4()), "channel": "phone", "plce": TOWN}
    assert list(fields(problem(await operator.post("/operator/calls", entered), 422, "invalid_input"))) == [
        "plce"
    ]
    assert (await warga.post("/calls", {"id": str(uuid4()), "plce": TOWN})).status_code == 201


async def test_every_wrong_field_of_a_registration_is_named(api: Api) -> None:
    wrong = resident(35) | {"name": "A", "email": "bukan", "phone": "12", "nik": "321", "password": "kata"}
    named = fields(problem(await api.anybody.post("/residents", wrong), 422, "invalid_input"))
    assert set(named) == {"name", "email", "phone", "nik", "password"}
    assert "kata" not in json.dumps(named["password"])


async def test_a_second_registration_names_what_is_taken(api: Api) -> None:
    given = resident(36)
    assert (await api.anybody.post("/residents", given)).status_code == 201
    for field in ("nik", "phone", "email"):
        other = resident(37) | {field: given[field]}
        assert problem(await api.anybody.post("/residents", other), 409, "conflict")["field"] == field


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/facilities", {"lon": "nan", "lat": -6.5}, "lon"),
        ("/facilities", {"lat": -6.5}, "lon"),
        ("/facilities", {"lon": -6.5, "lat": 107.4}, "lon,lat"),
        ("/facilities", {**TOWN, "kind": "apotek"}, "kind"),
        ("/facilities", {**TOWN, "capability": "terbang"}, "capability"),
        ("/facilities", {**TOWN, "capability": "A'; --"}, "capability.0"),
        ("/facilities", {**TOWN, "limit": 0}, "limit"),
        ("/route", {"from_lon": 200, "from_lat": 0, "to_lon": 107.4, "to_lat": -6.5}, "from_lon,from_lat"),
        ("/route", {"from_lon": 107.4, "from_lat": -6.5, "to_lon": "x", "to_lat": -6.5}, "to_lon"),
        ("/operator/events", {"after": -1}, "after"),
        ("/operator/events", {"after": "9" * 30}, "after"),
        ("/operator/events", {"limit": 5000}, "limit"),
        ("/operator/candidates", {"lon": 107, "lat": -95}, "lon,lat"),
        ("/operator/candidates", {**TOWN, "triage": "ungu"}, "triage"),
        ("/operator/calls/bukan-uuid", {}, "call_id"),
        ("/operator/calls/0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10", {"reason": "\x00"}, "reason"),
        ("/facility/incoming", {}, "facility_id"),
    ],
)
async def test_bad_queries_are_named(api: Api, path: str, query: dict[str, Any], field: str) -> None:
    answer = await api.staff("operator1").get(path, **query)
    assert list(fields(problem(answer, 422, "invalid_input"))) == [field]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "20261120", "to": "2026-11-20"}, "from"),
        ({"from": "2026-02-30", "to": "2026-11-20"}, "from"),
        ({"from": "1999-01-01", "to": "2026-11-20"}, "from"),
        ({"from": "2026-11-21", "to": "2026-11-20"}, "to"),
        ({"from": "2026-11-20"}, "to"),
        ({"from": "2026-11-20", "to": "2026-11-20", "district": "99.99.99"}, "district"),
        ({"from": "2026-11-20", "to": "2026-11-20", "format": "xlsx"}, "format"),
    ],
)
async def test_bad_periods_are_named(api: Api, query: dict[str, Any], field: str) -> None:
    answer = await api.staff("dinkes1").get("/reports/response-times", **query)
    assert list(fields(problem(answer, 422, "invalid_input"))) == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "triage"),
        ({"triage": "ungu"}, "triage"),
        ({"triage": "red", "patients": 201}, "patients"),
        ({"triage": "red", "patients": 1.5}, "patients"),
        ({"triage": "red", "needs": ["Oksigen!"]}, "needs.0"),
        ({"triage": "red", "needs": ["a"] * 21}, "needs"),
        ({"triage": "red", "triage_answers": []}, "triage_answers"),
        ({"triage": "red", "kind": "pesta"}, "kind"),
        ({"triage": "red", "confirmed": "mungkin"}, "confirmed"),
    ],
)
async def test_bad_verdicts_are_named(api: Api, body: Any, field: str) -> None:
    operator = api.staff("operator1")
    call_id = str(uuid4())
    await operator.post("/operator/calls", {"id": call_id, "channel": "phone"})
    answer = await operator.post(f"/operator/calls/{call_id}/incident", body)
    assert list(fields(problem(answer, 422, "invalid_input"))) == [field]


async def test_a_patient_s_nik_is_read(api: Api) -> None:
    operator = api.staff("operator1")
    incident = await opened(operator)
    answer = await operator.post(f"/operator/incidents/{incident}/patients", {"nik": "3214"})
    assert list(fields(problem(answer, 422, "invalid_input"))) == ["nik"]
