"""Paper forms over HTTP: entered once, refused with reasons, each regency for itself, operators alone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE, THERE = "32.14-latihan", "33.25-latihan"


def form(number: int, **given: Any) -> dict[str, Any]:
    """A filled form of ten in the morning, printed at nine; times in UTC."""
    return {
        "id": str(uuid4()),
        "number": f"PWK-L-20261120-P0900.{number:02d}",
        "called_at": "2026-11-20T03:00:00Z",
        "taken_at": "2026-11-20T03:01:00Z",
        "caller_name": "Contoh Kenanga",
        "caller_phone": "0890-0001-0001",
        "place": TOWN,
        "triage": "yellow",
        "outcome": "treated_on_scene",
    } | given


async def test_a_form_is_entered_once_and_shown_as_paper(api: Api) -> None:
    desk = api.staff("operator1", HERE)
    paper = form(1)
    first = await desk.post("/operator/paper/cases", paper)
    assert first.status_code == 201, first.text
    again = await desk.post("/operator/paper/cases", paper)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    case = (await desk.get(f"/operator/incidents/{first.json()['incident_id']}")).json()
    assert case["incident"]["number"] == paper["number"]
    assert {(s["name"], s["source"]) for s in case["incident"]["stamps"]} == {
        ("called_at", "paper"),
        ("taken_at", "paper"),
    }
    assert case["incident"]["village"] is not None
    known = await desk.post("/operator/paper/cases", form(1))
    problem(known, 409, "already_entered")
    assert known.json()["incident_id"] == first.json()["incident_id"]
    report = (
        await api.staff("dinkes1", HERE).get(
            "/reports/response-times", **{"from": "2026-11-20", "to": "2026-11-20"}
        )
    ).json()
    assert report["incidents"]["paper"] == 1


async def test_times_are_refused_with_both_of_them_in_both_languages(api: Api) -> None:
    desk = api.staff("operator1", HERE)
    wrong = await desk.post("/operator/paper/cases", form(2, taken_at="2026-11-20T02:59:00Z"))
    (field,) = problem(wrong, 422, "invalid_input")["fields"]
    assert field["field"] == "times.taken_at"
    assert field["id"] == "Diambil operator 20-11 09:59 mendahului Panggilan masuk 20-11 10:00"
    assert field["en"] == "Taken 20-11 09:59 is before Called 20-11 10:00"
    naive = await desk.post("/operator/paper/cases", form(2, called_at="2026-11-20T03:00:00"))
    problem(naive, 422, "invalid_input")
    unknown = await desk.post("/operator/paper/cases", form(2, nik="3214014101900001"))
    problem(unknown, 422, "invalid_input")


async def test_each_regency_enters_its_own_forms(api: Api) -> None:
    elsewhere = await api.staff("operator1", THERE).post("/operator/paper/cases", form(3))
    (field,) = problem(elsewhere, 422, "invalid_input")["fields"]
    assert field["field"] == "number"
    mine = await api.staff("operator1", HERE).post("/operator/paper/cases", form(3))
    assert mine.status_code == 201, mine.text
    late = {"stamps": {"confirmed_at": "2026-11-20T03:02:00Z"}}
    path = f"/operator/incidents/{mine.json()['incident_id']}/paper-stamps"
    problem(await api.staff("operator1", THERE).post(path, late), 404, "not_found")
    added = await api.staff("operator1", HERE).post(path, late)
    assert (added.status_code, added.json()["added"]) == (200, 1)
    other = {"stamps": {"confirmed_at": "2026-11-20T03:05:00Z"}}
    problem(await api.staff("operator1", HERE).post(path, other), 409, "conflict")


async def test_the_state_of_the_board_is_for_the_desk(api: Api) -> None:
    state = (await api.staff("operator1", HERE).get("/operator/paper")).json()
    assert (state["on"], state["trouble"]) == (True, None)
    for user in ("dinkes1", "faskes1"):
        problem(await api.staff(user, HERE).get("/operator/paper"), 403, "forbidden")
        problem(await api.staff(user, HERE).post("/operator/paper/cases", form(4)), 403, "forbidden")


async def test_a_run_of_an_open_case_is_entered_once_and_the_case_closes(api: Api) -> None:
    desk = api.staff("operator1", HERE)
    opened = await desk.post("/operator/paper/cases", form(5, closed=False, outcome=None))
    incident = opened.json()["incident_id"]
    unit = (await desk.get("/operator/board")).json()["units"][0]["id"]
    path = f"/operator/incidents/{incident}/paper-runs"
    stamps = {"assigned_at": "2026-11-20T03:02:00Z", "available_at": "2026-11-20T03:40:00Z"}
    run = {"unit_id": unit, "stamps": stamps, "end": "completed_without_transport", "code": "refused"}
    row = {"id": str(uuid4()), "run": run}
    (field,) = problem(await desk.post(path, row), 422, "invalid_input")["fields"]
    assert field["field"] == "gap"
    row["gap"] = "not_written"
    problem(await api.staff("operator1", THERE).post(path, row), 404, "not_found")
    first = await desk.post(path, row)
    assert (first.status_code, first.json()["state"]) == (201, "completed_without_transport"), first.text
    again = await desk.post(path, row)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    known = await desk.post(path, row | {"id": str(uuid4())})
    problem(known, 409, "already_entered")
    assert known.json()["incident_id"] == incident
    closed = await desk.post(f"/operator/incidents/{incident}/closure", {})
    assert closed.json()["closing_code"] == "refused"


async def test_a_form_that_names_a_waiting_call_leaves_no_other_call(api: Api) -> None:
    desk = api.staff("operator1", HERE)
    call = {"id": str(uuid4()), "channel": "phone", "place": TOWN, "caller_phone": "0890-0001-0002"}
    rung = await desk.post("/operator/calls", call)
    assert rung.status_code == 201, rung.text
    paper = form(6, call_id=call["id"])
    entered = await desk.post("/operator/paper/cases", paper)
    assert (entered.status_code, entered.json()["call_id"]) == (201, call["id"]), entered.text
    again = await desk.post("/operator/paper/cases", paper)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    case = (await desk.get(f"/operator/incidents/{entered.json()['incident_id']}")).json()
    assert [c["call"]["id"] for c in case["calls"]] == [call["id"]]
    waiting = (await desk.get("/operator/board")).json()["calls"]
    assert call["id"] not in [c["id"] for c in waiting]
    problem(await desk.post("/operator/paper/cases", form(7, call_id=call["id"])), 409, "illegal_step")
    problem(await desk.post("/operator/paper/cases", form(7, call_id=str(uuid4()))), 404, "not_found")
