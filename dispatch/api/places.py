"""Places for every signed-in user: facilities by road minutes, and the way between two points."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from dispatch.api.problems import fields_named
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.values import Code, Lat, Lon
from dispatch.api.signed_in import AnyUser, TheCentre
from dispatch.domain.errors import Conflict
from dispatch.services.find_facilities import MOST, FacilitiesByRoad, FacilityKind
from dispatch.services.find_facilities import find_facilities as facilities_by_road
from dispatch.services.find_route import RouteView
from dispatch.services.find_route import find_route as way
from dispatch.services.placing import Point

router = api_routes(tag="places")


@router.get("/facilities", summary="Faskes menurut menit jalan / facilities", responses=refuses())
async def find_facilities(
    who: AnyUser,
    centre: TheCentre,
    lon: Annotated[Lon, Query()],
    lat: Annotated[Lat, Query()],
    kind: FacilityKind | None = None,
    capability: Annotated[
        list[Code] | None,
        Query(max_length=20, description="Semuanya harus ada / all of them", examples=["igd24"]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> FacilitiesByRoad:
    """Return facilities by road time from a point; minutes to an approximate position begin with `~`."""
    with fields_named({"place": "lon,lat", "capabilities": "capability"}):
        return await facilities_by_road(
            centre, who.entry, Point(lon, lat), kind, frozenset(capability or ()), limit
        )


@router.get("/route", summary="Rute / route", responses=refuses(Conflict))
async def find_route(
    who: AnyUser,
    centre: TheCentre,
    from_lon: Annotated[Lon, Query()],
    from_lat: Annotated[Lat, Query()],
    to_lon: Annotated[Lon, Query()],
    to_lat: Annotated[Lat, Query()],
) -> RouteView:
    """Return the fastest way by road with its line; 409 where no road leads."""
    with fields_named({"origin": "from_lon,from_lat", "target": "to_lon,to_lat"}):
        return await way(centre, who.entry, Point(from_lon, from_lat), Point(to_lon, to_lat))
