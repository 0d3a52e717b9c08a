"""The second act: a caller without an account, and a unit that the operator steps by phone."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID, uuid4

from rehearsal import shapes
from rehearsal.checks import demand_refusal
from rehearsal.findings import Mismatch, demand, demand_equal
from rehearsal.journey import NEAR_M
from rehearsal.stage import Company, Stage
from rehearsal.track import metres_between

WHY = "latihan / drill"
_CALLER, _PHONE = "Contoh Penelepon Kenanga", "+62890000000001"
_CODE = "treated_on_scene"
_MOST_TRIED = 5


async def play_phone_case(stage: Stage, company: Company) -> None:
    """Play the case until it is closed.

    Raises:
        StepFailed: the system failed.
    """
    stage.timeline.act(
        "Babak 2: telepon tanpa akun, unit manual", "act 2: a phone call, a unit without tracking"
    )
    incident_id = await _enter(stage, company)
    run = await _send(stage, company, incident_id)
    await _step_by_phone(stage, company, incident_id, run)
    await _close(stage, company, incident_id, run)


async def _enter(stage: Stage, company: Company) -> UUID:
    operator, line, call_id = company.console.client, stage.timeline, uuid4()
    place = company.plan.village.place
    with line.step("Operator mencatat penelepon", "operator enters the caller") as step:
        stage.open_calls.append(call_id)
        receipt = await operator.enter_call(
            {
                "id": call_id,
                "channel": "phone",
                "caller_name": _CALLER,
                "caller_phone": _PHONE,
                "place": {"lon": place.lon, "lat": place.lat},
                "note": "Latihan: kaki terkilir",
                "speed_factor": company.speed_factor,
            }
        )
        demand_equal("state of the call", receipt.state, "ringing")
        await company.console.event_of("call_received", call_id)
        await operator.take(call_id)
        file = await operator.call_file(call_id, WHY)
        demand_equal("the caller", (file.caller.name, file.caller.phone), (_CALLER, _PHONE))
        demand_equal("the channel", file.call.channel, "phone")
        step.see(f"{_CALLER}, {_PHONE}")
    with line.step("Kejadian dipastikan, triase kuning", "incident confirmed, triage yellow") as step:
        answers = {
            "conscious": True,
            "breathing_hard": False,
            "bleeding": False,
            "chest_or_labour": False,
            "walking": False,
        }
        opened = await operator.open_incident(call_id, {"triage": "yellow", "triage_answers": answers})
        stage.open_incidents.append(opened.incident_id)
        stage.open_calls.remove(call_id)
        stage.cases.append(opened.number)
        step.see(opened.number)
    return opened.incident_id


async def _send(stage: Stage, company: Company, incident_id: UUID) -> shapes.Assignment:
    """Send the first unit without tracking; one that another case takes at the same moment is passed over."""
    operator = company.console.client
    with stage.timeline.step("Unit manual dikirim", "a unit without tracking is sent") as step:
        ranking = await operator.candidates(incident_id)
        manual = [candidate for candidate in ranking.candidates if candidate.unit.tracking == "manual"]
        demand(
            bool(manual), "units without tracking on shift", "at least one", f"0 of {len(ranking.candidates)}"
        )
        for candidate in manual[:_MOST_TRIED]:
            assignment = await operator.send_if_free(incident_id, candidate.unit.id, "Latihan: unit manual")
            if assignment is not None:
                demand_equal("the state", assignment.state, "offered")
                step.see(f"{assignment.call_sign}: {candidate.why_id}")
                return assignment
        raise Mismatch("a unit without tracking", "one that is free", "all were taken meanwhile")


async def _step_by_phone(stage: Stage, company: Company, incident_id: UUID, run: shapes.Assignment) -> None:
    operator, line = company.console.client, stage.timeline
    with line.step(
        "Operator mencatat langkah, ada yang terlewat", "operator steps the run, skipping some"
    ) as step:
        taken = await operator.step(run.id, "on_scene")
        demand_equal("the state", taken.state, "on_scene")
        refused = await demand_refusal(
            "a handover without transport",
            HTTPStatus.CONFLICT,
            "illegal_step",
            operator.step(run.id, "handed_over", receiver=_CALLER, room="-"),
        )
        allowed = refused.problem.get("allowed")
        demand(
            isinstance(allowed, list) and "completed_without_transport" in allowed,
            "the steps that are legal instead",
            "completed_without_transport among them",
            allowed,
        )
        step.see("langkah tidak sah ditolak 409 / illegal step refused 409")
    with line.step("Selesai tanpa membawa pasien", "completed without transport") as step:
        await demand_refusal(
            "an end without its code",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_input",
            operator.step(run.id, "completed_without_transport"),
        )
        await operator.step(run.id, "completed_without_transport", code=_CODE)
        unit = await operator.unit(run.unit_id)
        demand_equal("status of the unit", (unit.status, unit.assignment_id), ("available", None))
        demand_equal("its position", (unit.place_source, unit.position_quality), ("last_cleared", "assumed"))
        scene = company.plan.village.place
        apart = metres_between((unit.lon, unit.lat), (scene.lon, scene.lat))
        demand(apart <= NEAR_M, "its assumed place", "the scene", f"{apart:.0f} m from it")
        step.see(f"{unit.call_sign}: posisi perkiraan di lokasi / assumed at the scene")


async def _close(stage: Stage, company: Company, incident_id: UUID, run: shapes.Assignment) -> None:
    operator = company.console.client
    with stage.timeline.step(
        "Cap yang terlewat tetap kosong, ditutup", "skipped stamps stay empty, closed"
    ) as step:
        file = await operator.case(incident_id, WHY)
        stamps = {stamp.name: stamp.source for own in file.incident.runs for stamp in own.stamps}
        wanted = {"assigned_at": "operator", "on_scene_at": "operator", "available_at": "operator"}
        demand_equal("the run's stamps and their sources", stamps, wanted)
        ended = await operator.close(incident_id)
        stage.open_incidents.remove(incident_id)
        demand_equal("how it ended", (ended.state, ended.closing_code), ("closed", _CODE))
        step.see(f"{ended.number}: {ended.closing_code}")
