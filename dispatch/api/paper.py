"""Operators: how the paper board is doing, and what was written on paper while the system was away."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.paper import LateRunBody, LateStampsBody, PaperCaseBody
from dispatch.api.signed_in import Cause, Operator, TheCentre
from dispatch.domain.errors import (
    AlreadyEntered,
    Conflict,
    ContentDiffers,
    IllegalStep,
    NotFound,
    UnitNotAvailable,
    UnitOverlap,
    UnitTaken,
)
from dispatch.services.add_paper_stamps import StampsAdded, add_paper_stamps
from dispatch.services.enter_paper_case import PaperEntered, enter_paper_case
from dispatch.services.enter_paper_run import RunEntered, enter_paper_run
from dispatch.services.paper_prints import PaperState, paper_state

router = api_routes("/operator", tag="operators")


@router.get("/paper", summary="Papan kertas / paper board", responses=refuses())
async def state(who: Operator, centre: TheCentre) -> PaperState:
    """Return when the paper board was made last, and what is wrong with it."""
    return await paper_state(centre, who.entry)


@router.post(
    "/paper/cases",
    status_code=201,
    summary="Masukkan formulir kertas / enter a paper form",
    responses=refuses(
        NotFound,
        AlreadyEntered,
        ContentDiffers,
        IllegalStep,
        UnitOverlap,
        UnitTaken,
        UnitNotAvailable,
    )
    | {200: {"model": PaperEntered, "description": "Sudah tersimpan / stored before (`repeated`)"}},
)
async def enter_form(
    body: PaperCaseBody, who: Operator, centre: TheCentre, cause: Cause, response: Response
) -> PaperEntered:
    """Enter a case that was kept on paper, with the times written there; every one of them says so."""
    entered = await enter_paper_case(centre, who.entry, who.actor, body.case(), cause=cause)
    response.status_code = 200 if entered.repeated else 201
    return entered


@router.post(
    "/incidents/{incident_id}/paper-runs",
    status_code=201,
    summary="Masukkan tugas dari kertas / enter a run kept on paper",
    responses=refuses(
        NotFound,
        Conflict,
        AlreadyEntered,
        ContentDiffers,
        IllegalStep,
        UnitOverlap,
        UnitTaken,
        UnitNotAvailable,
    )
    | {200: {"model": RunEntered, "description": "Sudah tersimpan / stored before (`repeated`)"}},
)
async def enter_run(
    incident_id: UUID, body: LateRunBody, who: Operator, centre: TheCentre, cause: Cause, response: Response
) -> RunEntered:
    """Enter a unit that was sent on paper to an open case, with the times written there."""
    entered = await enter_paper_run(centre, who.entry, who.actor, incident_id, body.late(), cause=cause)
    response.status_code = 200 if entered.repeated else 201
    return entered


@router.post(
    "/incidents/{incident_id}/paper-stamps",
    summary="Tambah jam dari kertas / add times kept on paper",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def add_times(
    incident_id: UUID, body: LateStampsBody, who: Operator, centre: TheCentre, cause: Cause
) -> StampsAdded:
    """Add times that are missing; none that exists is overwritten. The same ones again are harmless."""
    return await add_paper_stamps(centre, who.entry, who.actor, incident_id, body.late(), cause=cause)
