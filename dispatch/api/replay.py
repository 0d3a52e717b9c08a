"""Looking back: cases found again, what was known step by step, and the board of any moment. Read only."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query

from dispatch.api.operators import Reason
from dispatch.api.problems import fields_named
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.values import Day, Line, Moment
from dispatch.api.signed_in import Cause, Reviewer, TheCentre
from dispatch.domain.errors import NotFound
from dispatch.domain.roles import SEES_CASES_PERSONS
from dispatch.services.past_cases import MOST_CASES, PastCases, find_past_cases
from dispatch.services.replay_case import MOST_STEPS, CaseReplay, replay_case
from dispatch.services.replay_moment import ReplayMoment, replay_moment

router = api_routes("/operator", tag="replay")

_MAX_SEQ = 2**63 - 1
REVIEW = "replay"


@router.get("/incidents", summary="Kejadian lalu / past cases", responses=refuses())
async def past_cases(
    who: Reviewer,
    centre: TheCentre,
    q: Annotated[Line | None, Query(description="Nomor atau nama unit / number or call sign")] = None,
    day: Annotated[Day | None, Query(description="Hari, lokal / local day", examples=["2026-11-20"])] = None,
    before: Annotated[UUID | None, Query(description="`next_before` halaman sebelumnya")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CASES)] = 30,
) -> PastCases:
    """List cases, the newest first, open ones too. They name no person; their replay may."""
    with fields_named({"from_day": "day", "to_day": "day"}):
        return await find_past_cases(centre, who.entry, asked=q or "", day=day, before=before, most=limit)


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

    Each step carries the rows it left: folded up to a step, they are the case as it was known then. What the
    health office gets has no `persons`: codes, times and units, and places to about a kilometre.
    """
    return await replay_case(
        centre,
        who.entry,
        who.actor,
        incident_id,
        reason,
        after=after,
        most=limit,
        persons=who.actor.role in SEES_CASES_PERSONS,
        cause=cause,
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
    persons = who.actor.role in SEES_CASES_PERSONS
    return await replay_moment(centre, who.entry, incident_id, at=at, seq=seq, persons=persons)
