"""Two regencies in one database do not see each other over HTTP; a resident may call from either."""

from __future__ import annotations

from uuid import uuid4

import pytest
from api_scene import BATANG_TOWN, TOWN, Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE, THERE = "32.14-latihan", "33.25-latihan"


async def test_a_neighbour_s_things_are_not_there(api: Api) -> None:
    own, neighbour = api.staff("operator1", HERE), api.staff("operator1", THERE)
    call_id = str(uuid4())
    await own.post("/operator/calls", {"id": call_id, "channel": "phone", "place": TOWN})
    opened = await own.post(f"/operator/calls/{call_id}/incident", {"triage": "red"})
    incident = opened.json()["incident_id"]
    unit = (await own.get(f"/operator/incidents/{incident}/candidates")).json()["candidates"][0]["unit"]
    choice = {"unit_id": unit["id"]}
    run = (await own.post(f"/operator/incidents/{incident}/assignments", choice)).json()["id"]

    for path in (f"/operator/calls/{call_id}", f"/operator/incidents/{incident}"):
        problem(await neighbour.get(path), 404, "not_found")
    for path, body in (
        (f"/operator/calls/{call_id}/take", None),
        (f"/operator/incidents/{incident}/closure", None),
        (f"/operator/assignments/{run}/steps", {"to": "accepted"}),
        (f"/operator/units/{unit['id']}/unavailability", {"reason": "fuel"}),
    ):
        problem(await neighbour.post(path, body), 404, "not_found")
    theirs = str(uuid4())
    await neighbour.post("/operator/calls", {"id": theirs, "channel": "phone", "place": BATANG_TOWN})
    opened = await neighbour.post(f"/operator/calls/{theirs}/incident", {"triage": "red"})
    sent = await neighbour.post(
        f"/operator/incidents/{opened.json()['incident_id']}/assignments", choice | {"reason": "coba"}
    )
    problem(sent, 404, "not_found")

    board = (await neighbour.get("/operator/board")).json()
    assert {i["id"] for i in board["incidents"]} == {opened.json()["incident_id"]}
    assert unit["id"] not in {u["id"] for u in board["units"]}
    events = (await neighbour.get("/operator/events", limit=1000)).json()
    assert call_id not in {e["subject_id"] for e in events}
    problem(
        await neighbour.post("/operator/calls", {"id": call_id, "channel": "phone"}), 409, "content_differs"
    )


async def test_a_resident_calls_where_they_are(api: Api) -> None:
    warga = await api.resident(51, HERE)
    away, home = str(uuid4()), str(uuid4())
    body = {"id": away, "place": BATANG_TOWN, "regency": THERE}
    receipt = await warga.post("/calls", body)
    assert receipt.status_code == 201, receipt.text
    assert receipt.json()["outside"] is False
    assert (await warga.post("/calls", body)).status_code == 200
    await warga.post("/calls", {"id": home})

    assert (await warga.get(f"/calls/{away}")).json()["state"] == "ringing"
    assert [c["call_id"] for c in (await warga.get("/calls")).json()] == [home, away]
    assert (await warga.put(f"/calls/{away}/place", BATANG_TOWN)).json()["outside"] is False
    rung = (await api.staff("operator1", THERE).get("/operator/board")).json()["calls"]
    assert [c["id"] for c in rung] == [away]
    assert (await warga.post(f"/calls/{away}/cancellation")).json()["state"] == "disposed"

    other = await api.resident(52, THERE)
    problem(await other.get(f"/calls/{away}"), 403, "forbidden")
    problem(await other.get(f"/calls/{home}"), 404, "not_found")
    problem(await other.get(f"/calls/{uuid4()}"), 404, "not_found")


async def test_names_are_per_regency(api: Api) -> None:
    here, there = api.staff("operator1", HERE), api.staff("operator1", THERE)
    ids = {(await client.get("/sessions")).json()[0]["id"] for client in (here, there)}
    assert len(ids) == 2
    for one, other in ((here, there), (there, here)):
        session = (await other.get("/sessions")).json()[0]["id"]
        problem(await one.delete(f"/sessions/{session}"), 404, "not_found")
