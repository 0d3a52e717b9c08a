"""Receiving facilities: who is coming, the answer, the countersignature, and the facility's status."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.facilities import Acceptance, NewStatus, Refusal
from dispatch.api.signed_in import Cause, FacilityUser, TheCentre
from dispatch.domain.errors import Conflict, FieldProblem, IllegalStep, InvalidInput, NotFound
from dispatch.services.facility_desk import (
    FacilityStatus,
    LegAnswer,
    accept_run,
    countersign,
    refuse_run,
    set_facility_status,
)
from dispatch.services.incoming_runs import FacilityDesk, incoming_runs
from dispatch.services.sessions import SignedIn

router = api_routes("/facility", tag="facilities")


def _facility(who: SignedIn, named: UUID | None) -> UUID:
    """Return the facility meant: the one named, else the user's own."""
    facility_id = named or who.facility_id
    if facility_id is None:
        raise InvalidInput(FieldProblem("facility_id", "Sebutkan faskesnya", "Name the facility"))
    return facility_id


@router.get("/incoming", summary="Pasien yang akan datang / on their way", responses=refuses(NotFound))
async def incoming(
    who: FacilityUser,
    centre: TheCentre,
    facility_id: Annotated[UUID | None, Query(description="Wajib bagi operator / operators name it")] = None,
) -> FacilityDesk:
    """Return the runs on their way to the facility with their minutes, and handovers to countersign."""
    return await incoming_runs(centre, who, _facility(who, facility_id))


@router.post(
    "/legs/{leg_id}/acceptance",
    summary="Terima / accept",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def accept(
    leg_id: UUID, body: Acceptance, who: FacilityUser, centre: TheCentre, cause: Cause
) -> LegAnswer:
    """Say that the facility takes the patients, and name a bed when there is one."""
    return await accept_run(centre, who, leg_id, body.bed, cause=cause)


@router.post(
    "/legs/{leg_id}/refusal",
    summary="Tolak / refuse",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def refuse(
    leg_id: UUID, body: Refusal, who: FacilityUser, centre: TheCentre, cause: Cause
) -> LegAnswer:
    """Say why the facility cannot take the patients; the operator decides what follows."""
    return await refuse_run(centre, who, leg_id, body.reason, cause=cause)


@router.post(
    "/legs/{leg_id}/countersignature",
    summary="Tanda tangan serah terima / countersign",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def countersign_handover(leg_id: UUID, who: FacilityUser, centre: TheCentre, cause: Cause) -> LegAnswer:
    """Confirm the handover for the facility. It never holds the ambulance."""
    return await countersign(centre, who, leg_id, cause=cause)


@router.put("/status", summary="Status faskes / status", responses=refuses(NotFound))
async def set_status(body: NewStatus, who: FacilityUser, centre: TheCentre, cause: Cause) -> FacilityStatus:
    """Say whether the facility takes ambulances, and how many beds are free."""
    facility_id = _facility(who, body.facility_id)
    return await set_facility_status(centre, who, facility_id, body.status, body.beds, cause=cause)
