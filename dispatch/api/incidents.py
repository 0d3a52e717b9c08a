"""Operators: incidents from the verdict to the end, the units sent to them, and their patients."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response

from dispatch.api.operators import HANDLING, Reason
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.operators import (
    Cancellation,
    IncidentPatch,
    NewDestination,
    NewPatient,
    OperatorStep,
    PatientPatch,
    StandDown,
    UnitChoice,
    Verdict,
)
from dispatch.api.schemas.results import PatientAdded, RunNow
from dispatch.api.signed_in import Cause, Operator, TheCentre
from dispatch.domain.errors import (
    Conflict,
    ContentDiffers,
    IllegalStep,
    NotFound,
    ReasonNeeded,
    UnitNotAvailable,
    UnitTaken,
)
from dispatch.services.case_file import CaseFile, read_case
from dispatch.services.change_destination import DestinationNow, change_destination
from dispatch.services.change_incident import add_patient, change_incident, change_patient
from dispatch.services.end_incident import IncidentEnded, cancel_incident, close_incident
from dispatch.services.open_incident import IncidentOpened, confirm_incident
from dispatch.services.placing import Placement
from dispatch.services.rank_units import UnitRanking, rank_for_incident
from dispatch.services.send_unit import AssignmentView, send_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.step_run import StepView, step_run

router = api_routes("/operator", tag="operators")


@router.get("/incidents/{incident_id}", summary="Berkas kejadian / case file", responses=refuses(NotFound))
async def case_file(
    incident_id: UUID, who: Operator, centre: TheCentre, cause: Cause, reason: Reason = HANDLING
) -> CaseFile:
    """Return one case in full: calls, patients, runs, events; who looked and why is logged."""
    return await read_case(centre, who.entry, who.actor, incident_id, reason, cause=cause)


@router.post(
    "/incidents/{incident_id}/confirmation",
    summary="Putusan / verdict",
    responses=refuses(NotFound, IllegalStep),
)
async def confirm(
    incident_id: UUID, body: Verdict, who: Operator, centre: TheCentre, cause: Cause
) -> IncidentOpened:
    """Give the verdict on an incident that was opened before it."""
    return await confirm_incident(centre, who.entry, who.actor, incident_id, body.judgement(), cause=cause)


@router.patch(
    "/incidents/{incident_id}",
    summary="Perbaiki kejadian / correct an incident",
    responses=refuses(NotFound, IllegalStep),
)
async def correct_incident(
    incident_id: UUID, body: IncidentPatch, who: Operator, centre: TheCentre, cause: Cause
) -> Placement:
    """Correct place, colour or needs; fields left out stay. Returns where the incident lies now."""
    return await change_incident(centre, who.entry, who.actor, incident_id, body.change(), cause=cause)


@router.get(
    "/incidents/{incident_id}/candidates",
    summary="Unit menurut menit jalan / units by road minutes",
    responses=refuses(NotFound, Conflict),
)
async def candidates(incident_id: UUID, who: Operator, centre: TheCentre) -> UnitRanking:
    """Rank all units for the incident, each with a sentence why; those not offered with why not."""
    return await rank_for_incident(centre, who.entry, incident_id)


@router.post(
    "/incidents/{incident_id}/assignments",
    status_code=201,
    summary="Kirim unit / send a unit",
    responses=refuses(
        NotFound, Conflict, ContentDiffers, IllegalStep, UnitTaken, UnitNotAvailable, ReasonNeeded
    )
    | {200: {"model": AssignmentView, "description": "Sudah dikirim / sent before (`repeated`)"}},
)
async def send(
    incident_id: UUID, body: UnitChoice, who: Operator, centre: TheCentre, cause: Cause, response: Response
) -> AssignmentView:
    """Claim the unit and alert it. Another one than the first proposed needs a reason."""
    view = await send_unit(
        centre,
        who.entry,
        who.actor,
        incident_id,
        body.unit_id,
        body.reason,
        cause=cause,
        assignment_id=body.id,
    )
    response.status_code = 200 if view.repeated else 201
    return view


@router.post(
    "/assignments/{assignment_id}/steps",
    summary="Langkah unit / step a run",
    responses=refuses(NotFound, IllegalStep),
)
async def step(
    assignment_id: UUID, body: OperatorStep, who: Operator, centre: TheCentre, cause: Cause
) -> StepView:
    """Take one step of a run for its crew, as told by phone or radio. The same step again is harmless."""
    return await step_run(centre, who.entry, who.actor, assignment_id, body.step(), cause=cause)


@router.post(
    "/assignments/{assignment_id}/stand-down",
    summary="Panggil kembali unit / stand a unit down",
    responses=refuses(NotFound, IllegalStep),
)
async def stand_unit_down(
    assignment_id: UUID, body: StandDown, who: Operator, centre: TheCentre, cause: Cause
) -> RunNow:
    """Stand the unit down and free it; a case left without any unit waits for one."""
    state = await stand_down(centre, who.entry, who.actor, assignment_id, body.reason, cause=cause)
    return RunNow(assignment_id, state)


@router.put(
    "/assignments/{assignment_id}/destination",
    summary="Ubah tujuan / another destination",
    responses=refuses(NotFound, IllegalStep),
)
async def lead_elsewhere(
    assignment_id: UUID, body: NewDestination, who: Operator, centre: TheCentre, cause: Cause
) -> DestinationNow:
    """Lead a run that carries its patient to another facility or place. The same one again is harmless."""
    return await change_destination(
        centre, who.entry, who.actor, assignment_id, body.facility_id, body.outside_name, cause=cause
    )


@router.post(
    "/incidents/{incident_id}/closure",
    summary="Tutup kejadian / close",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def close(incident_id: UUID, who: Operator, centre: TheCentre, cause: Cause) -> IncidentEnded:
    """Close the incident; its code is derived from the patients' outcomes."""
    return await close_incident(centre, who.entry, who.actor, incident_id, cause=cause)


@router.post(
    "/incidents/{incident_id}/cancellation",
    summary="Batalkan kejadian / cancel",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def cancel(
    incident_id: UUID, body: Cancellation, who: Operator, centre: TheCentre, cause: Cause
) -> IncidentEnded:
    """Cancel the incident and stand down every unit that carries nobody yet."""
    return await cancel_incident(centre, who.entry, who.actor, incident_id, body.reason, cause=cause)


@router.post(
    "/incidents/{incident_id}/patients",
    status_code=201,
    summary="Tambah pasien / add a patient",
    responses=refuses(NotFound, IllegalStep, ContentDiffers),
)
async def add_one_patient(
    incident_id: UUID, body: NewPatient, who: Operator, centre: TheCentre, cause: Cause
) -> PatientAdded:
    """Add a patient; nothing needs to be known."""
    added = await add_patient(
        centre, who.entry, who.actor, incident_id, body.change(), cause=cause, patient_id=body.id
    )
    return PatientAdded(added, incident_id)


@router.patch(
    "/patients/{patient_id}",
    status_code=204,
    summary="Data pasien / what became known of a patient",
    responses=refuses(NotFound),
)
async def correct_patient(
    patient_id: UUID, body: PatientPatch, who: Operator, centre: TheCentre, cause: Cause
) -> None:
    """Write down what became known of a patient, or how their care ended; fields left out stay."""
    await change_patient(centre, who.entry, who.actor, patient_id, body.change(), cause=cause)
