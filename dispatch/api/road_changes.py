"""Operators: roads closed or slowed for a while, and what that does to the times."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.roads import NewChange, NewEnd
from dispatch.api.signed_in import Cause, Operator, TheCentre
from dispatch.domain.errors import Conflict, ContentDiffers, NotFound
from dispatch.services.change_roads import (
    RoadChangeView,
    change_roads,
    extend_road_change,
    lift_road_change,
    list_road_changes,
)
from dispatch.services.preview_roads import RoadChangePreview, preview_road_change

router = api_routes("/operator/road-changes", tag="operators")


@router.get("", summary="Perubahan jalan / road changes", responses=refuses())
async def road_changes(
    who: Operator,
    centre: TheCentre,
    ended_hours: Annotated[int, Query(ge=0, le=24 * 31, description="Juga yang berakhir sejak N jam")] = 0,
) -> list[RoadChangeView]:
    """Return the changes in force and planned, and on request those that ended lately."""
    since = centre.clock() - timedelta(hours=ended_hours) if ended_hours else None
    return await list_road_changes(centre, who.entry, ended_since=since)


@router.post("", status_code=201, summary="Tutup atau perlambat jalan / close or slow a road",
             responses=refuses(ContentDiffers))  # fmt: skip
async def change_a_road(body: NewChange, who: Operator, centre: TheCentre, cause: Cause) -> RoadChangeView:
    """Close or slow what was drawn; it counts in the next answer of every process."""
    return await change_roads(centre, who.entry, who.actor, body.change(), cause=cause)


@router.post("/preview", summary="Pratinjau / what it would do", responses=refuses())
async def preview(body: NewChange, who: Operator, centre: TheCentre) -> RoadChangePreview:
    """Return which roads the drawing touches and which arrivals it would change; nothing is kept."""
    return await preview_road_change(centre, who.entry, body.change())


@router.patch("/{change_id}", summary="Ubah akhir / another end", responses=refuses(NotFound, Conflict))
async def another_end(
    change_id: UUID, body: NewEnd, who: Operator, centre: TheCentre, cause: Cause
) -> RoadChangeView:
    """Let a change end sooner or later."""
    return await extend_road_change(centre, who.entry, who.actor, change_id, body.ends_at, cause=cause)


@router.post("/{change_id}/lifting", summary="Cabut / lift", responses=refuses(NotFound, Conflict))
async def lift(change_id: UUID, who: Operator, centre: TheCentre, cause: Cause) -> RoadChangeView:
    """End a change now. Twice is harmless."""
    return await lift_road_change(centre, who.entry, who.actor, change_id, cause=cause)
