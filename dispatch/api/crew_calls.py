"""Operators: crews that have to be phoned, as no screen, push or SMS has brought an answer."""

from __future__ import annotations

from uuid import UUID

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.operators import CrewCallAnswer
from dispatch.api.signed_in import Cause, Operator, TheCentre
from dispatch.domain.errors import Conflict, NotFound
from dispatch.services.crew_calls import CrewCallNow, answer_crew_call

router = api_routes("/operator/crew-calls", tag="operators")


@router.post("/{notice_id}", summary="Telepon awak / call a crew", responses=refuses(NotFound, Conflict))
async def crew_call(
    notice_id: UUID, body: CrewCallAnswer, who: Operator, centre: TheCentre, cause: Cause
) -> CrewCallNow:
    """Take the call upon oneself, or say whether the crew was reached. The board lists what is to be done."""
    return await answer_crew_call(centre, who.entry, who.actor, notice_id, body.outcome, cause=cause)
