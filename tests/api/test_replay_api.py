"""Replay over HTTP: what was known step by step, the board of a moment, and who looked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, fields, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(api: Api, number: int) -> str:
    """A resident's call that an operator has made an incident of; its id."""
    warga, operator = await api.resident(number), api.staff("operator1")
    call_id = str(uuid4())
    await warga.post("/calls", {"id": call_id, "note": "Jatuh dari motor"})
    await warga.put(f"/calls/{call_id}/place", {**TOWN, "accuracy_m": 12})
    await operator.post(f"/operator/calls/{call_id}/take")
    verdict = {"confirmed": True, "kind": "emergency", "triage": "red", "patients": 1}
    made = await operator.post(f"/operator/calls/{call_id}/incident", verdict)
    return str(made.json()["incident_id"])


async def replay(api: Api, incident_id: str, who: str = "auditor1", **query: Any) -> dict[str, Any]:
    answer = await api.staff(who).get(f"/operator/incidents/{incident_id}/replay", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_steps_come_in_the_order_in_which_they_were_known(api: Api) -> None:
    incident_id = await opened(api, 71)
    whole = await replay(api, incident_id, reason="sengketa")
    kinds = [step["kind"] for step in whole["steps"]]
    assert kinds[:3] == ["call_received", "call_located", "call_taken"]
    assert "incident_confirmed" in kinds
    assert [s["seq"] for s in whole["steps"]] == sorted({s["seq"] for s in whole["steps"]})
    first, located = whole["steps"][:2]
    assert first["rows"][0]["fields"]["place"] is None
    assert located["rows"][0]["fields"]["place"] == pytest.approx(TOWN, abs=1e-6)
    assert first["rows"][0]["fields"]["note"] == "Jatuh dari motor"
    assert "nik" not in str(whole).replace("nik_masked", "")


async def test_pages_and_moments(api: Api) -> None:
    incident_id = await opened(api, 72)
    first = await replay(api, incident_id, limit=2)
    assert len(first["steps"]) == 2
    rest = await replay(api, incident_id, after=first["next_after"])
    assert rest["steps"][0]["seq"] > first["steps"][-1]["seq"]
    auditor, last = api.staff("auditor1"), rest["steps"][-1]
    by_seq = (await auditor.get(f"/operator/incidents/{incident_id}/replay/moment", seq=last["seq"])).json()
    by_time = await auditor.get(f"/operator/incidents/{incident_id}/replay/moment", at=last["recorded_at"])
    assert by_time.json() == by_seq
    board = (await api.staff("operator1").get("/operator/board")).json()
    shown = {u["call_sign"]: u["status"] for u in board["units"]}
    assert {u["call_sign"]: u["status"] for u in by_seq["units"]} == shown


async def test_what_cannot_be_shown_is_refused(api: Api) -> None:
    auditor = api.staff("auditor1")
    problem(await auditor.get(f"/operator/incidents/{uuid4()}/replay"), 404, "not_found")
    problem(await auditor.get(f"/operator/incidents/{uuid4()}/replay/moment", seq=1), 404, "not_found")
    incident_id = await opened(api, 73)
    path = f"/operator/incidents/{incident_id}/replay/moment"
    for query in ({}, {"seq": 2**40}, {"at": "noon"}, {"at": "2026-11-20T14:03:20"}):
        assert fields(problem(await auditor.get(path, **query), 422, "invalid_input"))
