"""What makes a regency's minutes doubtful, and how much of it the available units reach in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from sqlalchemy import select

import routing
from dispatch.domain.unit import UnitStatus
from dispatch.services.centre import Centre
from dispatch.services.live_roads import changes_in_force, roads_under
from dispatch.services.placing import point_of
from dispatch.services.rank_units import access_kmh
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import all_units
from dispatch.storage.queries.villages import VillagePoint, village_points
from dispatch.storage.tables.facility import Facility

PROMISE_S = 600.0
_WORST = 20


@dataclass(frozen=True, slots=True)
class DoubtfulPlaceView:
    """A place that a finding speaks of; `metres` from it to the nearest road, where that is the matter."""

    name: str
    lon: float
    lat: float
    metres: float | None


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One thing that makes minutes doubtful; `code` is stable, the texts carry their figures."""

    code: str
    severity: Literal["info", "warning", "serious"]
    text_id: str
    text_en: str
    places: list[DoubtfulPlaceView]


@dataclass(frozen=True, slots=True)
class SlowVillage:
    """A village and how long the first available unit takes there; null: no road leads there."""

    code: str
    name: str
    district: str
    lon: float
    lat: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class WithinPromise:
    """How much the available units reach within `within_s` of driving, from where they are now.

    `share` is villages within over all villages: every village counts alike, as the map carries no numbers of
    people. `road_share` is kilometres of road within over all kilometres. Turnout is not in it. `slowest` are
    the villages that wait longest.
    """

    within_s: float
    available_units: int
    villages: int
    villages_within: int
    share: float
    road_share: float
    slowest: list[SlowVillage]


@dataclass(frozen=True, slots=True)
class RoadQuality:
    """The report. `findings` hold the worst first; no unit available: `promise` is null.

    `changes_in_force` road changes count in the minutes, but are no findings.
    """

    regency: str
    regency_name: str
    training: bool
    timezone: str
    made_at: datetime
    roads_version: str
    data_date: str | None
    nodes: int
    road_km: float
    changes_in_force: int
    findings: list[QualityFinding]
    promise: WithinPromise | None


async def road_quality(centre: Centre, entry: TenantEntry) -> RoadQuality:
    """Judge the tenant's road network as it is now.

    Raises:
        Unavailable: the road network cannot be read.
    """
    tenant = entry.tenant
    async with centre.read(tenant) as tx:
        villages = await village_points(tx)
        rows = await tx.session.execute(
            select(Facility).where(Facility.regency_id == tenant.id, Facility.active).order_by(Facility.code)
        )
        facilities = [_facility(row) for row in rows.scalars()]
        units = [view_unit(row, tx.now) for row in await all_units(tx.session, tenant.id, tx.now)]
        in_force = await changes_in_force(tx)
    network = await roads_under(centre, entry, in_force)
    speed = access_kmh(entry)
    findings = await asyncio.to_thread(
        lambda: (
            network.quality(
                _points(villages),
                names=[f"{v.name}, {v.district}" for v in villages],
                facilities=facilities,
                today=in_force.at.astimezone(tenant.zone).date(),
                access_kmh=speed,
            ).findings
        )
    )
    available = [u for u in units if u.status is UnitStatus.AVAILABLE]
    promise = await asyncio.to_thread(_promise, network, available, villages, in_force.at, speed)
    return RoadQuality(
        regency=tenant.slug,
        regency_name=tenant.name,
        training=tenant.training,
        timezone=tenant.timezone,
        made_at=in_force.at,
        roads_version=network.version,
        data_date=network.report.data_date,
        nodes=network.node_count,
        road_km=round(sum(network.report.km_by_class.values()), 1),
        changes_in_force=len(in_force.changes),
        findings=[_finding(found) for found in findings],
        promise=promise,
    )


def _facility(row: Facility) -> routing.Facility:
    place = point_of(row.place)
    assert place is not None, "a facility has a place"
    return routing.Facility(row.name, place.lon, place.lat, row.position_quality == "approximate")


def _points(villages: Sequence[VillagePoint]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([(v.lon, v.lat) for v in villages], dtype=np.float64).reshape(-1, 2)


def _finding(found: routing.Finding) -> QualityFinding:
    places = [DoubtfulPlaceView(p.name, p.lon, p.lat, p.metres) for p in found.places]
    return QualityFinding(found.code, found.severity, found.text_id, found.text_en, places)


def _promise(
    network: routing.Network,
    units: Sequence[UnitView],
    villages: Sequence[VillagePoint],
    at: datetime,
    speed: float,
) -> WithinPromise | None:
    if not units or not villages:
        return None
    sources = np.array([(u.lon, u.lat) for u in units], dtype=np.float64)
    found = network.coverage(sources, PROMISE_S, places=_points(villages), at=at, access_kmh=speed)
    seconds: list[float] = found.seconds.tolist()
    late = sorted(np.flatnonzero(~found.within).tolist(), key=lambda i: (-seconds[i], villages[i].code))
    return WithinPromise(
        within_s=PROMISE_S,
        available_units=len(units),
        villages=len(villages),
        villages_within=int(found.within.sum()),
        share=float(found.within.mean()),
        road_share=found.km_within / found.km if found.km else 0.0,
        slowest=[
            SlowVillage(*villages[i], seconds[i] if np.isfinite(seconds[i]) else None) for i in late[:_WORST]
        ],
    )
