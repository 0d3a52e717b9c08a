"""What a drawn road change would do: the arrivals it changes, and the villages that wait longer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import text

import routing
from dispatch.domain.assignment import AssignmentState
from dispatch.domain.incident import IncidentState
from dispatch.domain.unit import UnitStatus
from dispatch.services.board import IncidentRow, incident_rows
from dispatch.services.centre import Centre
from dispatch.services.change_roads import NewRoadChange, RoadsTouched, drawn, touched
from dispatch.services.live_roads import changes_in_force, roads_under
from dispatch.services.placing import Point
from dispatch.services.rank_units import access_kmh
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import all_units
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction

# Smaller differences are within what nobody would drive differently for.
_WORTH_TELLING_S = 15.0
_MOST_VILLAGES = 50
_TO_SCENE = frozenset({AssignmentState.OFFERED, AssignmentState.ACCEPTED, AssignmentState.EN_ROUTE})

_VILLAGES = text(
    """
    SELECT v.code, v.name, d.name AS district, ST_X(p.g) AS lon, ST_Y(p.g) AS lat
    FROM village v JOIN district d ON d.regency_id = v.regency_id AND d.code = v.district_code,
         LATERAL (SELECT ST_PointOnSurface(v.shape) AS g) p
    WHERE v.regency_id = :regency ORDER BY v.code
    """
)


@dataclass(frozen=True, slots=True)
class ArrivalChange:
    """One unit's minutes to an open incident, before and after; `after_s` null: it cannot get there.

    `sent` tells a unit on its way from one that could be sent.
    """

    incident_id: UUID
    incident_number: str
    unit_id: UUID
    call_sign: str
    sent: bool
    before_s: float
    after_s: float | None


@dataclass(frozen=True, slots=True)
class VillageChange:
    """How long the first available unit takes to a village, before and after."""

    code: str
    name: str
    district: str
    before_s: float
    after_s: float | None


@dataclass(frozen=True, slots=True)
class RoadChangePreview:
    """What a change would do now. Lists hold only what changes by 15 seconds or more, the worst first."""

    roads: RoadsTouched
    arrivals: list[ArrivalChange]
    villages: list[VillageChange]
    villages_changed: int
    villages_in_all: int
    available_units: int


@dataclass(frozen=True, slots=True)
class _Village:
    code: str
    name: str
    district: str
    place: Point


async def preview_road_change(centre: Centre, entry: TenantEntry, wish: NewRoadChange) -> RoadChangePreview:
    """Return what the drawing touches and which times it changes, in force or not yet.

    Raises:
        InvalidInput: the drawing touches no road. Unavailable: the road network cannot be read.
    """
    async with centre.read(entry.tenant) as tx:
        in_force = await changes_in_force(tx)
        now = tx.now
        open_ones = Incident.state.in_([IncidentState.REPORTED.value, IncidentState.CONFIRMED.value])
        incidents = [i for i in await incident_rows(tx, open_ones) if i.place is not None]
        units = [view_unit(row, now) for row in await all_units(tx.session, entry.tenant.id, now)]
        villages = await _villages(tx)
    change = drawn(wish, now)
    roads = await touched(centre, entry, change)
    before = await roads_under(centre, entry, in_force)
    after = await asyncio.to_thread(before.with_changes, (*in_force.changes, change), now)
    speed = access_kmh(entry)
    available = [u for u in units if u.status is UnitStatus.AVAILABLE]
    arrivals = await asyncio.to_thread(_arrivals, before, after, speed, incidents, units)
    waits = await asyncio.to_thread(_waits, before, after, speed, available, villages)
    return RoadChangePreview(
        roads=roads,
        arrivals=arrivals,
        villages=waits[:_MOST_VILLAGES],
        villages_changed=len(waits),
        villages_in_all=len(villages),
        available_units=len(available),
    )


async def _villages(tx: Transaction) -> list[_Village]:
    rows = await tx.session.execute(_VILLAGES, {"regency": tx.tenant.id})
    return [_Village(r.code, r.name, r.district, Point(r.lon, r.lat)) for r in rows]


def _arrivals(
    before: routing.Network,
    after: routing.Network,
    speed: float,
    incidents: Sequence[IncidentRow],
    units: Sequence[UnitView],
) -> list[ArrivalChange]:
    found = []
    for incident in incidents:
        sent = {run.unit_id for run in incident.runs if run.state in _TO_SCENE}
        asked = [u for u in units if u.id in sent or u.status is UnitStatus.AVAILABLE]
        if not asked or incident.place is None:
            continue
        origins = np.array([(u.lon, u.lat) for u in asked])
        goal = (incident.place.lon, incident.place.lat)
        old = {t.index: t for t in before.to_one(origins, goal, access_kmh=speed)}
        new = {t.index: t for t in after.to_one(origins, goal, access_kmh=speed)}
        for i, unit in enumerate(asked):
            if not old[i].reachable:
                continue
            then = new[i].total_s if new[i].reachable else None
            if _tells(old[i].total_s, then):
                found.append(
                    ArrivalChange(
                        incident.id, incident.number, unit.id, unit.call_sign, unit.id in sent,
                        old[i].total_s, then,
                    )
                )  # fmt: skip
    return sorted(found, key=lambda a: (not a.sent, -_longer(a.before_s, a.after_s), a.call_sign))


def _waits(
    before: routing.Network,
    after: routing.Network,
    speed: float,
    units: Sequence[UnitView],
    villages: Sequence[_Village],
) -> list[VillageChange]:
    if not units or not villages:
        return []
    origins = np.array([(u.lon, u.lat) for u in units])
    goals = np.array([(v.place.lon, v.place.lat) for v in villages])
    old = before.matrix(origins, goals, access_kmh=speed).seconds.min(axis=0).tolist()
    new = after.matrix(origins, goals, access_kmh=speed).seconds.min(axis=0).tolist()
    found = []
    for village, was, will in zip(villages, old, new, strict=True):
        then = will if np.isfinite(will) else None
        if np.isfinite(was) and _tells(was, then):
            found.append(VillageChange(village.code, village.name, village.district, was, then))
    return sorted(found, key=lambda v: (-_longer(v.before_s, v.after_s), v.code))


def _longer(before_s: float, after_s: float | None) -> float:
    return float("inf") if after_s is None else after_s - before_s


def _tells(before_s: float, after_s: float | None) -> bool:
    return abs(_longer(before_s, after_s)) >= _WORTH_TELLING_S
