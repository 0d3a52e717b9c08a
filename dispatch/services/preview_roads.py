"""What a drawn road change would do: the arrivals it changes, and the villages that wait longer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

import routing
from dispatch.domain.assignment import AssignmentState
from dispatch.domain.incident import IncidentState
from dispatch.domain.unit import UnitStatus
from dispatch.services.board import IncidentRow, incident_rows
from dispatch.services.centre import Centre
from dispatch.services.change_roads import NewRoadChange, RoadsTouched, check_wish, drawn, touched
from dispatch.services.live_roads import changes_in_force, roads_under
from dispatch.services.rank_units import access_kmh
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import all_units
from dispatch.storage.queries.villages import VillagePoint, village_points
from dispatch.storage.tables.incident import Incident

# Smaller differences are within what nobody would drive differently for.
_WORTH_TELLING_S = 15.0
_MOST_VILLAGES = 50
# Beside those on their way, so many of the units that are nearest to a case are of interest to it.
_NEAREST = 8
_TO_SCENE = frozenset({AssignmentState.OFFERED, AssignmentState.ACCEPTED, AssignmentState.EN_ROUTE})


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
    """What a change would do now. Lists hold only what changes by 15 seconds or more, the worst first.

    `arrivals` are those of units on their way, and of the nearest available ones of each open incident.
    """

    roads: RoadsTouched
    arrivals: list[ArrivalChange]
    villages: list[VillageChange]
    villages_changed: int
    villages_in_all: int
    available_units: int


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The network without and with the change, asked for the same moment."""

    before: routing.Network
    after: routing.Network
    at: datetime
    speed: float


async def preview_road_change(centre: Centre, entry: TenantEntry, wish: NewRoadChange) -> RoadChangePreview:
    """Return what the drawing touches and which times it changes, in force or not yet.

    Raises:
        InvalidInput: the drawing touches no road, or its times or speed make no sense.
        Unavailable: the road network cannot be read.
    """
    async with centre.read(entry.tenant) as tx:
        in_force = await changes_in_force(tx)
        now = tx.now
        open_ones = Incident.state.in_([IncidentState.REPORTED.value, IncidentState.CONFIRMED.value])
        incidents = [i for i in await incident_rows(tx, open_ones) if i.place is not None]
        units = [view_unit(row, now) for row in await all_units(tx.session, entry.tenant.id, now)]
        villages = await village_points(tx)
    check_wish(wish, now)
    change = drawn(wish, now)
    roads = await touched(centre, entry, change)
    before = await roads_under(centre, entry, in_force)
    after = await asyncio.to_thread(before.with_changes, (*in_force.changes, change), now)
    available = [u for u in units if u.status is UnitStatus.AVAILABLE]
    change_of = _Comparison(before, after, now, access_kmh(entry))
    arrivals = await asyncio.to_thread(_arrivals, change_of, incidents, units)
    waits = await asyncio.to_thread(_waits, change_of, available, villages)
    return RoadChangePreview(
        roads=roads,
        arrivals=arrivals,
        villages=waits[:_MOST_VILLAGES],
        villages_changed=len(waits),
        villages_in_all=len(villages),
        available_units=len(available),
    )


def _arrivals(
    compared: _Comparison, incidents: Sequence[IncidentRow], units: Sequence[UnitView]
) -> list[ArrivalChange]:
    found = []
    for incident in incidents:
        sent = {run.unit_id for run in incident.runs if run.state in _TO_SCENE}
        asked = [u for u in units if u.id in sent or u.status is UnitStatus.AVAILABLE]
        if not asked or incident.place is None:
            continue
        origins = np.array([(u.lon, u.lat) for u in asked])
        goal = (incident.place.lon, incident.place.lat)
        try:
            old, new = (
                {t.index: t for t in network.to_one(origins, goal, at=compared.at, access_kmh=compared.speed)}
                for network in (compared.before, compared.after)
            )
        except routing.OutsideNetwork:  # nothing is known of the way there, with the change or without
            continue
        nearest = sorted(
            (i for i, unit in enumerate(asked) if unit.id not in sent),
            key=lambda i: min(old[i].total_s, new[i].total_s),
        )
        for i, unit in enumerate(asked):
            if not old[i].reachable or (unit.id not in sent and i not in nearest[:_NEAREST]):
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
    compared: _Comparison, units: Sequence[UnitView], villages: Sequence[VillagePoint]
) -> list[VillageChange]:
    if not units or not villages:
        return []
    origins = np.array([(u.lon, u.lat) for u in units])
    goals = np.array([(v.lon, v.lat) for v in villages])
    old, new = (
        network.matrix(origins, goals, at=compared.at, access_kmh=compared.speed).seconds.min(axis=0).tolist()
        for network in (compared.before, compared.after)
    )
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
