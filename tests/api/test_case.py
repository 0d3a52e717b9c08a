"""One case over HTTP alone, from the first tap to the report: every user and almost every route."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import NEAR_TOWN, TOWN, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_whole_case(api: Api) -> None:
    warga, operator = await api.resident(1), api.staff("operator1")
    call_id = str(uuid4())

    receipt = await warga.post("/calls", {"id": call_id, "note": "Jatuh dari motor", "speed_factor": 20})
    assert receipt.status_code == 201, receipt.text
    assert receipt.json() | {"received_at": None} == {
        "call_id": call_id,
        "state": "ringing",
        "received_at": None,
        "outside": False,
        "village": None,
        "repeated": False,
    }
    where = (await warga.put(f"/calls/{call_id}/place", {**TOWN, "accuracy_m": 12})).json()
    assert where["outside"] is False
    assert where["village"]

    assert (await operator.post(f"/operator/calls/{call_id}/take")).json()["state"] == "taken"
    back = await operator.post(f"/operator/calls/{call_id}/callbacks", {"outcome": "answered", "note": "ok"})
    assert back.status_code == 201
    file = (await operator.get(f"/operator/calls/{call_id}", reason="menelepon balik")).json()
    assert file["caller"]["name"] == "Contoh Melati 1"
    assert file["caller"]["nik_masked"] != file["caller"]["phone"]
    assert len(file["callbacks"]) == 1

    opened = await operator.post(
        f"/operator/calls/{call_id}/incident",
        {"triage": "red", "triage_answers": {"conscious": False}, "place_note": "Dekat masjid"},
    )
    assert opened.status_code == 201, opened.text
    incident = opened.json()["incident_id"]
    assert (await warga.get(f"/calls/{call_id}")).json()["progress"] == "searching"

    run_id = await _send_first(operator, incident)
    await _drive(operator, api, run_id)
    await _close(operator, incident)

    status = (await warga.get(f"/calls/{call_id}")).json()
    assert status["progress"] == "ended"
    assert [c["call_id"] for c in (await warga.get("/calls")).json()] == [call_id]
    await _reported(api)


async def _send_first(operator: Any, incident: str) -> str:
    ranking = (await operator.get(f"/operator/incidents/{incident}/candidates")).json()
    first = ranking["candidates"][0]
    assert first["why_id"]
    assert first["total_s"] > 0
    assert {u["code"] for u in ranking["not_offered"]}
    choice = {"unit_id": first["unit"]["id"]}
    sent = await operator.post(f"/operator/incidents/{incident}/assignments", choice)
    assert sent.status_code == 201, sent.text
    again = await operator.post(f"/operator/incidents/{incident}/assignments", choice)
    assert again.status_code == 200
    assert again.json() == sent.json() | {"repeated": True}
    return str(sent.json()["id"])


async def _drive(operator: Any, api: Api, run_id: str) -> None:
    nearest = (await operator.get("/facilities", **TOWN, kind="hospital", limit=1)).json()["facilities"][0]
    hospital = api.staff("faskes1")
    own = (await hospital.get("/facility/incoming")).json()["facility_id"]
    assert nearest["minutes"]
    for step in ("accepted", "en_route", "on_scene", "at_patient"):
        answer = await operator.post(f"/operator/assignments/{run_id}/steps", {"to": step})
        assert answer.json()["state"] == step, answer.text
    leave = {"to": "left_scene", "facility_id": own}
    assert (await operator.post(f"/operator/assignments/{run_id}/steps", leave)).status_code == 200

    coming = (await hospital.get("/facility/incoming")).json()["incoming"]
    leg = coming[0]["leg_id"]
    assert coming[0]["assignment_id"] == run_id
    assert (await hospital.post(f"/facility/legs/{leg}/acceptance", {"bed": "IGD 3"})).json()[
        "bed"
    ] == "IGD 3"
    for body in (
        {"to": "at_facility"},
        {"to": "handed_over", "receiver": "Contoh Perawat", "room": "IGD"},
        {"to": "cleared"},
    ):
        answer = await operator.post(f"/operator/assignments/{run_id}/steps", body)
        assert answer.json()["state"] == body["to"], answer.text
    signed = await hospital.post(f"/facility/legs/{leg}/countersignature")
    assert signed.json()["countersigned_at"]


async def _close(operator: Any, incident: str) -> None:
    closed = (await operator.post(f"/operator/incidents/{incident}/closure")).json()
    assert closed["state"] == "closed"
    assert closed["closing_code"] == "handed_over"
    case = (await operator.get(f"/operator/incidents/{incident}", reason="pemeriksaan")).json()
    assert [p["outcome"] for p in case["patients"]] == ["handed_over"]
    kinds = [e["kind"] for e in case["events"]]
    assert kinds[0] == "incident_reported"
    assert kinds[-1] == "incident_closed"
    assert all(e["incident_id"] == incident for e in case["events"])


async def _reported(api: Api) -> None:
    days = {"from": "2026-11-20", "to": "2026-11-20"}
    office = api.staff("dinkes1")
    report = (await office.get("/reports/response-times", **days)).json()
    promise = next(i for i in report["intervals"] if i["name"] == "to_patient")
    assert promise["n"] == 1
    assert promise["share_within_of_all"]["value"] == 1.0
    table = await office.get("/reports/response-times", **days, format="csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"].endswith('.csv"')
    assert table.text.count("\r\n") == 1 + len(report["intervals"])
    for_excel = await office.get("/reports/response-times", **days, format="excel_id")
    assert for_excel.content.startswith(b"\xef\xbb\xbf")


async def test_a_call_that_needs_no_help(api: Api) -> None:
    operator = api.staff("operator1")
    body = {
        "id": str(uuid4()),
        "channel": "phone",
        "caller_name": "Contoh Anggrek",
        "caller_phone": "0890-0001-7777",
        "place": NEAR_TOWN,
    }
    assert (await operator.post("/operator/calls", body)).status_code == 201
    path = f"/operator/calls/{body['id']}"
    assert (await operator.put(f"{path}/place", TOWN)).status_code == 200
    gone = (await operator.post(f"{path}/disposal", {"disposal": "wrong_number"})).json()
    assert gone == {"call_id": body["id"], "state": "disposed"}
    assert (await operator.post(f"{path}/reopening")).json()["state"] == "taken"
    told = {"id": str(uuid4())}
    disposal = {**told, "disposal": "silent"}
    assert (await operator.post(f"{path}/disposal", disposal)).json()["state"] == "disposed"
    assert (await operator.post(f"{path}/reopening", {"id": str(uuid4())})).json()["state"] == "taken"
    assert (await operator.post(f"{path}/disposal", disposal)).json()["state"] == "disposed"  # told again
    other = await operator.post(f"{path}/reopening", told)
    assert (other.status_code, other.json()["code"]) == (409, "content_differs")
    assert (await operator.get(path)).json()["call"]["state"] == "taken"
    file = (await operator.get(path)).json()
    assert file["caller"]["phone"] == "+6289000017777"


async def test_a_red_case_before_the_verdict_and_its_cancellation(api: Api) -> None:
    operator = api.staff("operator1")
    first, second = str(uuid4()), str(uuid4())
    for call_id in (first, second):
        entered = {"id": call_id, "channel": "walk_in", "place": TOWN}
        assert (await operator.post("/operator/calls", entered)).status_code == 201
    opened = (await operator.post(f"/operator/calls/{first}/incident", {"confirmed": False})).json()
    incident = opened["incident_id"]
    assert opened["state"] == "reported"
    linked = await operator.post(f"/operator/calls/{second}/link", {"incident_id": incident})
    assert linked.json() == {"call_id": second, "incident_id": incident}
    verdict = await operator.post(f"/operator/incidents/{incident}/confirmation", {"triage": "yellow"})
    assert verdict.json()["state"] == "confirmed"
    moved = await operator.patch(f"/operator/incidents/{incident}", {"place": NEAR_TOWN, "needs": ["oxygen"]})
    assert moved.json()["outside"] is False

    added = await operator.post(
        f"/operator/incidents/{incident}/patients", {"sex": "female", "age_years": 34}
    )
    assert added.status_code == 201
    patient = added.json()["patient_id"]
    changed = await operator.patch(f"/operator/patients/{patient}", {"outcome": "treated_on_scene"})
    assert changed.status_code == 204

    ranking = (await operator.get(f"/operator/incidents/{incident}/candidates")).json()
    unit = ranking["candidates"][0]["unit"]["id"]
    run = await operator.post(f"/operator/incidents/{incident}/assignments", {"unit_id": unit})
    back = await operator.post(
        f"/operator/assignments/{run.json()['id']}/stand-down", {"reason": "Tidak jadi"}
    )
    assert back.json() == {"assignment_id": run.json()["id"], "state": "stood_down"}
    ended = await operator.post(f"/operator/incidents/{incident}/cancellation", {"reason": "not_needed"})
    assert ended.json()["state"] == "cancelled"


async def test_the_board_shows_what_is_open_and_the_feed_what_follows(api: Api) -> None:
    operator, warga = api.staff("admin1"), await api.resident(2)
    before = (await operator.get("/operator/board")).json()
    call_id = str(uuid4())
    await warga.post("/calls", {"id": call_id, "place": TOWN})
    news = (await operator.get("/operator/events", after=before["seq"])).json()
    assert [e["kind"] for e in news if e["subject_id"] == call_id] == ["call_received"]
    after = (await operator.get("/operator/board")).json()
    assert [c["id"] for c in after["calls"] if c["id"] == call_id] == [call_id]
    assert after["training"] is True
    assert after["seq"] >= news[-1]["seq"]
    assert (await warga.post(f"/calls/{call_id}/cancellation")).json()["state"] == "disposed"
    assert (await warga.get(f"/calls/{call_id}")).json()["progress"] == "cancelled"


async def test_units_go_out_of_service_and_come_back(api: Api) -> None:
    operator = api.staff("operator1")
    unit = str(api.prepared.crews["PWK-A02"])
    path = f"/operator/units/{unit}/unavailability"
    body = {"reason": "fuel", "expected_until": "2026-11-20T14:00:00+07:00"}
    assert (await operator.post(path, body)).status_code == 204
    shown = {u["id"]: u for u in (await operator.get("/operator/units")).json()}
    assert len(shown) == 120
    assert shown[unit]["status"] == "unavailable"
    assert shown[unit]["unavailable_until"] == "2026-11-20T07:00:00Z"
    ranking = (await operator.get("/operator/candidates", **TOWN, triage="red", needs=["oxygen"])).json()
    assert unit in {u["unit"]["id"] for u in ranking["not_offered"] if u["code"] == "unavailable"}
    assert (await operator.delete(path)).status_code == 204
    assert (await operator.delete(path)).status_code == 204


async def test_facilities_and_ways_by_road(api: Api) -> None:
    driver = api.staff("pengemudi1")
    found = (await driver.get("/facilities", **TOWN, kind="puskesmas", limit=3)).json()["facilities"]
    assert len(found) == 3
    assert [f["total_s"] for f in found] == sorted(f["total_s"] for f in found)
    query = {
        "from_lon": TOWN["lon"],
        "from_lat": TOWN["lat"],
        "to_lon": found[0]["lon"],
        "to_lat": found[0]["lat"],
    }
    way = (await driver.get("/route", **query)).json()
    assert len(way["geometry"]) > 1
    assert way["total_s"] == found[0]["total_s"]


async def test_a_facility_says_how_full_it_is(api: Api) -> None:
    hospital, operator = api.staff("faskes1"), api.staff("operator1")
    full = (await hospital.put("/facility/status", {"status": "closed", "beds": 0})).json()
    assert (full["ems_status"], full["beds"]) == ("closed", 0)
    named = {"status": "normal", "beds": 4, "facility_id": full["facility_id"]}
    assert (await operator.put("/facility/status", named)).json()["beds"] == 4


async def test_a_facility_refuses(api: Api) -> None:
    operator, hospital = api.staff("operator1"), api.staff("faskes1")
    call_id = str(uuid4())
    await operator.post("/operator/calls", {"id": call_id, "channel": "phone", "place": TOWN})
    opened = await operator.post(f"/operator/calls/{call_id}/incident", {"triage": "red"})
    run_id = await _send_first(operator, opened.json()["incident_id"])
    own = (await hospital.get("/facility/incoming")).json()["facility_id"]
    leave = {"to": "left_scene", "facility_id": own}
    left = await operator.post(f"/operator/assignments/{run_id}/steps", leave)
    assert left.status_code == 200, left.text
    leg = next(
        r["leg_id"]
        for r in (await operator.get("/facility/incoming", facility_id=own)).json()["incoming"]
        if r["assignment_id"] == run_id
    )
    refused = await hospital.post(f"/facility/legs/{leg}/refusal", {"reason": "no_bed"})
    assert refused.json()["reason"] == "no_bed"


async def test_residents_see_their_own_account(api: Api) -> None:
    warga = await api.resident(3)
    me = (await warga.get("/residents/me")).json()
    assert me["name"] == "Contoh Melati 3"
    assert me["phone"] == "+62890000100003"
    assert "9003" not in me["nik_masked"]
    assert me["verification"]["result"] == "unverified"
    asked = (await warga.post("/residents/me/verification")).json()
    assert asked["result"] == "unverified"
