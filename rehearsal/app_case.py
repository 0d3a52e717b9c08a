"""The first act: a resident's call through the app, until the patient is handed over and the case closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from rehearsal import shapes
from rehearsal.checks import demand_refusal, demand_sane_ranking, demand_stamps
from rehearsal.findings import Refused, demand, demand_equal
from rehearsal.journey import demand_seen_arriving, drive_leg
from rehearsal.scene import choose_destination
from rehearsal.sockets import LiveSocket
from rehearsal.stage import Company, Stage, shown_status

WHY = "latihan / drill"
_NOTE = "Latihan: jatuh dari tangga, tidak sadar"
_OVERRIDE = "Latihan: awak uji coba dipilih / drill: the rehearsal's own crew is chosen"
_MOST_SENDS = 3
_RECEIVER, _ROOM, _BED = "Contoh Perawat Jaga", "IGD", "IGD 3"


@dataclass(slots=True)
class Case:
    """What the play knows of its case. `stamps` are the moments as the system told them, step by step."""

    call_id: UUID
    resident_socket: LiveSocket
    received_at: datetime
    incident: shapes.IncidentOpened | None = None
    run: shapes.Assignment | None = None
    stamps: dict[str, datetime] = field(default_factory=dict)

    @property
    def incident_id(self) -> UUID:
        """The incident's id, once it is open."""
        assert self.incident is not None, "the incident is open"
        return self.incident.incident_id

    @property
    def number(self) -> str:
        """The incident's number, once it is open."""
        assert self.incident is not None, "the incident is open"
        return self.incident.number

    @property
    def run_id(self) -> UUID:
        """The run's id, once the unit is sent."""
        assert self.run is not None, "the unit is sent"
        return self.run.id


async def play_app_case(stage: Stage, company: Company) -> Case:
    """Play the whole case.

    Raises:
        StepFailed: the system failed.
    """
    stage.timeline.act("Babak 1: warga memanggil lewat aplikasi", "act 1: a resident calls through the app")
    case = await _request(stage, company)
    await _judge(stage, company, case)
    await _send(stage, company, case)
    await _drive_to_scene(stage, company, case)
    leg_id = await _transport(stage, company, case)
    await _close(stage, company, case, leg_id)
    return case


async def _request(stage: Stage, company: Company) -> Case:
    resident, line, call_id = company.resident, stage.timeline, uuid4()
    request = {"id": call_id, "note": _NOTE, "speed_factor": company.speed_factor}
    stage.open_calls.append(call_id)
    with line.step("Warga memanggil tanpa lokasi", "resident calls without a place"):
        receipt = await resident.client.call(request)
        demand_equal("state of the call", (receipt.state, receipt.repeated), ("ringing", False))
    with line.step("Konsol operator berdering", "the operator's console rings"):
        await company.console.event_of("call_received", call_id)
    with line.step("Ketukan berulang, satu panggilan", "the tap repeated is one call") as step:
        again = await resident.client.call(request, repeated=True)
        demand_equal("the receipt", (again.call_id, again.received_at), (call_id, receipt.received_at))
        await demand_refusal(
            "the same id with other words",
            HTTPStatus.CONFLICT,
            "content_differs",
            resident.client.call({**request, "note": "lain"}),
        )
        step.see("isi lain ditolak 409 / other content refused 409")
    with line.step("Warga membuka layar status", "resident opens the status screen"):
        socket = await stage.open_socket("/ws/resident", token=resident.client.token, call_id=str(call_id))
        shown = await shown_status(socket, "status at once", lambda s: s.call_id == call_id)
        demand_equal("progress", shown.progress, "received")
        demand_equal("speed factor", shown.speed_factor, company.speed_factor)
    with line.step("Lokasi menyusul", "the place follows") as step:
        placement = await resident.client.place(call_id, company.plan.village.place, 12.0)
        demand_equal("outside the regency", placement.outside, False)
        await company.console.event_of("call_located", call_id)
        step.see(f"{placement.village}, {placement.district}")
    return Case(call_id, socket, receipt.received_at, stamps={"called_at": receipt.received_at})


async def _judge(stage: Stage, company: Company, case: Case) -> None:
    operator, line = company.console.client, stage.timeline
    with line.step("Operator mengambil panggilan", "operator takes the call"):
        await operator.take(case.call_id)
        taken = await company.console.event_of("call_taken", case.call_id)
        case.stamps["taken_at"] = taken.occurred_at
        await shown_status(case.resident_socket, "progress taken", lambda s: s.progress == "taken")
    with line.step("Operator membaca berkas, menelepon balik", "operator reads the file, calls back") as step:
        await operator.call_back(case.call_id, "answered", "Keluarga menjawab")
        file = await operator.call_file(case.call_id, WHY)
        demand_equal("the caller's name", file.caller.name, company.resident.name)
        demand_equal("the caller's phone", file.caller.phone, company.resident.phone)
        demand_equal("the caller's note", file.caller.note, _NOTE)
        demand_equal("call-backs", [c.outcome for c in file.callbacks], ["answered"])
        demand_equal("the call's place", file.call.place, company.plan.village.place)
        step.see(f"{file.caller.name}, {file.caller.phone}")
    with line.step("Kejadian dipastikan, triase merah", "incident confirmed, triage red") as step:
        answers = {"conscious": False}
        judgement = {"triage": "red", "triage_answers": answers, "place_note": "Rumah cat hijau"}
        case.incident = await operator.open_incident(case.call_id, judgement)
        stage.open_incidents.append(case.incident_id)
        stage.open_calls.remove(case.call_id)
        stage.cases.append(case.incident.number)
        demand_equal("state", (case.incident.state, case.incident.has_place), ("confirmed", True))
        confirmed = await company.console.event_of("incident_confirmed", case.incident_id)
        case.stamps["confirmed_at"] = confirmed.occurred_at
        file_of_case = await operator.case(case.incident_id, WHY)
        demand_equal("triage answers kept", file_of_case.triage_answers, answers)
        demand_equal("speed factor", file_of_case.incident.speed_factor, company.speed_factor)
        step.see(case.incident.number)


