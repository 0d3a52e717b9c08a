"""The optional third act: an offer nobody answers, until the worker alerts the next unit too."""

from __future__ import annotations

from uuid import uuid4

from rehearsal.findings import demand, demand_equal
from rehearsal.stage import Company, Stage

WHY = "latihan / drill"
_WIDENED_WITHIN_S = 30.0


async def play_unanswered_offer(stage: Stage, company: Company) -> None:
    """Play a case whose first offer is met with silence; it is called off once the next unit is alerted.

    Raises:
        StepFailed: the system failed.
    """
    operator, line, crew = company.console.client, stage.timeline, company.driver.crew
    line.act("Babak 3: tawaran tak dijawab", "act 3: an offer without an answer")
    place = company.plan.village.place
    call_id = uuid4()
    with line.step("Kejadian merah, unit uji ditawari", "a red incident, offered to the own unit") as step:
        stage.open_calls.append(call_id)
        point = {"lon": place.lon, "lat": place.lat}
        await operator.enter_call(
            {"id": call_id, "channel": "walk_in", "place": point, "speed_factor": company.speed_factor}
        )
        opened = await operator.open_incident(
            call_id, {"triage": "red", "triage_answers": {"conscious": False}}
        )
        stage.open_incidents.append(opened.incident_id)
        stage.open_calls.remove(call_id)
        stage.cases.append(opened.number)
        since = crew.socket.mark
        offer = await operator.send(opened.incident_id, company.unit.id, "Latihan: tidak dijawab")
        await crew.desk(
            "the offer", lambda d: d.run is not None and d.run.assignment_id == offer.id, since=since
        )
        step.see(f"{opened.number}, {offer.call_sign}")
    with line.step("Diam: unit berikutnya ikut ditawari", "silence: the next unit is alerted too") as step:
        widened = await company.console.event(
            "unit_assigned",
            lambda e: e.incident_id == opened.incident_id and e.data.get("origin") == "widened",
            within_s=_WIDENED_WITHIN_S,
        )
        demand(widened.data["unit_id"] != str(company.unit.id), "the next unit", "another one", "the same")
        runs = (await operator.case(opened.incident_id, WHY)).incident.runs
        first = next(run for run in runs if run.id == offer.id)
        demand_equal("the first offer is kept", (first.state, first.released_at), ("offered", None))
        step.see(str(widened.data["call_sign"]))
    with line.step("Dipanggil kembali, awak mengetahui", "stood down, the crew has seen it") as step:
        since = crew.socket.mark
        ended = await operator.cancel(opened.incident_id, "not_needed")
        stage.open_incidents.remove(opened.incident_id)
        demand_equal("how it ended", ended.state, "cancelled")
        await crew.desk("the stand-down", lambda d: offer.id in d.stood_down, since=since)
        await crew.acknowledge_stand_down(offer.id)
        await company.console.event_of("stand_down_acknowledged", offer.id)
        step.see(ended.number)
