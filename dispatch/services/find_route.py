"""The fastest way by road between two points."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import routing
from dispatch.services import doubts
from dispatch.services.centre import Centre
from dispatch.services.doubts import Doubt
from dispatch.services.live_roads import roads_now
from dispatch.services.placing import Point, checked_point
from dispatch.services.rank_units import access_kmh
from dispatch.services.road_refusals import in_words
from dispatch.services.tenants import TenantEntry


@dataclass(frozen=True, slots=True)
class RouteView:
    """A way: seconds, metres, and its line along the roads as [lon, lat].

    `access_s` and `access_m` are the two legs off the network, which are not in the line. `guessed_m` lies
    on ways that were drawn by hand. Eight journeys of ten take between `low_s` and `high_s`; `doubts` says
    what makes this time less sure than others.
    """

    origin: Point
    target: Point
    total_s: float
    road_s: float
    access_s: float
    road_m: float
    access_m: float
    guessed_m: float
    low_s: float
    high_s: float
    doubts: list[Doubt]
    geometry: list[tuple[float, float]]
    access_kmh: float
    roads_version: str


async def find_route(centre: Centre, entry: TenantEntry, origin: Point, target: Point) -> RouteView:
    """Return the fastest way from `origin` to `target`.

    Raises:
        InvalidInput: a point is no place on earth, or its coordinates are swapped.
        Conflict: no road leads there.
        Unavailable: the tenant's road network cannot be read.
    """
    start = checked_point(origin.lon, origin.lat, "origin")
    goal = checked_point(target.lon, target.lat, "target")
    network, at = await roads_now(centre, entry)
    speed = access_kmh(entry)
    try:
        route = await asyncio.to_thread(
            network.route, (start.lon, start.lat), (goal.lon, goal.lat), at=at, access_kmh=speed
        )
    except routing.RoutingError as refused:
        field = "target" if getattr(refused, "value", None) == (goal.lon, goal.lat) else "origin"
        raise in_words(refused, field) from refused
    return RouteView(
        origin=start,
        target=goal,
        total_s=route.total_s,
        road_s=route.road_s,
        access_s=route.access_s,
        road_m=route.road_m,
        access_m=route.access_m,
        guessed_m=route.connector_m,
        low_s=route.low_s,
        high_s=route.high_s,
        doubts=doubts.in_words(route.doubts),
        geometry=route.geometry,
        access_kmh=speed,
        roads_version=route.version,
    )