async def _send(stage: Stage, company: Company, case: Case) -> None:
    operator, line = company.console.client, stage.timeline
    unit = company.unit
    with line.step("Unit diurutkan menurut waktu jalan", "units ranked by road time") as step:
        ranking = await operator.candidates(case.incident_id)
        own = demand_sane_ranking(ranking, unit.id)
        step.see(f"{unit.call_sign} = {own.rank} dari / of {len(ranking.candidates)}")
        step.see(own.why_id)
    with line.step("Bukan usulan pertama perlu alasan", "not the first needs a reason") as step:
        last = ranking.candidates[-1]
        if last.rank == 1:
            step.see("hanya satu calon / only one candidate")
        else:
            await demand_refusal(
                "sending the last candidate without a reason",
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "reason_needed",
                operator.send(case.incident_id, last.unit.id, None),
            )
            step.see(f"{last.unit.call_sign} ditolak / refused")
    mark = company.driver.crew.socket.mark
    with line.step(
        "Unit dikirim, pengemudi mendapat tawaran", "unit sent, the driver gets the offer"
    ) as step:
        case.run = await _send_own(company, case, own.rank)
        demand_equal("the unit sent", (case.run.unit_id, case.run.state), (unit.id, "offered"))
        desk = await company.driver.crew.desk(
            "the offer", lambda d: d.run is not None and d.run.assignment_id == case.run_id, since=mark
        )
        sheet = desk.run
        assert sheet is not None, "the desk was waited for"
        demand_equal("the offer's place", sheet.place, company.plan.village.place)
        demand_equal("the offer's speed factor", sheet.speed_factor, company.speed_factor)
        demand("accepted" in sheet.moves, "the legal moves", "accepted among them", sheet.moves)
        case.stamps |= {"assigned_at": case.run.created_at, "offered_at": case.run.created_at}
        step.see(f"{case.run.call_sign}, {sheet.incident_number}")
    with line.step("Pengemudi menerima", "driver accepts"):
        await _step(company, case, "accepted")


async def _send_own(company: Company, case: Case, rank: int) -> shapes.Assignment:
    """Send the own unit. Other rehearsals may change its rank, or claim it for an offer that widened: such an
    offer is declined.
    """
    reason = None if rank == 1 else _OVERRIDE
    for _ in range(_MOST_SENDS - 1):
        try:
            return await company.console.client.send(case.incident_id, company.unit.id, reason)
        except Refused as refused:
            if refused.code == "reason_needed" and reason is None:
                reason = _OVERRIDE
            elif refused.code != "unit_taken" or not await company.driver.crew.decline_offer():
                raise
    return await company.console.client.send(case.incident_id, company.unit.id, reason)


async def _drive_to_scene(stage: Stage, company: Company, case: Case) -> None:
    line, unit, console = stage.timeline, company.unit, company.console
    console_mark, resident_mark = console.socket.mark, case.resident_socket.mark
    here, scene = shapes.Place(unit.lon, unit.lat), company.plan.village.place
    with line.step("Berangkat ke lokasi", "en route to the scene") as step:
        await _step(company, case, "en_route")
        await drive_leg(company.driver, here, scene, company.speed_factor, step.see)
    with line.step("Konsol menunjukkan unit bergerak", "the console shows the unit moving") as step:
        step.see(await demand_seen_arriving(console, unit.id, scene, console_mark))
    with line.step(
        "Warga melihat ambulans dan waktu tiba", "resident sees the ambulance and its ETA"
    ) as step:
        shown = await shown_status(
            case.resident_socket,
            "an ambulance with its ETA",
            lambda s: (
                s.progress == "coming"
                and any(a.call_sign == unit.call_sign and a.eta_s is not None for a in s.ambulances)
            ),
            since=resident_mark,
        )
        eta = next(a.eta_s for a in shown.ambulances if a.call_sign == unit.call_sign) or 0.0
        step.see(f"{shown.words_id} {eta / 60:.1f} min")
    with line.step("Tiba di lokasi, di sisi pasien", "on scene, at the patient"):
        await _step(company, case, "on_scene")
        await _step(company, case, "at_patient")
        await shown_status(case.resident_socket, "progress arrived", lambda s: s.progress == "arrived")


