"""All units ranked for one place by road time, each with its reason."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

import numpy as np

import routing
from dispatch.domain.errors import Conflict
from dispatch.domain.selection import Ranking, UnitSnapshot, rank
from dispatch.domain.triage import Triage
from dispatch.services import doubts
from dispatch.services.centre import Centre
from dispatch.services.doubts import Doubt
from dispatch.services.live_roads import RoadsNow, changes_in_force, roads_under
from dispatch.services.placing import Point, point_of
from dispatch.services.road_refusals import in_words
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import all_units
from dispatch.storage.tables.incident import Incident

DEFAULT_ACCESS_KMH = 20.0


@dataclass(frozen=True, slots=True)
class RankedUnit:
    """One candidate. Minutes are road plus access legs; `access_m` is what lies off the road network.

    Eight arrivals of ten are expected between `low_s` and `high_s`. `doubts` says what makes this time less
    sure than others.
    """

    rank: int
    unit: UnitView
    suits: bool
    total_s: float
    road_s: float
    access_s: float
    road_m: float
    access_m: float
    low_s: float
    high_s: float
    doubts: list[Doubt]
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class HeldBackUnit:
    """One unit that is not offered, and why; the time is given when there is a way."""

    unit: UnitView
    code: str
    total_s: float | None
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class UnitRanking:
    """The answer, with the version of the road network it rests on."""

    place: Point
    triage: Triage | None
    roads_version: str
    access_kmh: float
    candidates: list[RankedUnit]
    not_offered: list[HeldBackUnit]


def access_kmh(entry: TenantEntry) -> float:
    """Return the speed assumed off the road network, a setting of the tenant."""
    return float(entry.settings.get("routing", {}).get("access_kmh", DEFAULT_ACCESS_KMH))


async def rank_for_incident(centre: Centre, entry: TenantEntry, incident_id: UUID) -> UnitRanking:
    """Rank all units for an incident.

    Raises:
        Conflict: the incident has no place yet. InvalidInput: its place is far outside the road network.
        Unavailable: the tenant's road network cannot be read.
    """
    async with centre.read(entry.tenant) as tx:
        incident = await tx.get(Incident, incident_id)
        place = point_of(incident.place)
        rows = await all_units(tx.session, entry.tenant.id, tx.now)
        units = [view_unit(row, tx.now) for row in rows]
        in_force = await changes_in_force(tx)
    if place is None:
        raise Conflict(
            f"Kejadian {incident.number} belum punya lokasi; tentukan lokasinya dulu",
            f"Incident {incident.number} has no place yet; set it first",
            incident=incident.number,
        )
    triage = Triage(incident.triage) if incident.triage else None
    network = await roads_under(centre, entry, in_force)
    needs = frozenset(incident.needs)
    return await _ranked(RoadsNow(network, in_force.at), entry, place, triage, needs, units)


async def rank_for_place(
    centre: Centre, entry: TenantEntry, place: Point, triage: Triage | None, needs: frozenset[str]
) -> UnitRanking:
    """Rank all units for any place, before there is an incident. Raises as `rank_for_incident`."""
    async with centre.read(entry.tenant) as tx:
        rows = await all_units(tx.session, entry.tenant.id, tx.now)
        units = [view_unit(row, tx.now) for row in rows]
        in_force = await changes_in_force(tx)
    network = await roads_under(centre, entry, in_force)
    return await _ranked(RoadsNow(network, in_force.at), entry, place, triage, needs, units)


async def _ranked(
    roads: RoadsNow,
    entry: TenantEntry,
    place: Point,
    triage: Triage | None,
    needs: frozenset[str],
    units: list[UnitView],
) -> UnitRanking:
    # a thousand units and their reasons in words take a tenth of a second, for which nobody else may wait
    return await asyncio.to_thread(_compared, roads, access_kmh(entry), place, triage, needs, units)


def _compared(
    roads: RoadsNow,
    speed: float,
    place: Point,
    triage: Triage | None,
    needs: frozenset[str],
    units: list[UnitView],
) -> UnitRanking:
    travels: dict[int, routing.Travel] = {}
    if units:
        origins = np.array([u.sets_off for u in units], dtype=np.float64)
        goal = (place.lon, place.lat)
        try:
            answers = roads.network.to_one(origins, goal, at=roads.at, access_kmh=speed)
        except routing.RoutingError as refused:
            raise in_words(refused, "place") from refused
        travels = {t.index: t for t in answers}
    version = next((t.version for t in travels.values()), roads.network.version)
    ranking = rank([_snapshot(u, travels.get(i)) for i, u in enumerate(units)], triage, needs)
    by_unit = {u.id: travels.get(i) for i, u in enumerate(units)}
    return _view(ranking, {u.id: u for u in units}, by_unit, place, triage, version, speed)


def _snapshot(unit: UnitView, travel: routing.Travel | None) -> UnitSnapshot:
    reachable = travel is not None and travel.reachable
    return UnitSnapshot(
        id=unit.id,
        call_sign=unit.call_sign,
        tracking=unit.tracking,
        capabilities=frozenset(unit.capabilities),
        status=unit.status,
        position_quality=unit.position_quality,
        fix_age_s=unit.fix_age_s,
        reachable=reachable,
        total_s=travel.total_s if travel else float("inf"),
        road_s=travel.road_s if travel else float("inf"),
        access_s=travel.access_s if travel else 0.0,
        road_m=travel.road_m if travel else float("inf"),
        access_m=travel.access_m if travel else 0.0,
        busy_with=unit.incident_number,
        soon_free=unit.soon_free,
        unavailable_reason=unit.unavailable_reason,
        rostered=unit.rostered,
    )


def _view(
    ranking: Ranking,
    units: dict[UUID, UnitView],
    travels: dict[UUID, routing.Travel | None],
    place: Point,
    triage: Triage | None,
    version: str,
    speed: float,
) -> UnitRanking:
    candidates = [
        RankedUnit(
            rank=c.rank,
            unit=units[c.unit.id],
            suits=c.suits,
            total_s=c.unit.total_s,
            road_s=c.unit.road_s,
            access_s=c.unit.access_s,
            road_m=c.unit.road_m,
            access_m=c.unit.access_m,
            low_s=travel.low_s,
            high_s=travel.high_s,
            doubts=doubts.in_words(travel.doubts),
            why_id=c.why_id,
            why_en=c.why_en,
        )
        for c in ranking.candidates
        if (travel := travels[c.unit.id]) is not None
    ]
    held_back = [
        HeldBackUnit(
            unit=units[r.unit.id],
            code=r.code,
            total_s=r.unit.total_s if r.unit.reachable else None,
            why_id=r.why_id,
            why_en=r.why_en,
        )
        for r in ranking.not_offered
    ]
    return UnitRanking(place, triage, version, speed, candidates, held_back)
