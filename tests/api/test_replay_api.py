"""Looking back over HTTP: cases found again, replayed step by step, with the board of a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

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


async def test_the_health_office_follows_a_case_without_seeing_whose(api: Api) -> None:
    incident_id = await opened(api, 74)
    whole, bare = await replay(api, incident_id), await replay(api, incident_id, who="dinkes1")
    assert (whole["persons"], bare["persons"]) == (True, False)
    assert "Jatuh dari motor" in str(whole)
    assert "Jatuh dari motor" not in str(bare)
    assert "Contoh operator1" in str(whole)
    assert "Contoh" not in str(bare)
    moment = f"/operator/incidents/{incident_id}/replay/moment"
    units = (await api.staff("dinkes1").get(moment, seq=bare["seq"])).json()["units"]
    assert units
    assert all(unit["lon"] == round(unit["lon"], 2) for unit in units)
    # a case of another regency is none
    elsewhere = api.staff("dinkes1", "33.25-latihan")
    problem(await elsewhere.get(f"/operator/incidents/{incident_id}/replay"), 404, "not_found")


async def found(api: Api, who: str = "operator1", **query: Any) -> list[dict[str, Any]]:
    answer = await api.staff(who).get("/operator/incidents", **query)
    assert answer.status_code == 200, answer.text
    cases: list[dict[str, Any]] = answer.json()["cases"]
    return cases


async def test_past_cases_are_found_by_number_call_sign_and_day(api: Api) -> None:
    ids = [await opened(api, number) for number in (75, 76, 77)]
    operator = api.staff("operator1")
    unit = next(
        u for u in (await operator.get("/operator/units")).json()
        if u["status"] == "available" and u["tracking"] == "manual"
    )  # fmt: skip
    sent = {"unit_id": unit["id"], "reason": "uji"}
    assert (await operator.post(f"/operator/incidents/{ids[1]}/assignments", sent)).status_code == 201
    await operator.post(f"/operator/incidents/{ids[2]}/cancellation", {"reason": "false_alarm"})

    for who in ("operator1", "auditor1", "dinkes1"):
        newest = (await found(api, who))[:3]
        assert [case["id"] for case in newest] == ids[::-1], "the newest first, open and over"
        assert [case["state"] for case in newest] == ["cancelled", "confirmed", "confirmed"]
    first = newest[2]
    assert [c["id"] for c in await found(api, q=first["number"].lower())] == [ids[0]]
    by_sign = await found(api, q=f"{unit['call_sign']} {newest[1]['number'][-4:]}")
    assert [(c["id"], c["call_signs"]) for c in by_sign] == [(ids[1], [unit["call_sign"]])]
    assert await found(api, q=f"{unit['call_sign']} {first['number']}") == [], "every word has to be there"
    assert await found(api, q="%") == []
    assert await found(api, q="_") == []
    today = api.centre.clock().astimezone(ZoneInfo("Asia/Jakarta")).date()
    assert {c["id"] for c in await found(api, day=today.isoformat())} >= set(ids)
    assert await found(api, day=(today - timedelta(days=1)).isoformat()) == []
    assert not {c["id"] for c in await found(api, "operator1", q=first["number"], limit=1)} - {ids[0]}
    assert fields(problem(await operator.get("/operator/incidents", day="1899-01-01"), 422, "invalid_input"))


async def test_pages_of_past_cases_hold_each_case_once_also_of_one_moment(api: Api) -> None:
    frozen = api.centre.clock()
    clock, api.centre.clock = api.centre.clock, lambda: frozen
    try:
        ids = {await opened(api, number) for number in range(81, 86)}
    finally:
        api.centre.clock = clock
    operator, seen, before = api.staff("operator1"), [], {}
    while True:
        page = (await operator.get("/operator/incidents", limit=2, **before)).json()
        seen += [case["id"] for case in page["cases"]]
        if page["next_before"] is None:
            break
        before = {"before": page["next_before"]}
    assert len(seen) == len(set(seen))
    assert set(seen) >= ids
    assert len(seen) == len(await found(api, limit=100))
    assert await found(api, before=str(uuid4())) == []