async def _transport(stage: Stage, company: Company, case: Case) -> UUID:
    """Choose the facility, announce the patient, drive there; return the leg."""
    line, driver, scene = stage.timeline, company.driver, company.plan.village.place
    with line.step("Memilih faskes menurut waktu jalan", "choose the facility by road time") as step:
        facility, against = await choose_destination(driver.client, scene)
        step.see(f"{facility.name} {facility.minutes}")
        if against is not None:
            step.see(f"terdekat walau tidak diusulkan / nearest though not proposed: {against}")
    with line.step("Berangkat membawa pasien", "leaving with the patient"):
        await _step(company, case, "left_scene", facility_id=str(facility.id))
        await shown_status(
            case.resident_socket, "progress transport", lambda s: s.destination == facility.name
        )
    leg_id = await _announce(stage, company, case, facility)
    mark, target = company.console.socket.mark, shapes.Place(facility.lon, facility.lat)
    with line.step("Mengantar ke faskes", "driving to the facility") as step:
        await drive_leg(driver, scene, target, company.speed_factor, step.see)
        step.see(await demand_seen_arriving(company.console, company.unit.id, target, mark))
        await _step(company, case, "at_facility")
    await _hand_over(stage, company, case, facility.id, leg_id)
    return leg_id


async def _announce(stage: Stage, company: Company, case: Case, facility: shapes.Facility) -> UUID:
    desk = company.desk_for(facility.id)
    with stage.timeline.step(
        "Faskes melihat pasien datang, menerima", "the facility sees and accepts"
    ) as step:
        coming = [
            run
            for run in (await desk.desk(facility.id)).incoming
            if run.incident_number == case.number and run.call_sign == company.unit.call_sign
        ]
        demand_equal("the run among the incoming ones", len(coming), 1)
        demand_equal("marked as played", coming[0].simulated, True)
        answer = await desk.accept(coming[0].leg_id, _BED)
        demand_equal("the facility's answer", (answer.answer, answer.bed), ("accepted", _BED))
        await company.console.event_of("facility_accepted", coming[0].leg_id)
        step.see(f"{coming[0].minutes}, {_BED}")
        if desk is not company.facility:
            step.see("operator atas nama faskes / operator on its behalf")
    return coming[0].leg_id


async def _hand_over(stage: Stage, company: Company, case: Case, facility_id: UUID, leg_id: UUID) -> None:
    line, desk = stage.timeline, company.desk_for(facility_id)
    with line.step("Serah terima di ruang perawatan", "handover in the treatment room") as step:
        await _step(company, case, "handed_over", receiver=_RECEIVER, room=_ROOM)
        step.see(f"{_RECEIVER}, {_ROOM}")
    with line.step("Faskes menandatangani", "the facility countersigns"):
        waiting = [h for h in (await desk.desk(facility_id)).to_countersign if h.leg_id == leg_id]
        demand_equal("receiver and room", [(h.receiver_name, h.room) for h in waiting], [(_RECEIVER, _ROOM)])
        signed = await desk.countersign(leg_id)
        demand(signed.countersigned_at is not None, "countersigned", "a time", None)
    with line.step("Unit kembali siap", "the unit is back in service") as step:
        await _step(company, case, "cleared")
        unit = await company.console.client.unit(company.unit.id)
        demand_equal("status of the unit", (unit.status, unit.assignment_id), ("available", None))
        step.see(unit.call_sign)


async def _close(stage: Stage, company: Company, case: Case, leg_id: UUID) -> None:
    operator, line = company.console.client, stage.timeline
    with line.step("Kejadian ditutup", "the incident is closed") as step:
        ended = await operator.close(case.incident_id)
        stage.open_incidents.remove(case.incident_id)
        demand_equal("how it ended", (ended.state, ended.closing_code), ("closed", "handed_over"))
        await shown_status(case.resident_socket, "progress ended", lambda s: s.progress == "ended")
        step.see(f"{ended.number}: {ended.closing_code}")
    with line.step("Cap waktu sama dengan yang dicatat", "the stamps are those recorded") as step:
        file = await operator.case(case.incident_id, WHY)
        demand_stamps(file, case.run_id, case.stamps)
        leg = next(leg for run in file.incident.runs for leg in run.legs if leg.id == leg_id)
        demand_equal(
            "the leg", (leg.state, leg.bed, leg.receiver, leg.room), ("handed_over", _BED, _RECEIVER, _ROOM)
        )
        demand_equal("patients' outcomes", [p.outcome for p in file.patients], ["handed_over"])
        step.see(f"{len(case.stamps)} cap waktu / stamps, {len(file.events)} peristiwa / events")


async def _step(company: Company, case: Case, to: str, **fields: Any) -> None:
    """Have the crew report a step, and keep its stamp."""
    taken = await company.driver.crew.step(case.run_id, to, **fields)
    demand_equal(f"step {to}", (taken.state, taken.reported), (to, False))
    case.stamps["available_at" if to == "cleared" else f"{to}_at"] = taken.occurred_at
