"""Replay: a case step by step as it was known, and the board of any moment of it. Read only."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from dispatch.api.operators import Reason
from dispatch.api.refusals import refuses
from dispatch.api.schemas.values import Moment
from dispatch.api.signed_in import Cause, Reviewer, TheCentre
from dispatch.domain.errors import NotFound
from dispatch.services.replay_case import MOST_STEPS, CaseReplay, replay_case
from dispatch.services.replay_moment import ReplayMoment, replay_moment

router = APIRouter(prefix="/operator", tags=["replay"])

_MAX_SEQ = 2**63 - 1
REVIEW = "replay"


@router.get(
    "/incidents/{incident_id}/replay", summary="Putar ulang / replay of a case", responses=refuses(NotFound)
)
async def replay(
    incident_id: UUID,
    who: Reviewer,
    centre: TheCentre,
    cause: Cause,
    reason: Reason = REVIEW,
    after: Annotated[int, Query(ge=0, le=_MAX_SEQ, description="Nomor urut terakhir yang dimiliki")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_STEPS)] = MOST_STEPS,
) -> CaseReplay:
    """Return the case's steps in the order in which they became known; who looked and why is logged.

    Each step carries the rows it left: folded up to a step, they are the case as it was known then.
    """
    return await replay_case(
        centre, who.entry, who.actor, incident_id, reason, after=after, most=limit, cause=cause
    )


@router.get(
    "/incidents/{incident_id}/replay/moment",
    summary="Papan pada suatu saat / the board at a moment",
    responses=refuses(NotFound),
)
async def board_then(
    incident_id: UUID,
    who: Reviewer,
    centre: TheCentre,
    at: Annotated[Moment | None, Query(description="Saat, atau seq / the moment, or seq")] = None,
    seq: Annotated[int | None, Query(ge=1, le=_MAX_SEQ, description="Tepat sesudah peristiwa ini")] = None,
) -> ReplayMoment:
    """Return every unit's status and place as known at a moment, which of it was stale, and closed roads."""
    return await replay_moment(centre, who.entry, incident_id, at=at, seq=seq)
